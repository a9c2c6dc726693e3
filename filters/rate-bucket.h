/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A bucket into which bytes flow at a rate, and out of which a writer takes them.  It holds the
 * bytes of 20 ms, for a writer that slept too long, so in t us it grants at most rate x (t +
 * 20000) / 1000000 bytes and one more. The caller gives the times, in microseconds; a time
 * before the last one counts as the last one. */
typedef struct {
  guint64 rate;   /* bytes per second, 1..BUCKET_RATE_MAX */
  guint64 credit; /* in millionths of a byte, so that no fraction is lost between two calls */
  gint64 at_us;   /* the time of @credit */
} Bucket;

#define BUCKET_RATE_MAX ((guint64) 1 << 40)

/* The bucket is full at @now_us. */
void bucket_init (Bucket *bucket, guint64 rate, gint64 now_us);

/* Nobody took any until now: a wire does not keep what it could have carried, but for the bytes
 * of 2 ms, in which a writer gets its next ones. */
void bucket_rested (Bucket *bucket, gint64 now_us);

/* Takes up to @wanted bytes, at least 1, and returns their number.  0: wait @wait_us, which is
 * at most 10 ms or the time of one byte, and ask again. */
guint64 bucket_take (Bucket *bucket, gint64 now_us, guint64 wanted, gint64 *wait_us);

/* Gives back bytes that were taken and not used. */
void bucket_give_back (Bucket *bucket, guint64 bytes);
