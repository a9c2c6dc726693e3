/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Filters that make the mistake BUG and hand everything on otherwise. */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <pthread.h>
#include <string.h>

#include "bugs.h"

typedef struct {
  guint8 kept[64];
  gsize n_kept;
} Link;

static gpointer
bad_open (const GdwFilterConfig *config, GError **error)
{
  return g_new0 (int, 1);
}

static gpointer
bad_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  static Link shared;
  Link *link = BUGGY (HAS_ONE_STATE_FOR_ALL) ? &shared : g_new0 (Link, 1);

  return link;
}

static void
bad_link_close (gpointer data)
{
  Link *link = data;

  if (BUGGY (FORGETS_A_LINK))
    return;
  if (!BUGGY (HAS_ONE_STATE_FOR_ALL))
    g_free (link);
}

static void
scramble (const struct iovec *iov, guint n, gsize count)
{
  for (guint i = 0; i < n && count > 0; i++) {
    gsize size = MIN (count, iov[i].iov_len);

    for (gsize k = 0; k < size; k++)
      ((guint8 *) iov[i].iov_base)[k] ^= 0x5a;
    count -= size;
  }
}

/* One byte is read ahead and kept for the next read. */
static gssize
read_ahead (Link *link, const GdwNext *next, const struct iovec *iov, GCancellable *cancellable,
            GError **error)
{
  struct iovec ahead = { link->kept, sizeof link->kept };
  gsize given;

  if (link->n_kept == 0) {
    gssize count = next->read (next, &ahead, 1, cancellable, error);

    if (count <= 0)
      return count;
    link->n_kept = (gsize) count;
  }
  given = MIN (link->n_kept, iov[0].iov_len);
  memcpy (iov[0].iov_base, link->kept, given);
  link->n_kept -= given;
  memmove (link->kept, link->kept + given, link->n_kept);
  return (gssize) given;
}

static gssize
bad_read (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
          GCancellable *cancellable, GError **error)
{
  Link *link = data;
  gssize count;

  if (BUGGY (HAS_ONE_STATE_FOR_ALL))
    return read_ahead (link, next, iov, cancellable, error);
  if (BUGGY (FORGETS_THE_CANCELLABLE))
    cancellable = NULL;
  count = next->read (next, iov, n, cancellable, error);
  if (BUGGY (SCRAMBLES_IN_PLACE) && count > 0)
    scramble (iov, n, (gsize) count);
  if (BUGGY (EATS_AN_ERROR) && count < 0 && !g_cancellable_is_cancelled (cancellable)) {
    g_clear_error (error);
    return 0;
  }
  return count;
}

static gsize
total_of (const struct iovec *iov, guint n)
{
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    total += iov[i].iov_len;
  return total;
}

/* A small last write waits for the next one, or for the flush that never comes. */
static gssize
coalesce (Link *link, const GdwNext *next, const struct iovec *iov, guint n,
          GCancellable *cancellable, GError **error)
{
  gsize total = total_of (iov, n);
  struct iovec kept = { link->kept, link->n_kept };
  gssize count;

  if (link->n_kept > 0) {
    count = next->write (next, &kept, 1, cancellable, error);
    if (count < 0)
      return -1;
    link->n_kept -= (gsize) count;
    memmove (link->kept, link->kept + count, link->n_kept);
  }
  count = link->n_kept > 0 ? 0 : next->write (next, iov, n, cancellable, error);
  if (count <= 0 || n > 1 || (gsize) count == total)
    return count == 0 ? coalesce (link, next, iov, n, cancellable, error) : count;
  link->n_kept = MIN (total - (gsize) count, sizeof link->kept);
  memcpy (link->kept, (guint8 *) iov[0].iov_base + count, link->n_kept);
  return count + (gssize) link->n_kept;
}

static gssize
bad_write (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
           GCancellable *cancellable, GError **error)
{
  Link *link = data;
  struct iovec two[2] = { iov[0], { iov[0].iov_base, 0 } };
  gssize count;

  switch (BUG) {
  case EATS_A_FLUSH:
    return coalesce (link, next, iov, n, cancellable, error);
  case FORGETS_THE_CANCELLABLE:
    return next->write (next, iov, n, NULL, error);
  case IGNORES_SHORT_WRITES:
    count = next->write (next, iov, n, cancellable, error);
    return count < 0 ? -1 : (gssize) total_of (iov, n);
  case PASSES_AN_EMPTY_VECTOR:
    return next->write (next, two, 2, cancellable, error);
  case PASSES_THE_FIRST_VECTOR:
    count = next->write (next, iov, 1, cancellable, error);
    return count == (gssize) iov[0].iov_len ? (gssize) total_of (iov, n) : count;
  case SCRAMBLES_IN_PLACE:
    scramble (iov, n, total_of (iov, n));
    count = next->write (next, iov, n, cancellable, error);
    if (count >= 0 && (gsize) count < total_of (iov, n)) {
      struct iovec copy[1024];

      memcpy (copy, iov, n * sizeof *iov);
      scramble (copy, n, total_of (iov, n));
      scramble (copy, n, (gsize) count);
    }
    return count;
  default:
    break;
  }
  return next->write (next, iov, n, cancellable, error);
}

static gboolean
bad_shutdown (gpointer data, const GdwNext *next, GError **error)
{
  return BUGGY (KEEPS_SHUTDOWN_TO_ITSELF) || next->shutdown (next, error);
}

GDW_DEFINE_FILTER (.plugin.name = LOCAL_NAME, .plugin.summary = "makes a mistake",
                   .open = bad_open, .close = g_free, .link_open = bad_link_open,
                   .link_close = bad_link_close, .read = bad_read, .write = bad_write,
                   .shutdown = bad_shutdown);
