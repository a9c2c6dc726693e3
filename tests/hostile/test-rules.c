/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A source whose frames are well-formed, and wrong. */
#include <string.h>

#include "core/link/crc32c.h"
#include "script.h"

static Peer *
come (Victim *victim)
{
  return peer_connect (victim->uri + strlen ("unix:"));
}

/* HELLO. */

static void
fewer_regions (GdwHello *hello)
{
  hello->n_regions = 1;
}

static void
other_name (GdwHello *hello)
{
  hello->regions[1].name = (char *) "vga";
}

static void
other_size (GdwHello *hello)
{
  hello->regions[0].size += GDW_PAGE_SIZE;
}

static void
other_address (GdwHello *hello)
{
  hello->regions[1].guest_addr += GDW_PAGE_SIZE;
}

static void
too_new (GdwHello *hello)
{
  hello->version_min = 7;
  hello->version_max = 9;
}

static void
another_machine (GdwHello *hello)
{
  hello->version_max = 2;
  hello->machine = (char *) "four vCPUs";
}

static void
unknown_feature (GdwHello *hello)
{
  hello->offered = hello->required = G_GUINT64_CONSTANT (1) << 63;
}

static const struct {
  SpoilHello spoil;
  const char *text;
} refused_hellos[] = {
  { fewer_regions, "the source has 1 regions of memory, the destination 2" },
  { other_name, "region 1 is 'vga'" },
  { other_size, "region 0 is 'ram', 4198400 bytes" },
  { other_address, "0x80001000" },
  { another_machine, "the source's is 'four vCPUs', the destination's 'two vCPUs'" },
  { too_new, "speaks versions 7 to 9, this side 1 to 2" },
  { unknown_feature, "requires feature 63" },
};
#define N_REFUSED_HELLOS 7

