/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The destination's decision, and the source's question. */
#include "core/handover/outcome-query.h"
#include "core/handover/verdict.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/engine/wait.h"
#include "tests/support/address-text.h"
#include "tests/support/suite.h"

static const guint8 other_id[GDW_ID_BYTES] = { 9 };

static GdwVerdict
prepared (void)
{
  return (GdwVerdict){
    .known = TRUE, .prepared = TRUE, .id = { 1, 2 }, .token = { 3, 4 }, .resume_us = 7
  };
}

static GdwJoin
question (const GdwVerdict *verdict)
{
  GdwJoin join = { 0 };

  memcpy (join.id, verdict->id, GDW_ID_BYTES);
  memcpy (join.token, verdict->token, GDW_TOKEN_BYTES);
  return join;
}

static void
expect_refused (GdwVerdict *verdict, const guint8 *id, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_verdict_commit (verdict, id, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_PROTOCOL));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (commit_decides_once)
{
  GdwVerdict v = prepared ();
  GdwJoin join = question (&v);
  GdwOutcomeMsg answer;

  ck_assert (gdw_verdict_commit (&v, v.id, NULL));
  expect_refused (&v, v.id, "it was not expected now");
  gdw_verdict_abort (&v, "too late");
  ck_assert_int_eq (v.decision, GDW_COMMITTED);
  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_uint_eq (answer.answer, GDW_ANSWER_COMMITTED);
  ck_assert_uint_eq (answer.resume_us, 7);
  gdw_verdict_clear (&v);
}
END_TEST

START_TEST (a_question_decides_against_a_later_commit)
{
  GdwVerdict v = prepared ();
  GdwJoin join = question (&v);
  GdwOutcomeMsg answer;

  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_uint_eq (answer.answer, GDW_ANSWER_ABORTED);
  expect_refused (&v, v.id, "the source asked for the outcome before COMMIT arrived");
  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_uint_eq (answer.answer, GDW_ANSWER_ABORTED);
  gdw_verdict_clear (&v);
}
END_TEST

START_TEST (a_failure_decides_and_keeps_its_reason)
{
  GdwVerdict v = prepared ();
  GdwJoin join = question (&v);
  GdwOutcomeMsg answer;

  gdw_verdict_abort (&v, "the disk is full");
  gdw_verdict_abort (&v, "and something else");
  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_str_eq (answer.text, "the disk is full");
  expect_refused (&v, v.id, "COMMIT is refused: the disk is full");
  gdw_verdict_clear (&v);
}
END_TEST

/* A wrong id or a wrong token decides nothing. */
START_TEST (a_stranger_decides_nothing)
{
  GdwVerdict v = prepared ();
  GdwJoin join = question (&v);
  GdwOutcomeMsg answer;

  memcpy (join.id, other_id, GDW_ID_BYTES);
  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_uint_eq (answer.answer, GDW_ANSWER_UNKNOWN_ID);
  join = question (&v);
  join.token[5] ^= 1;
  gdw_verdict_answer (&v, &join, &answer);
  ck_assert_uint_eq (answer.answer, GDW_ANSWER_UNKNOWN_ID);
  expect_refused (&v, other_id, "it is of another migration");
  ck_assert_int_eq (v.decision, GDW_UNDECIDED);
  ck_assert (gdw_verdict_commit (&v, v.id, NULL));
  gdw_verdict_clear (&v);
}
END_TEST

START_TEST (commit_before_prepared_is_refused)
{
  GdwVerdict v = prepared ();

  v.prepared = FALSE;
  expect_refused (&v, v.id, "it was not expected now");
  v.known = FALSE;
  expect_refused (&v, v.id, "it is of another migration");
  ck_assert_int_eq (v.decision, GDW_UNDECIDED);
  gdw_verdict_clear (&v);
}
END_TEST

/* The question, to a listener that the test plays by hand. */
typedef struct {
  GdwPlugins *plugins;
  GdwStack *here, *there;
  GdwQuery *query;
  char *folder;
  guint done, unanswered;
  guint8 answer;
  char *error;
  GdwLink *link;
  gint accepted; /* atomic */
} Fixture;

