/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/dirty-sync.h"

#include <pthread.h>

#include "core/base/invoke.h"
#include "core/base/thread.h"

/* Between two harvests that are asked for: each may cost the guest faults. */
#define PAUSE_US 10000
/* Collecting all the time takes one part in so many of a core at most. */
#define SHARE 25
/* Rates are measured over no less when nobody asks. */
#define RATE_US 100000

/* What to do next. */
typedef struct {
  gboolean asked, final, stop;
} Order;

struct GdwHarvest {
  GdwHarvestConfig with;
  pthread_t thread;

  /* Harvest thread only. */
  GdwPageset *fresh; /* collected and not published */
  gboolean all_the_time;
  gint64 asked_us, last_us, published_us, rated_us; /* when that was last done */
  gint64 cost_us;                                   /* of the last collect */
  guint64 rate_pages;                               /* new ones, not in the rate */
  guint64 dirty_rate;
  GArray *vcpu_pages; /* of guint64: told */
  gint64 vcpu_us;

  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* Under the lock. */
  gboolean wanted, ring_full, rest, final, stop;
};

typedef struct {
  GdwHarvest *harvest;
  void (*tell) (const GError *error, gpointer data);
  GdwHarvested result;
  GError *error;
} Report;

static void
deliver (gpointer data)
{
  Report *report = data;
  const GdwHarvestConfig *with = &report->harvest->with;

  if (report->tell)
    report->tell (report->error, with->data);
  else
    with->ops->harvested (&report->result, report->error, with->data);
}

static void
free_report (gpointer data)
{
  Report *report = data;

  g_clear_pointer (&report->result.vcpu_rates, g_array_unref);
  g_clear_error (&report->error);
  g_free (report);
}

static void
post_report (GdwHarvest *harvest, void (*tell) (const GError *error, gpointer data),
             const GdwHarvested *result, GError *error)
{
  Report *report = g_new0 (Report, 1);

  report->harvest = harvest;
  report->tell = tell;
  if (result)
    report->result = *result;
  report->error = error;
  gdw_post (harvest->with.context, deliver, report, free_report);
}

/* Under the lock: when to collect next if nothing else happens. */
static gint64
next_time (GdwHarvest *harvest)
{
  gint64 next_us = G_MAXINT64;

  if (harvest->wanted)
    next_us = harvest->asked_us + PAUSE_US;
  if (harvest->all_the_time && !harvest->rest)
    next_us = MIN (next_us, harvest->last_us + MAX (PAUSE_US, harvest->cost_us * SHARE));
  return next_us;
}

/* Waits until there is something to do.  What is asked for waits for its time, also when
 * there is a collect before for another reason. */
static Order
wait_for_order (GdwHarvest *harvest)
{
  Order order;

  pthread_mutex_lock (&harvest->lock);
  while (!harvest->stop && !harvest->final && !harvest->ring_full) {
    gint64 next_us = next_time (harvest);

    if (g_get_monotonic_time () >= next_us)
      break;
    if (next_us == G_MAXINT64)
      pthread_cond_wait (&harvest->wake, &harvest->lock);
    else
      gdw_cond_wait_until (&harvest->wake, &harvest->lock, next_us);
  }
  order = (Order){ .asked = harvest->wanted &&
                            g_get_monotonic_time () >= harvest->asked_us + PAUSE_US,
                   .final = harvest->final,
                   .stop = harvest->stop };
  if (order.asked)
    harvest->wanted = FALSE;
  harvest->final = harvest->ring_full = FALSE;
  harvest->rest |= order.final;
  pthread_mutex_unlock (&harvest->lock);
  return order;
}

/* What each vCPU did since this was told last. */
static GArray *
measure_vcpus (GdwHarvest *harvest, gint64 now_us)
{
  GArray *before = harvest->vcpu_pages, *after, *rates;
  guint n = gdw_tracking_vcpu_pages (harvest->with.tracking, NULL, 0);
  gint64 us = MAX (now_us - harvest->vcpu_us, 1);

  if (n == 0 || us < RATE_US)
    return NULL;
  after = g_array_set_size (g_array_new (FALSE, TRUE, sizeof (guint64)), n);
  rates = g_array_set_size (g_array_new (FALSE, TRUE, sizeof (guint64)), n);
  gdw_tracking_vcpu_pages (harvest->with.tracking, (guint64 *) after->data, n);
  for (guint i = 0; i < n; i++)
    g_array_index (rates, guint64,
                   i) = (g_array_index (after, guint64, i) -
                         (i < before->len ? g_array_index (before, guint64, i) : 0)) *
                        G_USEC_PER_SEC / us;
  g_array_unref (before);
  harvest->vcpu_pages = after;
  harvest->vcpu_us = now_us;
  return rates;
}

/* Pages that a full ring gave are collected and may wait: many such collects are published
 * together, since each goes through all bits. */
static gboolean
is_time_to_publish (GdwHarvest *harvest, const Order *order)
{
  return order->asked || order->final ||
         g_get_monotonic_time () >= harvest->published_us + PAUSE_US;
}

