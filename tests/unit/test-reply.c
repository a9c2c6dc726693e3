/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Answers of the host, and what is posted to the main loop, from any thread. */
#include "core/guest/reply.h"

#include <pthread.h>

#include "core/base/invoke.h"
#include "tests/engine/wait.h"
#include "tests/support/suite.h"

typedef struct {
  pthread_t main;
  guint answered, freed;
  GString *order;
  char *error;
  guint sections;
  guint64 bad;
} Fixture;

static void
on_answer (GdwAnswer *answer, gpointer data)
{
  Fixture *f = data;

  ck_assert (pthread_equal (f->main, pthread_self ()));
  f->answered++;
  f->error = answer->error ? g_strdup (answer->error->message) : NULL;
  f->sections = answer->sections->len;
  f->bad = answer->check_bad;
  if (f->sections) {
    GdwSection *section = answer->sections->pdata[0];

    ck_assert_str_eq (section->name, "vcpu-0");
    ck_assert_uint_eq (section->version, 3);
    ck_assert_uint_eq (g_bytes_get_size (section->data), 5);
  }
}

static Fixture
begin (void)
{
  return (Fixture){ .main = pthread_self (), .order = g_string_new (NULL) };
}

static void
end (Fixture *f)
{
  g_string_free (f->order, TRUE);
  g_free (f->error);
}

static gpointer
answer (gpointer reply)
{
  g_autoptr (GBytes) data = g_bytes_new ("state", 5);

  gdw_reply_add_section (reply, "vcpu-0", 3, data);
  gdw_reply_add_section (reply, "devices", 1, data);
  gdw_reply_set_check (reply, 1, 2, 3);
  gdw_reply_done (reply);
  return NULL;
}

START_TEST (an_answer_arrives_in_the_main_loop)
{
  Fixture f = begin ();
  GdwReply *reply = gdw_answer_new (g_main_context_default (), on_answer, &f);

  g_thread_join (g_thread_new ("host", answer, reply));
  ck_assert_uint_eq (f.answered, 0);
  WAIT_UNTIL (f.answered);
  ck_assert_ptr_null (f.error);
  ck_assert_uint_eq (f.sections, 2);
  ck_assert_uint_eq (f.bad, 3);
  end (&f);
}
END_TEST

/* Also when the host answers from inside the callback. */
START_TEST (an_answer_never_arrives_at_once)
{
  Fixture f = begin ();

  gdw_reply_done (gdw_answer_new (g_main_context_default (), on_answer, &f));
  ck_assert_uint_eq (f.answered, 0);
  WAIT_UNTIL (f.answered);
  ck_assert_uint_eq (f.sections, 0);
  end (&f);
}
END_TEST

START_TEST (a_failure_has_a_text_even_without_one)
{
  Fixture f = begin (), g = begin ();

  gdw_reply_fail (gdw_answer_new (g_main_context_default (), on_answer, &f),
                  g_error_new_literal (GDW_ERROR, GDW_ERROR_HOST, "host 'x': it failed"));
  gdw_reply_fail (gdw_answer_new (g_main_context_default (), on_answer, &g), NULL);
  WAIT_UNTIL (f.answered && g.answered);
  ck_assert_str_eq (f.error, "host 'x': it failed");
  ck_assert (g_str_has_prefix (g.error, "host: a callback failed without saying why"));
  end (&f);
  end (&g);
}
END_TEST

typedef struct {
  Fixture *f;
  char letter;
} Letter;

static void
write_letter (gpointer data)
{
  Letter *letter = data;

  ck_assert (pthread_equal (letter->f->main, pthread_self ()));
  g_string_append_c (letter->f->order, letter->letter);
}

static void
free_letter (gpointer data)
{
  ((Letter *) data)->f->freed++;
  g_free (data);
}

static gpointer
post_letters (gpointer data)
{
  for (char c = 'a'; c <= 'z'; c++) {
    Letter *letter = g_new (Letter, 1);

    *letter = (Letter){ data, c };
    gdw_invoke (g_main_context_default (), write_letter, letter, free_letter);
  }
  return NULL;
}

START_TEST (posts_run_in_their_order_once)
{
  Fixture f = begin ();

  g_thread_join (g_thread_new ("poster", post_letters, &f));
  ck_assert_uint_eq (f.order->len, 0);
  WAIT_UNTIL (f.freed == 26);
  ck_assert_str_eq (f.order->str, "abcdefghijklmnopqrstuvwxyz");
  end (&f);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("reply");

  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, an_answer_arrives_in_the_main_loop);
  tcase_add_test (tc, an_answer_never_arrives_at_once);
  tcase_add_test (tc, a_failure_has_a_text_even_without_one);
  tcase_add_test (tc, posts_run_in_their_order_once);
  return suite_run ("reply", tc, NULL);
}
