/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/thread.h"

#include <time.h>

#include <godwit/error.h>

gboolean
gdw_thread_start (pthread_t *thread, const char *who, void *(*function) (void *data),
                  void *data, GError **error)
{
  int code = pthread_create (thread, NULL, function, data);

  if (code == 0)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_FAILED,
               "%s: a thread cannot be started: %s; raise the limit of threads", who,
               g_strerror (code));
  return FALSE;
}

void
gdw_cond_init (pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attr);
  pthread_condattr_destroy (&attr);
}

void
gdw_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us)
{
  struct timespec when = { until_us / G_USEC_PER_SEC, until_us % G_USEC_PER_SEC * 1000 };

  pthread_cond_timedwait (cond, lock, &when);
}
