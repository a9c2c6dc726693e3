/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/dirty-sync.h"

#include <pthread.h>

#include "core/base/invoke.h"
#include "core/base/thread.h"

/* The pause between two requested dirty syncs: each may cost the guest faults. */
#define PAUSE_US 10000
/* Collecting all the time takes at most one part in SHARE of a core. */
#define SHARE 25
/* The shortest time over which rates are measured when nobody asks. */
#define RATE_US 100000

/* What to do next. */
typedef struct {
  gboolean asked, paused, final, stop;
} Order;

struct GdwDirtySync {
  GdwDirtySyncConfig with;
  pthread_t thread;

  /* Dirty-sync thread only. */
  GdwPageset *fresh; /* collected and not published */
  gboolean all_the_time;
  gint64 asked_us, last_us, published_us, rated_us; /* when each was done last */
  gint64 cost_us;                                   /* how long the last collect took */
  guint64 rate_pages; /* new dirty pages that are not in the rate yet */
  guint64 dirty_rate;
  GArray *vcpu_pages; /* of guint64: the counts reported last */
  gint64 vcpu_us;

  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* Under the lock. */
  gboolean wanted, ring_full, rest, paused, final, stop;
};

typedef struct {
  GdwDirtySync *sync;
  void (*tell) (const GError *error, gpointer data);
  GdwDirtySynced result;
  GError *error;
} Report;

