/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The first frame of a migration: who fits, and what a misfit costs. */
#include "pair.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
expect_contains (const char *text, const char *part)
{
  ck_assert_msg (strstr (text, part) != NULL, "'%s' is not in '%s'", part, text);
}

/* Another machine is refused before any memory is sent. */
START_TEST (another_machine_is_refused)
{
  Pair *pair = pair_new (
      &(PairConfig){ .source_digest = "two vCPUs", .destination_digest = "four vCPUs" });

  pair_listen (pair, "");
  pair_migrate (pair, "");
  WAIT_UNTIL (pair->source.ended);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "the machines differ");
  expect_contains (side_error (&pair->source), "the source's is 'two vCPUs'");
  expect_contains (side_error (&pair->source), "the destination's 'four vCPUs'");
  ck_assert_uint_eq (side_info (&pair->source).normal_pages, 0);
  ck_assert_uint_eq (side_info (&pair->source).zero_pages, 0);
  pair_free (pair);
}
END_TEST

/* The destination says so on its side and goes on listening for its own guest. */
START_TEST (a_misfit_leaves_the_destination_listening)
{
  Pair *pair = pair_new (
      &(PairConfig){ .source_digest = "two vCPUs", .destination_digest = "four vCPUs" });
  const GPtrArray *warnings;

  pair_listen (pair, "");
  pair_migrate (pair, "");
  WAIT_UNTIL (pair->source.ended);
  ck_assert_str_eq (pair->destination.events->str, " setup");
  warnings = side_info (&pair->destination).warnings;
  ck_assert_uint_eq (warnings->len, 1);
  ck_assert_str_eq (warnings->pdata[0], side_error (&pair->source));
  pair->source.digest = "four vCPUs";
  pair->source.ended = 0;
  pair_migrate (pair, "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* A socket that is given by its number has one peer, so nobody is waited for after a misfit. */
START_TEST (a_misfit_at_the_only_link_fails_both_sides)
{
  Pair *pair = pair_new (
      &(PairConfig){ .source_digest = "two vCPUs", .destination_digest = "four vCPUs" });
  int ends[2];
  g_autofree char *here = NULL, *there = NULL;

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  here = g_strdup_printf ("fd:%d", ends[0]);
  there = g_strdup_printf ("fd:%d", ends[1]);
  ck_assert (gdw_migration_incoming (pair->destination.migration, there, NULL));
  ck_assert (gdw_migration_start (pair->source.migration, here, NULL));
  close (ends[0]);
  close (ends[1]);
  pair_wait_ended (pair);
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  expect_contains (side_error (&pair->source), "the machines differ");
  ck_assert_str_eq (side_error (&pair->destination), side_error (&pair->source));
  ck_assert_str_eq (pair->destination.events->str, " setup failed");
  pair_free (pair);
}
END_TEST

/* The peer has gone, sends what is no frame, or sends nothing. */
static const struct {
  const char *says, *text;
} only_peers[] = {
  { "", "before it had said who it is" },
  { "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 -----------------------",
    "the peer does not speak godwit" },
  { NULL, "nobody else can come" },
};

START_TEST (an_only_peer_that_is_no_source_fails_the_destination)
{
  Pair *pair = pair_new (&(PairConfig){ .peer_timeout_ms = 200 });
  const char *says = only_peers[_i].says;
  g_autofree char *there = NULL;
  int ends[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  there = g_strdup_printf ("fd:%d", ends[1]);
  ck_assert (gdw_migration_incoming (pair->destination.migration, there, NULL));
  close (ends[1]);
  if (says) {
    ck_assert_int_eq (write (ends[0], says, strlen (says)), strlen (says));
    ck_assert_int_eq (shutdown (ends[0], SHUT_WR), 0);
  }
  WAIT_UNTIL (pair->destination.ended);
  close (ends[0]);
  ck_assert_str_eq (pair->destination.events->str, " setup failed");
  expect_contains (side_error (&pair->destination), only_peers[_i].text);
  pair_free (pair);
}
END_TEST

static void
keep_answer (GdwMigration *migration, const GError *error, gpointer text)
{
  *(char **) text = g_strdup (error ? error->message : "");
}

/* Nobody waits for a destination that could not take the guest. */
START_TEST (a_destination_that_cannot_begin_is_refused_at_once)
{
  Pair *pair = pair_new (&(PairConfig){ .destination_digest = "" });
  g_autofree char *uri = g_strdup_printf ("unix:%s/in", pair->folder);
  g_autoptr (GdwAddress) address = gdw_address_parse (uri, NULL);
  g_autofree char *answer = NULL;

  ck_assert (
      gdw_migration_listen (pair->destination.migration, address, keep_answer, &answer, NULL));
  WAIT_UNTIL (answer);
  expect_contains (answer, "host 'destination': machine_digest failed");
  WAIT_UNTIL (!g_main_context_pending (NULL));
  ck_assert_str_eq (pair->destination.events->str, "");
  ck_assert_uint_eq (side_status (&pair->destination), GDW_STATUS_NONE);
  pair->destination.digest = "two vCPUs";
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* A side that offers no digest is not compared. */
static const struct {
  const char *source, *destination;
} machines[] = {
  { "two vCPUs", "two vCPUs" },
  { "two vCPUs", NULL },
  { NULL, "two vCPUs" },
};

START_TEST (a_machine_that_fits_arrives)
{
  Pair *pair = pair_new (&(PairConfig){ .source_digest = machines[_i].source,
                                        .destination_digest = machines[_i].destination });

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* Longer than 255 bytes is too long, and no UTF-8 is no text. */
static char long_digest[257];
static const char *const bad_digests[] = { "", long_digest, "\xff" };

START_TEST (a_host_without_a_text_for_its_machine_is_refused)
{
  Pair *pair;
  g_autoptr (GError) error = NULL;

  memset (long_digest, 'd', sizeof long_digest - 1);
  pair = pair_new (&(PairConfig){ .source_digest = bad_digests[_i] });
  ck_assert (!gdw_migration_start (pair->source.migration, "unix:/nowhere", &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_HOST));
  expect_contains (error->message, "host 'source': machine_digest failed");
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "hello");

  tcase_add_test (tests, another_machine_is_refused);
  tcase_add_test (tests, a_misfit_leaves_the_destination_listening);
  tcase_add_test (tests, a_misfit_at_the_only_link_fails_both_sides);
  tcase_add_loop_test (tests, an_only_peer_that_is_no_source_fails_the_destination, 0,
                       G_N_ELEMENTS (only_peers));
  tcase_add_test (tests, a_destination_that_cannot_begin_is_refused_at_once);
  tcase_add_loop_test (tests, a_machine_that_fits_arrives, 0, G_N_ELEMENTS (machines));
  tcase_add_loop_test (tests, a_host_without_a_text_for_its_machine_is_refused, 0,
                       G_N_ELEMENTS (bad_digests));
}

int
main (void)
{
  return engine_main ("hello", add);
}
