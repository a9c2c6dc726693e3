/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Calls that block while the process has no free descriptor: they need none. */
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

typedef struct {
  const char *uri, *outgoing;
  enum { ACCEPT, READ, WRITE } call;
} Blocked;

static const Blocked calls[] = {
  { "tcp:127.0.0.1:0", "", ACCEPT },
  { "tcp:127.0.0.1:0", "", READ },
  { "tcp:127.0.0.1:0", "", WRITE },
  { "unix:@godwit-test-exhausted", "", ACCEPT },
  { "unix:@godwit-test-exhausted", "", READ },
  { "unix:@godwit-test-exhausted", "", WRITE },
  { "tcp:127.0.0.1:0", "|delay:ms=10000", READ },
  { "tcp:127.0.0.1:0", "|delay:ms=10000", WRITE },
  { "tcp:127.0.0.1:0", "|rate:bytes-per-second=1", WRITE },
  { "tcp:127.0.0.1:0", "|fault:at=1,kind=stall", WRITE },
};

/* The kernel's account of the thread of the call, and the limit that is in force then. */
typedef struct {
  Job job; /* first */
  void (*run) (Job *job);
  int syscall; /* atomic; -1: it has not begun */
} Poor;

static void
set_limit (rlim_t descriptors)
{
  struct rlimit limit;

  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = descriptors;
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
}

static void
run_poor (Job *job)
{
  Poor *poor = (Poor *) job;
  int fd = open ("/proc/thread-self/syscall", O_RDONLY | O_CLOEXEC);

  set_limit (3);
  __atomic_store_n (&poor->syscall, fd, __ATOMIC_RELEASE);
  poor->run (job);
}

static void
wait_until_blocked (Poor *poor)
{
  long number = -1;

  while (number != SYS_poll && number != SYS_futex) {
    char text[64] = "";
    int fd = __atomic_load_n (&poor->syscall, __ATOMIC_ACQUIRE);

    if (fd >= 0 && pread (fd, text, sizeof text - 1, 0) > 0 && g_ascii_isdigit (text[0]))
      number = strtol (text, NULL, 10);
  }
}

START_TEST (a_blocked_call_needs_no_descriptor)
{
  const Blocked *blocked = &calls[_i];
  gsize length = (gsize) 128 << 20;
  g_autofree guint8 *bytes = g_malloc0 (length);
  Pair pair;
  Poor poor = { .job = { .run = run_poor,
                         .bytes = bytes,
                         .length = length,
                         .cancellable = g_cancellable_new () },
                .run = blocked->call == ACCEPT ? job_accept
                       : blocked->call == READ ? job_read
                                               : job_write,
                .syscall = -1 };

  pair_listen (&pair, blocked->uri, "", blocked->outgoing);
  if (blocked->call != ACCEPT)
    pair_connect (&pair);
  poor.job.stack = pair.listening;
  poor.job.link = pair.out;
  job_start (&poor.job);
  wait_until_blocked (&poor);
  g_cancellable_cancel (poor.job.cancellable);
  ck_assert (!job_finish (&poor.job));
  set_limit (1024);
  ck_assert_msg (g_error_matches (poor.job.error, G_IO_ERROR, G_IO_ERROR_CANCELLED), "%s",
                 poor.job.error->message);
  g_clear_error (&poor.job.error);
  g_clear_object (&poor.job.cancellable);
  close (poor.syscall);
  pair_close (&pair);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("exhausted");

  if (!suite_has ("exhausted", "/proc/self/task"))
    return 0;

  tcase_set_timeout (tc, 30);
  tcase_add_loop_test (tc, a_blocked_call_needs_no_descriptor, 0, G_N_ELEMENTS (calls));
  return suite_run ("exhausted", tc, NULL);
}
