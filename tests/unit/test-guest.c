/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Orders to the guest: one after the other, whatever comes in between. */
#include "core/guest/guest.h"

#include <string.h>

#include "tests/engine/wait.h"
#include "tests/support/suite.h"

typedef struct {
  GdwGuest *guest;
  GString *story; /* calls of the host, run states, answers */
  GdwReply *held; /* the call that is under way */
  gboolean holds, fails;
} Fixture;

static void
tell (Fixture *f, const char *what)
{
  g_string_append_printf (f->story, " %s", what);
}

static void
answer (Fixture *f, const char *call, GdwReply *reply)
{
  tell (f, call);
  if (f->holds) {
    ck_assert_ptr_null (f->held);
    f->held = reply;
  } else if (f->fails) {
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST, "%s failed", call));
  } else {
    gdw_reply_done (reply);
  }
}

static void
host_pause (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  answer (vm, "pause", reply);
}

static void
host_resume (gpointer vm, GdwReply *reply)
{
  answer (vm, "resume", reply);
}

static void
host_fence (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  answer (vm, "fence", reply);
}

static void
host_reacquire (gpointer vm, GdwReply *reply)
{
  answer (vm, "reacquire", reply);
}

static void
on_changed (GdwRunState state, gpointer data)
{
  g_autofree char *name = g_strdup_printf ("[%s]", gdw_run_state_name (state));

  tell (data, name);
}

static void
on_done (const GError *error, gpointer data)
{
  tell (data, error ? error->message : "done");
}

static void
begin (Fixture *f, gboolean incoming, gboolean fences)
{
  GdwHost host = { .size = sizeof host,
                   .vm = f,
                   .pause = host_pause,
                   .resume = host_resume,
                   .fence = fences ? host_fence : NULL,
                   .reacquire = fences ? host_reacquire : NULL };

  *f = (Fixture){ .story = g_string_new (NULL) };
  f->guest = gdw_guest_new (&host, g_main_context_default (), incoming, on_changed, f);
}

static void
end (Fixture *f)
{
  gdw_guest_free (f->guest);
  g_string_free (f->story, TRUE);
}

/* All that was ordered is done; then the story is this. */
static void
expect (Fixture *f, const char *story)
{
  WAIT_UNTIL (strlen (f->story->str) >= strlen (story));
  while (g_main_context_iteration (NULL, FALSE))
    ;
  ck_assert_str_eq (f->story->str, story);
  g_string_truncate (f->story, 0);
}

static void
run (Fixture *f)
{
  gdw_guest_run (f->guest, on_done, f);
  expect (f, " resume [running] done");
}

START_TEST (what_is_so_already_is_no_error)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  gdw_guest_pause (f.guest, on_done, &f);
  expect (&f, " done");
  ck_assert_int_eq (gdw_guest_state (f.guest), GDW_RUN_STATE_PRELAUNCH);
  run (&f);
  gdw_guest_run (f.guest, on_done, &f);
  expect (&f, " done");
  gdw_guest_pause (f.guest, on_done, &f);
  expect (&f, " pause [paused] done");
  end (&f);
}
END_TEST

START_TEST (orders_wait_for_each_other)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  f.holds = TRUE;
  gdw_guest_run (f.guest, on_done, &f);
  gdw_guest_pause (f.guest, on_done, &f);
  gdw_guest_run (f.guest, on_done, &f);
  expect (&f, " resume");
  f.holds = FALSE;
  gdw_reply_done (g_steal_pointer (&f.held));
  expect (&f, " [running] done pause [paused] done resume [running] done");
  end (&f);
}
END_TEST

START_TEST (a_guest_is_handed_over_and_taken_back)
{
  Fixture f;

  begin (&f, FALSE, TRUE);
  run (&f);
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  gdw_guest_fence (f.guest, NULL, on_done, &f);
  expect (&f, " pause [finish-migrate] done fence done");
  ck_assert (gdw_guest_was_running (f.guest));
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " reacquire resume [running] done");
  end (&f);
}
END_TEST

START_TEST (a_paused_guest_is_taken_back_paused)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  run (&f);
  gdw_guest_pause (f.guest, on_done, &f);
  expect (&f, " pause [paused] done");
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  gdw_guest_fence (f.guest, NULL, on_done, &f);
  expect (&f, " [finish-migrate] done done");
  ck_assert (!gdw_guest_was_running (f.guest));
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " [paused] done");
  end (&f);
}
END_TEST