static void
tell (GdwHarvest *harvest, const Order *order, guint64 new_pages)
{
  gint64 now_us = g_get_monotonic_time ();
  GdwHarvested result = { .asked = order->asked,
                          .final = order->final,
                          .new_pages = new_pages,
                          .dirty_pages = gdw_round_dirty_pages (harvest->with.round),
                          .us = harvest->cost_us };

  harvest->rate_pages += new_pages;
  if (order->asked || order->final || now_us >= harvest->rated_us + RATE_US) {
    harvest->dirty_rate = harvest->rate_pages * G_USEC_PER_SEC /
                          MAX (now_us - harvest->rated_us, 1);
    harvest->rated_us = now_us;
    harvest->rate_pages = 0;
  }
  result.dirty_rate = harvest->dirty_rate;
  result.vcpu_rates = measure_vcpus (harvest, now_us);
  post_report (harvest, NULL, &result, NULL);
}

static gboolean
collect (GdwHarvest *harvest, const Order *order, GError **error)
{
  gint64 begin_us = g_get_monotonic_time ();
  guint64 new_pages = 0;
  gboolean ok, published;

  gdw_round_collect (harvest->with.round);
  ok = gdw_tracking_collect (harvest->with.tracking, harvest->fresh->bits, error);
  gdw_ring_door_served (harvest->with.door);
  if (!ok)
    return FALSE;
  published = is_time_to_publish (harvest, order);
  if (published)
    new_pages = gdw_round_publish (harvest->with.round, harvest->fresh, harvest->with.marks,
                                   order->final);
  harvest->last_us = g_get_monotonic_time ();
  harvest->cost_us = harvest->last_us - begin_us;
  if (order->asked)
    harvest->asked_us = harvest->last_us;
  if (order->final)
    gdw_round_final (harvest->with.round);
  if (!published)
    return TRUE;
  harvest->published_us = harvest->last_us;
  tell (harvest, order, new_pages);
  return TRUE;
}

static void
collect_until_stop (GdwHarvest *harvest)
{
  for (;;) {
    Order order = wait_for_order (harvest);
    GError *error = NULL;

    if (order.stop)
      return;
    if (collect (harvest, &order, &error))
      continue;
    /* The migration fails; nobody is to wait for what does not work. */
    gdw_ring_door_detach (harvest->with.door);
    gdw_harvest_rest (harvest);
    post_report (harvest, NULL, NULL, error);
  }
}

static void
vcpu_waits (gpointer data)
{
  GdwHarvest *harvest = data;

  pthread_mutex_lock (&harvest->lock);
  harvest->ring_full = TRUE;
  pthread_cond_signal (&harvest->wake);
  pthread_mutex_unlock (&harvest->lock);
}

static void
rings_were_reset (gpointer data)
{
  gdw_ring_door_served (((GdwHarvest *) data)->with.door);
}

static void *
harvest_thread (void *data)
{
  GdwHarvest *harvest = data;
  const GdwHarvestConfig *with = &harvest->with;
  GError *error = NULL;
  gboolean started = gdw_tracking_start (with->tracking, &error);

  harvest->last_us = harvest->rated_us = harvest->vcpu_us = g_get_monotonic_time ();
  harvest->asked_us = harvest->last_us;
  if (started)
    gdw_ring_door_attach (with->door, vcpu_waits, harvest);
  post_report (harvest, with->ops->started, NULL, g_steal_pointer (&error));
  if (started)
    collect_until_stop (harvest);
  gdw_ring_door_detach (with->door);
  gdw_tracking_stop (with->tracking, &error);
  post_report (harvest, with->ops->ended, NULL, error);
  return NULL;
}

static void
free_parts (GdwHarvest *harvest)
{
  g_array_unref (harvest->vcpu_pages);
  gdw_pageset_free (harvest->fresh);
  pthread_cond_destroy (&harvest->wake);
  pthread_mutex_destroy (&harvest->lock);
  g_free (harvest);
}

GdwHarvest *
gdw_harvest_new (const GdwHarvestConfig *config, GError **error)
{
  GdwHarvest *harvest = g_new0 (GdwHarvest, 1);
  guint32 traits = gdw_tracking_traits (config->tracking);

  harvest->with = *config;
  harvest->fresh = gdw_pageset_new (config->regions->pages, config->regions->n);
  harvest->all_the_time = (traits & GDW_TRACKER_REARMS_AT_REARM) != 0;
  harvest->vcpu_pages = g_array_new (FALSE, TRUE, sizeof (guint64));
  pthread_mutex_init (&harvest->lock, NULL);
  gdw_cond_init (&harvest->wake);
  gdw_tracking_on_reset (config->tracking, rings_were_reset, harvest);
  gdw_ring_door_close (config->door);
  if (gdw_thread_start (&harvest->thread, config->threads, "mig/src/harvest", harvest_thread,
                        harvest, error))
    return harvest;
  free_parts (harvest);
  return NULL;
}

void
gdw_harvest_free (GdwHarvest *harvest)
{
  if (!harvest)
    return;
  pthread_join (harvest->thread, NULL);
  free_parts (harvest);
}

static void
order (GdwHarvest *harvest, gboolean *what)
{
  pthread_mutex_lock (&harvest->lock);
  *what = TRUE;
  pthread_cond_signal (&harvest->wake);
  pthread_mutex_unlock (&harvest->lock);
}

void
gdw_harvest_request (GdwHarvest *harvest)
{
  order (harvest, &harvest->wanted);
}

void
gdw_harvest_rest (GdwHarvest *harvest)
{
  order (harvest, &harvest->rest);
}

void
gdw_harvest_final (GdwHarvest *harvest)
{
  order (harvest, &harvest->final);
}

void
gdw_harvest_stop (GdwHarvest *harvest)
{
  order (harvest, &harvest->stop);
}
