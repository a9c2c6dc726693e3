/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* One of several links dies, and the guest arrives all the same. */
#include "pair.h"

#include <string.h>

#include "core/migration/migration-private.h"
#include "core/source/private.h"

/* Short where silence is to be noticed; elsewhere a busy machine must not look like a dead
 * link. */
#define STALL_TIMEOUT_MS 1000
#define PEER_TIMEOUT_MS 10000

static gboolean
is_warned (Side *side, const char *part)
{
  GdwInfo info = side_info (side);

  for (guint i = 0; i < info.warnings->len; i++)
    if (strstr (info.warnings->pdata[i], part))
      return TRUE;
  return FALSE;
}

static guint
timeout_of (const char *here, const char *there)
{
  return strstr (here, "stall") || strstr (there, "stall") ? STALL_TIMEOUT_MS : PEER_TIMEOUT_MS;
}

static const struct {
  guint links;
  const char *source, *destination;
  const char *warning; /* of the source */
} deaths[] = {
  { 2, "|fault:at=MEM,kind=reset", "", " was lost: " },
  { 2, "|fault:at=MEM,n=9,kind=short", "", " was lost: " },
  { 2, "", "|fault:at=MEM,n=9,kind=reset", " was lost: " },
  { 2, "", "|fault:at=MEM,n=9,kind=short", " was lost: " },
  { 8, "|fault:at=MEM,n=17,kind=reset", "", " was lost: " },
  { 8, "", "|fault:at=MEM,n=17,kind=reset", " was lost: " },
  { 8, "", "|fault:at=ACK,kind=reset", " was lost: " },
  { 8, "|fault:at=MEM,n=9,kind=reset|fault:at=MEM,n=20,kind=reset|fault:at=MEM,n=30,kind=short",
    "", " was lost: " },
  { 3, "|fault:at=MEM,n=9,kind=stall", "", " was lost: " },
  { 3, "", "|fault:at=MEM,n=9,kind=stall", " was lost: " },
  { 3, "", "|fault:at=ACK,kind=stall", "the other side was silent" },
  /* Only the main link carries these. */
  { 2, "|fault:at=ROUND-END,kind=reset", "", "link 0 was lost" },
  { 8, "", "|fault:at=ROUND-END,kind=short", "link 0 was lost" },
  { 2, "|fault:at=STATE,kind=reset", "", "link 0 was lost" },
  { 2, "|fault:at=STATE,n=2,kind=short", "", "link 0 was lost" },
  { 8, "", "|fault:at=STATE,n=2,kind=reset", "link 0 was lost" },
  { 3, "|fault:at=STATE,n=2,kind=stall", "", "link 0 was lost" },
  { 2, "|fault:at=PREPARE,kind=reset", "", "link 0 was lost" },
  { 2, "", "|fault:at=PREPARE,kind=reset", "link 0 was lost" },
  { 2, "|fault:at=PREPARED,kind=reset", "", "link 0 was lost" },
  { 8, "", "|fault:at=PREPARED,kind=short", "link 0 was lost" },
  { 3, "", "|fault:at=PREPARED,kind=stall", "link 0: the other side was silent" },
  { 3, "|fault:at=PREPARE,kind=reset|fault:at=PREPARE,n=2,kind=short", "", "link 1 was lost" },
  { 3, "|fault:at=PREPARED,kind=reset|fault:at=PREPARED,kind=short", "", "link 1 was lost" },
  /* The second main link dies with the message that the first is dead. */
  { 3, "|fault:at=STATE,kind=reset|fault:at=LINK-DEAD,kind=short", "", "link 1 was lost" },
  { 3, "|fault:at=STATE,kind=reset|fault:at=LINK-DRAINED,kind=reset", "", "link 1 was lost" },
  { 3, "|fault:at=STATE,kind=reset|fault:at=STATE,n=3,kind=reset", "", "link 1 was lost" },
};

