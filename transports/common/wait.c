/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "wait.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  int wake;
  gint fired; /* atomic; the handler touches it first and last, so that ThreadSanitizer, which
                 cannot see into GCancellable, knows the order */
} Wait;

int
wait_open (void)
{
  return eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
}

/* A cancelled call writes a token and reads one, so that another call that waits on the same
 * descriptor loses nothing. */
static void
put_token (GCancellable *cancellable, gpointer data)
{
  Wait *wait = data;
  guint64 one = 1;

  g_atomic_int_get (&wait->fired);
  while (write (wait->wake, &one, sizeof one) < 0 && errno == EINTR)
    ;
  g_atomic_int_set (&wait->fired, TRUE);
}

static void
take_token (int wake)
{
  guint64 one;

  while (read (wake, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

static int
poll_until (GPollFD fds[2], int timeout_ms, GCancellable *cancellable)
{
  gint64 end = g_get_monotonic_time () + timeout_ms * (gint64) 1000;

  for (;;) {
    int left = timeout_ms < 0 ? -1
                              : (int) MAX (0, (end - g_get_monotonic_time () + 999) / 1000);

    if (g_cancellable_is_cancelled (cancellable))
      return ECANCELED;
    if (g_poll (fds, 2, left) < 0) {
      if (errno != EINTR)
        return errno;
    } else if (fds[0].revents != 0) {
      return 0;
    } else if (timeout_ms >= 0 && g_get_monotonic_time () >= end) {
      return ETIMEDOUT;
    }
  }
}

int
wait_for (int wake, int fd, short events, int timeout_ms, GCancellable *cancellable)
{
  GPollFD fds[2] = { { .fd = fd, .events = (gushort) events },
                     { .fd = wake, .events = G_IO_IN } };
  Wait wait = { .wake = wake };
  gulong handler = 0;
  int result;

  g_atomic_int_set (&wait.fired, FALSE);
  if (cancellable)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (put_token), &wait, NULL);
  result = poll_until (fds, timeout_ms, cancellable);
  g_cancellable_disconnect (cancellable, handler);
  if (g_atomic_int_get (&wait.fired))
    take_token (wake);
  return result;
}

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t woken;
  gboolean fired; /* under lock */
} Sleep;

static void
end_sleep (GCancellable *cancellable, gpointer data)
{
  Sleep *sleep = data;

  pthread_mutex_lock (&sleep->lock);
  sleep->fired = TRUE;
  pthread_cond_signal (&sleep->woken);
  pthread_mutex_unlock (&sleep->lock);
}

static void
sleep_init (Sleep *sleep)
{
  pthread_condattr_t attr;

  pthread_mutex_init (&sleep->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&sleep->woken, &attr);
  pthread_condattr_destroy (&attr);
  pthread_mutex_lock (&sleep->lock);
  sleep->fired = FALSE;
  pthread_mutex_unlock (&sleep->lock);
}

int
wait_sleep (int ms, GCancellable *cancellable)
{
  gint64 until = g_get_monotonic_time () + ms * (gint64) 1000;
  struct timespec when = { until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };
  Sleep sleep;
  gulong handler = 0;
  int result = 0;

  sleep_init (&sleep);
  if (cancellable)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (end_sleep), &sleep, NULL);
  pthread_mutex_lock (&sleep.lock);
  while (!sleep.fired && result == 0)
    result = ms < 0 ? pthread_cond_wait (&sleep.woken, &sleep.lock)
                    : pthread_cond_timedwait (&sleep.woken, &sleep.lock, &when);
  pthread_mutex_unlock (&sleep.lock);
  g_cancellable_disconnect (cancellable, handler);
  /* The handler has left the lock; ThreadSanitizer cannot see that in disconnect. */
  pthread_mutex_lock (&sleep.lock);
  result = sleep.fired ? ECANCELED : result == ETIMEDOUT ? 0 : result;
  pthread_mutex_unlock (&sleep.lock);
  pthread_cond_destroy (&sleep.woken);
  pthread_mutex_destroy (&sleep.lock);
  return result;
}
