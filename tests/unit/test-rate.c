/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/rate.h"
#include "tests/support/suite.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#define MIB G_GUINT64_CONSTANT (1048576)
#define LONG_US (900 * G_USEC_PER_SEC)

/* In debt for 12 days. */
static GdwRate *
rate_in_debt (void)
{
  GdwRate *rate = gdw_rate_new (1);

  gdw_rate_spend (rate, MIB);
  ck_assert_int_gt (gdw_rate_wait_us (rate), LONG_US);
  return rate;
}

START_TEST (unlimited_never_waits)
{
  GdwRate *rate = gdw_rate_new (0);

  for (int i = 0; i < 1000; i++)
    gdw_rate_spend (rate, G_MAXUINT32);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_frame_passes_at_the_slowest_rate)
{
  GdwRate *rate = gdw_rate_new (1);

  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (debt_is_waited_for)
{
  GdwRate *rate = gdw_rate_new (1000);
  gint64 us;

  gdw_rate_spend (rate, 500 * 1000);
  us = gdw_rate_wait_us (rate);
  ck_assert_int_gt (us, 400 * G_USEC_PER_SEC);
  ck_assert_int_le (us, 500 * G_USEC_PER_SEC + 1);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_higher_limit_shortens_the_wait)
{
  GdwRate *rate = rate_in_debt ();

  gdw_rate_set (rate, MIB);
  ck_assert_int_le (gdw_rate_wait_us (rate), G_USEC_PER_SEC + 1);
  gdw_rate_set (rate, 0);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (open_forgives_the_debt_and_closing_limits_again)
{
  GdwRate *rate = rate_in_debt ();

  gdw_rate_open (rate, TRUE);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_spend (rate, 100 * MIB);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0);
  gdw_rate_open (rate, FALSE);
  ck_assert_int_eq (gdw_rate_wait_us (rate), 0); /* what went meanwhile is no debt */
  gdw_rate_spend (rate, MIB);
  ck_assert_int_gt (gdw_rate_wait_us (rate), LONG_US);
  gdw_rate_free (rate);
}
END_TEST

START_TEST (a_rate_set_while_open_counts_after)
{
  GdwRate *rate = gdw_rate_new (0);

  gdw_rate_open (rate, TRUE);
  gdw_rate_set (rate, 1);
  gdw_rate_spend (rate, 10 * MIB);
  gdw_rate_open (rate, FALSE);
  gdw_rate_spend (rate, MIB);
  ck_assert_int_gt (gdw_rate_wait_us (rate), LONG_US);
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
  ck_assert_int_gt (gdw_rate_wait_us (rate), LONG_US / 2);
  gdw_rate_free (rate);
}
END_TEST

static void *
spend_often (void *rate)
{
  for (int i = 0; i < 10000; i++)
    gdw_rate_spend (rate, 100);
  return NULL;
}

START_TEST (threads_share_one_debt)
{
  GdwRate *rate = gdw_rate_new (10000);
  pthread_t threads[4];
  gint64 us;

  for (int i = 0; i < 4; i++)
    ck_assert (pthread_create (&threads[i], NULL, spend_often, rate) == 0);
  for (int i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  us = gdw_rate_wait_us (rate);
  ck_assert_int_gt (us, 300 * G_USEC_PER_SEC);
  ck_assert_int_le (us, 400 * G_USEC_PER_SEC + 1);
  gdw_rate_free (rate);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("rate");

  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, unlimited_never_waits);
  tcase_add_test (tc, a_frame_passes_at_the_slowest_rate);
  tcase_add_test (tc, debt_is_waited_for);
  tcase_add_test (tc, a_higher_limit_shortens_the_wait);
  tcase_add_test (tc, open_forgives_the_debt_and_closing_limits_again);
  tcase_add_test (tc, a_rate_set_while_open_counts_after);
  tcase_add_test (tc, idle_time_saves_no_more_than_10_ms);
  tcase_add_test (tc, threads_share_one_debt);
  return suite_run ("rate", tc, NULL);
}
