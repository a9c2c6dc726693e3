/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Descriptors that come along with commands.  Each is the end of a pipe that nobody else holds:
 * the other end tells whether it is still open. */
#include <dirent.h>
#include <sys/resource.h>

#include "tests/support/qmp-client.h"
#include "tests/support/suite.h"

#define GETFD(name) "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"" name "\"}}"
#define CLOSEFD(name) "{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"" name "\"}}"
#define QUERY "{\"execute\":\"query-migrate\"}"
#define OK "{\"return\":{}}"
#define GENERIC(desc) "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" desc "\"}}"
#define NONE GENERIC ("No file descriptor supplied via SCM_RIGHTS")
#define NO_NAME(name) GENERIC ("File descriptor named '" name "' not found")
#define MANY 17

typedef struct {
  int ours, sent;
} Pipe;

static guint fds_before;

static guint
count_fds (void)
{
  DIR *dir = opendir ("/proc/self/fd");
  guint n = 0;

  while (readdir (dir))
    n++;
  closedir (dir);
  return n;
}

static void
setup_counted (void)
{
  setup ();
  while (g_main_context_iteration (NULL, FALSE))
    ;
  fds_before = count_fds ();
}

static void
teardown_counted (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
  ck_assert_uint_eq (count_fds (), fds_before);
  teardown ();
}

static Pipe
make_pipe (void)
{
  int fds[2];

  ck_assert (pipe (fds) == 0 && g_unix_set_fd_nonblocking (fds[0], TRUE, NULL));
  return (Pipe){ fds[0], fds[1] };
}

/* @text with the ends of @n pipes along with its first byte, in one message. */
static void
transmit_with (Client *client, const char *text, Pipe *pipes, guint n)
{
  char control[CMSG_SPACE (MANY * sizeof (int))] = { 0 };
  struct iovec iov = { (void *) text, strlen (text) };
  struct msghdr msg = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = CMSG_SPACE (n * sizeof (int)) };
  struct cmsghdr *header = CMSG_FIRSTHDR (&msg);

  *header = (struct cmsghdr){ CMSG_LEN (n * sizeof (int)), SOL_SOCKET, SCM_RIGHTS };
  for (guint i = 0; i < n; i++) {
    pipes[i] = make_pipe ();
    memcpy (CMSG_DATA (header) + i * sizeof (int), &pipes[i].sent, sizeof (int));
  }
  ck_assert_int_eq (sendmsg (client->fd, &msg, 0), (gssize) strlen (text));
  for (guint i = 0; i < n; i++)
    close (pipes[i].sent);
}

static gboolean
is_open (const Pipe *pipe)
{
  return read (pipe->ours, (char[1]){ 0 }, 1) != 0;
}

static void
expect_closed (Pipe *pipe)
{
  ck_assert (!is_open (pipe));
  close (pipe->ours);
}

/* It is what @name stands for. */
static void
expect_named (Client *client, const char *name, Pipe *pipe)
{
  g_autofree char *command = g_strdup_printf (CLOSEFD ("%s"), name);

  ck_assert (is_open (pipe));
  transmit (client, command);
  expect (client, OK);
  expect_closed (pipe);
}

START_TEST (one_monitor_does_not_get_what_another_sent)
{
  Client one = connect_negotiated (), two = connect_negotiated ();
  Pipe unused, used;

  transmit_with (&one, QUERY, &unused, 1);
  transmit (&two, GETFD ("a"));
  expect (&two, NONE);
  expect (&one, OK);
  expect_closed (&unused);
  transmit_with (&one, GETFD ("a"), &used, 1);
  expect (&one, OK);
  transmit (&two, CLOSEFD ("a"));
  expect (&two, NO_NAME ("a"));
  expect_named (&one, "a", &used);
  disconnect (&one);
  disconnect (&two);
}
END_TEST

START_TEST (two_monitors_that_speak_by_turns_keep_their_own)
{
  Client one = connect_negotiated (), two = connect_negotiated ();
  Pipe pipes[4];

  transmit_with (&one, "{\"execute\":", &pipes[0], 1);
  transmit_with (&two, GETFD ("x"), &pipes[1], 1);
  expect (&two, OK);
  transmit_with (&two, GETFD ("y"), &pipes[2], 1);
  transmit (&one, "\"getfd\",\"arguments\":{\"fdname\":\"x\"}}");
  expect (&one, OK);
  expect (&two, OK);
  transmit_with (&one, GETFD ("y"), &pipes[3], 1);
  expect (&one, OK);
  expect_named (&one, "y", &pipes[3]);
  expect_named (&two, "x", &pipes[1]);
  expect_named (&one, "x", &pipes[0]);
  expect_named (&two, "y", &pipes[2]);
  disconnect (&one);
  disconnect (&two);
}
END_TEST

