/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define MIB ((gsize) 1 << 20)

static char *folder; /* of each test, in its own process */

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("godwit-XXXXXX", NULL);
  ck_assert (folder != NULL);
}

static void
remove_folder (void)
{
  ck_assert_msg (rmdir (folder) == 0, "%s: %s", folder, g_strerror (errno));
  g_free (folder);
}

typedef enum { UNIX, ABSTRACT, TCP, MULTI_TCP, TCP6, N_KINDS } Kind;

static char *
uri_of (Kind kind)
{
  switch (kind) {
  case UNIX:
    return g_strdup_printf ("unix:%s/s", folder);
  case ABSTRACT:
    return g_strdup_printf ("unix:@godwit-test-%d", getpid ());
  case TCP:
    return g_strdup ("tcp:127.0.0.1:0");
  case MULTI_TCP:
    return g_strdup ("multi-tcp:127.0.0.1:0");
  default:
    return g_strdup ("tcp:[::1]:0");
  }
}

static gboolean
has_ipv6 (void)
{
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
  int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean ok = fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0;

  if (fd >= 0)
    close (fd);
  return ok;
}

static void
listen_at (Pair *pair, int kind)
{
  g_autofree char *uri = uri_of ((Kind) kind);

  pair_listen (pair, uri, "", "");
}

static void
link_at (Pair *pair, int kind)
{
  listen_at (pair, kind);
  pair_connect (pair);
}

START_TEST (bytes_arrive_whole_and_in_order_both_ways_at_once)
{
  const gsize sizes[] = { 0, 1, 4095, 4096, MIB + 7, 64 * MIB };
  Pair pair;

  link_at (&pair, _i);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gsize n = sizes[i];
    g_autofree guint8 *there = some_bytes (n, i), *back = some_bytes (n, i + 100);
    g_autofree guint8 *got_there = g_malloc0 (n + 1), *got_back = g_malloc0 (n + 1);
    Job jobs[] = {
      { .run = job_write, .link = pair.out, .bytes = there, .length = n, .seed = i + 1 },
      { .run = job_read, .link = pair.in, .bytes = got_there, .length = n, .seed = i + 10 },
      { .run = job_write, .link = pair.in, .bytes = back, .length = n, .seed = i + 20 },
      { .run = job_read, .link = pair.out, .bytes = got_back, .length = n, .seed = i + 30 },
    };

    for (guint j = 0; j < 4; j++)
      job_start (&jobs[j]);
    for (guint j = 0; j < 4; j++)
      ck_assert (job_finish (&jobs[j]));
    ck_assert (memcmp (there, got_there, n) == 0);
    ck_assert (memcmp (back, got_back, n) == 0);
  }
  pair_close (&pair);
}
END_TEST

START_TEST (received_bytes_are_counted)
{
  Pair pair;
  gint64 us = -1;
  guint8 bytes[5] = "four";

  link_at (&pair, _i);
  ck_assert_uint_eq (gdw_link_received (pair.in, &us), 0);
  ck_assert (us == 0);
  ck_assert (write_bytes (pair.out, bytes, 5, NULL));
  ck_assert (read_bytes (pair.in, bytes, 5, NULL));
  ck_assert_uint_eq (gdw_link_received (pair.in, &us), 5);
  ck_assert (us > 0 && us <= g_get_monotonic_time ());
  pair_close (&pair);
}
END_TEST

START_TEST (after_shutdown_the_peer_reads_what_is_left_and_answers)
{
  Pair pair;
  char text[8] = "";

  link_at (&pair, _i);
  ck_assert (write_bytes (pair.out, "last", 4, NULL));
  gdw_link_shutdown (pair.out);
  ck_assert (read_bytes (pair.in, text, 4, NULL));
  ck_assert_str_eq (text, "last");
  expect_closed (pair.in);
  ck_assert (write_bytes (pair.in, "answer", 6, NULL));
  ck_assert (read_bytes (pair.out, text, 6, NULL));
  ck_assert_str_eq (text, "answer");
  pair_close (&pair);
}
END_TEST

