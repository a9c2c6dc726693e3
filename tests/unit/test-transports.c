/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/support/link-pair.h"

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

typedef enum { UNIX, ABSTRACT, TCP, TCP6, N_KINDS } Kind;

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
  { "tcp:host:", "the port is no number" },
  { "tcp:host:65536", "the port is no number" },
  { "tcp:host:-1", "the port is no number" },
  { "tcp:host:http", "the port is no number" },
  { "tcp:::1:7000", "needs brackets" },
  { "tcp:[host]:7000", "no IPv6 address between the brackets" },
  { "tcp:[]:7000", "no IPv6 address between the brackets" },
  { "tcp:h:1,nosuch=1", "transport 'tcp': option 'nosuch' failed: there is no such option; it "
                        "has sndbuf, rcvbuf, congestion" },
  { "tcp:h:1,sndbuf=4Q", "transport 'tcp': option 'sndbuf=4Q' failed" },
  { "tcp:h:1|", "there is no filter where one is announced" },
  { "tcp:h:1|nosuch", "filter 'nosuch': load failed: there is no gdw-filter-nosuch.so in " },
  { "nosuch:h", "transport 'nosuch': load failed: there is no gdw-transport-nosuch.so in " },
  { "../tcp:h:1", "transport '../tcp': load failed" },
  { "unix:", "transport 'unix': open of address '' failed: a path has 1 to 107 bytes" },
  { "unix:@", "a path has 1 to 107 bytes, this one 1" },
};

START_TEST (an_address_that_cannot_work_is_an_error)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_stack_open (plugins, bad_addresses[_i].uri, &error));
  ck_assert_msg (strstr (error->message, bad_addresses[_i].message), "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

static void
expect_failure (gboolean listens, const char *uri, guint code, const char *message)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  GdwStack *stack = must_open (plugins, uri);
  g_autoptr (GError) error = NULL;

  if (listens)
    ck_assert (!gdw_stack_listen (stack, NULL, &error));
  else
    ck_assert (!gdw_stack_connect (stack, NULL, &error));
  ck_assert_msg (strstr (error->message, message), "%s", error->message);
  ck_assert (g_error_matches (error, GDW_ERROR, (int) code));
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
}

START_TEST (a_path_that_is_too_long_is_an_error)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autofree char *fits = g_strdup_printf ("unix:/%0106d", 0);
  g_autofree char *longer = g_strdup_printf ("unix:/%0107d", 0);
  g_autoptr (GError) error = NULL;

  gdw_stack_close (must_open (plugins, fits));
  ck_assert (!gdw_stack_open (plugins, longer, &error));
  ck_assert_msg (strstr (error->message, "a path has 1 to 107 bytes, this one 108; give PATH"),
                 "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (a_refused_connect_says_what_to_check)
{
  g_autofree char *uri = g_strdup_printf ("unix:%s/none", folder);

  expect_failure (FALSE, "tcp:127.0.0.1:1", GDW_ERROR_IO,
                  "transport 'tcp': connect to '127.0.0.1:1' failed: Connection refused; check "
                  "that the destination listens there");
  expect_failure (
      FALSE, uri, GDW_ERROR_IO,
      "/none' failed: No such file or directory; check that the destination listens");
  expect_failure (FALSE, "tcp:127.0.0.1:0", GDW_ERROR_INVALID, "there is no port in it");
  expect_failure (FALSE, "tcp::7000", GDW_ERROR_INVALID, "there is no host in it");
  expect_failure (FALSE, "tcp:a..b:7000", GDW_ERROR_IO, "check the name of the host");
  expect_failure (FALSE, "tcp:127.0.0.1:1,congestion=nosuch", GDW_ERROR_IO,
                  "transport 'tcp': option 'congestion' failed: No such file or directory; see "
                  "/proc/sys");
}
END_TEST

START_TEST (a_taken_address_is_an_error)
{
  Pair pair;
  g_autofree char *uri = NULL;

  listen_at (&pair, _i);
  uri = gdw_stack_local_address (pair.listening);
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
  uri = gdw_stack_local_address (pair.listening);
  /* The side that ends first keeps the port in TIME_WAIT. */
  gdw_link_close (g_steal_pointer (&pair.in));
  expect_closed (pair.out);
  pair_close (&pair);
  pair_listen (&pair, uri, "", "");
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (options_of_tcp_are_taken)
{
  Pair pair;

  pair_listen (&pair, "tcp:127.0.0.1:0,rcvbuf=64K,congestion=reno", "",
               ",sndbuf=64K,congestion=reno");
  pair_connect (&pair);
  pair_close (&pair);
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
  real = gdw_stack_local_address (pair.listening);
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
  real = gdw_stack_local_address (pair.listening);
  /* Has the address ::1 too, where nobody listens. */
  name = g_strconcat ("tcp:localhost", strrchr (real, ':'), NULL);
  gdw_stack_close (pair.connecting);
  pair.connecting = must_open (pair.plugins, name);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

START_TEST (a_socket_file_is_for_its_user_alone_and_goes_with_the_listener)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL);
  mode_t before = umask (0);

  listen_at (&pair, UNIX);
  ck_assert (lstat (path, &st) == 0);
  ck_assert_uint_eq (st.st_mode & 07777, 0600);
  pair_close (&pair);
  ck_assert (lstat (path, &st) != 0);
  umask (before);
}
END_TEST

START_TEST (a_path_may_have_the_signs_of_the_address_in_it)
{
  Pair pair;
  struct stat st;
  g_autofree char *uri = g_strdup_printf ("unix:%s/a\\,b\\|c\\d", folder), *real = NULL;
  g_autofree char *path = g_build_filename (folder, "a,b|c\\d", NULL);

  pair_listen (&pair, uri, "", "");
  real = gdw_stack_local_address (pair.listening);
  ck_assert_str_eq (real, uri);
  ck_assert (lstat (path, &st) == 0);
  pair_connect (&pair);
  pair_close (&pair);
}
END_TEST

/* A socket file that nobody listens at. */
static void
leave_socket (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  ck_assert (bind (fd, (struct sockaddr *) &address, sizeof address) == 0);
  close (fd);
}

START_TEST (a_stale_socket_is_replaced_other_files_are_not)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = uri_of (UNIX);

  leave_socket (path);
  listen_at (&pair, UNIX);
  pair_connect (&pair);
  pair_close (&pair);

  ck_assert (g_file_set_contents (path, "mine", 4, NULL));
  expect_failure (TRUE, uri, GDW_ERROR_IO,
                  "failed: File exists; the file is no socket; choose another path");
  ck_assert (lstat (path, &st) == 0 && st.st_size == 4);
  unlink (path);
}
END_TEST

