/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define MIB ((gsize) 1 << 20)

static const char *const delays[] = { "|delay:ms=20", "|delay:ms=0", "|delay:ms=1|delay:ms=2" };

START_TEST (a_delay_keeps_bytes_and_order_both_ways)
{
  g_autofree guint8 *there = some_bytes (100 * MIB, 1), *back = some_bytes (8 * MIB, 2);
  g_autofree guint8 *got_there = g_malloc0 (100 * MIB), *got_back = g_malloc0 (8 * MIB);
  Pair pair;
  Job jobs[] = {
    { .run = job_write, .bytes = there, .length = 100 * MIB, .seed = 1 },
    { .run = job_read, .bytes = got_there, .length = 100 * MIB, .seed = 2 },
    { .run = job_write, .bytes = back, .length = 8 * MIB, .seed = 3 },
    { .run = job_read, .bytes = got_back, .length = 8 * MIB, .seed = 4 },
  };

  pair_with (&pair, _i % N_WAYS, delays[_i / N_WAYS]);
  pair_connect (&pair);
  for (guint i = 0; i < 4; i++) {
    jobs[i].link = i == 0 || i == 3 ? pair.out : pair.in;
    job_start (&jobs[i]);
  }
  for (guint i = 0; i < 4; i++)
    ck_assert (job_finish (&jobs[i]));
  ck_assert (memcmp (there, got_there, 100 * MIB) == 0);
  ck_assert (memcmp (back, got_back, 8 * MIB) == 0);
  pair_close (&pair);
}
END_TEST

START_TEST (a_delay_is_added_to_each_direction)
{
  gint64 start;
  guint8 byte;
  Pair pair;

  pair_with (&pair, _i, "|delay:ms=20");
  pair_connect (&pair);
  for (guint i = 0; i < 3; i++) {
    start = g_get_monotonic_time ();
    ck_assert (write_bytes (pair.out, "x", 1, NULL));
    ck_assert (read_bytes (pair.in, &byte, 1, NULL));
    ck_assert_int_ge (g_get_monotonic_time () - start, 20000);
    ck_assert (write_bytes (pair.in, "x", 1, NULL));
    ck_assert (read_bytes (pair.out, &byte, 1, NULL));
    ck_assert_int_ge (g_get_monotonic_time () - start, 40000);
  }
  pair_close (&pair);
}
END_TEST

START_TEST (each_byte_is_delayed_for_itself)
{
  gint64 first, second;
  guint8 bytes[2];
  Pair pair;

  pair_with (&pair, _i, "|delay:ms=20");
  pair_connect (&pair);
  first = g_get_monotonic_time ();
  ck_assert (write_bytes (pair.out, "x", 1, NULL));
  do
    second = g_get_monotonic_time ();
  while (second < first + 10000);
  ck_assert (write_bytes (pair.out, "y", 1, NULL));
  ck_assert (read_bytes (pair.in, bytes, 2, NULL));
  ck_assert_int_ge (g_get_monotonic_time () - second, 20000);
  pair_close (&pair);
}
END_TEST

START_TEST (an_end_comes_after_what_is_delayed)
{
  g_autofree guint8 *sent = some_bytes (20 * MIB, 1), *got = g_malloc0 (20 * MIB);
  Pair pair;
  Job job = { .run = job_read, .bytes = got, .length = 20 * MIB };

  pair_with (&pair, _i % N_WAYS, "|delay:ms=5");
  pair_connect (&pair);
  job.link = pair.in;
  job_start (&job);
  ck_assert (write_bytes (pair.out, sent, 20 * MIB, NULL));
  if (_i / N_WAYS == 0)
    gdw_link_shutdown (pair.out);
  else
    gdw_link_close (g_steal_pointer (&pair.out));
  ck_assert (job_finish (&job));
  ck_assert (memcmp (sent, got, 20 * MIB) == 0);
  expect_closed (pair.in);
  pair_close (&pair);
}
END_TEST

