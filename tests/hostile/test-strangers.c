/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Peers that connect to a destination and are not its source cost only their own links. */
#include <malloc.h>
#include <string.h>

#include "script.h"

#define CROWD 100u
#define FLOOD_BYTES ((gsize) 128 << 20)

static Peer *
come (Victim *victim)
{
  return peer_connect (victim->uri + strlen ("unix:"));
}

START_TEST (silent_ones_do_not_disturb)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *silent[3], *peer;

  victim_listen (victim);
  silent[0] = come (victim);
  peer = script_begin (victim, &script, AT_RAM);
  silent[1] = come (victim);
  script_play (peer, script, AT_RAM, AT_COMMIT);
  silent[2] = come (victim);
  script_play (peer, script, AT_COMMIT, SCRIPT_FRAMES);
  script_expect_arrived (victim);
  peer_free (peer);
  WAIT_UNTIL (victim->ended);
  for (guint i = 0; i < 3; i++)
    peer_free (silent[i]);
  victim_free (victim);
}
END_TEST

/* They are let go after x-peer-timeout, and told nothing. */
START_TEST (a_silent_one_is_let_go)
{
  Victim *victim = victim_new (TRUE);
  Peer *silent;

  victim_set (victim, "x-peer-timeout", "200");
  victim_listen (victim);
  silent = come (victim);
  ck_assert_ptr_null (peer_last_words (silent));
  peer_free (silent);
  ck_assert_str_eq (victim->statuses->str, " setup");
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* One byte of HELLO with every frame of the real source. */
START_TEST (a_slow_one_does_not_disturb)
{
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  GByteArray *hello;
  Peer *slow, *peer;

  victim_listen (victim);
  slow = come (victim);
  hello = peer_frame (slow, GDW_FRAME_HELLO, 0, script_hello (1));
  peer = script_begin (victim, &script, 0);
  for (guint at = 0; at < SCRIPT_FRAMES; at++) {
    ck_assert (peer_send_bytes (slow, hello->data + at, 1));
    script_play (peer, script, at, at + 1);
  }
  script_expect_arrived (victim);
  peer_free (slow);
  peer_free (peer);
  g_byte_array_unref (hello);
  victim_free (victim);
}
END_TEST

START_TEST (garbage_costs_its_link)
{
  static const char *const garbage[] = {
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n and so on, more than forty bytes of it",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 -----------------------",
    "QEVM\0\0\0\3\1\0\0\0\6pc-i440fx-7.2-----------------------------",
  };
  Victim *victim = victim_new (TRUE);
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer;

  victim_listen (victim);
  peer = script_begin (victim, &script, AT_ROM);
  for (guint i = 0; i < G_N_ELEMENTS (garbage); i++) {
    Peer *stranger = come (victim);

    peer_send_bytes (stranger, (const guint8 *) garbage[i], 50);
    script_expect_turned_away (victim, stranger, "the peer does not speak godwit");
  }
  script_play (peer, script, AT_ROM, SCRIPT_FRAMES);
  script_expect_arrived (victim);
  peer_free (peer);
  victim_free (victim);
}
END_TEST

/* Any frame but the three that begin a link. */
START_TEST (a_wrong_first_frame_costs_its_link)
{
  static const guint types[] = { GDW_FRAME_ROUND_END, GDW_FRAME_PREPARED, GDW_FRAME_COMMIT,
                                 GDW_FRAME_CONFIRM,   GDW_FRAME_ERROR,    GDW_FRAME_ABORT,
                                 GDW_FRAME_HELLO_ACK, GDW_FRAME_JOIN_ACK };
  Victim *victim = victim_new (TRUE);

  victim_listen (victim);
  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    Peer *peer = come (victim);
    GByteArray *meta = g_byte_array_new ();

    if (types[i] == GDW_FRAME_HELLO_ACK)
      gdw_hello_ack_encode (&(GdwHelloAck){ 1, 0, 1, 1 }, meta);
    else
      gdw_id_encode (script_id, meta);
    if (types[i] == GDW_FRAME_ERROR || types[i] == GDW_FRAME_ABORT) {
      g_byte_array_unref (meta);
      peer_send_error (peer, types[i], "a lie");
    } else {
      peer_send (peer, types[i], meta);
    }
    script_expect_turned_away (victim, peer, "it does not begin a connection");
  }
  ck_assert_str_eq (victim->statuses->str, " setup");
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* He who was sent away and goes on is not let in after all. */
START_TEST (one_who_was_turned_away_stays_away)
{
  Victim *victim = victim_new (TRUE);
  Peer *peer;

  victim_listen (victim);
  peer = come (victim);
  peer_send_id (peer, GDW_FRAME_COMMIT, script_id);
  peer_send (peer, GDW_FRAME_HELLO, script_hello (1));
  script_expect_turned_away (victim, peer, "it does not begin a connection");
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_SETUP);
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

/* A hundred of them come before the source: it is let in. */
START_TEST (a_crowd_does_not_lock_the_source_out)
{
  Victim *victim = victim_new (TRUE);
  Peer *crowd[CROWD];

  victim_listen (victim);
  for (guint i = 0; i < CROWD; i++)
    crowd[i] = come (victim);
  script_migrate (victim);
  WAIT_UNTIL (victim->ended);
  for (guint i = 0; i < CROWD; i++)
    peer_free (crowd[i]);
  victim_free (victim);
}
END_TEST

/* A crowd does not lock out the further links either, nor the question. */
START_TEST (a_crowd_does_not_lock_further_links_out)
{
  Victim *victim = victim_new (TRUE);
  Peer *crowd[CROWD], *peer, *second;

  victim_listen (victim);
  peer = come (victim);
  peer_send (peer, GDW_FRAME_HELLO, script_hello (2));
  peer_heard_free (peer_expect (peer, GDW_FRAME_HELLO_ACK));
  for (guint i = 0; i < CROWD; i++)
    crowd[i] = come (victim);
  second = come (victim);
  peer_send (second, GDW_FRAME_JOIN, script_join (1));
  peer_heard_free (peer_expect (second, GDW_FRAME_JOIN_ACK));
  peer_free (second);
  peer_free (peer);
  victim_expect_failed (victim, "the other side closed");
  for (guint i = 0; i < CROWD; i++)
    peer_free (crowd[i]);
  victim_free (victim);
}
END_TEST

/* Belongs to the sanitizer, which keeps what was freed for a while. */
extern gsize __sanitizer_get_current_allocated_bytes (void) __attribute__ ((weak));

static gsize
heap_bytes (void)
{
  struct mallinfo2 info;

  if (__sanitizer_get_current_allocated_bytes)
    return __sanitizer_get_current_allocated_bytes ();
  info = mallinfo2 ();
  return info.uordblks + info.hblkhd;
}

enum { HEARTBEATS, SKIPPED, JOINS, FLOODS };

static GByteArray *
flood_frame (Peer *peer, guint kind)
{
  GByteArray *meta;

  if (kind == HEARTBEATS)
    return peer_frame (peer, GDW_FRAME_HEARTBEAT, 0, script_heartbeat (1, 0));
  if (kind == JOINS)
    return peer_frame (peer, GDW_FRAME_JOIN, 0, script_join (1));
  meta = g_byte_array_new ();
  g_byte_array_set_size (meta, 1000);
  memset (meta->data, 0, meta->len);
  return peer_frame (peer, 77, GDW_FRAME_OPTIONAL, meta);
}

static GByteArray *
next_flood (Peer *peer, guint kind)
{
  GByteArray *flood = g_byte_array_new ();

  while (flood->len < 1 << 20) {
    g_autoptr (GByteArray) frame = flood_frame (peer, kind);

    g_byte_array_append (flood, frame->data, frame->len);
  }
  return flood;
}

/* He speaks without end and never listens: what is kept for him is bounded. */
START_TEST (one_who_never_listens_does_not_fill_the_memory)
{
  Victim *victim = victim_new (TRUE);
  gsize before = heap_bytes (), sent = 0;
  gboolean open = TRUE;
  Peer *peer;

  victim_listen (victim);
  peer = come (victim);
  peer->deaf = TRUE;
  while (open && sent < FLOOD_BYTES) {
    g_autoptr (GByteArray) flood = next_flood (peer, _i);

    open = peer_send_bytes (peer, flood->data, flood->len);
    sent += flood->len;
  }
  ck_assert_uint_lt (heap_bytes (), before + FLOOD_BYTES / 2);
  peer_free (peer);
  ck_assert_uint_eq (victim_status (victim), GDW_STATUS_SETUP);
  script_migrate (victim);
  victim_free (victim);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_test (tests, silent_ones_do_not_disturb);
  tcase_add_test (tests, a_silent_one_is_let_go);
  tcase_add_test (tests, a_slow_one_does_not_disturb);
  tcase_add_test (tests, garbage_costs_its_link);
  tcase_add_test (tests, a_wrong_first_frame_costs_its_link);
  tcase_add_test (tests, one_who_was_turned_away_stays_away);
  tcase_add_test (tests, a_crowd_does_not_lock_the_source_out);
  tcase_add_test (tests, a_crowd_does_not_lock_further_links_out);
  tcase_add_loop_test (tests, one_who_never_listens_does_not_fill_the_memory, 0, FLOODS);
}

int
main (void)
{
  return hostile_main ("strangers", add);
}
