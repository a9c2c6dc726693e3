/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A process that a test forks does not outlive it. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"

#define DEADLINE_MS 30000

START_TEST (a_child_dies_with_its_parent)
{
  struct pollfd end = { .events = POLLIN };
  int alive[2]; /* its writing end is open as long as one of the two lives */
  char byte;
  pid_t parent;

  ck_assert (pipe (alive) == 0);
  parent = fork ();
  if (parent == 0) {
    if (fork () == 0 && setpgid (0, 0) == 0 && write (alive[1], "x", 1) != 1)
      _exit (1);
    for (;;)
      pause ();
  }
  close (alive[1]);
  ck_assert (read (alive[0], &byte, 1) == 1); /* the child is there */
  ck_assert (kill (parent, SIGKILL) == 0 && waitpid (parent, NULL, 0) == parent);
  end.fd = alive[0];
  ck_assert_int_eq (poll (&end, 1, DEADLINE_MS), 1);
  ck_assert_int_eq (read (alive[0], &byte, 1), 0);
  close (alive[0]);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("forks");

  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, a_child_dies_with_its_parent);
  return suite_run ("forks", tc, NULL);
}
