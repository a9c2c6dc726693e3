/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/address.h"

#include <godwit/error.h>

#include "plugins/options.h"

#include <string.h>

#define UNIX_PREFIX "unix:"

static char *
socket_text (const GdwQSocketAddress *socket)
{
  if (socket->type == GDW_Q_SOCKET_ADDRESS_TYPE_INET) {
    g_autofree char *host = gdw_options_escape (socket->inet->host);
    g_autofree char *port = gdw_options_escape (socket->inet->port);
    return g_strdup_printf (strchr (host, ':') ? "tcp:[%s]:%s" : "tcp:%s:%s", host, port);
  }
  if (socket->type == GDW_Q_SOCKET_ADDRESS_TYPE_UNIX) {
    g_autofree char *path = gdw_options_escape (socket->q_unix->path);
    return g_strconcat (UNIX_PREFIX, socket->q_unix->abstract ? "@" : "", path, NULL);
  }
  g_autofree char *name = gdw_options_escape (socket->fd->str);
  return g_strconcat ("fd:", name, NULL);
}

static char *
address_text (const GdwQMigrationAddress *address)
{
  if (address->transport == GDW_Q_MIGRATION_ADDRESS_TYPE_SOCKET)
    return socket_text (address->socket);
  g_autofree char *path = gdw_options_escape (address->file->filename);
  return g_strdup_printf ("file:%s,offset=%" G_GUINT64_FORMAT, path, address->file->offset);
}

char *
gdw_control_address_text (const char *uri, const GPtrArray *channels, GError **error)
{
  gboolean parts = channels && channels->len;
  if (!uri == !parts)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "need either 'uri' or 'channels' argument");
  else if (uri)
    return g_strdup (uri);
  else if (channels->len > 1)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "Channel list must have only one entry, for type 'main'");
  else
    return address_text (((GdwQMigrationChannel *) channels->pdata[0])->addr);
  return NULL;
}

static GdwQSocketAddress *
inet_socket (const char *rest)
{
  const char *colon = strrchr (rest, ':');
  if (!colon)
    return NULL;
  gboolean brackets = rest[0] == '[' && colon > rest + 1 && colon[-1] == ']';
  GdwQSocketAddress *socket = g_new0 (GdwQSocketAddress, 1);
  socket->type = GDW_Q_SOCKET_ADDRESS_TYPE_INET;
  socket->inet = g_new0 (GdwQInetSocketAddress, 1);
  socket->inet->host = g_strndup (rest + brackets, colon - rest - 2 * brackets);
  socket->inet->port = g_strdup (colon + 1);
  return socket;
}

static GdwQSocketAddress *
unix_socket (const char *rest)
{
  gboolean abstract = rest[0] == '@';
  GdwQSocketAddress *socket = g_new0 (GdwQSocketAddress, 1);
  socket->type = GDW_Q_SOCKET_ADDRESS_TYPE_UNIX;
  socket->q_unix = g_new0 (GdwQUnixSocketAddress, 1);
  socket->q_unix->path = g_strdup (rest + abstract);
  socket->q_unix->has_abstract = socket->q_unix->abstract = abstract;
  return socket;
}

GdwQSocketAddress *
gdw_control_address_socket (const char *text)
{
  const char *colon = strchr (text, ':');
  if (!colon)
    return NULL;
  if (g_str_has_prefix (text, "tcp:") || g_str_has_prefix (text, "multi-tcp:"))
    return inet_socket (colon + 1);
  if (g_str_has_prefix (text, UNIX_PREFIX))
    return unix_socket (colon + 1);
  return NULL;
}

#define FD_PREFIX "fd:"

char *
gdw_control_address_fd (const char *uri)
{
  if (!g_str_has_prefix (uri, FD_PREFIX))
    return NULL;
  uri += strlen (FD_PREFIX);
  return g_strndup (uri, strcspn (uri, "|,"));
}

char *
gdw_control_address_with_fd (const char *uri, int fd)
{
  uri += strlen (FD_PREFIX);
  return g_strdup_printf (FD_PREFIX "%d%s", fd, uri + strcspn (uri, "|,"));
}

const char *
gdw_control_address_path (const char *text)
{
  return g_str_has_prefix (text, UNIX_PREFIX) ? text + strlen (UNIX_PREFIX) : NULL;
}

GSocketAddress *
gdw_control_address_inet (const char *text)
{
  const char *colon = strrchr (text, ':');
  gboolean brackets = colon && text[0] == '[' && colon > text + 1 && colon[-1] == ']';
  g_autofree char *host = colon ? g_strndup (text + brackets, colon - text - 2 * brackets)
                                : NULL;
  guint64 port = 0;
  if (!host || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    return NULL;
  return g_inet_socket_address_new_from_string (host, (guint) port);
}