/* He may be sent to the wrong place: the destination goes on listening for its own guest. */
START_TEST (another_guest_or_stream_costs_its_link)
{
  Victim *victim = victim_new (TRUE);
  Peer *peer;

  victim_listen (victim);
  peer = come (victim);
  peer_send (peer, GDW_FRAME_HELLO, script_spoilt_hello (1, refused_hellos[_i].spoil));
  script_expect_turned_away (victim, peer, refused_hellos[_i].text);
  ck_assert_str_eq (victim->statuses->str, " setup");
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* The operator asks for this check, and then it is final, as QEMU's is. */
static void
other_uuid (GdwHello *hello)
{
  hello->uuid = (char *) "550e8400-e29b-41d4-a716-446655440000";
}

static void
other_uuid_required (GdwHello *hello)
{
  other_uuid (hello);
  hello->offered = hello->required = GDW_FEATURE_VALIDATE_UUID;
}

START_TEST (another_uuid_fails_the_migration_if_somebody_asks)
{
  Victim *victim = victim_new (TRUE);
  Peer *peer;

  gdw_migration_set_capability (victim->migration, "validate-uuid", _i, NULL);
  victim_listen (victim);
  peer = come (victim);
  peer_send (peer, GDW_FRAME_HELLO,
             script_spoilt_hello (1, _i ? other_uuid : other_uuid_required));
  script_expect_refused (victim, peer, "validate-uuid");
  WAIT_UNTIL (strcmp (victim->statuses->str, " setup failed") == 0);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* A source that was cancelled as soon as it was connected, and has gone. */
START_TEST (hello_and_abort_fail_the_migration)
{
  Victim *victim = victim_new (TRUE);
  Peer *peer;

  victim_listen (victim);
  peer = come (victim);
  peer_send (peer, GDW_FRAME_HELLO, script_hello (1));
  peer_send_error (peer, GDW_FRAME_ABORT, "source: it was cancelled: the test wants it");
  peer_free (peer);
  victim_expect_failed (victim, "source: it was cancelled: the test wants it");
  script_expect_never_ran (victim);
  victim_free (victim);
}
END_TEST

static void
no_pages (GdwHello *hello)
{
  hello->regions[0].page_size = 0;
}

static void
odd_pages (GdwHello *hello)
{
  hello->regions[0].page_size = 12288;
}

static void
endless_region (GdwHello *hello)
{
  hello->regions[1].guest_addr = G_MAXUINT64 - 4095;
}

static void
no_links (GdwHello *hello)
{
  hello->n_links = 0;
}

static void
no_regions (GdwHello *hello)
{
  hello->n_regions = 0;
}

static void
versions_reversed (GdwHello *hello)
{
  hello->version_min = 3;
  hello->version_max = 1;
}

/* A senseless HELLO comes from a stranger, and costs only its link. */
START_TEST (a_hello_without_sense_costs_its_link)
{
  static const SpoilHello spoils[] = { no_pages, odd_pages,  endless_region,
                                       no_links, no_regions, versions_reversed };
  Victim *victim = victim_new (TRUE);

  victim_listen (victim);
  for (guint i = 0; i < G_N_ELEMENTS (spoils); i++) {
    Peer *peer = come (victim);

    peer_send (peer, GDW_FRAME_HELLO, script_spoilt_hello (1, spoils[i]));
    script_expect_turned_away (victim, peer, "frame 'HELLO'");
  }
  ck_assert_str_eq (victim->statuses->str, " setup");
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* While one source is served, another is sent away. */
START_TEST (a_second_source_is_refused)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer, *other;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_ROM);
  other = come (victim);
  peer_send (other, GDW_FRAME_HELLO, script_hello (1));
  script_expect_turned_away (victim, other, "a second source is refused");
  script_play (peer, script, AT_ROM, SCRIPT_FRAMES);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* JOIN. */

static void
turn_away_join (Victim *victim, GByteArray *join, const char *text)
{
  Peer *peer = come (victim);

  peer_send (peer, GDW_FRAME_JOIN, join);
  script_expect_turned_away (victim, peer, text);
}

START_TEST (a_wrong_link_is_turned_away)
{
  Victim *victim = victim_new (TRUE);
  GByteArray *wrong_token = script_join (1), *wrong_id = script_join (1);
  Peer *peer, *second;

  victim_listen (victim);
  turn_away_join (victim, script_join (1), "a link is refused");
  peer = come (victim);
  peer_send (peer, GDW_FRAME_HELLO, script_hello (3));
  peer_heard_free (peer_expect (peer, GDW_FRAME_HELLO_ACK));
  wrong_token->data[31] ^= 1;
  wrong_id->data[0] ^= 1;
  turn_away_join (victim, wrong_token, "does not know the token");
  turn_away_join (victim, wrong_id, "a link is refused");
  turn_away_join (victim, script_join (0), "frame 'JOIN'");
  turn_away_join (victim, script_join (3), "a link is refused");
  turn_away_join (victim, script_join (254), "a link is refused");
  turn_away_join (victim, script_join (255), "frame 'JOIN'");
  turn_away_join (victim, script_join (65535), "frame 'JOIN'");
  second = come (victim);
  peer_send (second, GDW_FRAME_JOIN, script_join (2));
  peer_heard_free (peer_expect (second, GDW_FRAME_JOIN_ACK));
  turn_away_join (victim, script_join (2), "its number is taken");
  ck_assert_str_eq (victim->statuses->str, " setup active");
  peer_free (peer);
  peer_free (second);
  victim_free (victim);
}
END_TEST

/* Over three links, memory on all of them. */
START_TEST (three_links_arrive)
{
  Victim *victim = victim_new (TRUE);
  Peer *peers[3];
  guint64 last_seq[3];

  victim_listen (victim);
  for (guint i = 0; i < 3; i++) {
    peers[i] = come (victim);
    peer_send (peers[i], i ? GDW_FRAME_JOIN : GDW_FRAME_HELLO,
               i ? script_join (i) : script_hello (3));
    peer_heard_free (peer_expect (peers[i], i ? GDW_FRAME_JOIN_ACK : GDW_FRAME_HELLO_ACK));
  }
  for (guint i = 0; i < 4; i++)
    peer_send_frame (peers[i % 3], script_mem (peers[i % 3], 0, i * 256, 256));
  peer_send_frame (peers[2], script_mem (peers[2], 1, 0, ROM_PAGES));
  for (guint i = 0; i < 3; i++) {
    last_seq[i] = peers[i]->tx_seq;
    peer_heard_free (peer_expect (peers[i], GDW_FRAME_ACK));
  }
  WAIT_UNTIL (victim_info (victim).normal_pages == RAM_PAGES / 4 * 3 + 12);
  script_hand_over (peers[0], 3, last_seq);
  script_expect_arrived (victim);
  for (guint i = 0; i < 3; i++)
    peer_free (peers[i]);
  victim_free (victim);
}
END_TEST

/* Frames at the wrong time. */

static void
say_late_mem (Peer *peer)
{
  peer_send_frame (peer, script_mem (peer, 1, 0, 1));
}

static void
say_hello (Peer *peer)
{
  peer_send (peer, GDW_FRAME_HELLO, script_hello (1));
}

static void
say_commit (Peer *peer)
{
  peer_send_id (peer, GDW_FRAME_COMMIT, script_id);
}

static void
say_other_commit (Peer *peer)
{
  peer_send_id (peer, GDW_FRAME_COMMIT, script_token);
}

static void
say_join (Peer *peer)
{
  peer_send (peer, GDW_FRAME_JOIN, script_join (1));
}

static void
say_query (Peer *peer)
{
  peer_send (peer, GDW_FRAME_QUERY_OUTCOME, script_query (script_id, script_token));
}

static void
say_prepared (Peer *peer)
{
  peer_send_id (peer, GDW_FRAME_PREPARED, script_id);
}

static void
say_ack (Peer *peer)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_ack_encode (&(GdwAck){ 1, 1, 1 }, meta);
  peer_send (peer, GDW_FRAME_ACK, meta);
}

static void
say_nak (Peer *peer)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_nak_encode (&(GdwNak){ .n_pages = 1 }, meta);
  peer_send (peer, GDW_FRAME_NAK, meta);
}

