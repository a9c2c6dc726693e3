/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Linked into each test: what it forks, and libcheck forks a process for each case in a
 * process group of its own, dies with it however it ends. */
#include <signal.h>
#include <pthread.h>
#include <sys/prctl.h>

static void
die_with_parent (void)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

__attribute__ ((constructor)) static void
at_each_fork (void)
{
  pthread_atfork (NULL, NULL, die_with_parent);
}