static void
on_unanswered (const GError *why, gpointer data)
{
  Fixture *f = data;

  f->unanswered++;
  f->error = g_strdup (why->message);
}

static void
on_answered (const GdwOutcomeMsg *answer, gpointer data)
{
  Fixture *f = data;

  f->done++;
  f->answer = answer->answer;
}

static const GdwQueryOps ops = { on_unanswered, on_answered };

static gpointer
accept_link (gpointer data)
{
  Fixture *f = data;

  f->link = gdw_stack_accept (f->there, NULL, NULL);
  g_atomic_int_set (&f->accepted, TRUE);
  return NULL;
}

/* The main loop runs meanwhile: it begins the next question. */
static GdwLink *
next_link (Fixture *f)
{
  GThread *thread;

  g_atomic_int_set (&f->accepted, FALSE);
  thread = g_thread_new ("accept", accept_link, f);
  WAIT_UNTIL (g_atomic_int_get (&f->accepted));
  g_thread_join (thread);
  ck_assert_ptr_nonnull (f->link);
  return f->link;
}

static void
ask (Fixture *f, gboolean listens, guint window_ms)
{
  static const guint8 id[GDW_ID_BYTES] = { 1 }, token[GDW_TOKEN_BYTES] = { 2 };
  g_autofree char *uri = NULL;

  *f = (Fixture){ .plugins = gdw_plugins_new (NULL),
                  .folder = g_dir_make_tmp ("godwit-query-XXXXXX", NULL) };
  uri = g_strdup_printf ("unix:%s/socket", f->folder);
  f->here = open_text (f->plugins, uri, FALSE, NULL);
  f->there = open_text (f->plugins, uri, FALSE, NULL);
  ck_assert (!listens || gdw_stack_listen (f->there, NULL, NULL));
  f->query = gdw_query_new (f->here, NULL, id, token, window_ms, g_main_context_default (),
                            &ops, f);
}

static void
end (Fixture *f)
{
  ck_assert_uint_le (f->done, 1);
  ck_assert_uint_le (f->unanswered, 1);
  gdw_query_free (f->query);
  gdw_stack_close (f->here);
  gdw_stack_close (f->there);
  gdw_plugins_free (f->plugins);
  ck_assert_int_eq (g_rmdir (f->folder), 0);
  g_free (f->folder);
  g_free (f->error);
}

static guint8
read_type (GdwLink *link)
{
  guint8 head[GDW_FRAME_HEADER_BYTES], meta[64];
  struct iovec iov = { head, sizeof head };
  GdwFrame frame;

  if (!gdw_link_read (link, &iov, 1, NULL, NULL))
    return 0;
  ck_assert (gdw_frame_decode (head, &frame, NULL));
  ck_assert_uint_le (frame.payload_len, sizeof meta);
  iov = (struct iovec){ meta, frame.payload_len };
  ck_assert (gdw_link_read (link, &iov, 1, NULL, NULL));
  return frame.type;
}

static void
write_answer (GdwLink *link, guint8 what)
{
  g_autoptr (GByteArray) meta = g_byte_array_new ();
  GdwOutcomeMsg msg = { .answer = what, .text = (char *) "" };
  guint8 head[GDW_FRAME_HEADER_BYTES];
  GdwFrame frame = { .type = GDW_FRAME_OUTCOME, .seq = 1 };
  struct iovec iov[2];

  gdw_outcome_encode (&msg, meta);
  frame.payload_len = frame.meta_len = meta->len;
  gdw_frame_encode (&frame, meta->data, head);
  iov[0] = (struct iovec){ head, sizeof head };
  iov[1] = (struct iovec){ meta->data, meta->len };
  ck_assert (gdw_link_write (link, iov, 2, NULL, NULL));
}

START_TEST (the_answer_is_confirmed)
{
  Fixture f;
  GdwLink *link;

  ask (&f, TRUE, 30000);
  link = next_link (&f);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  write_answer (link, GDW_ANSWER_ABORTED);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_CONFIRM);
  gdw_link_close (link);
  WAIT_UNTIL (f.done);
  ck_assert_uint_eq (f.answer, GDW_ANSWER_ABORTED);
  end (&f);
}
END_TEST

