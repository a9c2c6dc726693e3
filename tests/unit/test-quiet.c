/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Writes that the system answers with a signal, on a thread that takes it, as it would end the
 * process. */
#include "tests/support/suite.h"
#include "transports/common/quiet.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugins/stack.h"
#include "tests/support/address-text.h"

#define LIMIT (1 << 20)

static void
set_up (void)
{
  const struct rlimit limit = { LIMIT, RLIM_INFINITY };

  ck_assert (signal (SIGPIPE, SIG_DFL) != SIG_ERR);
  ck_assert (signal (SIGXFSZ, SIG_DFL) != SIG_ERR);
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

static int
deaf_pipe (void)
{
  int ends[2];

  ck_assert_int_eq (pipe (ends), 0);
  close (ends[0]);
  return ends[1];
}

static int
full_file (void)
{
  char path[] = "/tmp/godwit-quiet-XXXXXX";
  int fd = mkstemp (path);

  ck_assert_int_ge (fd, 0);
  unlink (path);
  ck_assert_int_eq (lseek (fd, LIMIT, SEEK_SET), LIMIT);
  return fd;
}

static const struct {
  int (*open) (void);
  int number, why;
} ends[] = { { deaf_pipe, SIGPIPE, EPIPE }, { full_file, SIGXFSZ, EFBIG } };

static gboolean
is_pending (int number)
{
  sigset_t pending;

  sigpending (&pending);
  return sigismember (&pending, number);
}

START_TEST (a_write_is_answered_with_an_error_alone)
{
  struct iovec iov = { (void *) "x", 1 };
  sigset_t before, after;

  pthread_sigmask (SIG_BLOCK, NULL, &before);
  ck_assert_int_eq (quiet_writev (ends[_i].open (), &iov, 1), -1);
  ck_assert_int_eq (errno, ends[_i].why);
  pthread_sigmask (SIG_BLOCK, NULL, &after);
  ck_assert_int_eq (sigismember (&before, ends[_i].number),
                    sigismember (&after, ends[_i].number));
  ck_assert (!is_pending (ends[_i].number));
}
END_TEST

START_TEST (a_signal_from_elsewhere_is_left)
{
  struct iovec iov = { (void *) "x", 1 };
  sigset_t blocked;

  sigemptyset (&blocked);
  sigaddset (&blocked, ends[_i].number);
  pthread_sigmask (SIG_BLOCK, &blocked, NULL);
  raise (ends[_i].number);
  ck_assert_int_eq (quiet_writev (ends[_i].open (), &iov, 1), -1);
  ck_assert_int_eq (errno, ends[_i].why);
  ck_assert (is_pending (ends[_i].number));
}
END_TEST

/* A transport is used by others, too, on threads of theirs. */
START_TEST (a_transport_raises_no_signal_on_any_thread)
{
  g_autofree char *uri = g_strdup_printf ("fd:%d", ends[_i].open ());
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  struct iovec iov = { (void *) "x", 1 };
  g_autoptr (GError) error = NULL;
  GdwStack *stack = open_text (plugins, uri, FALSE, &error);
  GdwLink *link;

  ck_assert_msg (stack != NULL, "%s", error ? error->message : "");
  link = gdw_stack_connect (stack, NULL, &error);
  ck_assert_msg (link != NULL, "%s", error ? error->message : "");
  ck_assert (!gdw_link_write (link, &iov, 1, NULL, &error));
  ck_assert_msg (strstr (error->message, g_strerror (ends[_i].why)) != NULL, "%s",
                 error->message);
  gdw_link_close (link);
  gdw_stack_close (stack);
  gdw_plugins_free (plugins);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("quiet");

  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_loop_test (tcase, a_write_is_answered_with_an_error_alone, 0, G_N_ELEMENTS (ends));
  tcase_add_loop_test (tcase, a_signal_from_elsewhere_is_left, 0, G_N_ELEMENTS (ends));
  tcase_add_loop_test (tcase, a_transport_raises_no_signal_on_any_thread, 0,
                       G_N_ELEMENTS (ends));
  return suite_run ("quiet", tcase, NULL);
}
