/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A transport that breaks its contract in the way that its address says.  A link gives back
 * what was written to it. */

#include <godwit/error.h>
#include <godwit/transport.h>
#include <string.h>

typedef struct {
  char *lie;
} Liar;

typedef struct {
  Liar *liar;
  GByteArray *bytes;
} Link;

static gpointer
liar_open (const GdwTransportConfig *config, GError **error)
{
  Liar *liar = g_new0 (Liar, 1);

  liar->lie = g_strdup (config->address);
  return liar;
}

static void
liar_close (gpointer self)
{
  g_free (((Liar *) self)->lie);
  g_free (self);
}

static gboolean
does (Liar *liar, const char *lie)
{
  return strcmp (liar->lie, lie) == 0;
}

static gboolean
liar_listen (gpointer self, GCancellable *cancellable, GError **error)
{
  return !does (self, "listen-silent");
}

static gpointer
new_link (Liar *liar)
{
  Link *link = g_new0 (Link, 1);

  link->liar = liar;
  link->bytes = g_byte_array_new ();
  return link;
}

static gpointer
liar_connect (gpointer self, GCancellable *cancellable, GError **error)
{
  if (does (self, "connect-silent"))
    return NULL;
  if (does (self, "connect-both"))
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_FAILED, "oh");
  return new_link (self);
}

static gsize
total (const struct iovec *iov, guint n)
{
  gsize bytes = 0;

  for (guint i = 0; i < n; i++)
    bytes += iov[i].iov_len;
  return bytes;
}

static gssize
liar_read (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
           GError **error)
{
  Link *link = data;
  gsize length = MIN (link->bytes->len, does (link->liar, "slow") ? 1 : iov[0].iov_len);

  if (does (link->liar, "read-silent"))
    return -1;
  if (does (link->liar, "read-minus-two"))
    return -2;
  if (does (link->liar, "read-more"))
    return (gssize) total (iov, n) + 1;
  if (does (link->liar, "read-both"))
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_FAILED, "oh");
  if (does (link->liar, "read-waits")) {
    GPollFD fd;

    g_cancellable_make_pollfd (cancellable, &fd);
    g_poll (&fd, 1, -1);
    g_cancellable_release_fd (cancellable);
    g_cancellable_set_error_if_cancelled (cancellable, error);
    return -1;
  }
  if (length > 0) {
    memcpy (iov[0].iov_base, link->bytes->data, length);
    g_byte_array_remove_range (link->bytes, 0, (guint) length);
  }
  return (gssize) length;
}

static gssize
liar_write (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  Link *link = data;
  gsize length = does (link->liar, "slow") ? 1 : iov[0].iov_len;

  if (does (link->liar, "write-nothing"))
    return 0;
  if (does (link->liar, "write-more"))
    return (gssize) total (iov, n) + 1;
  g_byte_array_append (link->bytes, iov[0].iov_base, (guint) length);
  return (gssize) length;
}

static void
liar_close_link (gpointer data)
{
  Link *link = data;

  g_byte_array_unref (link->bytes);
  g_free (link);
}

GDW_DEFINE_TRANSPORT (.plugin.name = "liar", .plugin.summary = "for the tests of the gate",
                      .traits = GDW_TRANSPORT_TWO_WAY, .max_links = 7, .open = liar_open,
                      .close = liar_close, .listen = liar_listen, .accept = liar_connect,
                      .connect = liar_connect, .read = liar_read, .write = liar_write,
                      .close_link = liar_close_link);
