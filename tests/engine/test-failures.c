/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Failures that no operator has asked for: of the host, the network, the peer. */
#include "pair.h"

#include <string.h>

static GQuark
gdw_error_quark (void)
{
  return GDW_ERROR;
}

static void
expect_contains (const char *text, const char *part)
{
  ck_assert_msg (strstr (text, part) != NULL, "'%s' is not in '%s'", part, text);
}

/* Callbacks before COMMIT: the guest is the source's, and both sides name the cause. */
static const struct {
  Call call;
  gboolean at_destination;
  const char *text, *events;
} calls[] = {
  { CALL_PAUSE, FALSE, "host 'source': pause failed", " setup active failed" },
  { CALL_SAVE, FALSE, "host 'source': save_state failed",
    " setup active finish-migrate device running failed" },
  { CALL_LOAD, TRUE, "host 'destination': load_state failed",
    " setup active finish-migrate device running failed" },
  { CALL_FENCE, FALSE, "host 'source': fence failed",
    " setup active finish-migrate device running failed" },
};

START_TEST (a_failed_callback_leaves_the_guest_here)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000, .fences = TRUE });
  Side *side = calls[_i].at_destination ? &pair->destination : &pair->source;

  side->fails = BIT (calls[_i].call);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_FAILED);
  ck_assert_str_eq (pair->source.events->str, calls[_i].events);
  ck_assert_str_eq (pair->destination.events->str, " setup active failed");
  expect_contains (side_error (&pair->source), calls[_i].text);
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  /* A fence that failed may have done half of it. */
  ck_assert_uint_eq (pair->source.calls[CALL_REACQUIRE], calls[_i].call == CALL_FENCE);
  side_expect_good_guest (&pair->source);
  pair->source.fails = 0;
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Without its resources the guest stays paused. */
START_TEST (a_failed_reacquire_leaves_it_paused)
{
  Pair *pair = pair_new (&(PairConfig){ .fences = TRUE });
  g_autofree char *error = NULL;

  pair->source.fails = BIT (CALL_FENCE) | BIT (CALL_REACQUIRE);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  ck_assert (!pair->source.runs && !pair->destination.runs);
  ck_assert_str_eq (pair->source.events->str,
                    " setup active finish-migrate device paused failed");
  expect_contains (side_error (&pair->source), "reacquire failed");
  expect_contains (side_error (&pair->source), "fence failed");
  expect_contains (side_error (&pair->destination), "fence failed");
  pair->source.fails = 0;
  pair->source.fenced = FALSE;
  error = side_cont (&pair->source);
  ck_assert_ptr_null (error);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_source_that_cannot_resume_says_so)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  pair->source.fails = BIT (CALL_SAVE) | BIT (CALL_RESUME);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_str_eq (pair->source.events->str,
                    " setup active finish-migrate device internal-error failed");
  expect_contains (side_error (&pair->source), "resume failed");
  expect_contains (side_error (&pair->source), "save_state failed");
  ck_assert (!pair->source.runs);
  pair_free (pair);
}
END_TEST

/* After COMMIT the guest is the destination's, whatever happens there. */
START_TEST (a_destination_that_cannot_resume_keeps_the_guest)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  g_autofree char *cont = side_cont (&pair->destination), *again = NULL, *refused = NULL;
  GdwInfo info;

  pair->destination.fails = BIT (CALL_RESUME);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert_str_eq (pair->destination.events->str, " setup active internal-error completed");
  info = side_info (&pair->destination);
  ck_assert_uint_eq (info.warnings->len, 1);
  expect_contains (info.warnings->pdata[0], "host 'destination': resume failed");
  refused = side_cont (&pair->source);
  expect_contains (refused, "x-migrate-resolve");
  pair->destination.fails = 0;
  again = side_cont (&pair->destination);
  ck_assert_ptr_null (again);
  ck_assert (pair->destination.runs);
  pair_free (pair);
}
END_TEST

START_TEST (a_reset_that_fails_ends_the_attempt)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  g_autofree char *uri = NULL;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  uri = g_strdup_printf ("unix:%s/back", pair->folder);
  pair->source.ended = 0;
  pair->source.fails = BIT (CALL_RESET);
  ck_assert (gdw_migration_incoming (pair->source.migration, uri, NULL));
  WAIT_UNTIL (pair->source.ended);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "host 'source': reset failed");
  pair->source.fails = 0;
  ck_assert (gdw_migration_incoming (pair->source.migration, uri, NULL));
  WAIT_UNTIL (side_status (&pair->source) == GDW_STATUS_SETUP);
  pair_free (pair);
}
END_TEST

/* The dirty log of the source. */
static void
fail_at_last_get (Side *side, Call call)
{
  g_atomic_int_set (&side->log_fails, call == CALL_SAVE);
}

START_TEST (a_log_that_fails_fails_the_migration)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000, .tracker = "bitmap" });

  if (_i)
    pair->source.on_call = fail_at_last_get;
  else
    g_atomic_int_set (&pair->source.log_fails, TRUE);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "dirty log 'side': get failed");
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  pair->source.on_call = NULL;
  g_atomic_int_set (&pair->source.log_fails, FALSE);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Codes that links use too: where the error comes from counts, not its code. */
