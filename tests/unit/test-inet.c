/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The behaviour that only tcp and multi-tcp have. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/support/fake-resolver.h"
#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define MIB ((gsize) 1 << 20)

START_TEST (a_refused_connect_says_what_to_check)
{
  expect_failure (FALSE, "tcp:127.0.0.1:1", GDW_ERROR_IO,
                  "transport 'tcp': connect to '127.0.0.1:1' failed: Connection refused; check "
                  "that the destination listens there");
  expect_failure (FALSE, "tcp:127.0.0.1:0", GDW_ERROR_INVALID, "there is no port in it");
  expect_failure (FALSE, "tcp::7000", GDW_ERROR_INVALID, "there is no host in it");
  expect_failure (FALSE, "tcp:a..b:7000", GDW_ERROR_IO, "check the name of the host");
  expect_failure (FALSE, "tcp:127.0.0.1:1,congestion=nosuch", GDW_ERROR_IO,
                  "transport 'tcp': option 'congestion' failed: No such file or directory; see "
                  "/proc/sys");
}
END_TEST

START_TEST (tcp_without_a_host_listens_everywhere)
{
  Pair pair;
  g_autofree char *real = NULL, *four = NULL;

  pair_listen (&pair, "tcp::0", "", "");
  pair_connect (&pair);
  gdw_link_close (g_steal_pointer (&pair.out));
  gdw_link_close (g_steal_pointer (&pair.in));
  real = local_text (pair.listening);
  four = g_strconcat ("tcp:127.0.0.1", strrchr (real, ':'), NULL);
  gdw_stack_close (pair.connecting);
  pair.connecting = must_open (pair.plugins, four);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (tcp_takes_names)
{
  Pair pair;
  g_autofree char *real = NULL, *name = NULL;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  real = local_text (pair.listening);
  /* Has the address ::1 too, where nobody listens. */
  name = g_strconcat ("tcp:localhost", strrchr (real, ':'), NULL);
  gdw_stack_close (pair.connecting);
  pair.connecting = must_open (pair.plugins, name);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

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

/* The address of a listener with another @host. */
static char *
same_port (GdwStack *listening, const char *host, const char *more)
{
  g_autofree char *real = local_text (listening);

  return g_strdup_printf ("tcp:%s%s%s", host, strrchr (real, ':'), more);
}

static void
connect_by (Pair *pair, const char *host, const char *more)
{
  g_autofree char *uri = same_port (pair->listening, host, more);

  gdw_stack_close (pair->connecting);
  pair->connecting = must_open (pair->plugins, uri);
  pair_connect (pair);
}

START_TEST (a_literal_address_does_not_ask_the_resolver)
{
  FakeResolver *fake = fake_resolver_set (NULL);
  Pair pair;

  pair_listen (&pair, _i == 0 ? "tcp:127.0.0.1:0" : "tcp:[::1]:0", "", "");
  pair_connect (&pair);
  pair_close (&pair);
  pair_listen (&pair, "tcp::0", "", "");
  connect_by (&pair, "127.0.0.1", "");
  pair_close (&pair);
  ck_assert_uint_eq (fake->asked, 0);
}
END_TEST

START_TEST (the_addresses_of_a_name_are_tried_in_turn)
{
  static const char *const addresses[] = { "127.0.0.2", "127.0.0.3", "127.0.0.1", NULL };
  FakeResolver *fake = fake_resolver_set (addresses);
  Pair pair;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  connect_by (&pair, "many.example", "");
  pair_close (&pair);
  ck_assert_uint_eq (fake->asked, 1);

  /* No host has this address: the next one is listened at. */
  fake->addresses = (const char *const[]){ "240.0.0.1", "127.0.0.1", NULL };
  pair_listen (&pair, "tcp:many.example:0", "", "");
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (the_last_of_the_addresses_is_named)
{
  static const char *const addresses[] = { "127.0.0.2", "127.0.0.3", NULL };
  static const char *const nowhere[] = { "240.0.0.1", "240.0.0.2", NULL };
  FakeResolver *fake = fake_resolver_set (addresses);

  expect_failure (
      FALSE, "tcp:many.example:1", GDW_ERROR_IO,
      "transport 'tcp': connect to 'many.example:1' at 127.0.0.3 failed: Connection "
      "refused; check that the destination listens there");
  fake->addresses = nowhere;
  expect_failure (
      TRUE, "multi-tcp:many.example:0", GDW_ERROR_IO,
      "transport 'multi-tcp': listen at 'many.example:0' at 240.0.0.2 failed: Cannot "
      "assign requested address; choose another address or port");
  fake->addresses = nowhere + 2;
  expect_failure (
      TRUE, "tcp:none.example:0", GDW_ERROR_IO,
      "transport 'tcp': listen at 'none.example:0' failed: the name "
      "'none.example' is not found: Name or service not known; check the name of the host");
}
END_TEST

START_TEST (a_resolver_that_hangs_is_not_waited_for)
{
  fake_resolver_set (NULL);
  expect_failure (FALSE, "tcp:slow.example:1,dead-after=20", GDW_ERROR_IO,
                  "connect to 'slow.example:1' failed: the resolver gave no answer in 20 ms; "
                  "check the name of the host");
  expect_failure (TRUE, "tcp:slow.example:1,dead-after=20", GDW_ERROR_IO,
                  "listen at 'slow.example:1' failed: the resolver gave no answer in 20 ms; ");
}
END_TEST

START_TEST (cancel_ends_the_wait_for_a_resolver)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  Job job = { .run = job_connect, .cancellable = g_cancellable_new () };

  fake_resolver_set (NULL);
  job.stack = must_open (plugins, "tcp:slow.example:1");
  job_start (&job);
  job_cancel (&job);
  gdw_stack_close (job.stack);
  gdw_plugins_free (plugins);
}
END_TEST

/* GLib's resolver ends a process that has no descriptor left.  The first is the link's. */
START_TEST (a_name_is_looked_up_without_a_descriptor)
{
  static const char *const why[] = { "Too many open files", "Name or service not known" };
  static const char *const nobody[] = { NULL };
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  GdwStack *stack = must_open (plugins, "tcp:none.example:1");
  g_autoptr (GError) error = NULL;
  struct rlimit limit, few;
  int free_fd = dup (0);

  fake_resolver_set (nobody);
  close (free_fd);
  ck_assert (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  few = limit;
  few.rlim_cur = (rlim_t) (free_fd + _i);
  ck_assert (setrlimit (RLIMIT_NOFILE, &few) == 0);
  ck_assert (!gdw_stack_connect (stack, NULL, &error));
  /* The search for leaks needs descriptors. */
  ck_assert (setrlimit (RLIMIT_NOFILE, &limit) == 0);
  ck_assert_msg (strstr (error->message, why[_i]), "%s", error->message);
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_family_that_is_off_is_not_used)
{
  static const char *const addresses[] = { "127.0.0.1", NULL };
  FakeResolver *fake = fake_resolver_set (addresses);
  g_autofree char *uri = NULL;
  Pair pair;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  connect_by (&pair, "many.example", "");
  ck_assert_int_eq (fake->family, AF_UNSPEC);
  gdw_link_close (g_steal_pointer (&pair.in));
  gdw_link_close (g_steal_pointer (&pair.out));
  connect_by (&pair, "many.example", ",ipv6=off");
  ck_assert_int_eq (fake->family, AF_INET);
  gdw_link_close (g_steal_pointer (&pair.in));
  gdw_link_close (g_steal_pointer (&pair.out));
  connect_by (&pair, "many.example", ",ipv4=off");
  ck_assert_int_eq (fake->family, AF_INET6);
  pair_close (&pair);

  pair_listen (&pair, "tcp::0,ipv6=off", "", "");
  connect_by (&pair, "127.0.0.1", "");
  uri = same_port (pair.listening, "[::1]", "");
  expect_failure (FALSE, uri, GDW_ERROR_IO, has_ipv6 () ? "Connection refused" : "");
  pair_close (&pair);
}
END_TEST

START_TEST (without_ipv4_only_ipv6_is_listened_at)
{
  Pair pair;
  g_autofree char *four = NULL;

  if (!has_ipv6 ())
    return;
  pair_listen (&pair, "tcp::0,ipv4=off", "", "");
  connect_by (&pair, "[::1]", "");
  four = same_port (pair.listening, "127.0.0.1", "");
  expect_failure (FALSE, four, GDW_ERROR_IO, "Connection refused");
  pair_close (&pair);
}
END_TEST

/* Returns the one socket of this process that is connected to @port, or comes from there. */
static int
find_socket (guint16 port, gboolean to)
{
  for (int fd = 3; fd < 256; fd++) {
    struct sockaddr_in own = { 0 }, peer = { 0 };
    socklen_t own_size = sizeof own, peer_size = sizeof peer;

    if (getsockname (fd, (struct sockaddr *) &own, &own_size) == 0 &&
        getpeername (fd, (struct sockaddr *) &peer, &peer_size) == 0 &&
        ntohs (to ? peer.sin_port : own.sin_port) == port)
      return fd;
  }
  ck_abort_msg ("no socket with port %u", port);
  return -1;
}

static void
expect_option (int fd, int level, int name, int expected)
{
  int value = -1;
  socklen_t size = sizeof value;

  ck_assert (getsockopt (fd, level, name, &value, &size) == 0);
  ck_assert_int_eq (value, expected);
}

static void
expect_congestion (int fd, const char *expected)
{
  char name[16] = "";
  socklen_t size = sizeof name;

  ck_assert (getsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0);
  ck_assert_str_eq (name, expected);
}

static void
expect_dead_after (int fd, int ms, int idle, int interval)
{
  expect_option (fd, IPPROTO_TCP, TCP_NODELAY, 1);
  expect_option (fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  expect_option (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
  expect_option (fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  expect_option (fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
}

START_TEST (options_reach_both_sockets)
{
  const char *name = _i == 0 ? "tcp" : "multi-tcp";
  g_autofree char *uri = g_strdup_printf (
      "%s:127.0.0.1:0,rcvbuf=64K,congestion=reno,dead-after=60000", name);
  g_autofree char *real = NULL;
  guint16 port;
  int in, out;
  Pair pair;

  pair_listen (&pair, uri, "", ",sndbuf=48K,congestion=cubic");
  pair_connect (&pair);
  real = local_text (pair.listening);
  port = (guint16) g_ascii_strtoull (strrchr (real, ':') + 1, NULL, 10);
  in = find_socket (port, FALSE);
  out = find_socket (port, TRUE);
  /* The kernel doubles the size, for its own use. */
  expect_option (in, SOL_SOCKET, SO_RCVBUF, 2 * 64 << 10);
  expect_option (out, SOL_SOCKET, SO_SNDBUF, 2 * 48 << 10);
  expect_congestion (in, "reno");
  expect_congestion (out, "cubic");
  expect_dead_after (in, 60000, 30, 10);
  expect_dead_after (out, 30000, 15, 5);
  pair_close (&pair);
}
END_TEST

START_TEST (a_peer_that_takes_nothing_is_dead_in_the_end)
{
  Pair pair;
  g_autofree guint8 *bytes = some_bytes (64 * MIB, 1);
  Job job = { .run = job_write, .bytes = bytes, .length = 64 * MIB };

  pair_listen (&pair, "tcp:127.0.0.1:0", "", ",dead-after=500");
  pair_connect (&pair);
  job.link = pair.out;
  job_start (&job);
  ck_assert (!job_finish (&job));
  ck_assert_msg (strstr (job.error->message, "failed: Connection timed out; the peer died or "
                                             "the network is down"),
                 "%s", job.error->message);
  g_clear_error (&job.error);
  pair_close (&pair);
}
END_TEST

/* A peer of one's own, connected to the listener. */
static int
connect_raw (GdwStack *listening)
{
  g_autofree char *real = local_text (listening);
  guint64 port = g_ascii_strtoull (strrchr (real, ':') + 1, NULL, 10);
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_port = htons ((guint16) port),
                                 .sin_addr = { .s_addr = htonl (INADDR_LOOPBACK) } };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert (connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
  return fd;
}

START_TEST (a_reset_is_an_error_and_no_end)
{
  struct linger hard = { .l_onoff = 1 };
  g_autoptr (GError) error = NULL;
  guint8 byte;
  Job job = { .run = job_read, .bytes = &byte, .length = 1 };
  Pair pair;
  int fd;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  fd = connect_raw (pair.listening);
  pair.in = gdw_stack_accept (pair.listening, NULL, NULL);
  job.link = pair.in;
  job_start (&job);
  job_until_it_waits (&job);
  ck_assert (setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
  close (fd);
  ck_assert (!job_finish (&job));
  ck_assert_msg (
      g_str_has_prefix (job.error->message, "transport 'tcp': read from '127.0.0.1:"), "%s",
      job.error->message);
  ck_assert (strstr (job.error->message, "failed: Connection reset by peer; the peer died"));
  g_clear_error (&job.error);
  pair_close (&pair);
}
END_TEST

START_TEST (a_reset_that_a_write_was_told_is_no_end_for_a_read)
{
  struct linger hard = { .l_onoff = 1 };
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;
  Pair pair;
  int fd;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  fd = connect_raw (pair.listening);
  pair.in = gdw_stack_accept (pair.listening, NULL, NULL);
  ck_assert (setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
  close (fd);
  while (write_bytes (pair.in, &byte, 1, &error))
    ;
  ck_assert_msg (strstr (error->message, "write to '"), "%s", error->message);
  g_clear_error (&error);
  ck_assert (!read_bytes (pair.in, &byte, 1, &error));
  ck_assert_msg (strstr (error->message, "failed: Connection reset by peer; the peer died"),
                 "%s", error->message);
  pair_close (&pair);
}
END_TEST

START_TEST (an_end_stays_an_end_after_a_write_that_failed)
{
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;
  Pair pair;
  int fd;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  fd = connect_raw (pair.listening);
  pair.in = gdw_stack_accept (pair.listening, NULL, NULL);
  close (fd);
  while (write_bytes (pair.in, &byte, 1, &error))
    ;
  ck_assert_msg (strstr (error->message, "Broken pipe"), "%s", error->message);
  expect_closed (pair.in);
  pair_close (&pair);
}
END_TEST

START_TEST (a_peer_that_went_before_accept_is_a_link_that_ends)
{
  Pair pair;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  close (connect_raw (pair.listening));
  pair.in = gdw_stack_accept (pair.listening, NULL, NULL);
  expect_closed (pair.in);
  pair_close (&pair);
}
END_TEST

#define LINKS 255

START_TEST (there_are_255_links)
{
  struct rlimit limit;
  GdwLink *out[LINKS], *in[LINKS];
  guint before;
  Pair pair;

  ck_assert (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = MIN (limit.rlim_max, 2048); /* both sides are here */
  ck_assert (setrlimit (RLIMIT_NOFILE, &limit) == 0);
  pair_listen (&pair, "multi-tcp:127.0.0.1:0", "", "");
  ck_assert_uint_eq (gdw_stack_max_links (pair.connecting), LINKS);
  before = count_fds ();
  for (guint i = 0; i < LINKS; i++) {
    pair_connect (&pair);
    out[i] = g_steal_pointer (&pair.out);
    in[i] = g_steal_pointer (&pair.in);
  }
  for (guint i = 0; i < LINKS; i++)
    ck_assert (write_bytes (out[i], &i, sizeof i, NULL));
  for (guint i = 0; i < LINKS; i++) {
    guint got = LINKS;

    ck_assert (read_bytes (in[i], &got, sizeof got, NULL));
    ck_assert_uint_eq (got, i);
    gdw_link_close (out[i]);
    expect_closed (in[i]);
    gdw_link_close (in[i]);
  }
  ck_assert_uint_eq (count_fds (), before);
  pair_close (&pair);
}
END_TEST

START_TEST (without_a_free_fd_there_is_an_error)
{
  struct rlimit limit, none;
  g_autoptr (GError) error = NULL;
  Pair pair;
  int fd;

  pair_listen (&pair, "tcp:127.0.0.1:0", "", "");
  fd = connect_raw (pair.listening);
  ck_assert (getrlimit (RLIMIT_NOFILE, &limit) == 0);
  none = (struct rlimit){ 3, limit.rlim_max };
  ck_assert (setrlimit (RLIMIT_NOFILE, &none) == 0);
  ck_assert (!gdw_stack_connect (pair.connecting, NULL, &error));
  ck_assert_msg (strstr (error->message, "failed: Too many open files; "), "%s",
                 error->message);
  g_clear_error (&error);
  ck_assert (!gdw_stack_accept (pair.listening, NULL, &error));
  ck_assert_msg (strstr (error->message, "failed: Too many open files; raise the limit of "
                                         "open files"),
                 "%s", error->message);
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_EXHAUSTED));
  ck_assert (setrlimit (RLIMIT_NOFILE, &limit) == 0);
  pair.in = gdw_stack_accept (pair.listening, NULL, NULL);
  ck_assert (pair.in != NULL);
  close (fd);
  expect_closed (pair.in);
  pair_close (&pair);
}
END_TEST

START_TEST (tcp_names_the_transport_that_has_many_links)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  GdwStack *one = must_open (plugins, "tcp:127.0.0.1:1");
  g_autoptr (GError) error = NULL;
  GdwStack *many = open_text (plugins, "tcp:127.0.0.1:1,sndbuf=1M", TRUE, &error);

  ck_assert_msg (many != NULL, "%s", error ? error->message : "no error");
  ck_assert_str_eq (gdw_stack_transport (one), "tcp");
  ck_assert_uint_eq (gdw_stack_max_links (one), 1);
  ck_assert_str_eq (gdw_stack_transport (many), "multi-tcp");
  ck_assert_uint_eq (gdw_stack_max_links (many), LINKS);
  gdw_stack_close (one);
  gdw_stack_close (many);
  gdw_plugins_free (plugins);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("inet");

  if (!suite_has ("inet", "/proc/self/task"))
    return 0;

  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, a_refused_connect_says_what_to_check);
  tcase_add_test (tc, tcp_without_a_host_listens_everywhere);
  tcase_add_test (tc, tcp_takes_names);
  tcase_add_loop_test (tc, a_literal_address_does_not_ask_the_resolver, 0, has_ipv6 () ? 2 : 1);
  tcase_add_test (tc, the_addresses_of_a_name_are_tried_in_turn);
  tcase_add_test (tc, the_last_of_the_addresses_is_named);
  tcase_add_test (tc, a_resolver_that_hangs_is_not_waited_for);
  tcase_add_test (tc, cancel_ends_the_wait_for_a_resolver);
  tcase_add_loop_test (tc, a_name_is_looked_up_without_a_descriptor, 0, 2);
  tcase_add_test (tc, a_family_that_is_off_is_not_used);
  tcase_add_test (tc, without_ipv4_only_ipv6_is_listened_at);
  tcase_add_loop_test (tc, options_reach_both_sockets, 0, 2);
  tcase_add_test (tc, a_peer_that_takes_nothing_is_dead_in_the_end);
  tcase_add_test (tc, a_reset_is_an_error_and_no_end);
  tcase_add_test (tc, a_reset_that_a_write_was_told_is_no_end_for_a_read);
  tcase_add_test (tc, an_end_stays_an_end_after_a_write_that_failed);
  tcase_add_test (tc, a_peer_that_went_before_accept_is_a_link_that_ends);
  tcase_add_test (tc, there_are_255_links);
  tcase_add_test (tc, without_a_free_fd_there_is_an_error);
  tcase_add_test (tc, tcp_names_the_transport_that_has_many_links);
  return suite_run ("inet", tc, NULL);
}
