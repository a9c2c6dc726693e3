/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The first frame of a migration: who fits, and what a misfit costs. */
#include "pair.h"

#include <string.h>

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
  tcase_add_loop_test (tests, a_machine_that_fits_arrives, 0, G_N_ELEMENTS (machines));
  tcase_add_loop_test (tests, a_host_without_a_text_for_its_machine_is_refused, 0,
                       G_N_ELEMENTS (bad_digests));
}

int
main (void)
{
  return engine_main ("hello", add);
}
