/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/harvest.h"

#include <pthread.h>

#include "core/post.h"
#include "core/thread.h"

/* Between two harvests while nothing converges: each costs the guest faults. */
#define PAUSE_US 10000

struct GdwHarvest {
  GdwRound *round;
  GdwTracking *tracking;
  GdwPageset *marks, *fresh; /* fresh: harvest thread only */
  GMainContext *context;
  const GdwHarvestOps *ops;
  gpointer data;
  pthread_t thread;
  gint64 last_us; /* harvest thread only */

  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* Under the lock. */
  gboolean wanted, final, stop;
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
  GdwHarvest *harvest = report->harvest;

  if (report->tell)
    report->tell (report->error, harvest->data);
  else
    harvest->ops->harvested (&report->result, report->error, harvest->data);
}

static void
free_report (gpointer data)
{
  Report *report = data;

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
  gdw_post (harvest->context, deliver, report, free_report);
}

/* Waits for the next order, and between harvests that are not final. */
static void
wait_for_order (GdwHarvest *harvest, gboolean *final, gboolean *stop)
{
  gint64 next_us = harvest->last_us + PAUSE_US;

  pthread_mutex_lock (&harvest->lock);
  while (!harvest->stop && !harvest->final) {
    if (harvest->wanted && g_get_monotonic_time () >= next_us)
      break;
    if (harvest->wanted)
      gdw_cond_wait_until (&harvest->wake, &harvest->lock, next_us);
    else
      pthread_cond_wait (&harvest->wake, &harvest->lock);
  }
  harvest->wanted = FALSE;
  *final = harvest->final;
  *stop = harvest->stop;
  harvest->final = FALSE;
  pthread_mutex_unlock (&harvest->lock);
}

static gboolean
collect (GdwHarvest *harvest, gboolean final, GdwHarvested *result, GError **error)
{
  gint64 begin_us = g_get_monotonic_time (), since_us = begin_us - harvest->last_us;

  if (!gdw_tracking_collect (harvest->tracking, harvest->fresh->bits, error))
    return FALSE;
  gdw_pageset_merge (harvest->fresh, harvest->marks);
  result->new_pages = gdw_round_publish (harvest->round, harvest->fresh);
  result->dirty_pages = gdw_round_dirty_pages (harvest->round);
  result->dirty_rate = result->new_pages * G_USEC_PER_SEC / MAX (since_us, 1);
  harvest->last_us = g_get_monotonic_time ();
  result->us = harvest->last_us - begin_us;
  result->final = final;
  if (final)
    gdw_round_final (harvest->round);
  return TRUE;
}

static void
collect_until_stop (GdwHarvest *harvest)
{
  gboolean final, stop;

  for (;;) {
    GdwHarvested result = { 0 };
    GError *error = NULL;

    wait_for_order (harvest, &final, &stop);
    if (stop)
      return;
    collect (harvest, final, &result, &error);
    post_report (harvest, NULL, &result, error);
  }
}

static void *
harvest_thread (void *data)
{
  GdwHarvest *harvest = data;
  GError *error = NULL;
  gboolean started = gdw_tracking_start (harvest->tracking, &error);

  harvest->last_us = g_get_monotonic_time ();
  post_report (harvest, harvest->ops->started, NULL, g_steal_pointer (&error));
  if (started)
    collect_until_stop (harvest);
  gdw_tracking_stop (harvest->tracking, &error);
  post_report (harvest, harvest->ops->ended, NULL, error);
  return NULL;
}

static void
free_parts (GdwHarvest *harvest)
{
  gdw_pageset_free (harvest->fresh);
  pthread_cond_destroy (&harvest->wake);
  pthread_mutex_destroy (&harvest->lock);
  g_free (harvest);
}

GdwHarvest *
gdw_harvest_new (GdwRound *round, GdwTracking *tracking, GdwPageset *marks,
                 const GdwRegions *regions, GMainContext *context, const GdwHarvestOps *ops,
                 gpointer data, GError **error)
{
  GdwHarvest *harvest = g_new0 (GdwHarvest, 1);

  harvest->round = round;
  harvest->tracking = tracking;
  harvest->marks = marks;
  harvest->fresh = gdw_pageset_new (regions->pages, regions->n);
  harvest->context = context;
  harvest->ops = ops;
  harvest->data = data;
  pthread_mutex_init (&harvest->lock, NULL);
  gdw_cond_init (&harvest->wake);
  if (gdw_thread_start (&harvest->thread, "harvest", harvest_thread, harvest, error))
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
gdw_harvest_final (GdwHarvest *harvest)
{
  order (harvest, &harvest->final);
}

void
gdw_harvest_stop (GdwHarvest *harvest)
{
  order (harvest, &harvest->stop);
}
