/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Addresses in parts, as an embedder makes them and is told of them. */
#include "pair.h"

static Pair *pair;

static void
open_pair (void)
{
  pair = pair_new (&(PairConfig){ .paused = TRUE });
}

static void
close_pair (void)
{
  pair_free (pair);
}

static const GdwAddress *
told (void)
{
  return gdw_migration_info (pair->destination.migration)->local_address;
}

/* Takes @address, which nothing needs after the call. */
static void
listen_at (GdwAddress *address)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = gdw_migration_incoming_at (pair->destination.migration, address, &error);

  gdw_address_free (address);
  ck_assert_msg (ok, "%s", error ? error->message : "");
  WAIT_UNTIL (side_status (&pair->destination) != GDW_STATUS_NONE);
}

static void
start_to (GdwAddress *address)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = gdw_migration_start_to (pair->source.migration, address, &error);

  gdw_address_free (address);
  ck_assert_msg (ok, "%s", error ? error->message : "");
}

static void
expect_arrived (void)
{
  pair_wait_ended (pair);
  ck_assert_ptr_null (told ());
  pair_expect_arrived (pair);
}

START_TEST (a_path_is_literal_and_is_told_so)
{
  static const char *const names[] = { "a,b|c\\", "a\\", "a\\\\,", "a,literal=off|log" };
  g_autofree char *path = g_build_filename (pair->folder, names[_i], NULL);

  listen_at (gdw_address_new ("unix", path));
  ck_assert_str_eq (gdw_address_get_transport (told ()), "unix");
  ck_assert_str_eq (gdw_address_get_location (told ()), path);
  start_to (gdw_address_copy (told ()));
  expect_arrived ();
}
END_TEST

START_TEST (a_port_is_told_with_its_number)
{
  listen_at (gdw_address_new ("tcp", "127.0.0.1:0"));
  ck_assert_str_eq (gdw_address_get_transport (told ()), "tcp");
  ck_assert (g_str_has_prefix (gdw_address_get_location (told ()), "127.0.0.1:"));
  ck_assert (!g_str_has_suffix (gdw_address_get_location (told ()), ":0"));
  start_to (gdw_address_copy (told ()));
  expect_arrived ();
}
END_TEST

static GdwAddress *
with_filters (GdwAddress *address, const char *log)
{
  gdw_address_add_option (address, "literal", "on");
  gdw_address_add_filter (address, "delay");
  gdw_address_add_option (address, "ms", "1");
  gdw_address_add_filter (address, "log");
  gdw_address_add_option (address, "file", log);
  return address;
}

START_TEST (options_go_to_what_was_named_last)
{
  g_autofree char *path = g_build_filename (pair->folder, "link", NULL);
  g_autofree char *log = g_build_filename (pair->folder, "a,b|c\\", NULL);

  listen_at (gdw_address_new ("unix", path));
  start_to (with_filters (gdw_address_copy (told ()), log));
  expect_arrived ();
  ck_assert (g_file_test (log, G_FILE_TEST_IS_REGULAR));
}
END_TEST

START_TEST (what_the_plugins_refuse_is_an_error_and_changes_nothing)
{
  g_autoptr (GdwAddress) unknown = gdw_address_new ("none", "x");
  g_autoptr (GdwAddress) option = gdw_address_new ("unix", "x");
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_migration_start_to (pair->source.migration, unknown, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_NOT_FOUND));
  g_clear_error (&error);
  gdw_address_add_option (option, "none", NULL);
  ck_assert (!gdw_migration_incoming_at (pair->destination.migration, option, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_INVALID));
  ck_assert_int_eq (side_status (&pair->source), GDW_STATUS_NONE);
  ck_assert_int_eq (side_status (&pair->destination), GDW_STATUS_NONE);
  ck_assert_ptr_null (told ());
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tc = add_case (suite, "address");

  tcase_add_checked_fixture (tc, open_pair, close_pair);
  tcase_add_loop_test (tc, a_path_is_literal_and_is_told_so, 0, 4);
  tcase_add_test (tc, a_port_is_told_with_its_number);
  tcase_add_test (tc, options_go_to_what_was_named_last);
  tcase_add_test (tc, what_the_plugins_refuse_is_an_error_and_changes_nothing);
}

int
main (void)
{
  return engine_main ("address", add);
}