static void
say_state (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("late", 1, 0, 1));
}

static void
say_gap (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("gap", 10, 0, 4));
  peer_send (peer, GDW_FRAME_STATE, script_state ("gap", 10, 5, 5));
}

static void
say_between (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("one", 10, 0, 4));
  peer_send (peer, GDW_FRAME_STATE, script_state ("two", 10, 0, 4));
}

static void
say_regrown (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("one", 10, 0, 4));
  peer_send (peer, GDW_FRAME_STATE, script_state ("one", 20, 4, 4));
}

static void
say_huge_total (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE,
             script_state ("huge", (guint64) GDW_STATE_SECTION_MAX + 1, 0, 1));
}

static void
say_endless_total (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("huge", G_MAXUINT64, G_MAXUINT64 - 1, 1));
}

static void
say_many_sections (Peer *peer)
{
  for (guint i = 0; i <= 4096; i++) {
    g_autofree char *name = g_strdup_printf ("%u", i);

    peer_send (peer, GDW_FRAME_STATE, script_state (name, 0, 0, 0));
  }
}

static void
prepare_more_sections (Peer *peer)
{
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (3, 1, &(guint64){ AT_ROM + 1 }));
}

static void
prepare_fewer_sections (Peer *peer)
{
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (1, 1, &(guint64){ AT_ROM + 1 }));
}

static void
prepare_more_memory (Peer *peer)
{
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (2, 1, &(guint64){ AT_ROM + 2 }));
}

static void
prepare_less_memory (Peer *peer)
{
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (2, 1, &(guint64){ 0 }));
}

static void
prepare_more_links (Peer *peer)
{
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (2, 2, (guint64[]){ AT_ROM + 1, 0 }));
}

static void
prepare_half_section (Peer *peer)
{
  peer_send (peer, GDW_FRAME_STATE, script_state ("half", 10, 0, 4));
  peer_send (peer, GDW_FRAME_PREPARE, script_prepare (2, 1, &(guint64){ AT_ROM + 1 }));
}

static void
prepare_and_commit (Peer *peer)
{
  g_autoptr (GByteArray) both = peer_frame (peer, GDW_FRAME_PREPARE, 0,
                                            script_prepare (2, 1, &(guint64){ AT_ROM + 1 }));
  GByteArray *meta = g_byte_array_new ();
  g_autoptr (GByteArray) commit = NULL;

  gdw_id_encode (script_id, meta);
  commit = peer_frame (peer, GDW_FRAME_COMMIT, 0, meta);
  g_byte_array_append (both, commit->data, commit->len);
  peer_send_bytes (peer, both->data, both->len);
}

static void
say_error (Peer *peer)
{
  peer_send_error (peer, GDW_FRAME_ERROR, "source: its disk burns: the test wants it");
}