START_TEST (stay_paused_outlives_the_hand_over)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  run (&f);
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  expect (&f, " pause [finish-migrate] done");
  gdw_guest_stay_paused (f.guest);
  ck_assert (!gdw_guest_was_running (f.guest));
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " [paused] done");
  end (&f);
}
END_TEST

/* An order that was never given need not be undone. */
START_TEST (reclaim_of_nothing_is_harmless)
{
  Fixture f;

  begin (&f, FALSE, TRUE);
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " done");
  run (&f);
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " done");
  ck_assert_int_eq (gdw_guest_state (f.guest), GDW_RUN_STATE_RUNNING);
  end (&f);
}
END_TEST

START_TEST (resume_follows_a_pause_that_failed)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  run (&f);
  f.fails = TRUE;
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  expect (&f, " pause pause failed");
  f.fails = FALSE;
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " resume done");
  ck_assert_int_eq (gdw_guest_state (f.guest), GDW_RUN_STATE_RUNNING);
  end (&f);
}
END_TEST

START_TEST (without_its_resources_it_stays_paused)
{
  Fixture f;

  begin (&f, FALSE, TRUE);
  run (&f);
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  gdw_guest_fence (f.guest, NULL, on_done, &f);
  expect (&f, " pause [finish-migrate] done fence done");
  f.fails = TRUE;
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " reacquire [paused] reacquire failed");
  end (&f);
}
END_TEST

START_TEST (a_resume_that_fails_is_an_internal_error)
{
  Fixture f;

  begin (&f, FALSE, FALSE);
  f.fails = TRUE;
  gdw_guest_run (f.guest, on_done, &f);
  expect (&f, " resume [internal-error] resume failed");
  f.fails = FALSE;
  run (&f);
  end (&f);
}
END_TEST

START_TEST (in_doubt_it_is_paused_until_somebody_knows)
{
  Fixture f;

  begin (&f, FALSE, TRUE);
  run (&f);
  gdw_guest_hand_over (f.guest, NULL, on_done, &f);
  gdw_guest_fence (f.guest, NULL, on_done, &f);
  expect (&f, " pause [finish-migrate] done fence done");
  gdw_guest_in_doubt (f.guest);
  expect (&f, " [paused]");
  if (_i) {
    gdw_guest_gone (f.guest);
    expect (&f, " [postmigrate]");
  }
  gdw_guest_reclaim (f.guest, on_done, &f);
  expect (&f, " reacquire resume [running] done");
  end (&f);
}
END_TEST

START_TEST (an_incoming_guest_starts_as_it_was_told)
{
  Fixture f;

  begin (&f, TRUE, FALSE);
  ck_assert_int_eq (gdw_guest_state (f.guest), GDW_RUN_STATE_INMIGRATE);
  ck_assert (gdw_guest_autostart (f.guest));
  gdw_guest_set_autostart (f.guest, FALSE);
  ck_assert (!gdw_guest_autostart (f.guest));
  gdw_guest_arrived (f.guest, _i, on_done, &f);
  expect (&f, _i ? " resume [running] done" : " [paused] done");
  end (&f);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("guest");

  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, what_is_so_already_is_no_error);
  tcase_add_test (tc, orders_wait_for_each_other);
  tcase_add_test (tc, a_guest_is_handed_over_and_taken_back);
  tcase_add_test (tc, a_paused_guest_is_taken_back_paused);
  tcase_add_test (tc, stay_paused_outlives_the_hand_over);
  tcase_add_test (tc, reclaim_of_nothing_is_harmless);
  tcase_add_test (tc, resume_follows_a_pause_that_failed);
  tcase_add_test (tc, without_its_resources_it_stays_paused);
  tcase_add_test (tc, a_resume_that_fails_is_an_internal_error);
  tcase_add_loop_test (tc, in_doubt_it_is_paused_until_somebody_knows, 0, 2);
  tcase_add_loop_test (tc, an_incoming_guest_starts_as_it_was_told, 0, 2);
  return suite_run ("guest", tc, NULL);
}
