/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A source whose frames are cut, damaged, moved or unknown. */
#include <string.h>

#include "script.h"

START_TEST (a_good_source_arrives)
{
  Victim *victim = victim_new (TRUE);

  victim_listen (victim);
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* Cut the frame _i after none of its bytes, in its header, its meta part and its pages. */
START_TEST (a_cut_stream_fails)
{
  static const gsize cuts[] = { 0, 1, 39, 40, 47, 4000, 100000 };

  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++) {
    Victim *victim = victim_new (TRUE);
    g_autoptr (GPtrArray) script = NULL;
    GByteArray *frame;
    Peer *peer;

    victim_listen (victim);
    peer = script_begin (victim, &script, _i);
    frame = script->pdata[_i];
    if (cuts[i] < frame->len) {
      ck_assert (peer_send_bytes (peer, frame->data, cuts[i]));
      peer_half_close (peer);
      victim_expect_failed (victim, cuts[i] > 0 && cuts[i] != GDW_FRAME_HEADER_BYTES
                                        ? "in the middle of a message"
                                        : "the other side closed");
      script_expect_never_ran (victim);
    }
    peer_free (peer);
    victim_free (victim);
  }
}
END_TEST

/* One who was cut before HELLO was whole is a stranger, and is told if he still reads. */
START_TEST (a_cut_hello_changes_nothing)
{
  Victim *victim = victim_new (TRUE);
  Peer *peer = NULL;

  victim_listen (victim);
  for (gsize size = 0;; size++) {
    g_autoptr (GByteArray) hello = NULL;

    peer = peer_connect (victim->uri + strlen ("unix:"));
    hello = peer_frame (peer, GDW_FRAME_HELLO, 0, script_hello (1));
    if (size == hello->len)
      break;
    ck_assert (peer_send_bytes (peer, hello->data, size));
    peer_half_close (peer);
    script_expect_turned_away (victim, peer, "before it had said who it is");
  }
  peer_free (peer);
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_SETUP);
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

static void
flip_one (guint at, gsize bit, const char *text)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  GByteArray *frame;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, at);
  frame = script->pdata[at];
  frame->data[bit / 8] ^= 1 << bit % 8;
  peer_send_bytes (peer, frame->data, frame->len);
  script_expect_refused (victim, peer, text);
  peer_free (peer);
  victim_free (victim);
}

START_TEST (each_bit_of_a_header_counts)
{
  for (gsize bit = 0; bit < GDW_FRAME_HEADER_BYTES * 8; bit++)
    flip_one (AT_ROUND_END, bit, "frame 'header'");
}
END_TEST

START_TEST (each_bit_of_a_mem_header_counts)
{
  for (gsize bit = _i; bit < GDW_FRAME_HEADER_BYTES * 8; bit += 8)
    flip_one (AT_ROM, bit, "frame 'header'");
}
END_TEST

START_TEST (each_bit_of_a_meta_part_counts)
{
  for (gsize bit = 0; bit < 15 * 8; bit++)
    flip_one (AT_PREPARE, GDW_FRAME_HEADER_BYTES * 8 + bit, "meta part");
  for (gsize bit = 0; bit < 192 * 8; bit += 37)
    flip_one (AT_ROM, GDW_FRAME_HEADER_BYTES * 8 + bit, "meta part");
}
END_TEST

START_TEST (each_bit_of_hello_counts)
{
  Victim *victim = victim_new (TRUE);
  gsize bits = 0;

  victim_listen (victim);
  for (gsize bit = 0; bit == 0 || bit < bits; bit++) {
    Peer *peer = peer_connect (victim->uri + strlen ("unix:"));
    GByteArray *hello = peer_frame (peer, GDW_FRAME_HELLO, 0, script_hello (1));
    g_autofree char *told = NULL;

    bits = hello->len * 8;
    hello->data[bit / 8] ^= 1 << bit % 8;
    ck_assert (peer_send_frame (peer, hello));
    told = peer_last_words (peer);
    ck_assert_ptr_nonnull (told);
    ck_assert_ptr_nonnull (strstr (told, "frame '"));
    peer_free (peer);
  }
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_SETUP);
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

static guint
count_naks (Peer *peer, guint64 page, guint64 until_seq)
{
  guint naks = 0;

  for (;;) {
    g_autoptr (Heard) heard = NULL;
    const guint64 pages[] = { RAM_PAGES, ROM_PAGES };
    GdwNak nak;
    GdwAck ack;

    WAIT_UNTIL (peer_read (peer) && (heard = peer_next (peer)));
    if (heard->frame.type == GDW_FRAME_NAK) {
      ck_assert (gdw_nak_decode (heard->meta->data, heard->meta->len, pages, 2, &nak, NULL));
      ck_assert_uint_eq (nak.region, 0);
      ck_assert_uint_eq (nak.n_pages, 1);
      ck_assert_uint_eq (nak.pages[0], page);
      naks++;
    } else if (heard->frame.type == GDW_FRAME_ACK) {
      ck_assert (gdw_ack_decode (heard->meta->data, heard->meta->len, &ack, NULL));
      if (ack.seq >= until_seq)
        return naks;
    }
  }
}

/* A page that arrived damaged is asked for again; the good copy makes it whole. */
START_TEST (a_damaged_page_is_refused_and_comes_again)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;
  GByteArray *frame;
  guint64 last_seq;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_RAM);
  frame = script->pdata[AT_RAM];
  frame->data[frame->len - 1] ^= 0x10;
  script_play (peer, script, AT_RAM, AT_ROUND_END);
  ck_assert_uint_eq (count_naks (peer, 254, AT_ROM + 1), 1);
  peer->tx_seq = AT_ROM + 1;
  ck_assert (peer_send_frame (peer, script_mem (peer, 0, 254, 1)));
  last_seq = peer->tx_seq;
  ck_assert_uint_eq (count_naks (peer, 254, last_seq), 0);
  script_hand_over (peer, 1, &last_seq);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* The frame @at is sent again, or not at all, or after the next. */
