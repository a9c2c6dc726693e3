/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>

#include "filters/rate-bucket.h"
#include "tests/support/suite.h"

static const guint64 rates[] = {
  1, 3, 49, 50, 51, 999, 4096, 1000000, 10485761, BUCKET_RATE_MAX
};

/* As rate-bucket.h says: rate x (t + 20000) / 1000000, and one. */
static gboolean
is_allowed (guint64 granted, guint64 rate, gint64 passed_us)
{
  return granted == 0 || (__uint128_t) (granted - 1) * 1000000 <=
                             (__uint128_t) rate * (guint64) (passed_us + 20000);
}

START_TEST (never_more_than_the_rate_and_always_some_after_the_wait)
{
  GRand *random = g_rand_new_with_seed ((guint32) _i);
  guint64 rate = rates[_i], granted = 0;
  gint64 start_us = 1234567, now_us = start_us, wait_us;
  Bucket bucket;

  bucket_init (&bucket, rate, now_us);
  for (guint i = 0; i < 20000; i++) {
    guint64 wanted = 1 + ((guint64) g_rand_int (random) << g_rand_int_range (random, 0, 31)) /
                             (1 + g_rand_int (random) % 100000);
    guint64 got = bucket_take (&bucket, now_us, wanted, &wait_us);

    ck_assert_uint_le (got, wanted);
    if (got == 0) {
      ck_assert_int_gt (wait_us, 0);
      ck_assert_int_le (wait_us, MAX (10000, 1000000 / (gint64) rate + 1));
      now_us += wait_us;
      got = bucket_take (&bucket, now_us, wanted, &wait_us);
      ck_assert_uint_gt (got, 0);
    }
    granted += got;
    ck_assert (is_allowed (granted, rate, now_us - start_us));
    if (g_rand_boolean (random))
      now_us += g_rand_int_range (random, 0, 30000);
  }
  g_rand_free (random);
}
END_TEST

START_TEST (who_always_waits_gets_the_whole_rate)
{
  guint64 rate = rates[_i], granted = 0;
  gint64 now_us = 0, wait_us;
  Bucket bucket;

  bucket_init (&bucket, rate, now_us);
  for (guint i = 0; i < 10000;) {
    guint64 got = bucket_take (&bucket, now_us, G_MAXUINT64 / 2, &wait_us);

    granted += got;
    if (got > 0)
      continue;
    /* Half a portion late each time, as a timer may be. */
    now_us += wait_us + MIN (wait_us, 5000);
    i++;
  }
  if (rate >= 100)
    ck_assert_uint_ge (granted, (guint64) ((double) rate * (double) now_us / 1e6));
  ck_assert (is_allowed (granted, rate, now_us));
}
END_TEST

START_TEST (a_pause_gives_what_flows_in_20_ms)
{
  gint64 wait_us;
  Bucket bucket;

  bucket_init (&bucket, rates[_i], 0);
  for (gint64 now_us = 0; now_us >= 0; now_us = now_us ? 8 * now_us + 20000 : 20000) {
    guint64 all = MAX (rates[_i] / 50, 1);

    ck_assert_uint_eq (bucket_take (&bucket, now_us, G_MAXUINT64 / 2, &wait_us), all);
    ck_assert_uint_eq (bucket_take (&bucket, now_us, 1, &wait_us), 0);
    if (rates[_i] < 50 || now_us > G_MAXINT64 / 10)
      break;
  }
  bucket_init (&bucket, rates[_i], 0);
  bucket_take (&bucket, 0, G_MAXUINT64 / 2, &wait_us);
  ck_assert_uint_eq (bucket_take (&bucket, G_MAXINT64, G_MAXUINT64 / 2, &wait_us),
                     MAX (rates[_i] / 50, 1));
}
END_TEST

START_TEST (a_rest_leaves_what_flows_in_2_ms)
{
  guint64 kept = MAX (rates[_i] / 500, 1);
  gint64 wait_us;
  Bucket bucket;

  bucket_init (&bucket, rates[_i], 0);
  bucket_rested (&bucket, 1000000);
  ck_assert_uint_eq (bucket_take (&bucket, 1000000, kept, &wait_us), kept);
  ck_assert_uint_eq (bucket_take (&bucket, 1000000, kept, &wait_us), 0);
  /* A writer gets what flows while it waits. */
  ck_assert_uint_eq (bucket_take (&bucket, 2000000, G_MAXUINT64 / 2, &wait_us),
                     MAX (rates[_i] / 50, 1));
}
END_TEST

START_TEST (what_is_given_back_can_be_taken_again)
{
  gint64 wait_us;
  Bucket bucket;

  bucket_init (&bucket, 50000, 0);
  ck_assert_uint_eq (bucket_take (&bucket, 0, 5000, &wait_us), 1000);
  bucket_give_back (&bucket, 999);
  ck_assert_uint_eq (bucket_take (&bucket, 0, 5000, &wait_us), 999);
  ck_assert_uint_eq (bucket_take (&bucket, 0, 5000, &wait_us), 0);
  ck_assert_int_eq (wait_us, 10000);
  ck_assert_uint_eq (bucket_take (&bucket, 0, 1, &wait_us), 0);
  ck_assert_int_eq (wait_us, 20);
}
END_TEST

START_TEST (a_clock_that_goes_back_gives_nothing)
{
  gint64 wait_us;
  Bucket bucket;

  bucket_init (&bucket, 1000000, 1000000);
  ck_assert_uint_eq (bucket_take (&bucket, 1000000, 20000, &wait_us), 20000);
  ck_assert_uint_eq (bucket_take (&bucket, 0, 1, &wait_us), 0);
  ck_assert_uint_eq (bucket_take (&bucket, 1000000, 1, &wait_us), 0);
  ck_assert_uint_eq (bucket_take (&bucket, 1000001, 1, &wait_us), 1);
}
END_TEST

int
main (void)
{
  TCase *bucket = tcase_create ("bucket");

  tcase_set_timeout (bucket, 30);
  tcase_add_loop_test (bucket, never_more_than_the_rate_and_always_some_after_the_wait, 0,
                       G_N_ELEMENTS (rates));
  tcase_add_loop_test (bucket, who_always_waits_gets_the_whole_rate, 0, G_N_ELEMENTS (rates));
  tcase_add_loop_test (bucket, a_pause_gives_what_flows_in_20_ms, 0, G_N_ELEMENTS (rates));
  tcase_add_loop_test (bucket, a_rest_leaves_what_flows_in_2_ms, 0, G_N_ELEMENTS (rates));
  tcase_add_test (bucket, what_is_given_back_can_be_taken_again);
  tcase_add_test (bucket, a_clock_that_goes_back_gives_nothing);
  return suite_run ("rate-bucket", bucket, NULL);
}