START_TEST (an_end_in_the_middle_of_a_message_is_an_error)
{
  Pair pair;
  g_autoptr (GError) error = NULL;
  char text[8];

  link_at (&pair, _i);
  ck_assert (write_bytes (pair.out, "half", 4, NULL));
  gdw_link_close (g_steal_pointer (&pair.out));
  ck_assert (!read_bytes (pair.in, text, 8, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_IO));
  ck_assert (strstr (error->message, "in the middle"));
  pair_close (&pair);
}
END_TEST

START_TEST (a_blocked_reader_sees_the_peer_die)
{
  Pair pair;
  guint8 byte;
  Job job = { .run = job_read, .bytes = &byte, .length = 1 };

  link_at (&pair, _i);
  job.link = pair.in;
  job_start (&job);
  job_until_it_waits (&job);
  gdw_link_close (g_steal_pointer (&pair.out));
  ck_assert (!job_finish (&job));
  ck_assert (g_error_matches (job.error, G_IO_ERROR, G_IO_ERROR_CLOSED));
  g_clear_error (&job.error);
  pair_close (&pair);
}
END_TEST

START_TEST (a_blocked_writer_sees_the_peer_die)
{
  Pair pair;
  g_autofree guint8 *bytes = some_bytes (64 * MIB, 1);
  Job job = { .run = job_write, .bytes = bytes, .length = 64 * MIB };

  link_at (&pair, _i);
  job.link = pair.out;
  job_start (&job);
  job_until_it_waits (&job);
  gdw_link_close (g_steal_pointer (&pair.in));
  ck_assert (!job_finish (&job));
  ck_assert (g_error_matches (job.error, GDW_ERROR, GDW_ERROR_IO));
  ck_assert (strstr (job.error->message, "write to '"));
  g_clear_error (&job.error);
  pair_close (&pair);
}
END_TEST

