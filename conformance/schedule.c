/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "schedule.h"

#define ACTORS_MAX 16
#define BLOCKED_AFTER_MS 20

/* READY waits for its turn; LOST is still running or woke too late, and another has the
 * turn. */
typedef enum { OUTSIDE, READY, RUNNING, LOST, GONE } State;

struct Schedule {
  GMutex lock;
  GCond changed[ACTORS_MAX];
  State states[ACTORS_MAX];
  gpointer threads[ACTORS_MAX]; /* atomic */
  guint n, entered;
  guint64 random; /* the state of the generator */
  guint64 turns;
};

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014. */
static guint64
next_random (guint64 *state)
{
  guint64 z = *state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

Schedule *
schedule_new (guint64 seed, guint n)
{
  Schedule *s = g_new0 (Schedule, 1);

  g_assert (n <= ACTORS_MAX);
  g_mutex_init (&s->lock);
  for (guint i = 0; i < n; i++)
    g_cond_init (&s->changed[i]);
  s->n = n;
  s->random = seed;
  return s;
}

void
schedule_free (Schedule *s)
{
  for (guint i = 0; i < s->n; i++)
    g_cond_clear (&s->changed[i]);
  g_mutex_clear (&s->lock);
  g_free (s);
}

int
schedule_actor (Schedule *s)
{
  for (guint i = 0; s && i < s->n; i++)
    if (g_atomic_pointer_get (&s->threads[i]) == g_thread_self ())
      return (int) i;
  return -1;
}

/* Returns a number below @n; only for the running thread. */
static guint64
random_below (Schedule *s, guint64 n)
{
  return next_random (&s->random) % n;
}

/* Gives the turn to one of the ready threads; locked. */
static void
choose (Schedule *s)
{
  guint ready[ACTORS_MAX], n = 0;

  s->turns++;
  for (guint i = 0; i < s->n; i++)
    if (s->states[i] == READY)
      ready[n++] = i;
  if (n == 0 || s->entered < s->n)
    return;
  n = ready[random_below (s, n)];
  s->states[n] = RUNNING;
  g_cond_signal (&s->changed[n]);
}

static gboolean
somebody_runs (const Schedule *s)
{
  for (guint i = 0; i < s->n; i++)
    if (s->states[i] == RUNNING)
      return TRUE;
  return FALSE;
}

/* The running thread has not reached a point for too long. */
static void
pass_over (Schedule *s)
{
  for (guint i = 0; i < s->n; i++)
    if (s->states[i] == RUNNING)
      s->states[i] = LOST;
  choose (s);
}

static void
stand_ready (Schedule *s, guint self)
{
  s->states[self] = READY;
  if (!somebody_runs (s))
    choose (s);
}

static void
await_turn (Schedule *s, guint self)
{
  stand_ready (s, self);
  while (s->states[self] != RUNNING) {
    guint64 before = s->turns;
    gint64 until = g_get_monotonic_time () + BLOCKED_AFTER_MS * 1000;

    if (!g_cond_wait_until (&s->changed[self], &s->lock, until) && s->turns == before &&
        s->entered == s->n)
      pass_over (s);
    /* The thread had the turn, and woke too late for it. */
    if (s->states[self] == LOST)
      stand_ready (s, self);
  }
}

void
schedule_enter (Schedule *s, guint actor)
{
  if (!s)
    return;
  g_mutex_lock (&s->lock);
  g_atomic_pointer_set (&s->threads[actor], g_thread_self ());
  s->entered++;
  await_turn (s, actor);
  g_mutex_unlock (&s->lock);
}

void
schedule_point (Schedule *s)
{
  int self = schedule_actor (s);

  if (self < 0)
    return;
  g_mutex_lock (&s->lock);
  if (s->states[self] != RUNNING || random_below (s, 2))
    await_turn (s, (guint) self);
  g_mutex_unlock (&s->lock);
}

void
schedule_leave (Schedule *s)
{
  int self = schedule_actor (s);

  if (self < 0)
    return;
  g_mutex_lock (&s->lock);
  g_atomic_pointer_set (&s->threads[self], NULL);
  s->states[self] = GONE;
  if (!somebody_runs (s))
    choose (s);
  g_mutex_unlock (&s->lock);
}
