/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/transport.h>
#include <string.h>

static gboolean
named (gboolean ok, GError **error)
{
  if (!ok)
    g_prefix_error (error, "transport 'mine': ");
  return ok;
}

static gpointer
mine_open (const GdwTransportConfig *config, GError **error)
{
  if (*config->address && strlen (config->address) < 108)
    return g_unix_socket_address_new_with_type (config->address, -1,
                                                G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_INVALID,
                       "transport 'mine': open failed: a name has 1 to 107 bytes; give one");
  return NULL;
}

static gboolean
mine_listen (gpointer self, GCancellable *stop, GError **error)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, error);

  if (!named (socket != NULL, error))
    return FALSE;
  g_socket_set_listen_backlog (socket, 128);
  g_object_set_data_full (self, "listener", socket, g_object_unref);
  return named (g_socket_bind (socket, self, FALSE, error) && g_socket_listen (socket, error),
                error);
}

static gpointer
mine_accept (gpointer self, GCancellable *stop, GError **error)
{
  GSocket *link = g_socket_accept (g_object_get_data (self, "listener"), stop, error);

  return named (link != NULL, error) ? link : NULL;
}

static gpointer
mine_connect (gpointer self, GCancellable *stop, GError **error)
{
  g_autoptr (GSocket)
      link = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, error);
  gboolean ok = link && g_socket_connect (link, self, stop, error);

  return named (ok, error) ? g_steal_pointer (&link) : NULL;
}

static gssize
mine_read (gpointer link, const struct iovec *iov, guint n, GCancellable *stop, GError **error)
{
  gssize count = g_socket_receive (link, iov->iov_base, iov->iov_len, stop, error);

  return named (count >= 0, error) ? count : -1;
}

static gssize
mine_write (gpointer link, const struct iovec *iov, guint n, GCancellable *stop, GError **error)
{
  gssize count = g_socket_send (link, iov->iov_base, iov->iov_len, stop, error);

  return named (count >= 0, error) ? count : -1;
}

GDW_DEFINE_TRANSPORT (.plugin.name = "mine", .plugin.summary = "UNIX sockets without a file",
                      .traits = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_SAME_HOST, .max_links = 1,
                      .open = mine_open, .close = g_object_unref, .listen = mine_listen,
                      .accept = mine_accept, .connect = mine_connect, .read = mine_read,
                      .write = mine_write, .close_link = g_object_unref);
