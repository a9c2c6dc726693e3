/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* All vCPU threads run or stand still. */

#include "tests/support/suite.h"
#include "vmm/vcpu-threads.h"

#include <check.h>
#include <stdlib.h>

#define MEMBERS 3

typedef struct {
  VcpuThreads *threads;
  gboolean sleeper;
  gint steps; /* atomic */
  gint begins;
  guint64 pokes;
} Worker;

typedef struct {
  VcpuThreads *threads;
  Worker workers[MEMBERS];
  gint still; /* atomic: pauses answered */
} Fixture;

static void
begin (gpointer self)
{
  ((Worker *) self)->begins++;
}

static void
run (gpointer self)
{
  Worker *w = self;

  while (vcpu_threads_running (w->threads)) {
    g_atomic_int_inc (&w->steps);
    if (w->sleeper)
      vcpu_threads_sleep (w->threads, G_GUINT64_CONSTANT (3600000000000), &w->pokes);
  }
}

static const VcpuThreadsOps ops = { .begin = begin, .run = run };

static void
setup (Fixture *f, guint members)
{
  *f = (Fixture){ .threads = vcpu_threads_new () };
  for (guint i = 0; i < members; i++) {
    f->workers[i] = (Worker){ .threads = f->threads, .sleeper = i == 0 };
    ck_assert (vcpu_threads_add (f->threads, &ops, &f->workers[i], "worker", NULL));
  }
}

static void
on_still (gpointer data)
{
  g_atomic_int_inc (&((Fixture *) data)->still);
}

static void
wait_for (const gint *value, gint wanted)
{
  while (g_atomic_int_get (value) < wanted)
    g_thread_yield ();
}

static void
pause_now (Fixture *f)
{
  gint before = g_atomic_int_get (&f->still);

  vcpu_threads_pause (f->threads, on_still, f);
  wait_for (&f->still, before + 1);
}

START_TEST (it_runs_and_stands_still)
{
  Fixture f;
  gint steps;

  setup (&f, MEMBERS);
  ck_assert (!vcpu_threads_running (f.threads));
  for (gint round = 1; round <= 200; round++) {
    gint before[MEMBERS];

    for (guint i = 0; i < MEMBERS; i++)
      before[i] = f.workers[i].steps;
    vcpu_threads_resume (f.threads);
    for (guint i = 0; round % 2 && i < MEMBERS; i++) /* else perhaps paused before it began */
      wait_for (&f.workers[i].steps, before[i] + 1);
    pause_now (&f);
    ck_assert_int_eq (f.still, round);
    steps = f.workers[1].steps;
    g_thread_yield ();
    ck_assert_int_eq (f.workers[1].steps, steps);
  }
  vcpu_threads_free (f.threads);
}
END_TEST

START_TEST (a_pause_of_threads_at_rest_is_answered)
{
  Fixture f;

  setup (&f, _i ? MEMBERS : 0);
  vcpu_threads_pause (f.threads, on_still, &f);
  ck_assert_int_eq (f.still, 1);
  vcpu_threads_resume (f.threads);
  pause_now (&f);
  vcpu_threads_free (f.threads);
}
END_TEST

START_TEST (a_poke_wakes_and_is_not_missed)
{
  Fixture f;

  setup (&f, 1);
  vcpu_threads_resume (f.threads);
  for (gint i = 1; i <= 500; i++) {
    wait_for (&f.workers[0].steps, i);
    vcpu_threads_poke (f.threads);
  }
  vcpu_threads_free (f.threads); /* while it runs, or sleeps */
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("vcpu-threads");

  tcase_set_timeout (tests, 30);
  tcase_add_test (tests, it_runs_and_stands_still);
  tcase_add_loop_test (tests, a_pause_of_threads_at_rest_is_answered, 0, 2);
  tcase_add_test (tests, a_poke_wakes_and_is_not_missed);
  return suite_run ("vcpu-threads", tests, NULL);
}
