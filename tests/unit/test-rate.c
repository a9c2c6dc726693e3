/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/rate.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB G_GUINT64_CONSTANT (1048576)

typedef struct {
  GdwRate *rate;
  guint64 bytes;
  guint times;
  pid_t tid;
  gboolean passed;
  pthread_t thread;
} Taker;

static void *
take (void *data)
{
  Taker *taker = data;
  __atomic_store_n (&taker->tid, gettid (), __ATOMIC_RELEASE);
  taker->passed = TRUE;
  for (guint i = 0; i < taker->times && taker->passed; i++)
    taker->passed = gdw_rate_take (taker->rate, taker->bytes);
  return NULL;
}

static void
start (Taker *taker, GdwRate *rate, guint64 bytes, guint times)
{
  *taker = (Taker){ .rate = rate, .bytes = bytes, .times = times };
  ck_assert (pthread_create (&taker->thread, NULL, take, taker) == 0);
}

static gboolean
finish (Taker *taker)
{
  pthread_join (taker->thread, NULL);
  return taker->passed;
}

/* Until the kernel says that the thread is in a futex: it waits. */
static void
until_it_waits (Taker *taker)
{
  int number = -1;
  while (number != SYS_futex) {
    char path[64];
    pid_t tid = __atomic_load_n (&taker->tid, __ATOMIC_ACQUIRE);
    g_snprintf (path, sizeof path, "/proc/self/task/%d/syscall", tid);
    FILE *file = tid != 0 ? fopen (path, "re") : NULL;
    if (file != NULL) {
      if (fscanf (file, "%d", &number) != 1)
        number = -1; /* "running" */
      fclose (file);
    }
  }
}

/* In debt for 12 days. */
static GdwRate *
rate_in_debt (void)
{
  GdwRate *rate = gdw_rate_new (1);
  ck_assert (gdw_rate_take (rate, MIB));
  return rate;
}

START_TEST (unlimited_never_waits)
{
  GdwRate *rate = gdw_rate_new (0);
  for (int i = 0; i < 1000; i++)
    ck_assert (gdw_rate_take (rate, G_MAXUINT32));
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_frame_passes_at_the_slowest_rate)
{
  GdwRate *rate = rate_in_debt ();
  ck_assert_int_gt (gdw_rate_wait_us (rate), 900 * G_USEC_PER_SEC);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_higher_limit_lets_a_waiter_go)
{
  GdwRate *rate = rate_in_debt ();
  Taker taker;
  start (&taker, rate, 1, 1);
  until_it_waits (&taker);
  gdw_rate_set (rate, _i ? 0 : 1024 * MIB);
  ck_assert (finish (&taker));
  gdw_rate_free (rate);
}
END_TEST

START_TEST (open_lets_all_waiters_go_and_closing_limits_again)
{
  GdwRate *rate = rate_in_debt ();
  Taker takers[4];
  for (int i = 0; i < 4; i++)
    start (&takers[i], rate, MIB, 100);
  for (int i = 0; i < 4; i++)
    until_it_waits (&takers[i]);
  gdw_rate_open (rate, TRUE);
  for (int i = 0; i < 4; i++)
    ck_assert (finish (&takers[i]));
  gdw_rate_open (rate, FALSE);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0); /* what went meanwhile is no debt */
  ck_assert (gdw_rate_take (rate, MIB));
  ck_assert_int_gt (gdw_rate_wait_us (rate), 900 * G_USEC_PER_SEC);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_rate_set_while_open_counts_after)
{
  GdwRate *rate = gdw_rate_new (0);
  gdw_rate_open (rate, TRUE);
  gdw_rate_set (rate, 1);
  for (int i = 0; i < 10; i++)
    ck_assert (gdw_rate_take (rate, MIB));
  gdw_rate_open (rate, FALSE);
  ck_assert (gdw_rate_take (rate, MIB));
  ck_assert_int_gt (gdw_rate_wait_us (rate), 900 * G_USEC_PER_SEC);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (stop_ends_waiters_and_all_later)
{
  GdwRate *rate = rate_in_debt ();
  Taker takers[4];
  for (int i = 0; i < 4; i++)
    start (&takers[i], rate, 1, 1);
  for (int i = 0; i < 4; i++)
    until_it_waits (&takers[i]);
  gdw_rate_stop (rate);
  for (int i = 0; i < 4; i++)
    ck_assert (!finish (&takers[i]));
  gdw_rate_set (rate, 0);
  ck_assert (!gdw_rate_take (rate, 1));
  gdw_rate_free (rate);
}
END_TEST

/* Never faster than said: 32 frames of 1 MiB at 128 MiB/s, of which the burst of
 * 10 ms and the last one are not waited for. */
START_TEST (threads_together_keep_to_the_rate)
{
  GdwRate *rate = gdw_rate_new (128 * MIB);
  gint64 begin = g_get_monotonic_time ();
  Taker takers[4];
  for (int i = 0; i < 4; i++)
    start (&takers[i], rate, MIB, 8);
  for (int i = 0; i < 4; i++)
    ck_assert (finish (&takers[i]));
  gint64 us = g_get_monotonic_time () - begin;
  ck_assert_int_ge (us, (31 * 1000000 / 128) - 10000 - 100);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (idle_time_saves_no_more_than_10_ms)
{
  GdwRate *rate = gdw_rate_new (1024 * MIB);
  gint64 begin = g_get_monotonic_time ();
  while (g_get_monotonic_time () < begin + 20000)
    ;
  gdw_rate_set (rate, 1); /* what was saved until now stays, and hardly any comes */
  gdw_rate_spend (rate, 11 * MIB);
  ck_assert_int_gt (gdw_rate_wait_us (rate), 900 * G_USEC_PER_SEC / 2);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (spend_is_waited_for_by_all)
{
  GdwRate *rate = gdw_rate_new (1000);
  Taker taker;
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_spend (rate, 500 * 1000);
  gint64 us = gdw_rate_wait_us (rate);
  ck_assert_int_gt (us, 400 * G_USEC_PER_SEC);
  ck_assert_int_le (us, 500 * G_USEC_PER_SEC + 1);
  start (&taker, rate, 1, 1);
  until_it_waits (&taker);
  gdw_rate_stop (rate);
  ck_assert (!finish (&taker));
  gdw_rate_free (rate);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rate");
  TCase *tc = tcase_create ("rate");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, unlimited_never_waits);
  tcase_add_test (tc, a_frame_passes_at_the_slowest_rate);
  tcase_add_loop_test (tc, a_higher_limit_lets_a_waiter_go, 0, 2);
  tcase_add_test (tc, open_lets_all_waiters_go_and_closing_limits_again);
  tcase_add_test (tc, a_rate_set_while_open_counts_after);
  tcase_add_test (tc, stop_ends_waiters_and_all_later);
  tcase_add_test (tc, threads_together_keep_to_the_rate);
  tcase_add_test (tc, idle_time_saves_no_more_than_10_ms);
  tcase_add_test (tc, spend_is_waited_for_by_all);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  srunner_free (runner);
  return 0;
}
