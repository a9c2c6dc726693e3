/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>

struct Watchdog {
  GThread *thread;
  GMutex lock; /* of the rest */
  GCond changed;
  const char *test;
  gint64 end_us;
  gboolean quit;
};

static void
bark (const char *test)
{
  fprintf (
      stderr,
      "godwit-conformance: test '%s' is stuck in a callback of the host, which must return "
      "at once; this process ends, see where its thread is\n",
      test);
  abort ();
}

static gpointer
watch (gpointer data)
{
  Watchdog *watchdog = data;

  g_mutex_lock (&watchdog->lock);
  while (!watchdog->quit)
    if (!watchdog->test)
      g_cond_wait (&watchdog->changed, &watchdog->lock);
    else if (!g_cond_wait_until (&watchdog->changed, &watchdog->lock, watchdog->end_us) &&
             g_get_monotonic_time () >= watchdog->end_us)
      bark (watchdog->test);
  g_mutex_unlock (&watchdog->lock);
  return NULL;
}

Watchdog *
watchdog_new (void)
{
  Watchdog *watchdog = g_new0 (Watchdog, 1);

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
watchdog_set (Watchdog *watchdog, const char *test, gint64 end_us)
{
  g_mutex_lock (&watchdog->lock);
  watchdog->test = test;
  watchdog->end_us = end_us;
  g_cond_signal (&watchdog->changed);
  g_mutex_unlock (&watchdog->lock);
}
