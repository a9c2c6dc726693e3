/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <check.h>

#include "core/base/invoke.h"
#include "core/base/worker.h"
#include "tests/support/suite.h"

typedef struct {
  GMainContext *context;
  GString *order;
  guint floods;
  gboolean heard;
} Flood;

/* A peer whose every frame is followed by the next. */
static void
flood (gpointer data)
{
  Flood *f = data;

  f->floods++;
  if (!f->heard)
    gdw_invoke (f->context, flood, f, NULL);
}

static gboolean
hear (gpointer data)
{
  ((Flood *) data)->heard = TRUE;
  return G_SOURCE_REMOVE;
}

START_TEST (what_is_posted_without_end_does_not_keep_a_timer_waiting)
{
  Flood f = { .context = g_main_context_new () };
  GSource *timer = g_timeout_source_new (1);

  g_source_set_callback (timer, hear, &f, NULL);
  g_source_attach (timer, f.context);
  for (guint i = 0; i < 32; i++)
    gdw_invoke (f.context, flood, &f, NULL);
  while (!f.heard)
    g_main_context_iteration (f.context, TRUE);
  ck_assert_uint_ge (f.floods, 32);
  while (g_main_context_iteration (f.context, FALSE))
    ;
  g_source_unref (timer);
  g_main_context_unref (f.context);
}
END_TEST

typedef struct {
  GString *order;
  char letter;
} Letter;

static void
write_letter (gpointer data)
{
  Letter *letter = data;

  g_string_append_c (letter->order, letter->letter);
}

START_TEST (posts_keep_their_order)
{
  GMainContext *context = g_main_context_new ();
  g_autoptr (GString) order = g_string_new (NULL);

  for (char c = 'a'; c <= 'z'; c++) {
    Letter *letter = g_new (Letter, 1);

    *letter = (Letter){ order, c };
    gdw_invoke (context, write_letter, letter, g_free);
  }
  while (g_main_context_iteration (context, FALSE))
    ;
  ck_assert_str_eq (order->str, "abcdefghijklmnopqrstuvwxyz");
  g_main_context_unref (context);
}
END_TEST

typedef struct {
  GThread *main, *worked, *done;
} Work;

static void
work (gpointer data)
{
  ((Work *) data)->worked = g_thread_self ();
}

static void
done (gpointer data)
{
  ((Work *) data)->done = g_thread_self ();
}

START_TEST (a_worker_works_elsewhere_and_answers_here)
{
  GMainContext *context = g_main_context_new ();
  GdwThreads *threads = gdw_threads_new ();
  Work w = { .main = g_thread_self () };
  g_autoptr (GArray) left = NULL;

  ck_assert (gdw_worker_run (threads, "worker", context, work, done, &w, NULL));
  while (!w.done)
    g_main_context_iteration (context, TRUE);
  ck_assert (w.worked && w.worked != w.main);
  ck_assert (w.done == w.main);
  left = gdw_threads_list (threads);
  ck_assert_uint_eq (left->len, 0);
  gdw_threads_free (threads);
  g_main_context_unref (context);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("invoke");

  tcase_add_test (tc, what_is_posted_without_end_does_not_keep_a_timer_waiting);
  tcase_add_test (tc, posts_keep_their_order);
  tcase_add_test (tc, a_worker_works_elsewhere_and_answers_here);
  return suite_run ("invoke", tc, NULL);
}
