/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A bucket into which bytes flow at a rate, and out of which a writer takes them.  It holds
 * what flows in 20 ms, so in t us no more than  rate x (t + 20000) / 1000000  bytes, and one,
 * are granted.  Times are those of the caller, in microseconds; one that is earlier than the
 * last counts as the last. */
typedef struct {
  guint64 rate;   /* bytes per second, 1..BUCKET_RATE_MAX */
  guint64 credit; /* in millionths of a byte, so that nothing is lost between two calls */
  gint64 at_us;   /* when @credit was right */
} Bucket;

#define BUCKET_RATE_MAX ((guint64) 1 << 40)

/* Full at @now_us. */
void bucket_init (Bucket *bucket, guint64 rate, gint64 now_us);

/* Take up to @wanted bytes, at least 1; gives how many.  0: wait @wait_us, at most what 10 ms
 * or one byte take, and ask again. */
guint64 bucket_take (Bucket *bucket, gint64 now_us, guint64 wanted, gint64 *wait_us);

/* What was taken and not used. */
void bucket_give_back (Bucket *bucket, guint64 bytes);
