/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "rate-bucket.h"

#define BYTE G_GUINT64_CONSTANT (1000000)
#define FULL_US 20000
#define RESTED_US 2000
/* Bytes are granted in portions of this much time: short enough that nothing is lost if a timer
 * is half a portion late, long enough not to wake for each byte. */
#define PORTION_US 10000

/* At least one byte, or none would ever be granted. */
static guint64
full (const Bucket *bucket)
{
  return MAX (bucket->rate * FULL_US, BYTE);
}

void
bucket_init (Bucket *bucket, guint64 rate, gint64 now_us)
{
  bucket->rate = rate;
  bucket->at_us = now_us;
  bucket->credit = full (bucket);
}

static void
fill (Bucket *bucket, gint64 now_us)
{
  guint64 room = full (bucket) - bucket->credit;
  guint64 passed = now_us > bucket->at_us ? (guint64) (now_us - bucket->at_us) : 0;

  /* Compare by division: after a long pause the product has more than 64 bits. */
  if (passed > room / bucket->rate)
    bucket->credit += room;
  else
    bucket->credit += passed * bucket->rate;
  bucket->at_us = MAX (bucket->at_us, now_us);
}

void
bucket_rested (Bucket *bucket, gint64 now_us)
{
  fill (bucket, now_us);
  bucket->credit = MIN (bucket->credit, MAX (bucket->rate * RESTED_US, BYTE));
}

guint64
bucket_take (Bucket *bucket, gint64 now_us, guint64 wanted, gint64 *wait_us)
{
  guint64 portion = MAX (bucket->rate * PORTION_US, BYTE);
  guint64 needed = wanted < portion / BYTE ? wanted * BYTE : portion, granted;

  fill (bucket, now_us);
  if (bucket->credit < needed) {
    *wait_us = (gint64) ((needed - bucket->credit + bucket->rate - 1) / bucket->rate);
    return 0;
  }
  granted = MIN (wanted, bucket->credit / BYTE);
  bucket->credit -= granted * BYTE;
  return granted;
}

void
bucket_give_back (Bucket *bucket, guint64 bytes)
{
  bucket->credit = MIN (bucket->credit + bytes * BYTE, full (bucket));
}
