/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/rate.h"

#include <pthread.h>
#include <time.h>

#define BURST_S 0.01
#define LONGEST_WAIT_S 1000. /* in microseconds; then the level is computed again */

struct GdwRate {
  pthread_mutex_t lock;
  /* under the lock */
  guint64 bytes_per_s; /* 0: unlimited */
  gboolean open;
  double level; /* bytes that may be sent now; below zero: debt */
  double at;    /* seconds; the time of level */
};

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

GdwRate *
gdw_rate_new (guint64 bytes_per_s)
{
  GdwRate *rate = g_new0 (GdwRate, 1);

  pthread_mutex_init (&rate->lock, NULL);
  rate->bytes_per_s = bytes_per_s;
  rate->at = now ();
  return rate;
}

void
gdw_rate_free (GdwRate *rate)
{
  if (rate == NULL)
    return;
  pthread_mutex_destroy (&rate->lock);
  g_free (rate);
}

/* Under the lock. */
static void
refill (GdwRate *rate)
{
  double t = now ();

  if (rate->open || rate->bytes_per_s == 0)
    rate->level = 0; /* bytes sent without a limit make no debt */
  else
    rate->level = MIN (rate->level + (t - rate->at) * rate->bytes_per_s,
                       BURST_S * rate->bytes_per_s);
  rate->at = t;
}

void
gdw_rate_set (GdwRate *rate, guint64 bytes_per_s)
{
  pthread_mutex_lock (&rate->lock);
  refill (rate); /* the old rate holds for the time until now */
  rate->bytes_per_s = bytes_per_s;
  pthread_mutex_unlock (&rate->lock);
}

void
gdw_rate_open (GdwRate *rate, gboolean open)
{
  pthread_mutex_lock (&rate->lock);
  refill (rate);
  rate->open = open;
  pthread_mutex_unlock (&rate->lock);
}

/* Under the lock.  Seconds until the debt is paid. */
static double
debt_s (const GdwRate *rate)
{
  return rate->level < 0 ? MIN (-rate->level / rate->bytes_per_s, LONGEST_WAIT_S) : 0;
}

gint64
gdw_rate_wait_us (GdwRate *rate)
{
  double wait_s;

  pthread_mutex_lock (&rate->lock);
  refill (rate);
  wait_s = debt_s (rate);
  pthread_mutex_unlock (&rate->lock);
  return wait_s > 0 ? (gint64) (wait_s * G_USEC_PER_SEC) + 1 : 0;
}

void
gdw_rate_spend (GdwRate *rate, guint64 bytes)
{
  pthread_mutex_lock (&rate->lock);
  refill (rate);
  rate->level -= bytes;
  pthread_mutex_unlock (&rate->lock);
}
