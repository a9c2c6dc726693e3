/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/meter.h"

#include <pthread.h>

#define WINDOW_US 100000
#define WINDOW_BYTES (16u << 20)
/* Shorter bursts tell more about the threads at both ends, and what is on the way, than about
 * the link. */
#define BURST_BYTES (256u << 10)

/* The limits of each of several links, in time that the link needs. */
#define UNDER_WAY_US 50000
#define FRAME_US 10000
#define CLAIM_US 50000
/* The limits of several links until their speed is known; and the least limits. */
#define FIRST_WINDOW_BYTES (1u << 20)
#define FIRST_FRAME_BYTES (64u << 10)
#define LEAST_WINDOW_BYTES (64u << 10)
#define LEAST_FRAME_BYTES (16u << 10)
/* A claim takes 64 pages at least, and at most 1 MiB of the last pages. */
#define LEAST_CLAIM_BYTES (256u << 10)
#define LAST_CLAIM_BYTES (1u << 20)

typedef struct {
  gboolean lost;
  guint round_trip_us;          /* 0: unknown */
  guint64 under_way, memory;    /* bytes */
  gint64 since_us;              /* something is under way, and counted until here; or 0 */
  gint64 busy_us;               /* of the window: time with something under way */
  guint64 acked, acked_memory;  /* in it */
  guint64 bursts;               /* in it: how often something was sent on an empty link */
  gint64 sent_from_us, sent_us; /* when its first bytes were sent, and the last acknowledged */
  double rate;                  /* bytes/s; 0: no window has ended */
} Link;

struct GdwMeter {
  guint n_links;
  pthread_mutex_t lock;
  Link links[]; /* under the lock */
};

GdwMeter *
gdw_meter_new (guint n_links)
{
  GdwMeter *meter = g_malloc0 (sizeof *meter + n_links * sizeof (Link));

  meter->n_links = n_links;
  pthread_mutex_init (&meter->lock, NULL);
  return meter;
}

void
gdw_meter_free (GdwMeter *meter)
{
  if (!meter)
    return;
  pthread_mutex_destroy (&meter->lock);
  g_free (meter);
}

static double
per_second (guint64 bytes, gint64 us)
{
  return (double) bytes * G_USEC_PER_SEC / (double) MAX (us, 1);
}

void
gdw_meter_sent (GdwMeter *meter, guint link_index, guint64 bytes, guint64 memory_bytes,
                gint64 now_us)
{
  Link *link = &meter->links[link_index];

  pthread_mutex_lock (&meter->lock);
  if (link->under_way == 0) {
    link->since_us = now_us;
    link->bursts++;
  }
  link->under_way += bytes;
  link->memory += memory_bytes;
  pthread_mutex_unlock (&meter->lock);
}

/* The time of the window that bursts have spent on their way, not on the link's speed. */
static gint64
way_us (const Link *link)
{
  return (gint64) link->bursts * link->round_trip_us;
}

/* Under the lock.  Does the window say more than that the link is at least so fast? */
static gboolean
is_exact (const Link *link)
{
  return link->acked >= link->acked_memory / 2 && way_us (link) <= link->busy_us / 4;
}

static void
end_window (Link *link)
{
  gboolean exact = is_exact (link);
  gint64 us = link->bursts ? link->busy_us
                           : MAX (link->busy_us, link->sent_us - link->sent_from_us);
  double seen = per_second (link->acked, exact ? us - way_us (link) : us);

  if (link->rate == 0)
    link->rate = seen;
  else if (link->acked >= link->bursts * BURST_BYTES && (seen > link->rate || exact))
    link->rate += (seen - link->rate) * (double) us / (double) (us + WINDOW_US);
  link->busy_us = 0;
  link->acked = link->acked_memory = link->bursts = 0;
  link->sent_from_us = link->sent_us;
}

void
gdw_meter_acked (GdwMeter *meter, guint link_index, guint64 bytes, guint64 memory_bytes,
                 gint64 sent_us, gint64 now_us)
{
  Link *link = &meter->links[link_index];

  pthread_mutex_lock (&meter->lock);
  link->under_way -= bytes;
  link->memory -= memory_bytes;
  link->acked += bytes;
  link->acked_memory += memory_bytes;
  link->sent_us = sent_us;
  link->busy_us += now_us - link->since_us;
  link->since_us = link->under_way ? now_us : 0;
  if (link->busy_us >= WINDOW_US || link->acked >= WINDOW_BYTES)
    end_window (link);
  pthread_mutex_unlock (&meter->lock);
}

void
gdw_meter_round_trip (GdwMeter *meter, guint link_index, guint us)
{
  Link *link = &meter->links[link_index];

  pthread_mutex_lock (&meter->lock);
  if (link->round_trip_us == 0 || us < link->round_trip_us)
    link->round_trip_us = us;
  pthread_mutex_unlock (&meter->lock);
}

