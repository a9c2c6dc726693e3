/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define LINKS 60

START_TEST (bytes_pass_unchanged)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (3000000, 1), 3000000);
  Pair pair;

  pair_with (&pair, _i, "|rate:bytes-per-second=40M");
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  pair_close (&pair);
}
END_TEST

START_TEST (a_write_waits_as_long_as_the_rate_says)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (200000, 1), 200000);
  gint64 start_us;
  Pair pair;

  pair_with (&pair, WRITES, "|rate:bytes-per-second=1000000");
  start_us = g_get_monotonic_time ();
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 200000 - 20000);
  pair_close (&pair);
}
END_TEST

START_TEST (a_read_is_not_limited)
{
  /* The other way round it would take a month. */
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (3000000, 1), 3000000);
  Pair pair;

  pair_with (&pair, READS, "|rate:bytes-per-second=1");
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  pair_close (&pair);
}
END_TEST

START_TEST (each_link_has_the_rate_for_itself)
{
  GdwLink *in[LINKS], *out[LINKS];
  gint64 start_us = g_get_monotonic_time ();
  guint8 byte;
  Pair pair;

  pair_with (&pair, WRITES, "|rate:bytes-per-second=1");
  for (guint i = 0; i < LINKS; i++) {
    pair_connect (&pair);
    in[i] = pair.in;
    out[i] = pair.out;
    ck_assert (write_bytes (out[i], "x", 1, NULL));
    ck_assert (read_bytes (in[i], &byte, 1, NULL));
  }
  /* One rate for all would need a minute. */
  ck_assert_int_lt (g_get_monotonic_time () - start_us, 30 * G_USEC_PER_SEC);
  for (guint i = 0; i < LINKS; i++) {
    gdw_link_close (in[i]);
    gdw_link_close (out[i]);
  }
  pair.in = pair.out = NULL;
  pair_close (&pair);
}
END_TEST

/* The other way round it would take a month. */
START_TEST (the_first_links_may_be_left_alone)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (3000000, 1), 3000000);
  GdwLink *in, *out;
  gint64 start_us;
  Pair pair;

  pair_with (&pair, WRITES,
             "|rate:bytes-per-second=1000000,skip=1|rate:bytes-per-second=1,skip=2");
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  in = pair.in;
  out = pair.out;
  start_us = g_get_monotonic_time ();
  pair_connect (&pair);
  g_byte_array_set_size (bytes, 200000);
  carry_unchanged (&pair, bytes);
  ck_assert_int_ge (g_get_monotonic_time () - start_us, 200000 - 20000);
  gdw_link_close (in);
  gdw_link_close (out);
  pair_close (&pair);
}
END_TEST

START_TEST (cancel_ends_a_write_that_waits)
{
  guint8 bytes[100] = { 0 };
  Pair pair;
  Job job = { .run = job_write,
              .bytes = bytes,
              .length = sizeof bytes,
              .cancellable = g_cancellable_new () };

  pair_with (&pair, WRITES, "|rate:bytes-per-second=1");
  pair_connect (&pair);
  job.link = pair.out;
  job_start (&job);
  job_cancel (&job);
  pair_close (&pair);
}
END_TEST

START_TEST (a_rate_of_0_is_refused)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!open_text (plugins, "unix:@x|rate:bytes-per-second=0", FALSE, &error));
  ck_assert_msg (strstr (error->message,
                         "filter 'rate': option 'bytes-per-second=0' failed: the value is "
                         "not accepted; give a number of bytes, optionally with K, M, G or T, "
                         "1 to 1099511627776"),
                 "%s", error->message);
  g_clear_error (&error);
  ck_assert (!open_text (plugins, "unix:@x|rate", FALSE, &error));
  ck_assert_msg (strstr (error->message, "filter 'rate': option 'bytes-per-second'"), "%s",
                 error->message);
  gdw_plugins_free (plugins);
}
END_TEST

int
main (void)
{
  TCase *rate = tcase_create ("rate");

  if (!suite_has ("filter-rate", "/proc/self/task"))
    return 0;
  tcase_set_timeout (rate, 60);
  tcase_add_loop_test (rate, bytes_pass_unchanged, 0, N_WAYS);
  tcase_add_test (rate, a_write_waits_as_long_as_the_rate_says);
  tcase_add_test (rate, a_read_is_not_limited);
  tcase_add_test (rate, each_link_has_the_rate_for_itself);
  tcase_add_test (rate, the_first_links_may_be_left_alone);
  tcase_add_test (rate, cancel_ends_a_write_that_waits);
  tcase_add_test (rate, a_rate_of_0_is_refused);
  return suite_run ("filter-rate", rate, NULL);
}