START_TEST (a_socket_of_somebody_else_stays)
{
  Pair pair;
  struct stat st;
  g_autofree char *path = g_build_filename (folder, "s", NULL);

  listen_at (&pair, UNIX);
  ck_assert (unlink (path) == 0);
  leave_socket (path);
  pair_close (&pair);
  ck_assert (lstat (path, &st) == 0);
  unlink (path);
}
END_TEST

START_TEST (a_lock_on_the_folder_is_waited_for_until_cancelled)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autofree char *path = g_build_filename (folder, "s", NULL), *uri = uri_of (UNIX);
  GdwStack *stack = must_open (plugins, uri);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  int lock = open (folder, O_RDONLY | O_CLOEXEC);

  leave_socket (path);
  ck_assert (flock (lock, LOCK_EX) == 0);
  g_cancellable_cancel (cancelled);
  ck_assert (!gdw_stack_listen (stack, cancelled, &error));
  ck_assert (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
  close (lock);
  unlink (path);
}
END_TEST

/* Connect as another user to @name in a child, and exit 0 if the link ends at once. */
static pid_t
stranger (const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  pid_t child = fork ();
  char byte;
  int fd;

  if (child != 0)
    return child;
  g_strlcpy (address.sun_path + 1, name, sizeof address.sun_path - 1);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (setuid (65534) != 0 ||
      connect (fd, (struct sockaddr *) &address,
               (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + strlen (name))) != 0)
    _exit (2);
  _exit (read (fd, &byte, 1) == 0 ? 0 : 3);
}

START_TEST (another_user_costs_its_own_connection_only)
{
  Pair pair;
  Job job = { .run = job_accept };
  g_autofree char *name = g_strdup_printf ("godwit-test-%d", getpid ());
  int status = -1;

  if (geteuid () != 0)
    return;
  listen_at (&pair, ABSTRACT);
  job.stack = pair.listening;
  job_start (&job);
  ck_assert (waitpid (stranger (name), &status, 0) > 0);
  ck_assert_int_eq (status, 0);
  pair.out = gdw_stack_connect (pair.connecting, NULL, NULL);
  ck_assert (job_finish (&job));
  pair.in = job.got;
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
  Suite *suite = suite_create ("transports");
  TCase *tc = tcase_create ("transports");
  int kinds = has_ipv6 () ? N_KINDS : TCP6;

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
  tcase_add_test (tc, a_path_that_is_too_long_is_an_error);
  tcase_add_test (tc, a_refused_connect_says_what_to_check);
  tcase_add_loop_test (tc, a_taken_address_is_an_error, 0, kinds);
  tcase_add_loop_test (tc, an_address_is_free_again_after_the_close, 0, kinds);
  tcase_add_test (tc, options_of_tcp_are_taken);
  tcase_add_test (tc, tcp_without_a_host_listens_everywhere);
  tcase_add_test (tc, tcp_takes_names);
  tcase_add_test (tc, a_socket_file_is_for_its_user_alone_and_goes_with_the_listener);
  tcase_add_test (tc, a_path_may_have_the_signs_of_the_address_in_it);
  tcase_add_test (tc, a_stale_socket_is_replaced_other_files_are_not);
  tcase_add_test (tc, a_socket_of_somebody_else_stays);
  tcase_add_test (tc, a_lock_on_the_folder_is_waited_for_until_cancelled);
  tcase_add_test (tc, another_user_costs_its_own_connection_only);
  tcase_add_loop_test (tc, no_fd_is_left, 0, kinds);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  srunner_free (runner);
  return 0;
}