static void
deliver (gpointer data)
{
  Report *report = data;
  const GdwDirtySyncConfig *with = &report->sync->with;

  if (report->tell)
    report->tell (report->error, with->data);
  else
    with->ops->synced (&report->result, report->error, with->data);
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
post_report (GdwDirtySync *sync, void (*tell) (const GError *error, gpointer data),
             const GdwDirtySynced *result, GError *error)
{
  Report *report = g_new0 (Report, 1);

  report->sync = sync;
  report->tell = tell;
  if (result)
    report->result = *result;
  report->error = error;
  gdw_invoke (sync->with.context, deliver, report, free_report);
}

/* Under the lock.  Returns when to collect next if nothing else happens. */
static gint64
next_time (GdwDirtySync *sync)
{
  gint64 next_us = G_MAXINT64;

  if (sync->wanted)
    next_us = sync->asked_us + PAUSE_US;
  if (sync->all_the_time && !sync->rest)
    next_us = MIN (next_us, sync->last_us + MAX (PAUSE_US, sync->cost_us * SHARE));
  return next_us;
}

/* Waits until there is something to do.  A request waits for its time, even if the thread
 * collects earlier for another reason. */
static Order
wait_for_order (GdwDirtySync *sync)
{
  Order order;

  pthread_mutex_lock (&sync->lock);
  while (!sync->stop && !sync->final && !sync->paused && !sync->ring_full) {
    gint64 next_us = next_time (sync);

    if (g_get_monotonic_time () >= next_us)
      break;
    if (next_us == G_MAXINT64)
      pthread_cond_wait (&sync->wake, &sync->lock);
    else
      gdw_cond_wait_until (&sync->wake, &sync->lock, next_us);
  }
  order = (Order){ .asked = sync->wanted &&
                            g_get_monotonic_time () >= sync->asked_us + PAUSE_US,
                   .paused = sync->paused,
                   .final = sync->final,
                   .stop = sync->stop };
  if (order.asked)
    sync->wanted = FALSE;
  sync->final = sync->paused = sync->ring_full = FALSE;
  sync->rest |= order.final;
  pthread_mutex_unlock (&sync->lock);
  return order;
}

/* The pages of each vCPU since the last report. */
static GArray *
measure_vcpus (GdwDirtySync *sync, gint64 now_us)
{
  GArray *before = sync->vcpu_pages, *after, *rates;
  guint n = gdw_tracking_vcpu_pages (sync->with.tracking, NULL, 0);
  gint64 us = MAX (now_us - sync->vcpu_us, 1);

  if (n == 0 || us < RATE_US)
    return NULL;
  after = g_array_set_size (g_array_new (FALSE, TRUE, sizeof (guint64)), n);
  rates = g_array_set_size (g_array_new (FALSE, TRUE, sizeof (guint64)), n);
  gdw_tracking_vcpu_pages (sync->with.tracking, (guint64 *) after->data, n);
  for (guint i = 0; i < n; i++)
    g_array_index (rates, guint64,
                   i) = (g_array_index (after, guint64, i) -
                         (i < before->len ? g_array_index (before, guint64, i) : 0)) *
                        G_USEC_PER_SEC / us;
  g_array_unref (before);
  sync->vcpu_pages = after;
  sync->vcpu_us = now_us;
  return rates;
}

/* Pages from a full ring are collected and may wait: many such collects are published together,
 * since each publish wakes the links. */
static gboolean
is_time_to_publish (GdwDirtySync *sync, const Order *order)
{
  return order->asked || order->paused || order->final ||
         g_get_monotonic_time () >= sync->published_us + PAUSE_US;
}

static void
tell (GdwDirtySync *sync, const Order *order, guint64 new_pages)
{
  gint64 now_us = g_get_monotonic_time ();
  GdwDirtySynced result = { .asked = order->asked,
                            .paused = order->paused,
                            .final = order->final,
                            .new_pages = new_pages,
                            .dirty_pages = gdw_round_dirty_pages (sync->with.round),
                            .us = sync->cost_us };

  sync->rate_pages += new_pages;
  if (order->asked || order->final || now_us >= sync->rated_us + RATE_US) {
    sync->dirty_rate = sync->rate_pages * G_USEC_PER_SEC / MAX (now_us - sync->rated_us, 1);
    sync->rated_us = now_us;
    sync->rate_pages = 0;
  }
  result.dirty_rate = sync->dirty_rate;
  result.vcpu_rates = measure_vcpus (sync, now_us);
  post_report (sync, NULL, &result, NULL);
}

static void
add_runs (gpointer data, const GdwPageRange *ranges, guint n)
{
  for (guint i = 0; i < n; i++)
    gdw_pageset_put (data, ranges[i].region, ranges[i].first, ranges[i].n);
}

/* Ranges cost what is dirty, bits cost the size of the guest. */
static gboolean
collect_fresh (GdwDirtySync *sync, GError **error)
{
  GdwTracking *tracking = sync->with.tracking;

  if (gdw_tracking_gives_runs (tracking))
    return gdw_tracking_collect_runs (tracking, add_runs, sync->fresh, error);
  return gdw_tracking_collect (tracking, sync->fresh->bits, error);
}

static gboolean
collect (GdwDirtySync *sync, const Order *order, GError **error)
{
  gint64 begin_us = g_get_monotonic_time ();
  guint64 new_pages = 0;
  gboolean ok, published;

  gdw_round_collect (sync->with.round);
  ok = collect_fresh (sync, error);
  gdw_ring_gate_served (sync->with.gate);
  if (!ok)
    return FALSE;
  published = is_time_to_publish (sync, order);
  if (published) {
    if (!gdw_tracking_gives_runs (sync->with.tracking))
      gdw_pageset_note (sync->fresh);
    new_pages = gdw_round_publish (sync->with.round, sync->fresh, sync->with.marks,
                                   order->final);
  }
  sync->last_us = g_get_monotonic_time ();
  sync->cost_us = sync->last_us - begin_us;
  if (order->asked)
    sync->asked_us = sync->last_us;
  if (order->final)
    gdw_round_final (sync->with.round);
  if (!published)
    return TRUE;
  sync->published_us = sync->last_us;
  tell (sync, order, new_pages);
  return TRUE;
}

static void
collect_until_stop (GdwDirtySync *sync)
{
  for (;;) {
    Order order = wait_for_order (sync);
    GError *error = NULL;

    if (order.stop)
      return;
    if (collect (sync, &order, &error))
      continue;
    /* The migration fails: no vCPU may wait for a collect that does not work. */
    gdw_ring_gate_detach (sync->with.gate);
    gdw_dirty_sync_rest (sync);
    post_report (sync, NULL, NULL, error);
  }
}

static void
vcpu_waits (gpointer data)
{
  GdwDirtySync *sync = data;

  pthread_mutex_lock (&sync->lock);
  sync->ring_full = TRUE;
  pthread_cond_signal (&sync->wake);
  pthread_mutex_unlock (&sync->lock);
}

static void
rings_were_reset (gpointer data)
{
  gdw_ring_gate_served (((GdwDirtySync *) data)->with.gate);
}

static void *
sync_thread (void *data)
{
  GdwDirtySync *sync = data;
  const GdwDirtySyncConfig *with = &sync->with;
  GError *error = NULL;
  gboolean started;

  gdw_round_fill (with->round);
  started = gdw_tracking_start (with->tracking, &error);
  sync->last_us = sync->rated_us = sync->vcpu_us = g_get_monotonic_time ();
  sync->asked_us = sync->last_us;
  if (started)
    gdw_ring_gate_attach (with->gate, vcpu_waits, sync);
  post_report (sync, with->ops->started, NULL, g_steal_pointer (&error));
  if (started)
    collect_until_stop (sync);
  gdw_ring_gate_detach (with->gate);
  gdw_tracking_stop (with->tracking, &error);
  post_report (sync, with->ops->ended, NULL, error);
  return NULL;
}

static void
free_parts (GdwDirtySync *sync)
{
  g_array_unref (sync->vcpu_pages);
  gdw_pageset_free (sync->fresh);
  pthread_cond_destroy (&sync->wake);
  pthread_mutex_destroy (&sync->lock);
  g_free (sync);
}

GdwDirtySync *
gdw_dirty_sync_new (const GdwDirtySyncConfig *config, GError **error)
{
  GdwDirtySync *sync = g_new0 (GdwDirtySync, 1);
  guint32 traits = gdw_tracking_traits (config->tracking);

  sync->with = *config;
  sync->fresh = gdw_pageset_new (config->regions->pages, config->regions->n);
  sync->all_the_time = (traits & GDW_TRACKER_REARMS_AT_REARM) != 0;
  sync->vcpu_pages = g_array_new (FALSE, TRUE, sizeof (guint64));
  pthread_mutex_init (&sync->lock, NULL);
  gdw_cond_init (&sync->wake);
  gdw_tracking_on_reset (config->tracking, rings_were_reset, sync);
  gdw_ring_gate_close (config->gate);
  if (gdw_thread_start (&sync->thread, config->threads, "mig/src/harvest", sync_thread, sync,
                        error))
    return sync;
  free_parts (sync);
  return NULL;
}

void
gdw_dirty_sync_free (GdwDirtySync *sync)
{
  if (!sync)
    return;
  pthread_join (sync->thread, NULL);
  free_parts (sync);
}

static void
order (GdwDirtySync *sync, gboolean *what)
{
  pthread_mutex_lock (&sync->lock);
  *what = TRUE;
  pthread_cond_signal (&sync->wake);
  pthread_mutex_unlock (&sync->lock);
}

void
gdw_dirty_sync_request (GdwDirtySync *sync)
{
  order (sync, &sync->wanted);
}

void
gdw_dirty_sync_rest (GdwDirtySync *sync)
{
  order (sync, &sync->rest);
}

void
gdw_dirty_sync_go_on (GdwDirtySync *sync)
{
  pthread_mutex_lock (&sync->lock);
  sync->rest = FALSE;
  pthread_cond_signal (&sync->wake);
  pthread_mutex_unlock (&sync->lock);
}

void
gdw_dirty_sync_paused (GdwDirtySync *sync)
{
  order (sync, &sync->paused);
}

void
gdw_dirty_sync_final (GdwDirtySync *sync)
{
  order (sync, &sync->final);
}

void
gdw_dirty_sync_stop (GdwDirtySync *sync)
{
  order (sync, &sync->stop);
}
