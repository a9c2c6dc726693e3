/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/base/thread.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <godwit/error.h>

struct GdwThreads {
  pthread_mutex_t lock;
  GArray *list; /* of GdwThreadInfo: the running threads */
};

typedef struct {
  GdwThreads *threads; /* or NULL */
  char *name;
  void *(*function) (void *data);
  void *data;
} Start;

static void
clear_info (gpointer data)
{
  g_free (((GdwThreadInfo *) data)->name);
}

static GArray *
new_list (void)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (GdwThreadInfo));

  g_array_set_clear_func (list, clear_info);
  return list;
}

GdwThreads *
gdw_threads_new (void)
{
  GdwThreads *threads = g_new (GdwThreads, 1);

  pthread_mutex_init (&threads->lock, NULL);
  threads->list = new_list ();
  return threads;
}

void
gdw_threads_free (GdwThreads *threads)
{
  g_array_unref (threads->list);
  pthread_mutex_destroy (&threads->lock);
  g_free (threads);
}

static void
append (GArray *list, const char *name, gint64 id)
{
  const GdwThreadInfo info = { g_strdup (name), id };

  g_array_append_val (list, info);
}

GArray *
gdw_threads_list (GdwThreads *threads)
{
  GArray *copy = new_list ();

  pthread_mutex_lock (&threads->lock);
  for (guint i = 0; i < threads->list->len; i++) {
    const GdwThreadInfo *info = &g_array_index (threads->list, GdwThreadInfo, i);

    append (copy, info->name, info->id);
  }
  pthread_mutex_unlock (&threads->lock);
  return copy;
}

static void
enter (GdwThreads *threads, const char *name)
{
  pthread_mutex_lock (&threads->lock);
  append (threads->list, name, gettid ());
  pthread_mutex_unlock (&threads->lock);
}

static void
leave (GdwThreads *threads)
{
  const gint64 id = gettid ();
  guint i = 0;

  pthread_mutex_lock (&threads->lock);
  while (g_array_index (threads->list, GdwThreadInfo, i).id != id)
    i++;
  g_array_remove_index (threads->list, i);
  pthread_mutex_unlock (&threads->lock);
}

static void
free_start (Start *start)
{
  g_free (start->name);
  g_free (start);
}

static void *
run (void *data)
{
  Start *start = data;
  char name[16];
  void *result;

  g_strlcpy (name, start->name, sizeof name);
  pthread_setname_np (pthread_self (), name);
  if (start->threads)
    enter (start->threads, start->name);
  result = start->function (start->data);
  if (start->threads)
    leave (start->threads);
  free_start (start);
  return result;
}

/* Signals belong to the threads of the VMM: its handlers never run on ours, and a signal that a
 * plugin's write raises ends nobody.  Faults cannot wait, so they are not blocked; neither is
 * SIGPROF, because profilers count all threads. */
static void
block_signals (sigset_t *before)
{
  static const int let_through[] = { SIGSEGV, SIGBUS, SIGFPE,  SIGILL,
                                     SIGTRAP, SIGSYS, SIGABRT, SIGPROF };
  sigset_t all;

  sigfillset (&all);
  for (guint i = 0; i < G_N_ELEMENTS (let_through); i++)
    sigdelset (&all, let_through[i]);
  pthread_sigmask (SIG_BLOCK, &all, before);
}

gboolean
gdw_thread_start (pthread_t *thread, GdwThreads *threads, const char *name,
                  void *(*function) (void *data), void *data, GError **error)
{
  Start *start = g_new (Start, 1);
  sigset_t before;
  int code;

  *start = (Start){ threads, g_strdup (name), function, data };
  block_signals (&before);
  code = pthread_create (thread, NULL, run, start);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (code == 0)
    return TRUE;
  free_start (start);
  g_set_error (error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
               "thread '%s': it cannot be started: %s; raise the limit of threads", name,
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
