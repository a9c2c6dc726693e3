/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "quiet.h"

#include <errno.h>
#include <time.h>

static const int signals[] = { SIGPIPE, SIGXFSZ };

void
quiet_begin (Quiet *quiet)
{
  sigset_t all, pending;

  sigemptyset (&all);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sigaddset (&all, signals[i]);
  pthread_sigmask (SIG_BLOCK, &all, &quiet->before);
  sigpending (&pending);
  sigemptyset (&quiet->ours);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    if (!sigismember (&pending, signals[i]))
      sigaddset (&quiet->ours, signals[i]);
}

/* Takes the signal even without an error: a pipe that took a part and then lost its reader
 * answers with both. */
void
quiet_end (Quiet *quiet)
{
  const struct timespec at_once = { 0, 0 };
  int why = errno;

  while (sigtimedwait (&quiet->ours, NULL, &at_once) >= 0 || errno == EINTR)
    ;
  pthread_sigmask (SIG_SETMASK, &quiet->before, NULL);
  errno = why;
}

gssize
quiet_writev (int fd, const struct iovec *iov, guint n)
{
  gssize count;
  Quiet quiet;

  quiet_begin (&quiet);
  count = writev (fd, iov, (int) n);
  quiet_end (&quiet);
  return count;
}