START_TEST (messages_that_arrive_together_keep_their_own)
{
  Client client = connect_negotiated ();
  Pipe pipes[3];

  transmit (&client, QUERY);
  transmit (&client, GETFD ("none"));
  transmit_with (&client, GETFD ("a"), &pipes[0], 1);
  transmit (&client, GETFD ("none"));
  transmit_with (&client, QUERY, &pipes[1], 1);
  transmit_with (&client, GETFD ("b"), &pipes[2], 1);
  transmit (&client, GETFD ("none"));
  expect (&client, OK);
  expect (&client, NONE);
  expect (&client, OK);
  expect (&client, NONE);
  expect (&client, OK);
  expect_closed (&pipes[1]);
  expect (&client, OK);
  expect (&client, NONE);
  expect_named (&client, "a", &pipes[0]);
  expect_named (&client, "b", &pipes[2]);
  disconnect (&client);
}
END_TEST

START_TEST (the_first_of_several_commands_in_one_message_has_them)
{
  Client client = connect_negotiated ();
  Pipe pipes[2];

  transmit_with (&client, GETFD ("a") GETFD ("b"), pipes, 2);
  expect (&client, OK);
  expect (&client, NONE);
  expect_closed (&pipes[1]);
  expect_named (&client, "a", &pipes[0]);
  disconnect (&client);
}
END_TEST

/* Where it comes along: before (a blank, as qemu.qmp sends it), with the beginning, the middle
 * or the last byte. */
static const struct {
  const char *before, *along, *after;
} parts[] = {
  { "", " ", GETFD ("a") },
  { "\r\n", "\n", GETFD ("a") },
  { "", "{", "\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}}" },
  { "{\"execute\":\"getfd\",", "\"arguments\":", "{\"fdname\":\"a\"}}" },
  { "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}", "}", "" },
  { "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"a\"}", "}" GETFD ("b"), NULL },
};

START_TEST (it_may_come_with_any_part_of_the_command)
{
  gboolean at_once = _i % 2, another = !parts[_i / 2].after;
  Client client = connect_negotiated ();
  Pipe pipe;

  transmit (&client, parts[_i / 2].before);
  while (!at_once && g_main_context_iteration (NULL, FALSE))
    ;
  transmit_with (&client, parts[_i / 2].along, &pipe, 1);
  while (!at_once && g_main_context_iteration (NULL, FALSE))
    ;
  transmit (&client, another ? "" : parts[_i / 2].after);
  expect (&client, OK);
  if (another)
    expect (&client, NONE);
  expect_named (&client, "a", &pipe);
  disconnect (&client);
}
END_TEST

START_TEST (what_is_no_command_has_its_own_closed)
{
  static const struct {
    const char *text, *answer;
  } bad[] = {
    { "bad ", GENERIC ("JSON parse error, invalid keyword 'bad'") },
    { "{}", GENERIC ("QMP input lacks member 'execute'") },
    { "{\"execute\":\"getfd\"}", GENERIC ("Parameter 'fdname' is missing") },
    { GETFD ("1"), GENERIC ("Parameter 'fdname' expects a name not starting with a digit") },
    { "{\"execute\":\"nope\"}", "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"The "
                                "command nope has not been found\"}}" },
  };
  Client client = connect_negotiated ();

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    Pipe pipe;

    transmit_with (&client, bad[i].text, &pipe, 1);
    expect (&client, bad[i].answer);
    expect_closed (&pipe);
    transmit (&client, GETFD ("a"));
    expect (&client, NONE);
  }
  disconnect (&client);
}
END_TEST

START_TEST (what_comes_with_the_rest_of_a_refused_one_is_closed)
{
  g_autofree char *open = g_strnfill (65, '['), *shut = g_strnfill (65, ']');
  Client client = connect_negotiated ();
  Pipe pipe;

  transmit (&client, open);
  expect (&client, GENERIC ("JSON parse error, nesting depth limit exceeded: 64 levels"));
  transmit_with (&client, shut, &pipe, 1);
  transmit (&client, GETFD ("a"));
  expect (&client, NONE);
  expect_closed (&pipe);
  disconnect (&client);
}
END_TEST