static const struct {
  GQuark (*domain) (void);
  int code;
} codes[] = {
  { gdw_error_quark, GDW_ERROR_IO },       { gdw_error_quark, GDW_ERROR_PEER },
  { gdw_error_quark, GDW_ERROR_TIMEOUT },  { g_io_error_quark, G_IO_ERROR_FAILED },
  { g_io_error_quark, G_IO_ERROR_CLOSED },
};

/* On a channel's thread, where a link that fails is told from what this side cannot do. */
static void
fail_at_clear (Side *side, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  g_atomic_int_set (&side->clear_fails, g_atomic_int_get (&side->hook_state));
}

/* There is a page left to send, so that there is one to clear. */
static void
fail_once_saved (Side *side, Call call)
{
  guint64 gpa = 8 * MIB;

  if (call != CALL_SAVE)
    return;
  g_atomic_int_set (&side->hook_state, TRUE);
  side_vcpu_writes (side, gpa, *side_page (side, gpa));
}

START_TEST (an_error_of_the_tracker_is_no_dead_link)
{
  guint code = _i / 4;
  gboolean while_paused = _i & 1;
  Pair *pair = pair_new (&(PairConfig){
      .writers = 1, .rate = 20000, .links = _i & 2 ? 4 : 0, .tracker = "manual-protect" });

  pair->source.fails_domain = codes[code].domain ();
  pair->source.fails_code = codes[code].code;
  pair->source.on_clear = fail_at_clear;
  if (while_paused)
    pair->source.on_call = fail_once_saved;
  else
    pair->source.hook_state = TRUE;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "dirty log 'side': clear failed");
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  ck_assert_uint_eq (side_info (&pair->source).warnings->len, 0);
  side_expect_good_guest (&pair->source);
  pair->source.on_clear = NULL;
  pair->source.on_call = NULL;
  g_atomic_int_set (&pair->source.clear_fails, FALSE);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (an_error_of_a_host_is_no_dead_link)
{
  guint code = _i / G_N_ELEMENTS (calls), at = _i % G_N_ELEMENTS (calls);
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .links = 4, .fences = TRUE });
  Side *side = calls[at].at_destination ? &pair->destination : &pair->source;

  side->fails = BIT (calls[at].call);
  side->fails_domain = codes[code].domain ();
  side->fails_code = codes[code].code;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), calls[at].text);
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  pair->source.fails = 0;
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The network.  What the source says is named by the destination too, unless the link that
 * would carry it is the one that broke. */
static const struct {
  const char *source, *destination;
  guint links;
  const char *text; /* of both sides, or NULL */
} breaks[] = {
  { "|fault:at=CONNECT,kind=reset", "", 0, NULL },
  { "|fault:at=HELLO,kind=reset", "", 0, NULL },
  { "|fault:at=HELLO,kind=flip", "", 0, NULL },
  { "|fault:at=HELLO-ACK,kind=short", "", 0, NULL },
  { "|fault:at=JOIN,kind=reset", "", 2, NULL },
  { "|fault:at=JOIN-ACK,kind=drop", "", 2, NULL },
  { "|fault:at=MEM,kind=reset", "", 0, NULL },
  { "|fault:at=MEM,kind=short,n=3", "", 0, NULL },
  { "|fault:at=MEM,kind=drop,n=2", "", 0, "it is out of sequence" },
  { "|fault:at=MEM,kind=duplicate,n=2", "", 0, "it is out of sequence" },
  { "|fault:at=MEM,kind=drop,n=5", "", 4, "it is out of sequence" },
  { "|fault:at=3M,kind=reset", "", 0, NULL },
  { "|fault:at=STATE,kind=drop", "", 0, "it is out of sequence" },
  { "|fault:at=STATE,kind=flip", "", 0, "frame 'STATE'" },
  { "|fault:at=PREPARE,kind=short", "", 0, NULL },
  { "|fault:at=PREPARED,kind=reset", "", 0, NULL },
  { "", "|fault:at=MEM,kind=reset", 0, NULL },
  { "", "|fault:at=ACK,kind=reset", 0, NULL },
  { "", "|fault:at=ACK,kind=flip", 0, NULL },
  { "", "|fault:at=PREPARE,kind=reset", 0, NULL },
  { "", "|fault:at=PREPARED,kind=reset", 0, NULL },
};