static void
say_abort (Peer *peer)
{
  peer_send_error (peer, GDW_FRAME_ABORT, "source: it was cancelled: the test wants it");
}

/* After the frames before @at; @loads: the host was given the state. */
static const struct {
  guint at;
  void (*say) (Peer *peer);
  const char *text;
  guint loads;
} wrongs[] = {
  { AT_RAM, say_hello, "frame 'HELLO'", 0 },
  { AT_RAM, say_join, "frame 'JOIN'", 0 },
  { AT_RAM, say_query, "frame 'QUERY-OUTCOME'", 0 },
  { AT_RAM, say_prepared, "frame 'PREPARED'", 0 },
  { AT_RAM, say_ack, "frame 'ACK'", 0 },
  { AT_RAM, say_nak, "frame 'NAK'", 0 },
  { AT_RAM, say_commit, "COMMIT is refused", 0 },
  { AT_PREPARE, say_commit, "COMMIT is refused", 0 },
  { AT_COMMIT, say_other_commit, "COMMIT is refused: it is of another migration", 1 },
  { AT_COMMIT, say_late_mem, "frame 'MEM' is refused", 1 },
  { AT_COMMIT, say_state, "frame 'STATE' is refused", 1 },
  { AT_COMMIT, prepare_less_memory, "frame 'PREPARE' is refused", 1 },
  { AT_STATE, say_gap, "does not continue the section", 0 },
  { AT_STATE, say_between, "does not continue the section", 0 },
  { AT_STATE, say_regrown, "does not continue the section", 0 },
  { AT_STATE, say_huge_total, "section 'huge' has 268435457 bytes", 0 },
  { AT_STATE, say_endless_total, "section 'huge'", 0 },
  { AT_STATE, say_many_sections, "more than 4096 sections", 0 },
  { AT_PREPARE, prepare_more_sections, "sections of the state are missing", 0 },
  { AT_PREPARE, prepare_fewer_sections, "sections of the state are missing", 0 },
  { AT_PREPARE, prepare_half_section, "sections of the state are missing", 0 },
  { AT_PREPARE, prepare_more_memory, "memory is missing", 0 },
  { AT_PREPARE, prepare_less_memory, "memory is missing", 0 },
  { AT_PREPARE, prepare_more_links, "links are missing", 0 },
  { AT_STATE, say_error, "source: its disk burns: the test wants it", 0 },
  { AT_COMMIT, say_error, "source: its disk burns: the test wants it", 1 },
  { AT_RAM, say_abort, "source: it was cancelled: the test wants it", 0 },
  { AT_COMMIT, say_abort, "source: it was cancelled: the test wants it", 1 },
};
#define N_WRONGS 28

START_TEST (a_frame_at_the_wrong_time_fails_both_sides)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, wrongs[_i].at);
  peer->tx_seq = wrongs[_i].at;
  wrongs[_i].say (peer);
  script_expect_refused (victim, peer, wrongs[_i].text);
  ck_assert_uint_eq (victim->loads, wrongs[_i].loads);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* COMMIT right behind PREPARE, while the host takes the state over. */
