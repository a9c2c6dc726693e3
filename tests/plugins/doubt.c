/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A one-way transport that takes everything.  Publish makes the file that its address names,
 * waits until it is cancelled, and then does not know whether it has published. */

#include <godwit/error.h>
#include <godwit/transport.h>

static gpointer
doubt_open (const GdwTransportConfig *config, GError **error)
{
  return g_strdup (config->address);
}

static void
doubt_close (gpointer self)
{
  g_free (self);
}

static gboolean
doubt_listen (gpointer self, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static gpointer
doubt_connect (gpointer self, GCancellable *cancellable, GError **error)
{
  return g_strdup (self);
}

static gssize
doubt_read (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  return 0;
}

static gssize
doubt_write (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
             GError **error)
{
  return (gssize) iov[0].iov_len;
}

static gboolean
doubt_publish (gpointer link, GCancellable *cancellable, GError **error)
{
  GPollFD fd;

  if (!g_file_set_contents (link, "", 0, error))
    return FALSE;
  g_cancellable_make_pollfd (cancellable, &fd);
  g_poll (&fd, 1, -1);
  g_cancellable_release_fd (cancellable);
  g_set_error (error, GDW_ERROR, GDW_ERROR_IN_DOUBT,
               "transport 'doubt': publish failed: nobody knows; look there");
  return FALSE;
}

GDW_DEFINE_TRANSPORT (.plugin.name = "doubt", .plugin.summary = "for the tests of the handover",
                      .max_links = 1, .open = doubt_open, .close = doubt_close,
                      .listen = doubt_listen, .accept = doubt_connect, .connect = doubt_connect,
                      .read = doubt_read, .write = doubt_write, .close_link = g_free,
                      .publish = doubt_publish);