START_TEST (a_command_that_waits_keeps_its_own)
{
  Client client = connect_stopping (_i ? NEGOTIATE_OOB : NEGOTIATE, "");
  Pipe pipes[3];

  transmit_with (&client, GETFD ("a"), &pipes[0], 1);
  if (_i) {
    transmit_with (&client, "{\"exec-oob\":\"query-yank\"}", &pipes[2], 1);
    expect (&client, "{\"return\":[]}");
    expect_closed (&pipes[2]);
  }
  transmit_with (&client, GETFD ("b"), &pipes[1], 1);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  gdw_reply_done (vm.pausing);
  expect_event (&client, "\"STOP\"");
  expect (&client, "{\"return\":{},\"id\":0}");
  expect (&client, OK);
  expect (&client, OK);
  expect_named (&client, "b", &pipes[1]);
  expect_named (&client, "a", &pipes[0]);
  disconnect (&client);
}
END_TEST

START_TEST (who_leaves_takes_all_along)
{
  Client client = connect_stopping (NEGOTIATE_OOB, ""), other = connect_negotiated ();
  Pipe named, waits, begun;

  transmit_with (&other, GETFD ("a"), &named, 1);
  expect (&other, OK);
  transmit_with (&client, GETFD ("a"), &waits, 1);
  transmit_with (&client, "{\"execute\":", &begun, 1);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  ck_assert (is_open (&named) && is_open (&waits) && is_open (&begun));
  disconnect (&other);
  disconnect (&client);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  expect_closed (&named);
  gdw_reply_done (vm.pausing);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  expect_closed (&waits);
  expect_closed (&begun);
}
END_TEST

START_TEST (too_many_are_refused)
{
  static const char refused[] = GENERIC (
      "qmp: the command is refused: more than 16 descriptors came along with it; send fewer");
  Client client = connect_negotiated ();
  Pipe pipes[MANY];

  if (_i) {
    transmit_with (&client, GETFD ("a"), pipes, MANY);
  } else {
    transmit_with (&client, "{\"execute\":", pipes, MANY - 1);
    transmit_with (&client, "\"query-migrate\"}", pipes + MANY - 1, 1);
  }
  expect (&client, refused);
  for (guint i = 0; i < MANY; i++)
    expect_closed (&pipes[i]);
  transmit_with (&client, GETFD ("a"), pipes, MANY - 1);
  expect (&client, OK);
  for (guint i = 1; i < MANY - 1; i++)
    expect_closed (&pipes[i]);
  expect_named (&client, "a", &pipes[0]);
  disconnect (&client);
}
END_TEST

/* The kernel gives as many as there is room for, and says that it cut: MSG_CTRUNC. */
START_TEST (without_room_for_all_the_command_is_refused)
{
  struct rlimit before, few;
  Client client = connect_negotiated ();
  Pipe pipes[3];
  int last;

  transmit_with (&client, GETFD ("a"), pipes, 3);
  last = dup (client.fd);
  close (last);
  getrlimit (RLIMIT_NOFILE, &before);
  few = before;
  few.rlim_cur = (rlim_t) (last + _i);
  setrlimit (RLIMIT_NOFILE, &few);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  setrlimit (RLIMIT_NOFILE, &before);
  expect (&client, GENERIC ("qmp: the command is refused: a descriptor that came along with it "
                            "is lost: this process has too many open; close some, or raise its "
                            "limit (ulimit -n)"));
  for (guint i = 0; i < 3; i++)
    expect_closed (&pipes[i]);
  transmit_with (&client, GETFD ("a"), pipes, 1);
  expect (&client, OK);
  expect_named (&client, "a", pipes);
  disconnect (&client);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("fds");

  if (!suite_has ("qmp-fds", "/proc/self/fd"))
    return 0;
  tcase_set_timeout (tcase, 30);
  tcase_add_checked_fixture (tcase, setup_counted, teardown_counted);
  tcase_add_test (tcase, one_monitor_does_not_get_what_another_sent);
  tcase_add_test (tcase, two_monitors_that_speak_by_turns_keep_their_own);
  tcase_add_test (tcase, messages_that_arrive_together_keep_their_own);
  tcase_add_test (tcase, the_first_of_several_commands_in_one_message_has_them);
  tcase_add_loop_test (tcase, it_may_come_with_any_part_of_the_command, 0,
                       2 * (int) G_N_ELEMENTS (parts));
  tcase_add_test (tcase, what_is_no_command_has_its_own_closed);
  tcase_add_test (tcase, what_comes_with_the_rest_of_a_refused_one_is_closed);
  tcase_add_loop_test (tcase, a_command_that_waits_keeps_its_own, 0, 2);
  tcase_add_test (tcase, who_leaves_takes_all_along);
  tcase_add_loop_test (tcase, too_many_are_refused, 0, 2);
  tcase_add_loop_test (tcase, without_room_for_all_the_command_is_refused, 0, 3);
  return suite_run ("qmp-fds", tcase, NULL);
}
