/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/address.h"

#include <godwit/error.h>

#include <string.h>

#define UNIX_PREFIX "unix:"

static GdwAddress *
from_unix (const GdwQUnixSocketAddress *socket)
{
  g_autofree char *name = g_strconcat (socket->abstract ? "@" : "", socket->path, NULL);
  GdwAddress *address = gdw_address_new ("unix", name);

  if (!socket->abstract)
    gdw_address_add_option (address, "literal", "on");
  return address;
}

static GdwAddress *
from_socket (const GdwQSocketAddress *socket)
{
  GdwAddress *address;

  switch (socket->type) {
  case GDW_Q_SOCKET_ADDRESS_TYPE_INET:
    address = gdw_address_new ("tcp", "");
    gdw_address_add_option (address, "host", socket->inet->host);
    gdw_address_add_option (address, "port", socket->inet->port);
    return address;
  case GDW_Q_SOCKET_ADDRESS_TYPE_UNIX:
    return from_unix (socket->q_unix);
  default:
    return gdw_address_new ("fd", socket->fd->str);
  }
}

static GdwAddress *
from_parts (const GdwQMigrationAddress *parts)
{
  GdwAddress *address;
  g_autofree char *offset = NULL;

  if (parts->transport == GDW_Q_MIGRATION_ADDRESS_TYPE_SOCKET)
    return from_socket (parts->socket);
  address = gdw_address_new ("file", parts->file->filename);
  offset = g_strdup_printf ("%" G_GUINT64_FORMAT, parts->file->offset);
  gdw_address_add_option (address, "offset", offset);
  return address;
}

GdwAddress *
gdw_control_address (const char *uri, const GPtrArray *channels, GError **error)
{
  gboolean parts = channels && channels->len;

  if (!uri == !parts)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "need either 'uri' or 'channels' argument");
  else if (uri)
    return gdw_address_parse (uri, error);
  else if (channels->len > 1)
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                         "Channel list must have only one entry, for type 'main'");
  else
    return from_parts (((GdwQMigrationChannel *) channels->pdata[0])->addr);
  return NULL;
}

static GdwQSocketAddress *
inet_socket (const char *text)
{
  const char *colon = strrchr (text, ':');
  gboolean brackets;
  GdwQSocketAddress *socket;

  if (!colon)
    return NULL;
  brackets = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
  socket = g_new0 (GdwQSocketAddress, 1);
  socket->type = GDW_Q_SOCKET_ADDRESS_TYPE_INET;
  socket->inet = g_new0 (GdwQInetSocketAddress, 1);
  socket->inet->host = g_strndup (text + brackets, colon - text - 2 * brackets);
  socket->inet->port = g_strdup (colon + 1);
  return socket;
}

static GdwQSocketAddress *
unix_socket (const char *text)
{
  gboolean abstract = text[0] == '@', marked = g_str_has_prefix (text, "./@");
  GdwQSocketAddress *socket = g_new0 (GdwQSocketAddress, 1);

  socket->type = GDW_Q_SOCKET_ADDRESS_TYPE_UNIX;
  socket->q_unix = g_new0 (GdwQUnixSocketAddress, 1);
  /* The text form needs a prefix only before a file name that begins with "@". */
  socket->q_unix->path = g_strdup (text + (marked ? strlen ("./") : (gsize) abstract));
  socket->q_unix->has_abstract = socket->q_unix->abstract = abstract;
  return socket;
}

GdwQSocketAddress *
gdw_control_address_socket (const GdwAddress *address)
{
  const char *transport = gdw_address_get_transport (address);

  if (g_str_equal (transport, "tcp") || g_str_equal (transport, "multi-tcp"))
    return inet_socket (gdw_address_get_location (address));
  if (g_str_equal (transport, "unix"))
    return unix_socket (gdw_address_get_location (address));
  return NULL;
}

const char *
gdw_control_address_fd (const GdwAddress *address)
{
  return g_str_equal (gdw_address_get_transport (address), "fd")
             ? gdw_address_get_location (address)
             : NULL;
}

void
gdw_control_address_set_fd (GdwAddress *address, int fd)
{
  g_autofree char *number = g_strdup_printf ("%d", fd);

  gdw_address_set_location (address, number);
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
