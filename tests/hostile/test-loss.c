/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A source of several links that says that some are dead. */
#include <string.h>

#include "script.h"

#define LINKS 3u

typedef struct {
  Victim *victim;
  Peer *peers[LINKS];
} Links;

static void
say_link (Peer *peer, guint type, guint link)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_link_number_encode (link, meta);
  peer_send (peer, type, meta);
}

static void
expect_drained (Peer *peer, guint link)
{
  g_autoptr (Heard) heard = peer_expect (peer, GDW_FRAME_LINK_DRAINED);
  guint32 number;

  ck_assert (gdw_link_number_decode (heard->meta->data, heard->frame.meta_len, &number, NULL));
  ck_assert_uint_eq (number, link);
}

/* HELLO is answered, and so are the first JOINs of @n links in all. */
static Links *
links_new (guint n)
{
  Links *links = g_new0 (Links, 1);

  links->victim = victim_new (TRUE);
  victim_listen (links->victim);
  for (guint i = 0; i < n; i++) {
    Peer *peer = peer_connect (links->victim->uri + strlen ("unix:"));

    links->peers[i] = peer;
    peer_send (peer, i ? GDW_FRAME_JOIN : GDW_FRAME_HELLO,
               i ? script_join (i) : script_hello (LINKS));
    peer_heard_free (peer_expect (peer, i ? GDW_FRAME_JOIN_ACK : GDW_FRAME_HELLO_ACK));
  }
  return links;
}

static void
links_free (Links *links)
{
  for (guint i = 0; i < LINKS; i++)
    g_clear_pointer (&links->peers[i], peer_free);
  victim_free (links->victim);
  g_free (links);
}

static void
send_pages (Peer *peer, guint region, guint first, guint n)
{
  peer_send_frame (peer, script_mem (peer, region, first, n));
}

/* All of it over this link, and the end. */
static void
hand_over (Links *links, guint by)
{
  guint64 last_seq[LINKS];
  Peer *peer = links->peers[by];

  for (guint at = 0; at < RAM_PAGES; at += 256)
    send_pages (peer, 0, at, 256);
  send_pages (peer, 1, 0, ROM_PAGES);
  for (guint i = 0; i < LINKS; i++)
    last_seq[i] = i == by ? peer->tx_seq : 0;
  script_hand_over (peer, LINKS, last_seq);
  script_expect_arrived (links->victim);
}

/* It is closed here, and what it still brings is not taken. */
START_TEST (a_dead_link_is_drained)
{
  Links *links = links_new (LINKS);

  send_pages (links->peers[1], 0, 0, 8);
  say_link (links->peers[0], GDW_FRAME_LINK_DEAD, 1);
  expect_drained (links->peers[0], 1);
  WAIT_UNTIL (!peer_read (links->peers[1]));
  say_link (links->peers[0], GDW_FRAME_LINK_DEAD, 1);
  expect_drained (links->peers[0], 1);
  say_link (links->peers[0], GDW_FRAME_LINK_DEAD, 2);
  expect_drained (links->peers[0], 2);
  hand_over (links, 0);
  links_free (links);
}
END_TEST

START_TEST (what_the_main_link_began_comes_again)
{
  Links *links = links_new (LINKS);

  peer_send (links->peers[0], GDW_FRAME_STATE, script_state ("cpu", 9, 0, 4));
  g_clear_pointer (&links->peers[0], peer_free);
  say_link (links->peers[2], GDW_FRAME_LINK_DEAD, 0);
  expect_drained (links->peers[2], 0);
  g_clear_pointer (&links->peers[1], peer_free);
  say_link (links->peers[2], GDW_FRAME_LINK_DEAD, 1);
  expect_drained (links->peers[2], 1);
  hand_over (links, 2);
  links_free (links);
}
END_TEST

/* @joined links are there, and the first says that @link is dead. */
static const struct {
  guint joined, link;
} wrongs[] = { { LINKS, 0 },          { 1, 1 },       { 2, 2 },
               { LINKS, LINKS },      { LINKS, 254 }, { LINKS, 255 },
               { LINKS, G_MAXUINT32 } };

START_TEST (a_link_that_is_none_cannot_die)
{
  Links *links = links_new (wrongs[_i].joined);

  say_link (links->peers[0], GDW_FRAME_LINK_DEAD, wrongs[_i].link);
  script_expect_refused (links->victim, links->peers[0], "frame 'LINK-DEAD'");
  links_free (links);
}
END_TEST

START_TEST (a_stranger_cannot_say_it)
{
  Links *links = links_new (LINKS);
  Peer *stranger = peer_connect (links->victim->uri + strlen ("unix:"));

  say_link (stranger, GDW_FRAME_LINK_DEAD, 0);
  script_expect_turned_away (links->victim, stranger, "frame 'LINK-DEAD' is refused");
  hand_over (links, 0);
  links_free (links);
}
END_TEST

START_TEST (a_source_cannot_drain)
{
  Links *links = links_new (LINKS);

  say_link (links->peers[0], GDW_FRAME_LINK_DRAINED, 1);
  script_expect_refused (links->victim, links->peers[0], "frame 'LINK-DRAINED' is refused");
  links_free (links);
}
END_TEST

/* A link that is gone is missed until the source has said that it is dead. */
START_TEST (a_lost_link_is_not_forgotten)
{
  Links *links = links_new (LINKS);
  const guint64 last_seq[LINKS] = { 0, 5, 0 };

  g_clear_pointer (&links->peers[1], peer_free);
  peer_send (links->peers[0], GDW_FRAME_PREPARE, script_prepare (0, LINKS, last_seq));
  script_expect_refused (links->victim, links->peers[0], "memory is missing on a link");
  links_free (links);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_test (tests, a_dead_link_is_drained);
  tcase_add_test (tests, what_the_main_link_began_comes_again);
  tcase_add_loop_test (tests, a_link_that_is_none_cannot_die, 0, G_N_ELEMENTS (wrongs));
  tcase_add_test (tests, a_stranger_cannot_say_it);
  tcase_add_test (tests, a_source_cannot_drain);
  tcase_add_test (tests, a_lost_link_is_not_forgotten);
}

int
main (void)
{
  return hostile_main ("loss", add);
}
