/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "vcpu-threads.h"

#include <godwit/godwit.h>

#include <time.h>

typedef struct {
  Crew *crew;
  const CrewOps *ops;
  gpointer self;
  pthread_t thread;
  guint64 runs; /* the last run this member took part in */
} Member;

struct Crew {
  GPtrArray *members; /* set up before the first run */
  gint running;       /* atomic; changes under the lock */

  pthread_mutex_t lock; /* all below */
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
  Crew *crew = member->crew;

  pthread_mutex_lock (&crew->lock);
  for (;;) {
    void (*still) (gpointer) = NULL;
    gpointer still_data;

    while (member->runs == crew->runs && !crew->quit)
      pthread_cond_wait (&crew->wake, &crew->lock);
    if (member->runs == crew->runs)
      break;
    member->runs = crew->runs;
    if (crew_running (crew)) {
      member->ops->begin (member->self);
      pthread_mutex_unlock (&crew->lock);
      member->ops->run (member->self);
      pthread_mutex_lock (&crew->lock);
    }
    if (--crew->active == 0) {
      still = g_steal_pointer (&crew->still);
      still_data = crew->still_data;
      pthread_cond_broadcast (&crew->wake);
    }
    if (still) {
      pthread_mutex_unlock (&crew->lock);
      still (still_data);
      pthread_mutex_lock (&crew->lock);
    }
  }
  pthread_mutex_unlock (&crew->lock);
  return NULL;
}

Crew *
crew_new (void)
{
  Crew *crew = g_new0 (Crew, 1);
  pthread_condattr_t attr;

  crew->members = g_ptr_array_new ();
  pthread_mutex_init (&crew->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&crew->wake, &attr);
  pthread_condattr_destroy (&attr);
  return crew;
}

gboolean
crew_add (Crew *crew, const CrewOps *ops, gpointer self, const char *name, GError **error)
{
  Member *member = g_new0 (Member, 1);
  int err;

  *member = (Member){ .crew = crew, .ops = ops, .self = self };
  err = pthread_create (&member->thread, NULL, member_thread, member);
  if (err) {
    g_free (member);
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "thread '%s': cannot start: %s; allow more threads or use fewer vcpus", name,
                 g_strerror (err));
    return FALSE;
  }
  g_ptr_array_add (crew->members, member);
  pthread_setname_np (member->thread, name);
  return TRUE;
}

/* Lock held. */
static void
stop (Crew *crew)
{
  g_atomic_int_set (&crew->running, FALSE);
  for (guint i = 0; crew->active > 0 && i < crew->members->len; i++) {
    Member *member = crew->members->pdata[i];

    if (member->ops->kick)
      member->ops->kick (member->self, member->thread);
  }
  pthread_cond_broadcast (&crew->wake);
}

void
crew_free (Crew *crew)
{
  if (!crew)
    return;
  pthread_mutex_lock (&crew->lock);
  crew->quit = TRUE;
  stop (crew);
  pthread_mutex_unlock (&crew->lock);
  for (guint i = 0; i < crew->members->len; i++) {
    Member *member = crew->members->pdata[i];

    pthread_join (member->thread, NULL);
    g_free (member);
  }
  g_ptr_array_unref (crew->members);
  pthread_cond_destroy (&crew->wake);
  pthread_mutex_destroy (&crew->lock);
  g_free (crew);
}

void
crew_resume (Crew *crew)
{
  pthread_mutex_lock (&crew->lock);
  if (!crew_running (crew)) {
    while (crew->active) /* of a pause that is still under way */
      pthread_cond_wait (&crew->wake, &crew->lock);
    crew->runs++;
    crew->active = crew->members->len;
    g_atomic_int_set (&crew->running, TRUE);
    pthread_cond_broadcast (&crew->wake);
  }
  pthread_mutex_unlock (&crew->lock);
}

void
crew_pause (Crew *crew, void (*still) (gpointer), gpointer data)
{
  gboolean wait;

  pthread_mutex_lock (&crew->lock);
  wait = crew->active > 0;
  if (wait) {
    g_assert (!crew->still);
    crew->still = still;
    crew->still_data = data;
    stop (crew);
  }
  pthread_mutex_unlock (&crew->lock);
  if (!wait)
    still (data);
}

gboolean
crew_running (Crew *crew)
{
  return g_atomic_int_get (&crew->running);
}

void
crew_sleep (Crew *crew, guint64 ns, guint64 *pokes)
{
  struct timespec until;

  clock_gettime (CLOCK_MONOTONIC, &until);
  ns += until.tv_nsec;
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock (&crew->lock);
  while (crew_running (crew) && *pokes == crew->pokes)
    if (pthread_cond_timedwait (&crew->wake, &crew->lock, &until) != 0)
      break;
  *pokes = crew->pokes;
  pthread_mutex_unlock (&crew->lock);
}

void
crew_poke (Crew *crew)
{
  pthread_mutex_lock (&crew->lock);
  crew->pokes++;
  pthread_cond_broadcast (&crew->wake);
  pthread_mutex_unlock (&crew->lock);
}
