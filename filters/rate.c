/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A slow wire: each link has its own bucket, and a write waits until the bucket holds
 * something.  With `skip` the first links are as they are. */

#include <godwit/filter.h>

#include "rate-bucket.h"
#include "transports/common/wait.h"

enum { OPTION_BYTES_PER_SECOND, OPTION_SKIP };

typedef struct {
  guint64 bytes_per_second;
  gint skip;
  gint opened; /* atomic: links */
} Rate;

static gpointer
rate_open (const GdwFilterConfig *config, GError **error)
{
  Rate *rate = g_new0 (Rate, 1);

  rate->bytes_per_second = config->options[OPTION_BYTES_PER_SECOND].number;
  rate->skip = (gint) config->options[OPTION_SKIP].number;
  return rate;
}

static gpointer
rate_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  Rate *rate = self;
  gboolean slow = g_atomic_int_add (&rate->opened, 1) >= rate->skip;
  Bucket *bucket = g_new (Bucket, 1);

  bucket_init (bucket, slow ? rate->bytes_per_second : BUCKET_RATE_MAX,
               g_get_monotonic_time ());
  return bucket;
}

static gboolean
sleep_us (gint64 us, GCancellable *cancellable, GError **error)
{
  wait_sleep ((int) ((us + 999) / 1000), cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

/* Writes the vectors that fit whole into @most bytes, or else a part of the first. */
static gssize
write_most (const GdwNext *next, const struct iovec *iov, guint n, gsize most,
            GCancellable *cancellable, GError **error)
{
  struct iovec part = { iov[0].iov_base, MIN (iov[0].iov_len, most) };
  gsize left = most;
  guint whole = 0;

  while (whole < n && iov[whole].iov_len <= left)
    left -= iov[whole++].iov_len;
  if (whole > 0)
    return next->write (next, iov, whole, cancellable, error);
  return next->write (next, &part, 1, cancellable, error);
}

static gssize
rate_write (gpointer link, const GdwNext *next, const struct iovec *iov, guint n,
            GCancellable *cancellable, GError **error)
{
  Bucket *bucket = link;
  guint64 wanted = 0, granted;
  gint64 wait_us;
  gssize count;

  for (guint i = 0; i < n; i++)
    wanted += iov[i].iov_len;
  bucket_rested (bucket, g_get_monotonic_time ());
  while ((granted = bucket_take (bucket, g_get_monotonic_time (), wanted, &wait_us)) == 0)
    if (!sleep_us (wait_us, cancellable, error))
      return -1;
  count = write_most (next, iov, n, (gsize) granted, cancellable, error);
  bucket_give_back (bucket, granted - (guint64) MAX (count, 0));
  return count;
}

static const GdwOption rate_options[] = {
  [OPTION_BYTES_PER_SECOND] = { .name = "bytes-per-second",
                                .type = GDW_OPTION_SIZE,
                                .min = 1,
                                .max = BUCKET_RATE_MAX,
                                .help = "how much a link may write" },
  [OPTION_SKIP] = { .name = "skip",
                    .type = GDW_OPTION_UINT,
                    .default_value = "0",
                    .max = 255,
                    .help = "the first links to open, which are not limited" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = "rate", .plugin.summary = "limits what a link writes",
                   .plugin.options = rate_options, .open = rate_open, .close = g_free,
                   .link_open = rate_link_open, .link_close = g_free, .write = rate_write);
