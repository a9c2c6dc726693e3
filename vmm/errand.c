/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "errand.h"

#include <godwit/godwit.h>

typedef struct {
  GMainContext *context;
  ErrandWork work;
  ErrandDone done;
  gpointer data;
  GError *error;
  gint worked; /* atomic; it shows the order to ThreadSanitizer, which cannot see into GLib */
} Errand;

static gboolean
report (gpointer data)
{
  Errand *errand = data;

  g_atomic_int_get (&errand->worked);
  errand->done (errand->data, errand->error);
  g_main_context_unref (errand->context);
  g_free (errand);
  return G_SOURCE_REMOVE;
}

static void
post_report (Errand *errand)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, report, errand, NULL);
  g_atomic_int_inc (&errand->worked);
  g_source_attach (source, errand->context);
  g_source_unref (source);
}

static gpointer
run (gpointer data)
{
  Errand *errand = data;

  errand->work (errand->data, &errand->error);
  post_report (errand);
  return NULL;
}

void
errand_run (GMainContext *context, ErrandWork work, ErrandDone done, gpointer data)
{
  Errand *errand = g_new0 (Errand, 1);
  g_autoptr (GError) why = NULL;
  GThread *thread;

  *errand = (Errand){ .work = work, .done = done, .data = data };
  errand->context = context ? g_main_context_ref (context)
                            : g_main_context_ref_thread_default ();
  thread = g_thread_try_new ("errand", run, errand, &why);
  if (thread) {
    g_thread_unref (thread);
    return;
  }
  g_set_error (&errand->error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
               "machine: a thread cannot be started: %s; raise the limit of threads",
               why->message);
  post_report (errand);
}
