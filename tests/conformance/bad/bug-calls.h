/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* The mistakes that need more than a word in local-transport.h.  The others do what is right.
 */

typedef gssize (*SendFunc) (LocalLink *link, const struct iovec *iov, guint n);

static gssize
bug_total (const struct iovec *iov, guint n)
{
  gssize total = 0;

  for (guint i = 0; i < n; i++)
    total += (gssize) iov[i].iov_len;
  return total;
}

static void
bug_link_new (LocalLink *link)
{
  pthread_mutex_init (&link->bug.lock, NULL);
}

static gpointer
bug_linger (gpointer data)
{
  for (;;)
    pause ();
  return NULL;
}

static void
bug_accepted (GError **error)
{
  pthread_t thread;

  if (BUGGY (LEAKS_A_THREAD) && pthread_create (&thread, NULL, bug_linger, NULL) == 0)
    pthread_detach (thread);
  if (BUGGY (SUCCEEDS_WITH_AN_ERROR))
    g_set_error (error, GDW_ERROR, GDW_ERROR_IO, "transport '" LOCAL_NAME "': Success");
}

static void
bug_wake (GCancellable *cancellable, gpointer link)
{
  ((LocalLink *) link)->bug.n_kept = 0;
}

/* Reads ahead into memory that all links share. */
static gssize
bug_read_ahead (LocalLink *link, const struct iovec *iov)
{
  static guint8 ahead[256];
  static gssize n_ahead;
  gssize given;

  if (n_ahead == 0 && (n_ahead = read (link->fd, ahead, sizeof ahead)) <= 0) {
    given = n_ahead;
    n_ahead = 0;
    return given;
  }
  given = MIN (n_ahead, (gssize) iov[0].iov_len);
  memcpy (iov[0].iov_base, ahead, (gsize) given);
  n_ahead -= given;
  memmove (ahead, ahead + given, (gsize) n_ahead);
  return given;
}

static gssize
bug_readv (LocalLink *link, const struct iovec *iov, guint n, GCancellable *cancellable)
{
  gssize count, total = bug_total (iov, n);

  if (BUGGY (MIXES_TWO_LINKS))
    return bug_read_ahead (link, iov);
  if (BUGGY (HOLDS_A_LOCK)) {
    struct pollfd poller = { link->fd, POLLIN, 0 };

    pthread_mutex_lock (&link->bug.lock);
    poll (&poller, 1, -1);
    pthread_mutex_unlock (&link->bug.lock);
  }
  if (BUGGY (KEEPS_THE_CANCELLABLE) && cancellable && !link->bug.handler)
    link->bug.handler = g_cancellable_connect (cancellable, G_CALLBACK (bug_wake), link, NULL);
  if (BUGGY (FILLS_THE_BUFFER) && total > 1) {
    gint there = 0;
    char byte;

    /* Until the peer ends, or all is there that was asked for. */
    if (recv (link->fd, &byte, 1, MSG_PEEK) > 0 && ioctl (link->fd, FIONREAD, &there) == 0 &&
        there < MIN (total, 100)) {
      errno = EAGAIN;
      g_usleep (1000);
      return -1;
    }
  }
  count = readv (link->fd, iov, (int) n);
  if (BUGGY (TERMINATES_WHAT_IT_READ) && count > 0 && n > 1 && (gsize) count >= iov[0].iov_len)
    ((char *) iov[0].iov_base)[iov[0].iov_len] = '\0';
  return count;
}

/* Keeps the bytes that could not be sent, and counts them as sent. */
static gssize
bug_keep (LocalLink *link, const struct iovec *iov, guint n, SendFunc send)
{
  const guint8 *last = iov[n - 1].iov_base;
  gssize total = bug_total (iov, n), count;

  if (link->bug.n_kept > 0) {
    struct iovec kept = { link->bug.kept, link->bug.n_kept };

    if (send (link, &kept, 1) < 0)
      return -1;
    link->bug.n_kept = 0;
  }
  count = send (link, iov, n);
  if (count < 0 || count == total || total - count > (gssize) iov[n - 1].iov_len ||
      total - count > (gssize) sizeof link->bug.kept)
    return count;
  link->bug.n_kept = (guint) (total - count);
  memcpy (link->bug.kept, last + iov[n - 1].iov_len - link->bug.n_kept, link->bug.n_kept);
  return total;
}

/* The last bytes of a write wait until the link is used again. */
static gssize
bug_keep_one (LocalLink *link, const struct iovec *iov, guint n, SendFunc send)
{
  struct pollfd poller = { link->fd, POLLOUT, 0 };
  gssize count = bug_keep (link, iov, n, send);

  if (count > 0 || poll (&poller, 1, 0) > 0 || link->bug.n_kept > 0 || errno != EAGAIN)
    return count;
  link->bug.kept[0] = *(const guint8 *) iov[0].iov_base;
  link->bug.n_kept = 1;
  return 1;
}

static gssize
bug_sendv (LocalLink *link, const struct iovec *iov, guint n, SendFunc send)
{
  gssize total = bug_total (iov, n), count;

  if (BUGGY (DROPS_AT_CLOSE) || BUGGY (DROPS_AT_SHUTDOWN))
    return bug_keep_one (link, iov, n, send);
  if (BUGGY (SENDS_THE_FIRST_VECTOR))
    return send (link, iov, 1) == (gssize) iov[0].iov_len ? total : -1;
  if (BUGGY (REORDERS_VECTORS) && n > 2 && iov[1].iov_len == iov[2].iov_len) {
    struct iovec swapped[3] = { iov[0], iov[2], iov[1] };

    return send (link, swapped, 3);
  }
  if (BUGGY (SUMS_IN_AN_INT) && (gint) total <= 0) {
    errno = EINVAL;
    return -1;
  }
  if (BUGGY (TRUNCATES_AT_2_GIB) && link->bug.total > (guint32) G_MAXINT32) {
    errno = EFBIG;
    return -1;
  }
  if (BUGGY (HOLDS_A_LOCK)) {
    pthread_mutex_lock (&link->bug.lock);
    pthread_mutex_unlock (&link->bug.lock);
  }
  count = send (link, iov, n);
  if (count > 0)
    link->bug.total += (guint32) count;
  if (BUGGY (DUPLICATES_AFTER_A_SHORT_WRITE) && count > 1 && count < total)
    return count - 1;
  return count;
}

static void
bug_flush (LocalLink *link, int when, SendFunc send)
{
  struct iovec kept = { link->bug.kept, link->bug.n_kept };

  if (link->bug.n_kept == 0 || (when == BUG_AT_CLOSE) == BUGGY (DROPS_AT_CLOSE))
    return;
  while (send (link, &kept, 1) < 0 && errno == EAGAIN)
    g_usleep (1000);
  link->bug.n_kept = 0;
}