/* A link that breaks is no answer: it is asked again. */
START_TEST (it_is_asked_again_until_it_is_answered)
{
  Fixture f;
  GdwLink *link;

  ask (&f, TRUE, 30000);
  gdw_link_close (next_link (&f));
  link = next_link (&f);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  gdw_link_close (link);
  link = next_link (&f);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  write_answer (link, GDW_ANSWER_COMMITTED);
  WAIT_UNTIL (f.done);
  ck_assert_uint_eq (f.answer, GDW_ANSWER_COMMITTED);
  gdw_link_close (link);
  end (&f);
}
END_TEST

/* The window is over, and it is asked on. */
START_TEST (it_is_asked_on_when_nobody_answers)
{
  Fixture f;
  GdwLink *silent = NULL, *link;

  ask (&f, _i, 500);
  if (_i)
    silent = next_link (&f);
  WAIT_UNTIL (f.unanswered);
  ck_assert_uint_eq (f.done, 0);
  ck_assert_str_ne (f.error, "");
  ck_assert (_i || gdw_stack_listen (f.there, NULL, NULL));
  link = next_link (&f);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  write_answer (link, GDW_ANSWER_ABORTED);
  WAIT_UNTIL (f.done);
  ck_assert_uint_eq (f.answer, GDW_ANSWER_ABORTED);
  gdw_link_close (silent);
  gdw_link_close (link);
  end (&f);
}
END_TEST

/* A peer that does not know the migration ends the window, but not the asking. */
START_TEST (unknown_id_decides_nothing)
{
  Fixture f;
  GdwLink *link;

  ask (&f, TRUE, 30000);
  link = next_link (&f);
  write_answer (link, GDW_ANSWER_UNKNOWN_ID);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  WAIT_UNTIL (f.unanswered);
  ck_assert_uint_eq (read_type (link), 0); /* nothing to confirm */
  ck_assert_str_eq (f.error, "it does not know this migration");
  gdw_link_close (link);
  link = next_link (&f);
  write_answer (link, GDW_ANSWER_COMMITTED);
  WAIT_UNTIL (f.done);
  ck_assert_uint_eq (f.answer, GDW_ANSWER_COMMITTED);
  gdw_link_close (link);
  end (&f);
}
END_TEST

/* Its thread waits for an answer, or has just posted it. */
START_TEST (no_answer_comes_after_it_was_freed)
{
  Fixture f;
  GdwLink *link;

  ask (&f, TRUE, 30000);
  link = next_link (&f);
  ck_assert_uint_eq (read_type (link), GDW_FRAME_QUERY_OUTCOME);
  if (_i) {
    write_answer (link, GDW_ANSWER_ABORTED);
    ck_assert_uint_eq (read_type (link), GDW_FRAME_CONFIRM);
    ck_assert_uint_eq (read_type (link), 0);
  }
  gdw_query_free (g_steal_pointer (&f.query));
  while (g_main_context_iteration (NULL, FALSE))
    ;
  ck_assert_uint_eq (f.done + f.unanswered, 0);
  gdw_link_close (link);
  end (&f);
}
END_TEST

int
main (void)
{
  TCase *verdict = tcase_create ("verdict"), *query = tcase_create ("query");

  tcase_add_test (verdict, commit_decides_once);
  tcase_add_test (verdict, a_question_decides_against_a_later_commit);
  tcase_add_test (verdict, a_failure_decides_and_keeps_its_reason);
  tcase_add_test (verdict, a_stranger_decides_nothing);
  tcase_add_test (verdict, commit_before_prepared_is_refused);
  tcase_set_timeout (query, 60);
  tcase_add_test (query, the_answer_is_confirmed);
  tcase_add_test (query, it_is_asked_again_until_it_is_answered);
  tcase_add_loop_test (query, it_is_asked_on_when_nobody_answers, 0, 2);
  tcase_add_test (query, unknown_id_decides_nothing);
  tcase_add_loop_test (query, no_answer_comes_after_it_was_freed, 0, 2);
  return suite_run ("handover", verdict, query, NULL);
}