void
gdw_meter_lost (GdwMeter *meter, guint link_index)
{
  pthread_mutex_lock (&meter->lock);
  meter->links[link_index] = (Link){ .lost = TRUE };
  pthread_mutex_unlock (&meter->lock);
}

/* Under the lock.  What is under way may arrive this moment: until it has, the link is at most
 * as fast as if it did. */
static double
rate_of (const Link *link, gint64 now_us)
{
  gint64 busy_us = link->busy_us + (link->since_us ? now_us - link->since_us : 0);

  if (link->rate == 0)
    return per_second (link->acked, busy_us);
  if (!link->since_us || busy_us < WINDOW_US + way_us (link))
    return link->rate;
  return MIN (link->rate, per_second (link->acked + link->under_way, busy_us - way_us (link)));
}

/* Under the lock. */
static GdwMeterReading
read_all (const GdwMeter *meter, gint64 now_us)
{
  GdwMeterReading all = { 0 };
  double rate = 0, slowest = 0;

  for (guint i = 0; i < meter->n_links; i++) {
    const Link *link = &meter->links[i];
    double one = rate_of (link, now_us);

    rate += one;
    all.bytes += link->under_way;
    all.memory_bytes += link->memory;
    if (link->under_way)
      slowest = MAX (slowest, (double) link->under_way * G_USEC_PER_SEC / one);
  }
  all.rate = (guint64) rate;
  all.slowest_us = slowest < G_MAXINT64 ? (guint64) slowest : G_MAXUINT64;
  return all;
}

GdwMeterReading
gdw_meter_read (GdwMeter *meter, gint64 now_us)
{
  GdwMeterReading all;

  pthread_mutex_lock (&meter->lock);
  all = read_all (meter, now_us);
  pthread_mutex_unlock (&meter->lock);
  return all;
}

/* What one of several links carries in this time, and at least @least; @first: unknown yet. */
static guint64
carried_in (GdwMeter *meter, guint link_index, gint64 us, gboolean on_the_way, guint64 first,
            guint64 least, gint64 now_us)
{
  const Link *link = &meter->links[link_index];
  double rate;

  if (meter->n_links == 1)
    return G_MAXUINT64;
  pthread_mutex_lock (&meter->lock);
  rate = rate_of (link, now_us);
  if (on_the_way)
    us = link->round_trip_us + MAX (us, link->round_trip_us);
  pthread_mutex_unlock (&meter->lock);
  return rate > 0 ? MAX ((guint64) (rate * (double) us / G_USEC_PER_SEC), least) : first;
}

/* It grows as long as more is carried for it: twice as much is allowed as the way needs. */
guint64
gdw_meter_window (GdwMeter *meter, guint link_index, gint64 now_us)
{
  return carried_in (meter, link_index, UNDER_WAY_US, TRUE, FIRST_WINDOW_BYTES,
                     LEAST_WINDOW_BYTES, now_us);
}

guint64
gdw_meter_frame (GdwMeter *meter, guint link_index, gint64 now_us)
{
  return carried_in (meter, link_index, FRAME_US, FALSE, FIRST_FRAME_BYTES, LEAST_FRAME_BYTES,
                     now_us);
}

guint64
gdw_meter_claim (GdwMeter *meter, guint link_index, gint64 now_us)
{
  return carried_in (meter, link_index, CLAIM_US, FALSE, LEAST_CLAIM_BYTES, LEAST_CLAIM_BYTES,
                     now_us);
}

/* Under the lock.  Seconds until the link has carried what it has and @more bytes. */
static double
done_s (const Link *link, double more, gint64 now_us)
{
  return link->lost ? G_MAXDOUBLE : ((double) link->under_way + more) / rate_of (link, now_us);
}

/* A link takes a quarter of what it can carry until all are done, and at least a claim if no
 * other would be done with that sooner. */
guint64
gdw_meter_share (GdwMeter *meter, guint link_index, guint64 left, gint64 now_us)
{
  const Link *link = &meter->links[link_index];
  double least = (double) MIN (left, LEAST_CLAIM_BYTES), all_s, mine_s, soonest_s, share;
  GdwMeterReading all;

  if (meter->n_links == 1)
    return G_MAXUINT64;
  pthread_mutex_lock (&meter->lock);
  all = read_all (meter, now_us);
  all_s = (double) (left + all.bytes) / (double) MAX (all.rate, 1);
  mine_s = soonest_s = done_s (link, least, now_us);
  for (guint i = 0; i < meter->n_links; i++)
    soonest_s = MIN (soonest_s, done_s (&meter->links[i], least, now_us));
  share = rate_of (link, now_us) * all_s - (double) link->under_way;
  pthread_mutex_unlock (&meter->lock);
  if (mine_s > MAX (all_s, soonest_s))
    return 0;
  return (guint64) CLAMP (share / 4, LEAST_CLAIM_BYTES, LAST_CLAIM_BYTES);
}