START_TEST (the_order_of_frames_counts)
{
  enum { REPEAT, DROP, SWAP, N };

  for (guint how = REPEAT; how < N; how++) {
    Victim *victim = victim_new (TRUE);
    g_autoptr (GPtrArray) script = NULL;
    GByteArray *frame;
    Peer *peer;

    victim_listen (victim);
    peer = script_begin (victim, &script, how == REPEAT ? _i + 1 : _i);
    frame = script->pdata[how == REPEAT ? _i : _i + 1];
    /* It is refused before all of it is sent. */
    peer_send_bytes (peer, frame->data, frame->len);
    if (how == SWAP)
      peer_send_bytes (peer, ((GByteArray *) script->pdata[_i])->data,
                       ((GByteArray *) script->pdata[_i])->len);
    script_expect_refused (victim, peer, "out of sequence");
    peer_free (peer);
    victim_free (victim);
  }
}
END_TEST

START_TEST (an_unknown_frame_is_skipped_if_it_may_be)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  GByteArray *meta = g_byte_array_new ();
  Peer *peer;

  g_byte_array_set_size (meta, 100000);
  memset (meta->data, 0xaa, meta->len);
  victim_listen (victim);
  peer = script_begin (victim, &script, AT_ROUND_END);
  peer->tx_seq = AT_ROUND_END;
  ck_assert (peer_send_frame (peer, peer_frame (peer, 77, GDW_FRAME_OPTIONAL, meta)));
  ck_assert (peer_send_frame (peer, peer_frame (peer, 255, GDW_FRAME_OPTIONAL, NULL)));
  script_hand_over (peer, 1, &(guint64){ AT_ROM + 1 });
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

START_TEST (an_unknown_frame_is_refused_by_its_number)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_RAM);
  peer->tx_seq = AT_RAM;
  ck_assert (peer_send (peer, 77, g_byte_array_new ()));
  script_expect_refused (victim, peer, "frame '77'");
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* Lengths in a header that is otherwise right. */
START_TEST (a_length_is_checked_before_it_is_believed)
{
  static const struct {
    guint at;
    guint32 payload, meta;
    const char *text;
  } lengths[] = {
    { AT_ROM, 0xffffffff, 100, "payload" },
    { AT_ROM, GDW_FRAME_PAYLOAD_MAX + 1, 100, "payload" },
    { AT_ROM, GDW_FRAME_PAYLOAD_MAX, 100, "MEM" },
    { AT_ROM, 100, 101, "meta part" },
    { AT_ROM, GDW_FRAME_PAYLOAD_MAX, GDW_FRAME_PAYLOAD_MAX, "meta part" },
    { AT_ROM, 0, 0, "meta part" },
    { AT_STATE, GDW_FRAME_PAYLOAD_MAX, GDW_FRAME_PAYLOAD_MAX, "STATE" },
    { AT_STATE, 4096, 30, "STATE" },
    { AT_PREPARE, 17, 15, "PREPARE" },
    { AT_PREPARE, 14, 14, "PREPARE" },
    { AT_COMMIT, 17, 17, "COMMIT" },
    { AT_COMMIT, 15, 15, "COMMIT" },
  };
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  GByteArray *frame;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, lengths[_i].at);
  frame = script->pdata[lengths[_i].at];
  gdw_store_u32 (frame->data + GDW_FRAME_OFFSET_PAYLOAD, lengths[_i].payload);
  gdw_store_u32 (frame->data + 12, MIN (lengths[_i].meta, frame->len - 40));
  peer_seal (frame);
  if (lengths[_i].meta > frame->len - 40) {
    /* The meta part does not come: what is announced must be enough to be refused. */
    GdwFrame head = { .type = frame->data[5],
                      .seq = lengths[_i].at + 1,
                      .payload_len = lengths[_i].payload,
                      .meta_len = lengths[_i].meta };
    g_autofree guint8 *meta = g_malloc0 (lengths[_i].meta);

    gdw_frame_encode (&head, meta, frame->data);
  }
  peer_send_bytes (peer, frame->data, GDW_FRAME_HEADER_BYTES);
  script_expect_refused (victim, peer, lengths[_i].text);
  peer_free (peer);
  victim_free (victim);
}
END_TEST
#define N_LENGTHS 12

static void
add (TCase *tests)
{
  tcase_add_test (tests, a_good_source_arrives);
  tcase_add_loop_test (tests, a_cut_stream_fails, AT_RAM, AT_COMMIT);
  tcase_add_test (tests, a_cut_hello_changes_nothing);
  tcase_add_test (tests, each_bit_of_a_header_counts);
  tcase_add_loop_test (tests, each_bit_of_a_mem_header_counts, 0, 8);
  tcase_add_test (tests, each_bit_of_a_meta_part_counts);
  tcase_add_test (tests, each_bit_of_hello_counts);
  tcase_add_test (tests, a_damaged_page_is_refused_and_comes_again);
  tcase_add_loop_test (tests, the_order_of_frames_counts, AT_RAM, AT_PREPARE);
  tcase_add_test (tests, an_unknown_frame_is_skipped_if_it_may_be);
  tcase_add_test (tests, an_unknown_frame_is_refused_by_its_number);
  tcase_add_loop_test (tests, a_length_is_checked_before_it_is_believed, 0, N_LENGTHS);
}

int
main (void)
{
  return hostile_main ("frames", add);
}