START_TEST (a_hasty_commit_is_refused)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  victim->holds = TRUE;
  peer = script_begin (victim, &script, AT_PREPARE);
  peer->tx_seq = AT_PREPARE;
  prepare_and_commit (peer);
  script_expect_refused (victim, peer, "COMMIT is refused");
  ck_assert_uint_eq (victim->loads, 1);
  victim_release (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* MEM. */

static const struct {
  const char *text;
  GdwMem mem;
} bad_mems[] = {
  { "region", { .region = 2, .n_runs = 1, .runs = { { 0, 1, GDW_RUN_ZERO } } } },
  { "region", { .region = 0xffffffff, .n_runs = 1, .runs = { { 0, 1, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { RAM_PAGES, 1, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { RAM_PAGES - 1, 2, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { RAM_PAGES - 1, 2, GDW_RUN_RAW } }, .n_raw = 2 } },
  { "MEM", { .n_runs = 1, .runs = { { G_MAXUINT64, 1, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { G_MAXUINT64, 2, GDW_RUN_RAW } }, .n_raw = 2 } },
  { "MEM", { .n_runs = 1, .runs = { { 1ull << 52, 1, GDW_RUN_RAW } }, .n_raw = 1 } },
  { "MEM", { .n_runs = 1, .runs = { { 0, 0xffffffff, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { 0, 0, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { 0, 1, 3 } } } },
  { "MEM", { .n_runs = 2, .runs = { { 4, 4, GDW_RUN_ZERO }, { 7, 1, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 2, .runs = { { 4, 1, GDW_RUN_ZERO }, { 0, 1, GDW_RUN_ZERO } } } },
  { "MEM", { .n_runs = 1, .runs = { { 0, 2, GDW_RUN_RAW } }, .n_raw = 1 } },
  { "MEM", { .n_runs = 1, .runs = { { 0, 1, GDW_RUN_RAW } }, .n_raw = 2 } },
  { "MEM", { .region = 1, .n_runs = 1, .runs = { { 15, 2, GDW_RUN_RAW } }, .n_raw = 2 } },
};
#define N_BAD_MEMS 16

START_TEST (memory_outside_of_a_region_is_refused)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  GByteArray *frame;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_RAM);
  peer->tx_seq = AT_RAM;
  frame = script_mem_of (peer, &bad_mems[_i].mem, bad_mems[_i].mem.n_raw * GDW_PAGE_SIZE);
  peer_send_frame (peer, frame);
  script_expect_refused (victim, peer, bad_mems[_i].text);
  ck_assert_uint_eq (victim_info (victim).normal_pages, 0);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* Everything to zero, twice, and filled again. */
START_TEST (zero_runs_may_cover_everything)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_ROUND_END);
  peer->tx_seq = AT_ROUND_END;
  for (guint i = 0; i < 2; i++) {
    peer_send_frame (peer, script_zero (peer, 0, 0, RAM_PAGES));
    peer_send_frame (peer, script_zero (peer, 1, 0, ROM_PAGES));
  }
  /* The counts are made when the pages are in place. */
  WAIT_UNTIL (victim_info (victim).zero_pages ==
              (RAM_PAGES + ROM_PAGES) / 4 + 2 * (RAM_PAGES + ROM_PAGES));
  for (guint i = 0; i < RAM_PAGES; i++)
    for (guint j = 0; j < GDW_PAGE_SIZE; j += 8)
      ck_assert_uint_eq (*(guint64 *) (victim_page (victim, 0, i) + j), 0);
  for (guint i = 0; i < 4; i++)
    peer_send_frame (peer, script_mem (peer, 0, i * 256, 256));
  peer_send_frame (peer, script_mem (peer, 1, 0, ROM_PAGES));
  script_hand_over (peer, 1, &peer->tx_seq);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

START_TEST (memory_on_a_link_that_was_not_let_in_is_refused)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer, *stranger;

  victim_listen (victim);
  stranger = come (victim);
  say_late_mem (stranger);
  script_expect_turned_away (victim, stranger, "frame 'MEM' is refused");
  peer = script_begin (victim, &script, AT_RAM);
  stranger = come (victim);
  say_late_mem (stranger);
  script_expect_turned_away (victim, stranger, "frame 'MEM' is refused");
  ck_assert_uint_eq (victim_info (victim).normal_pages, 0);
  script_play (peer, script, AT_RAM, SCRIPT_FRAMES);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_loop_test (tests, another_guest_or_stream_costs_its_link, 0, N_REFUSED_HELLOS);
  tcase_add_loop_test (tests, another_uuid_fails_the_migration_if_somebody_asks, 0, 2);
  tcase_add_test (tests, hello_and_abort_fail_the_migration);
  tcase_add_test (tests, a_hello_without_sense_costs_its_link);
  tcase_add_test (tests, a_second_source_is_refused);
  tcase_add_test (tests, a_wrong_link_is_turned_away);
  tcase_add_test (tests, three_links_arrive);
  tcase_add_loop_test (tests, a_frame_at_the_wrong_time_fails_both_sides, 0, N_WRONGS);
  tcase_add_test (tests, a_hasty_commit_is_refused);
  tcase_add_loop_test (tests, memory_outside_of_a_region_is_refused, 0, N_BAD_MEMS);
  tcase_add_test (tests, zero_runs_may_cover_everything);
  tcase_add_test (tests, memory_on_a_link_that_was_not_let_in_is_refused);
}

int
main (void)
{
  return hostile_main ("rules", add);
}
