/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/thread.h"
#include "tests/support/suite.h"

/* A thread that says who it is and waits for leave to end. */
typedef struct {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pid_t id;
  char comm[16];
  sigset_t blocked;
  gboolean may_end;
} Worker;

static void *
work (void *data)
{
  Worker *worker = data;

  pthread_mutex_lock (&worker->lock);
  worker->id = gettid ();
  pthread_getname_np (pthread_self (), worker->comm, sizeof worker->comm);
  pthread_sigmask (SIG_BLOCK, NULL, &worker->blocked);
  pthread_cond_broadcast (&worker->changed);
  while (!worker->may_end)
    pthread_cond_wait (&worker->changed, &worker->lock);
  pthread_mutex_unlock (&worker->lock);
  return worker;
}

static void
start (Worker *worker, GdwThreads *threads, const char *name)
{
  *worker = (Worker){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
  ck_assert (gdw_thread_start (&worker->thread, threads, name, work, worker, NULL));
  pthread_mutex_lock (&worker->lock);
  while (!worker->id)
    pthread_cond_wait (&worker->changed, &worker->lock);
  pthread_mutex_unlock (&worker->lock);
}

static void
end (Worker *worker)
{
  void *result;

  pthread_mutex_lock (&worker->lock);
  worker->may_end = TRUE;
  pthread_cond_broadcast (&worker->changed);
  pthread_mutex_unlock (&worker->lock);
  ck_assert_int_eq (pthread_join (worker->thread, &result), 0);
  ck_assert_ptr_eq (result, worker);
}

static void
expect_list (GdwThreads *threads, const char *names, const Worker *const workers[])
{
  g_autoptr (GArray) list = gdw_threads_list (threads);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++) {
    const GdwThreadInfo *info = &g_array_index (list, GdwThreadInfo, i);

    g_string_append_printf (text, "%s%s", i ? " " : "", info->name);
    ck_assert_int_eq (info->id, workers[i]->id);
  }
  ck_assert_str_eq (text->str, names);
}

START_TEST (the_list_has_who_works)
{
  GdwThreads *threads = gdw_threads_new ();
  Worker one, two, stranger;

  expect_list (threads, "", NULL);
  start (&one, threads, "one");
  start (&stranger, NULL, "stranger");
  start (&two, threads, "two");
  expect_list (threads, "one two", (const Worker *const[]){ &one, &two });
  end (&one);
  expect_list (threads, "two", (const Worker *const[]){ &two });
  end (&two);
  end (&stranger);
  expect_list (threads, "", NULL);
  gdw_threads_free (threads);
}
END_TEST

START_TEST (a_long_name_is_cut_for_the_system_alone)
{
  GdwThreads *threads = gdw_threads_new ();
  Worker worker;

  start (&worker, threads, "mig/src/send_254");
  ck_assert_str_eq (worker.comm, "mig/src/send_25");
  expect_list (threads, "mig/src/send_254", (const Worker *const[]){ &worker });
  end (&worker);
  gdw_threads_free (threads);
}
END_TEST

/* The VMM's handlers run on its own threads, but for those that mend a fault. */
START_TEST (no_signal_is_taken_but_faults)
{
  sigset_t before, after;
  Worker worker;

  pthread_sigmask (SIG_BLOCK, NULL, &before);
  start (&worker, NULL, "quiet");
  pthread_sigmask (SIG_BLOCK, NULL, &after);
  for (int number = 1; number < SIGRTMAX; number++)
    ck_assert_int_eq (sigismember (&before, number), sigismember (&after, number));
  ck_assert (sigismember (&worker.blocked, SIGPIPE) && sigismember (&worker.blocked, SIGXFSZ));
  ck_assert (sigismember (&worker.blocked, SIGTERM) && sigismember (&worker.blocked, SIGUSR1));
  ck_assert (!sigismember (&worker.blocked, SIGBUS) && !sigismember (&worker.blocked, SIGSEGV));
  end (&worker);
}
END_TEST

int
main (void)
{
  TCase *tcase = tcase_create ("thread");

  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, the_list_has_who_works);
  tcase_add_test (tcase, a_long_name_is_cut_for_the_system_alone);
  tcase_add_test (tcase, no_signal_is_taken_but_faults);
  return suite_run ("thread", tcase, NULL);
}