START_TEST (cancel_ends_a_delayed_read)
{
  guint8 byte;
  Pair pair;
  Job job = {
    .run = job_read, .bytes = &byte, .length = 1, .cancellable = g_cancellable_new ()
  };

  pair_with (&pair, WRITES, "|delay:ms=10000");
  pair_connect (&pair);
  ck_assert (write_bytes (pair.in, "x", 1, NULL));
  job.link = pair.out;
  job_start (&job);
  job_cancel (&job);
  pair_close (&pair);
}
END_TEST

START_TEST (a_full_queue_makes_the_writer_wait_until_cancelled)
{
  g_autofree guint8 *bytes = some_bytes (80 * MIB, 1);
  Pair pair;
  Job job = {
    .run = job_write, .bytes = bytes, .length = 80 * MIB, .cancellable = g_cancellable_new ()
  };

  pair_with (&pair, WRITES, "|delay:ms=1");
  pair_connect (&pair);
  job.link = pair.out;
  job_start (&job);
  job_cancel (&job);
  /* The peer does not read: the close gives up what is queued. */
  gdw_link_close (g_steal_pointer (&pair.out));
  pair_close (&pair);
}
END_TEST

START_TEST (an_error_behind_a_delay_is_told_by_a_later_call)
{
  g_autofree guint8 *bytes = some_bytes (MIB, 1);
  g_autoptr (GError) error = NULL;
  Pair pair;

  pair_with (&pair, WRITES, "|delay:ms=1");
  pair_connect (&pair);
  gdw_link_close (g_steal_pointer (&pair.in));
  while (write_bytes (pair.out, bytes, MIB, &error))
    ;
  ck_assert_msg (strstr (error->message, "transport 'unix': write to '"), "%s", error->message);
  g_clear_error (&error);
  ck_assert (!write_bytes (pair.out, bytes, 1, &error));
  expect_closed (pair.out);
  pair_close (&pair);
}
END_TEST

static guint
count_threads (void)
{
  DIR *dir = opendir ("/proc/self/task");
  guint n = 0;

  while (readdir (dir))
    n++;
  closedir (dir);
  return n;
}

static void
one_life (const char *filters)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new_take (some_bytes (100000, 1), 100000);
  Pair pair;

  pair_with (&pair, WRITES, filters);
  pair_connect (&pair);
  carry_unchanged (&pair, bytes);
  pair_close (&pair);
}

START_TEST (no_fd_and_no_thread_is_left)
{
  guint fds, threads;

  one_life ("|delay:ms=1|fault:at=MEM,kind=reset"); /* what GLib keeps for good is there now */
  fds = count_fds ();
  threads = count_threads ();
  for (guint i = 0; i < 20; i++)
    one_life ("|delay:ms=1|fault:at=MEM,kind=reset");
  ck_assert_uint_eq (count_fds (), fds);
  ck_assert_uint_eq (count_threads (), threads);
}
END_TEST

int
main (void)
{
  TCase *delay = tcase_create ("delay");

  if (!suite_has ("delay", "/proc/self/task"))
    return 0;
  tcase_set_timeout (delay, 30);
  tcase_add_loop_test (delay, a_delay_keeps_bytes_and_order_both_ways, 0,
                       N_WAYS * G_N_ELEMENTS (delays));
  tcase_add_loop_test (delay, a_delay_is_added_to_each_direction, 0, N_WAYS);
  tcase_add_loop_test (delay, each_byte_is_delayed_for_itself, 0, N_WAYS);
  tcase_add_loop_test (delay, an_end_comes_after_what_is_delayed, 0, 2 * N_WAYS);
  tcase_add_test (delay, cancel_ends_a_delayed_read);
  tcase_add_test (delay, a_full_queue_makes_the_writer_wait_until_cancelled);
  tcase_add_test (delay, an_error_behind_a_delay_is_told_by_a_later_call);
  tcase_add_test (delay, no_fd_and_no_thread_is_left);
  return suite_run ("delay", delay, NULL);
}
