/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/base/worker.h"

#include "core/base/invoke.h"

typedef struct {
  pthread_t thread;
  GMainContext *context;
  void (*work) (gpointer data);
  void (*done) (gpointer data);
  gpointer data;
} Worker;

/* The thread has nothing left to do, so the join does not wait. */
static void
finish (gpointer data)
{
  Worker *worker = data;

  pthread_join (worker->thread, NULL);
  worker->done (worker->data);
}

static void
free_worker (gpointer data)
{
  Worker *worker = data;

  g_main_context_unref (worker->context);
  g_free (worker);
}

static void *
run (void *data)
{
  Worker *worker = data;

  worker->work (worker->data);
  gdw_invoke (worker->context, finish, worker, free_worker);
  return NULL;
}

gboolean
gdw_worker_run (GdwThreads *threads, const char *name, GMainContext *context,
                void (*work) (gpointer data), void (*done) (gpointer data), gpointer data,
                GError **error)
{
  Worker *worker = g_new0 (Worker, 1);

  worker->context = g_main_context_ref (context);
  worker->work = work;
  worker->done = done;
  worker->data = data;
  if (gdw_thread_start (&worker->thread, threads, name, run, worker, error))
    return TRUE;
  free_worker (worker);
  return FALSE;
}