START_TEST (a_broken_link_leaves_the_guest_here)
{
  Pair *pair = pair_new (&(PairConfig){
      .writers = 1, .rate = 20000, .links = breaks[_i].links, .peer_timeout_ms = 3000 });

  pair_begin (pair, breaks[_i].source, breaks[_i].destination);
  WAIT_UNTIL (pair->source.ended);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_str_ne (side_error (&pair->source), "");
  WAIT_UNTIL (pair->destination.ended || side_status (&pair->destination) == GDW_STATUS_SETUP);
  ck_assert_uint_ne (side_status (&pair->destination), GDW_STATUS_COMPLETED);
  if (breaks[_i].text) {
    expect_contains (side_error (&pair->source), breaks[_i].text);
    ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  }
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (nobody_listens)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000 });

  pair->address = g_strdup_printf ("unix:%s/nobody", pair->folder);
  pair_migrate (pair, "");
  WAIT_UNTIL (pair->source.ended);
  ck_assert_str_eq (pair->source.events->str, " setup failed");
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* A fault that can be seen at once is refused at once and changes nothing. */
START_TEST (what_cannot_be_is_refused_at_once)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });
  static const char *const wrong[] = { "nowhere", "carrier-pigeon:x", "unix:/x|nofilter",
                                       "unix:/x|fault:at=MEM,kind=sideways" };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert (!gdw_migration_start (pair->source.migration, wrong[i], &error));
    ck_assert_ptr_nonnull (error);
  }
  ck_assert (
      gdw_migration_set_parameter (pair->source.migration, "tracker", "crystal-ball", NULL));
  ck_assert (!gdw_migration_start (pair->source.migration, "unix:/x", NULL));
  ck_assert (gdw_migration_set_parameter (pair->source.migration, "tracker", "auto", NULL));
  ck_assert (!gdw_migration_start (pair->destination.migration, "unix:/x", NULL));
  ck_assert (!gdw_migration_incoming (pair->source.migration, "unix:/x", NULL));
  ck_assert_str_eq (pair->source.events->str, "");
  ck_assert_str_eq (pair->destination.events->str, "");
  pair_begin (pair, "", "");
  ck_assert (!gdw_migration_start (pair->source.migration, "unix:/x", NULL));
  ck_assert (!gdw_migration_set_capability (pair->source.migration, "multifd", TRUE, NULL));
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (guests_that_differ_do_not_mix)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  pair->machine.memory_bytes *= 2;
  pair_renew_destination (pair);
  pair_begin (pair, "", "");
  WAIT_UNTIL (pair->source.ended);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "destination: the guests differ");
  ck_assert_str_eq (pair->destination.events->str, " setup");
  pair->machine.memory_bytes /= 2;
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* The same destination takes the next source: its memory is not new any more. */
START_TEST (a_destination_can_be_used_again)
{
  Pair *pair = pair_new (&(PairConfig){ .empty = TRUE, .memfd = _i });

  pair_begin (pair, "|fault:at=PREPARED,kind=stall", "");
  WAIT_UNTIL (pair_fault_acted (pair));
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  pair_wait_ended (pair);
  /* The pages that the first attempt brought are zero by now. */
  for (guint64 gpa = 4 * MIB; gpa < 12 * MIB; gpa += GDW_PAGE_SIZE)
    *side_page (&pair->destination, gpa) = 1;
  pair->source.ended = pair->destination.ended = 0;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* The program that embeds the engine begins anew as soon as it is told. */
static void
listen_again (GdwMigration *migration, guint status, gpointer data)
{
  Pair *pair = data;

  if (pair->destination.ended == 1)
    pair_listen (pair, "");
}

START_TEST (a_destination_listens_again_from_inside_its_last_signal)
{
  Pair *pair = pair_new (&(PairConfig){ .peer_timeout_ms = 3000 });

  g_signal_connect (pair->destination.migration, "ended", G_CALLBACK (listen_again), pair);
  pair_begin (pair, _i ? "|fault:at=MEM,kind=reset" : "|fault:at=PREPARED,kind=reset", "");
  WAIT_UNTIL (pair->source.ended && pair->destination.ended);
  pair->source.ended = 0;
  pair_migrate (pair, "");
  WAIT_UNTIL (pair->source.ended && pair->destination.ended == 2);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *host = add_case (suite, "host"), *links = add_case (suite, "links");

  tcase_add_loop_test (host, a_failed_callback_leaves_the_guest_here, 0, G_N_ELEMENTS (calls));
  tcase_add_test (host, a_failed_reacquire_leaves_it_paused);
  tcase_add_test (host, a_source_that_cannot_resume_says_so);
  tcase_add_test (host, a_destination_that_cannot_resume_keeps_the_guest);
  tcase_add_test (host, a_reset_that_fails_ends_the_attempt);
  tcase_add_loop_test (host, a_log_that_fails_fails_the_migration, 0, 2);
  tcase_add_loop_test (host, an_error_of_the_tracker_is_no_dead_link, 0,
                       4 * G_N_ELEMENTS (codes));
  tcase_add_loop_test (host, an_error_of_a_host_is_no_dead_link, 0,
                       G_N_ELEMENTS (codes) * G_N_ELEMENTS (calls));
  tcase_add_loop_test (links, a_broken_link_leaves_the_guest_here, 0, G_N_ELEMENTS (breaks));
  tcase_add_test (links, nobody_listens);
  tcase_add_test (links, what_cannot_be_is_refused_at_once);
  tcase_add_test (links, guests_that_differ_do_not_mix);
  tcase_add_loop_test (links, a_destination_can_be_used_again, 0, 2);
  tcase_add_loop_test (links, a_destination_listens_again_from_inside_its_last_signal, 0, 2);
}

int
main (void)
{
  return engine_main ("failures", add);
}
