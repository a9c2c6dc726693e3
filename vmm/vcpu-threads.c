/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "vcpu-threads.h"

#include <godwit/godwit.h>

#include <time.h>

typedef struct {
  VcpuThreads *threads;
  const VcpuThreadsOps *ops;
  gpointer self;
  pthread_t thread;
  guint64 runs; /* the last run this member took part in */
} Member;

struct VcpuThreads {
  GPtrArray *members; /* set before the first run */
  gint running;       /* atomic; changes under the lock */

  pthread_mutex_t lock; /* guards all fields below */
  pthread_cond_t wake;
  gboolean quit;
  guint64 runs; /* resumes so far: a member that slept through a short run still counts */
  guint64 pokes;
  guint active; /* members that have not come out of the present run */
  void (*still) (gpointer);
  gpointer still_data;
};

static gpointer
member_thread (gpointer data)
{
  Member *member = data;
  VcpuThreads *threads = member->threads;

  pthread_mutex_lock (&threads->lock);
  for (;;) {
    void (*still) (gpointer) = NULL;
    gpointer still_data;

    while (member->runs == threads->runs && !threads->quit)
      pthread_cond_wait (&threads->wake, &threads->lock);
    if (member->runs == threads->runs)
      break;
    member->runs = threads->runs;
    if (vcpu_threads_running (threads)) {
      member->ops->begin (member->self);
      pthread_mutex_unlock (&threads->lock);
      member->ops->run (member->self);
      pthread_mutex_lock (&threads->lock);
    }
    if (--threads->active == 0) {
      still = g_steal_pointer (&threads->still);
      still_data = threads->still_data;
      pthread_cond_broadcast (&threads->wake);
    }
    if (still) {
      pthread_mutex_unlock (&threads->lock);
      still (still_data);
      pthread_mutex_lock (&threads->lock);
    }
  }
  pthread_mutex_unlock (&threads->lock);
  return NULL;
}

VcpuThreads *
vcpu_threads_new (void)
{
  VcpuThreads *threads = g_new0 (VcpuThreads, 1);
  pthread_condattr_t attr;

  threads->members = g_ptr_array_new ();
  pthread_mutex_init (&threads->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&threads->wake, &attr);
  pthread_condattr_destroy (&attr);
  return threads;
}

gboolean
vcpu_threads_add (VcpuThreads *threads, const VcpuThreadsOps *ops, gpointer self,
                  const char *name, GError **error)
{
  Member *member = g_new0 (Member, 1);
  int err;

  *member = (Member){ .threads = threads, .ops = ops, .self = self };
  err = pthread_create (&member->thread, NULL, member_thread, member);
  if (err) {
    g_free (member);
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "thread '%s': cannot start: %s; allow more threads or use fewer vcpus", name,
                 g_strerror (err));
    return FALSE;
  }
  g_ptr_array_add (threads->members, member);
  pthread_setname_np (member->thread, name);
  return TRUE;
}

/* Under the lock. */
static void
stop (VcpuThreads *threads)
{
  g_atomic_int_set (&threads->running, FALSE);
  for (guint i = 0; threads->active > 0 && i < threads->members->len; i++) {
    Member *member = threads->members->pdata[i];

    if (member->ops->kick)
      member->ops->kick (member->self, member->thread);
  }
  pthread_cond_broadcast (&threads->wake);
}

void
vcpu_threads_free (VcpuThreads *threads)
{
  if (!threads)
    return;
  pthread_mutex_lock (&threads->lock);
  threads->quit = TRUE;
  stop (threads);
  pthread_mutex_unlock (&threads->lock);
  for (guint i = 0; i < threads->members->len; i++) {
    Member *member = threads->members->pdata[i];

    pthread_join (member->thread, NULL);
    g_free (member);
  }
  g_ptr_array_unref (threads->members);
  pthread_cond_destroy (&threads->wake);
  pthread_mutex_destroy (&threads->lock);
  g_free (threads);
}

void
vcpu_threads_resume (VcpuThreads *threads)
{
  pthread_mutex_lock (&threads->lock);
  if (!vcpu_threads_running (threads)) {
    while (threads->active) /* of a pause that is still under way */
      pthread_cond_wait (&threads->wake, &threads->lock);
    threads->runs++;
    threads->active = threads->members->len;
    g_atomic_int_set (&threads->running, TRUE);
    pthread_cond_broadcast (&threads->wake);
  }
  pthread_mutex_unlock (&threads->lock);
}

void
vcpu_threads_pause (VcpuThreads *threads, void (*still) (gpointer), gpointer data)
{
  gboolean wait;

  pthread_mutex_lock (&threads->lock);
  wait = threads->active > 0;
  if (wait) {
    g_assert (!threads->still);
    threads->still = still;
    threads->still_data = data;
    stop (threads);
  }
  pthread_mutex_unlock (&threads->lock);
  if (!wait)
    still (data);
}

gboolean
vcpu_threads_running (VcpuThreads *threads)
{
  return g_atomic_int_get (&threads->running);
}

void
vcpu_threads_sleep (VcpuThreads *threads, guint64 ns, guint64 *pokes)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  ns += until.tv_nsec;
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock (&threads->lock);
  while (vcpu_threads_running (threads) && *pokes == threads->pokes)
    if (pthread_cond_timedwait (&threads->wake, &threads->lock, &until) != 0)
      break;
  *pokes = threads->pokes;
  pthread_mutex_unlock (&threads->lock);
}

void
vcpu_threads_poke (VcpuThreads *threads)
{
  pthread_mutex_lock (&threads->lock);
  threads->pokes++;
  pthread_cond_broadcast (&threads->wake);
  pthread_mutex_unlock (&threads->lock);
}
