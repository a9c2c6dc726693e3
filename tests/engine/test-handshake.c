/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Filters that talk to their peer before the first frame: they agree, refuse, or fall silent.
 */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* More than may be unidentified at once. */
#define CROWD 20u
#define TIMEOUT_MS 1000

static gboolean
is_warned (Side *side, const char *part)
{
  GdwInfo info = side_info (side);

  for (guint i = 0; i < info.warnings->len; i++)
    if (strstr (info.warnings->pdata[i], part))
      return TRUE;
  return FALSE;
}

static int
come (Pair *pair)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_ge (fd, 0);
  g_strlcpy (address.sun_path, pair->address + strlen ("unix:"), sizeof address.sun_path);
  ck_assert_int_eq (connect (fd, (struct sockaddr *) &address, sizeof address), 0);
  return fd;
}

/* Its end, whatever it was told before. */
static gboolean
is_closed (int fd)
{
  char bytes[256];
  gssize n;

  while ((n = recv (fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
    ;
  return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static const struct {
  guint links;
  const char *source, *destination;
} agreeing[] = {
  { 0, "|greet", "|greet" },
  { 4, "|greet", "|greet" },
  /* The question goes out on a link of its own. */
  { 0, "|greet", "|greet|fault:at=COMMITTED,kind=reset" },
  { 2, "|greet:word=a|delay:ms=1|greet:word=b", "|greet:word=a|delay:ms=1|greet:word=b" },
};

START_TEST (ends_that_agree_move_the_guest)
{
  PairConfig config = { .links = agreeing[_i].links, .writers = 1, .rate = 1000 };
  Pair *pair = pair_new (&config);

  pair_begin (pair, agreeing[_i].source, agreeing[_i].destination);
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* A source that does not agree is a stranger: the destination goes on waiting for its own. */
START_TEST (an_end_that_disagrees_costs_its_link)
{
  PairConfig config = { .writers = 1, .rate = 1000 };
  Pair *pair = pair_new (&config);

  pair_begin (pair, "|greet:word=stranger", "|greet");
  WAIT_UNTIL (pair->source.ended);
  ck_assert_msg (strstr (side_error (&pair->source), "filter 'greet': handshake failed: "),
                 "%s", side_error (&pair->source));
  ck_assert (pair->source.runs);
  WAIT_UNTIL (is_warned (&pair->destination, "filter 'greet': handshake failed: the peer says "
                                             "'stranger' and not 'hello'"));
  ck_assert (!pair->destination.ended);
  pair->source.ended = 0;
  g_string_truncate (pair->source.events, 0);
  pair_migrate (pair, "|greet");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* The source is not locked out by those who connect and say nothing, before it and between its
 * links; and none of them keeps its place for ever. */
START_TEST (silent_clients_block_nobody)
{
  PairConfig config = { .links = 3, .writers = 1, .rate = 1000 };
  Pair *pair = pair_new (&config);
  int crowd[CROWD];

  pair_listen (pair, "|greet");
  for (guint i = 0; i < CROWD; i++)
    crowd[i] = come (pair);
  pair_migrate (pair, "|greet");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  for (guint i = 0; i < CROWD; i++)
    close (crowd[i]);
  pair_free (pair);
}
END_TEST

START_TEST (a_silent_client_is_let_go_at_the_deadline)
{
  PairConfig config = { .writers = 1, .rate = 1000, .peer_timeout_ms = TIMEOUT_MS };
  Pair *pair = pair_new (&config);
  int silent;

  pair_listen (pair, "|greet");
  silent = come (pair);
  WAIT_UNTIL (is_closed (silent));
  ck_assert (!pair->destination.ended);
  close (silent);
  pair_migrate (pair, "|greet");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_silent_destination_fails_the_source)
{
  PairConfig config = { .writers = 1, .rate = 1000, .peer_timeout_ms = TIMEOUT_MS };
  Pair *pair = pair_new (&config);

  pair_begin (pair, "|greet", "|mute");
  WAIT_UNTIL (pair->source.ended);
  ck_assert (pair->source.runs);
  ck_assert (!pair->destination.ended);
  ck_assert_str_ne (side_error (&pair->source), "");
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

static gboolean
may_read (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) == 1;
}

/* A listener that takes the connection and says nothing. */
static int
listen_by_hand (Pair *pair)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  ck_assert_int_ge (fd, 0);
  g_free (pair->address);
  pair->address = g_strdup_printf ("unix:%s/by-hand", pair->folder);
  g_strlcpy (address.sun_path, pair->address + strlen ("unix:"), sizeof address.sun_path);
  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (fd, 1), 0);
  return fd;
}

START_TEST (cancel_ends_a_handshake)
{
  PairConfig config = { .writers = 1, .rate = 1000 };
  Pair *pair = pair_new (&config);
  int listener = listen_by_hand (pair), accepted;

  pair_migrate (pair, "|greet");
  WAIT_UNTIL (may_read (listener));
  accepted = accept (listener, NULL, NULL);
  ck_assert_int_ge (accepted, 0);
  /* Its greeting is here: it waits for the answer. */
  WAIT_UNTIL (may_read (accepted));
  ck_assert (gdw_migration_cancel (pair->source.migration, NULL));
  WAIT_UNTIL (pair->source.ended);
  ck_assert_int_eq (side_status (&pair->source), GDW_STATUS_CANCELLED);
  ck_assert (pair->source.runs);
  close (accepted);
  close (listener);
  pair_expect_next_completes (pair);
  pair_free (pair);
}
END_TEST

START_TEST (one_way_it_is_refused)
{
  PairConfig config = { .writers = 1, .rate = 1000 };
  Pair *pair = pair_new (&config);
  g_autofree char *uri = g_strdup_printf ("file:%s/guest|log|greet", pair->folder);
  g_autoptr (GError) here = NULL, there = NULL;
  const char *why = "filter 'greet': handshake failed: transport 'file' is one-way here, so "
                    "nobody answers; use a two-way transport";

  ck_assert (!gdw_migration_start (pair->source.migration, uri, &here));
  ck_assert_str_eq (here->message, why);
  ck_assert (!gdw_migration_incoming (pair->destination.migration, uri, &there));
  ck_assert_str_eq (there->message, why);
  ck_assert (pair->source.runs);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "handshake");

  pair_find_test_plugins ();
  tcase_add_loop_test (tests, ends_that_agree_move_the_guest, 0, G_N_ELEMENTS (agreeing));
  tcase_add_test (tests, an_end_that_disagrees_costs_its_link);
  tcase_add_test (tests, silent_clients_block_nobody);
  tcase_add_test (tests, a_silent_client_is_let_go_at_the_deadline);
  tcase_add_test (tests, a_silent_destination_fails_the_source);
  tcase_add_test (tests, cancel_ends_a_handshake);
  tcase_add_test (tests, one_way_it_is_refused);
}

int
main (void)
{
  return engine_main ("handshake", add);
}