START_TEST (the_others_carry_on)
{
  Pair *pair = pair_new (&(PairConfig){
      .writers = 2,
      .rate = 50000,
      .links = deaths[_i].links,
      .peer_timeout_ms = timeout_of (deaths[_i].source, deaths[_i].destination) });

  pair_begin (pair, deaths[_i].source, deaths[_i].destination);
  pair_wait_ended (pair);
  ck_assert (pair_fault_acted (pair));
  pair_expect_arrived (pair);
  ck_assert_msg (is_warned (&pair->source, deaths[_i].warning), "there is no '%s'",
                 deaths[_i].warning);
  ck_assert_uint_lt (side_info (&pair->source).n_links, deaths[_i].links);
  ck_assert_uint_eq (side_info (&pair->source).n_links, side_info (&pair->destination).n_links);
  pair_free (pair);
}
END_TEST

/* While the host gives its resources up, between PREPARED and COMMIT. */
static void
lose_main_link (Side *side, Call call)
{
  GdwSource *source = side->migration->source;

  if (call == CALL_FENCE)
    gdw_channel_fail (
        source->channels[0],
        g_error_new_literal (side->fails_domain, side->fails_code, "the test wants it"));
}

START_TEST (commit_goes_over_another_link)
{
  Pair *pair = pair_new (&(PairConfig){
      .writers = 1, .rate = 20000, .links = 3, .fences = TRUE, .peer_timeout_ms = 10000 });

  /* A transport's error may have any code: what fails is its link. */
  pair->source.fails_domain = _i ? G_IO_ERROR : GDW_ERROR;
  pair->source.fails_code = _i ? G_IO_ERROR_BROKEN_PIPE : GDW_ERROR_IO;
  pair->source.on_call = lose_main_link;
  pair->source.holds = BIT (CALL_FENCE);
  pair_begin (pair, "", "");
  WAIT_UNTIL (is_warned (&pair->source, "link 0 was lost: the test wants it"));
  side_release (&pair->source);
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static const struct {
  guint links;
  const char *source, *destination;
} ends[] = {
  { 1, "|fault:at=MEM,kind=reset", "" },
  { 2, "|fault:at=MEM,n=5,kind=reset|fault:at=MEM,n=9,kind=reset", "" },
  { 2, "|fault:at=PREPARE,kind=reset|fault:at=LINK-DEAD,kind=reset", "" },
  { 2, "", "|fault:at=PREPARED,kind=reset|fault:at=LINK-DRAINED,kind=reset" },
};

START_TEST (the_last_link_is_the_end)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1,
                                        .rate = 20000,
                                        .links = ends[_i].links,
                                        .peer_timeout_ms = PEER_TIMEOUT_MS });

  pair_begin (pair, ends[_i].source, ends[_i].destination);
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_str_ne (side_error (&pair->source), "");
  side_expect_good_guest (&pair->source);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

/* Extra links that can't be opened are done without; some of them can't. */
START_TEST (one_link_will_do)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000, .links = 4 });

  pair_begin (pair, "|fault:at=CONNECT,n=2,kind=reset", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  ck_assert (is_warned (&pair->source, "only one link could be opened: filter 'fault'"));
  ck_assert_uint_eq (side_info (&pair->source).n_links, 1);
  ck_assert_uint_eq (side_info (&pair->destination).n_links, 1);
  pair_free (pair);
}
END_TEST

START_TEST (some_links_will_not_do)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1, .rate = 20000, .links = 4 });

  pair_begin (pair, "|fault:at=CONNECT,n=3,kind=reset", "");
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  ck_assert_ptr_nonnull (strstr (side_error (&pair->source),
                                 "source: the destination let in only 2 of 4 links: filter"));
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "loss");

  tcase_add_loop_test (tests, the_others_carry_on, 0, G_N_ELEMENTS (deaths));
  tcase_add_loop_test (tests, commit_goes_over_another_link, 0, 2);
  tcase_add_loop_test (tests, the_last_link_is_the_end, 0, G_N_ELEMENTS (ends));
  tcase_add_test (tests, one_link_will_do);
  tcase_add_test (tests, some_links_will_not_do);
}

int
main (void)
{
  return engine_main ("loss", add);
}
