/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>

struct Watchdog {
  GThread *thread;
  guint patience_s;
  GMutex lock; /* of the rest */
  GCond changed;
  const char *callback;
  gint64 fed_us;
  gboolean quit;
};

static void
bark (const Watchdog *watchdog)
{
  fprintf (stderr,
           "godwit-conformance: callback '%s' has not returned for %u s; this "
           "process ends, see where its thread is\n",
           watchdog->callback, watchdog->patience_s);
  abort ();
}

static gpointer
watch (gpointer data)
{
  Watchdog *watchdog = data;

  g_mutex_lock (&watchdog->lock);
  while (!watchdog->quit) {
    gint64 end_us = watchdog->fed_us + watchdog->patience_s * G_USEC_PER_SEC;

    if (!watchdog->callback)
      g_cond_wait (&watchdog->changed, &watchdog->lock);
    else if (!g_cond_wait_until (&watchdog->changed, &watchdog->lock, end_us) &&
             watchdog->callback && g_get_monotonic_time () >= end_us)
      bark (watchdog);
  }
  g_mutex_unlock (&watchdog->lock);
  return NULL;
}

Watchdog *
watchdog_new (guint patience_s)
{
  Watchdog *watchdog = g_new0 (Watchdog, 1);

  watchdog->patience_s = patience_s;
  g_mutex_init (&watchdog->lock);
  g_cond_init (&watchdog->changed);
  watchdog->thread = g_thread_new ("watchdog", watch, watchdog);
  return watchdog;
}

void
watchdog_free (Watchdog *watchdog)
{
  g_mutex_lock (&watchdog->lock);
  watchdog->quit = TRUE;
  g_cond_signal (&watchdog->changed);
  g_mutex_unlock (&watchdog->lock);
  g_thread_join (watchdog->thread);
  g_mutex_clear (&watchdog->lock);
  g_cond_clear (&watchdog->changed);
  g_free (watchdog);
}

void
watchdog_feed (Watchdog *watchdog, const char *callback)
{
  g_mutex_lock (&watchdog->lock);
  watchdog->callback = callback;
  watchdog->fed_us = g_get_monotonic_time ();
  g_cond_signal (&watchdog->changed);
  g_mutex_unlock (&watchdog->lock);
}