START_TEST (cancel_ends_a_blocked_accept)
{
  Pair pair;
  Job job = { .run = job_accept, .cancellable = g_cancellable_new () };

  listen_at (&pair, _i);
  job.stack = pair.listening;
  job_start (&job);
  job_cancel (&job);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (cancel_ends_a_blocked_read_and_leaves_the_link_usable)
{
  Pair pair;
  guint8 byte = 0;
  Job job = {
    .run = job_read, .bytes = &byte, .length = 1, .cancellable = g_cancellable_new ()
  };

  link_at (&pair, _i);
  job.link = pair.in;
  job_start (&job);
  job_cancel (&job);
  ck_assert (write_bytes (pair.out, "x", 1, NULL));
  ck_assert (read_bytes (pair.in, &byte, 1, NULL));
  ck_assert_int_eq (byte, 'x');
  pair_close (&pair);
}
END_TEST

START_TEST (cancel_ends_a_blocked_write)
{
  Pair pair;
  g_autofree guint8 *bytes = some_bytes (64 * MIB, 1);
  Job job = {
    .run = job_write, .bytes = bytes, .length = 64 * MIB, .cancellable = g_cancellable_new ()
  };

  link_at (&pair, _i);
  job.link = pair.out;
  job_start (&job);
  job_cancel (&job);
  pair_close (&pair);
}
END_TEST

/* A listener whose queue is full, so that a connect waits. */
typedef struct {
  int listener, waiting[8];
  char *uri;
} Full;

static void
full_open (Full *full, gboolean tcp)
{
  struct sockaddr_in in = { .sin_family = AF_INET,
                            .sin_addr = { .s_addr = htonl (INADDR_LOOPBACK) } };
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  struct sockaddr *address = tcp ? (struct sockaddr *) &in : (struct sockaddr *) &un;
  socklen_t length = tcp ? sizeof in : sizeof un;

  g_snprintf (un.sun_path, sizeof un.sun_path, "%s/full", folder);
  full->listener = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert (bind (full->listener, address, length) == 0);
  ck_assert (listen (full->listener, 0) == 0);
  ck_assert (!tcp || getsockname (full->listener, address, &length) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (full->waiting); i++) {
    full->waiting[i] = socket (address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                               0);
    /* Some connect, the others find no place. */
    (void) !connect (full->waiting[i], address, length);
  }
  full->uri = tcp ? g_strdup_printf ("tcp:127.0.0.1:%u", ntohs (in.sin_port))
                  : g_strdup_printf ("unix:%s", un.sun_path);
}

static void
full_close (Full *full)
{
  g_autofree char *path = g_build_filename (folder, "full", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (full->waiting); i++)
    close (full->waiting[i]);
  close (full->listener);
  unlink (path);
  g_free (full->uri);
}

START_TEST (cancel_ends_a_blocked_connect)
{
  Full full;
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  Job job = { .run = job_connect, .cancellable = g_cancellable_new () };

  full_open (&full, _i != 0);
  job.stack = must_open (plugins, full.uri);
  job_start (&job);
  job_cancel (&job);
  gdw_stack_close (job.stack);
  gdw_plugins_free (plugins);
  full_close (&full);
}
END_TEST

START_TEST (what_is_cancelled_before_does_not_begin)
{
  Pair pair;
  guint8 byte = 0;
  struct iovec iov = { &byte, 1 };
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  g_cancellable_cancel (cancelled);
  link_at (&pair, _i);
  ck_assert (!gdw_stack_connect (pair.connecting, cancelled, NULL));
  ck_assert (!gdw_stack_accept (pair.listening, cancelled, NULL));
  ck_assert (!gdw_link_write (pair.out, &iov, 1, cancelled, NULL));
  ck_assert (write_bytes (pair.out, "x", 1, NULL));
  iov = (struct iovec){ &byte, 1 };
  ck_assert (!gdw_link_read (pair.in, &iov, 1, cancelled, NULL));
  ck_assert (read_bytes (pair.in, &byte, 1, NULL));
  pair_close (&pair);
}
END_TEST

static const struct {
  const char *uri, *message;
} bad_addresses[] = {
  { "tcp", "address 'tcp': parse failed: there is no ':'" },
  { "tcp:", "transport 'tcp': open of address '' failed: there is no port" },
  { "tcp:host", "there is no port; write HOST:PORT" },
  { "tcp:host:", "the port is not a number" },
  { "tcp:host:65536", "the port is not a number" },
  { "tcp:host:-1", "the port is not a number" },
  { "tcp:host:http", "the port is not a number" },
  { "tcp:::1:7000", "needs brackets" },
  { "tcp:[host]:7000", "no IPv6 address between the brackets" },
  { "tcp:[]:7000", "no IPv6 address between the brackets" },
  { "tcp:h:1,nosuch=1", "transport 'tcp': option 'nosuch' failed: there is no such option; it "
                        "has sndbuf, rcvbuf, congestion, dead-after, ipv4, ipv6, host, port" },
  { "tcp:h:1,host=h,port=1",
    "transport 'tcp': open of address 'h:1' failed: it is given twice" },
  { "tcp:h:1,port=2", "it is given twice; write HOST:PORT, or host and port" },
  { "tcp:,host=h", "there is no port; add port=N" },
  { "tcp:,host=h,port=http",
    "transport 'tcp': open of address 'h:http' failed: the port is no" },
  { "tcp:,host=a:b,port=1", "the host has a ':' and is not an IPv6 address" },
  { "tcp:,host=[::1],port=1", "the host has a ':' and is not an IPv6 address" },
  { "multi-tcp:,host=127.0.0.1,port=1,ipv4=off", "it is an IPv4 address and ipv4 is off" },
  { "tcp:h:1,sndbuf=4Q", "transport 'tcp': option 'sndbuf=4Q' failed" },
  { "tcp:h:1|", "the name of a filter is missing" },
  { "tcp:h:1|nosuch", "filter 'nosuch': load failed: there is no gdw-filter-nosuch.so in " },
  { "nosuch:h", "transport 'nosuch': load failed: there is no gdw-transport-nosuch.so in " },
  { "../tcp:h:1", "transport '../tcp': load failed" },
  { "tcp:127.0.0.1:1,ipv4=off", "it is an IPv4 address and ipv4 is off; leave it on" },
  { "tcp:[::1]:1,ipv6=off", "it is an IPv6 address and ipv6 is off; leave it on" },
  { "multi-tcp:h:1,ipv4=off,ipv6=off", "transport 'multi-tcp': open of address 'h:1' failed: "
                                       "ipv4 and ipv6 are both off; leave one on" },
  { "tcp:h:1,dead-after=4000000", "transport 'tcp': option 'dead-after=4000000' failed" },
  { "unix:s,peer-uid=-1", "transport 'unix': option 'peer-uid=-1' failed" },
  { "unix:s,peer-uid=4294967295", "option 'peer-uid=4294967295' failed" },
  { "unix:", "transport 'unix': open of address '' failed: a path has 1 to 107 bytes" },
  { "unix:@", "a path has 1 to 107 bytes, this one 0" },
  { "unix:,literal=on", "open of address '' failed: a path has 1 to 107 bytes, this one 0" },
};

START_TEST (an_address_that_cannot_work_is_an_error)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!open_text (plugins, bad_addresses[_i].uri, FALSE, &error));
  ck_assert_msg (strstr (error->message, bad_addresses[_i].message), "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_taken_address_is_an_error)
{
  Pair pair;
  g_autofree char *uri = NULL;

  listen_at (&pair, _i);
  uri = local_text (pair.listening);
  expect_failure (TRUE, uri, GDW_ERROR_IO, "failed: Address already in use; ");
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (an_address_is_free_again_after_the_close)
{
  Pair pair;
  g_autofree char *uri = NULL;

  link_at (&pair, _i);
  uri = local_text (pair.listening);
  /* The side that ends first keeps the port in TIME_WAIT. */
  gdw_link_close (g_steal_pointer (&pair.in));
  expect_closed (pair.out);
  pair_close (&pair);
  pair_listen (&pair, uri, "", "");
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

static void
one_life (int kind)
{
  Pair pair;
  guint8 byte;
  Job job = {
    .run = job_read, .bytes = &byte, .length = 1, .cancellable = g_cancellable_new ()
  };

  expect_failure (FALSE, "tcp:127.0.0.1:1", GDW_ERROR_IO, "refused");
  expect_failure (FALSE, "unix:@godwit-nobody", GDW_ERROR_IO, "refused");
  link_at (&pair, kind);
  job.link = pair.in;
  job_start (&job);
  job_cancel (&job);
  gdw_link_close (g_steal_pointer (&pair.out));
  expect_closed (pair.in);
  pair_close (&pair);
}

START_TEST (no_fd_is_left)
{
  guint before;

  one_life (_i); /* what GLib keeps for good is there now */
  before = count_fds ();
  for (guint i = 0; i < 20; i++)
    one_life (_i);
  ck_assert_uint_eq (count_fds (), before);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("transports");
  int kinds = has_ipv6 () ? N_KINDS : TCP6;

  if (!suite_has ("transports", "/proc/self/task"))
    return 0;

  tcase_set_timeout (tc, 30);
  tcase_add_checked_fixture (tc, make_folder, remove_folder);
  tcase_add_loop_test (tc, bytes_arrive_whole_and_in_order_both_ways_at_once, 0, kinds);
  tcase_add_loop_test (tc, received_bytes_are_counted, 0, kinds);
  tcase_add_loop_test (tc, after_shutdown_the_peer_reads_what_is_left_and_answers, 0, kinds);
  tcase_add_loop_test (tc, an_end_in_the_middle_of_a_message_is_an_error, 0, kinds);
  tcase_add_loop_test (tc, a_blocked_reader_sees_the_peer_die, 0, kinds);
  tcase_add_loop_test (tc, a_blocked_writer_sees_the_peer_die, 0, kinds);
  tcase_add_loop_test (tc, cancel_ends_a_blocked_accept, 0, kinds);
  tcase_add_loop_test (tc, cancel_ends_a_blocked_read_and_leaves_the_link_usable, 0, kinds);
  tcase_add_loop_test (tc, cancel_ends_a_blocked_write, 0, kinds);
  tcase_add_loop_test (tc, cancel_ends_a_blocked_connect, 0, 2);
  tcase_add_loop_test (tc, what_is_cancelled_before_does_not_begin, 0, kinds);
  tcase_add_loop_test (tc, an_address_that_cannot_work_is_an_error, 0,
                       G_N_ELEMENTS (bad_addresses));
  tcase_add_loop_test (tc, a_taken_address_is_an_error, 0, kinds);
  tcase_add_loop_test (tc, an_address_is_free_again_after_the_close, 0, kinds);
  tcase_add_loop_test (tc, no_fd_is_left, 0, kinds);
  return suite_run ("transports", tc, NULL);
}
