/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "core/migration/status.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Written by hand, not taken from the table. */
static const char *const allowed[] = {
  "none setup",
  "setup active",
  "setup cancelling",
  "setup failed",
  "active pre-switchover",
  "active device",
  "active completed",
  "active cancelling",
  "active failed",
  "pre-switchover device",
  "pre-switchover cancelling",
  "pre-switchover failed",
  "device active",
  "device completed",
  "device cancelling",
  "device failed",
  "cancelling cancelled",
  "cancelling failed",
  "cancelled setup",
  "failed setup",
  "completed setup",
};

static gboolean
listed (GdwStatus from, GdwStatus to)
{
  g_autofree char *move = g_strdup_printf ("%s %s", gdw_status_name (from),
                                           gdw_status_name (to));

  for (guint i = 0; i < G_N_ELEMENTS (allowed); i++)
    if (strcmp (allowed[i], move) == 0)
      return TRUE;
  return FALSE;
}

START_TEST (every_pair_is_as_listed)
{
  guint n = 0;

  for (GdwStatus from = 0; from < GDW_STATUS_N; from++)
    for (GdwStatus to = 0; to < GDW_STATUS_N; to++) {
      g_autoptr (GError) error = NULL;
      GdwState state = { from };
      gboolean ok = listed (from, to);
      g_autofree char *both = NULL;

      n += ok;
      ck_assert_int_eq (gdw_state_allows (from, to), ok);
      ck_assert_int_eq (gdw_state_set (&state, to, &error), ok);
      ck_assert_int_eq (state.status, ok ? to : from);
      ck_assert_int_eq (error == NULL, ok);
      if (ok)
        continue;
      ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_BUSY));
      both = g_strdup_printf ("status '%s': cannot become '%s': ", gdw_status_name (from),
                              gdw_status_name (to));
      ck_assert_msg (g_str_has_prefix (error->message, both), "%s", error->message);
    }
  ck_assert_uint_eq (n, G_N_ELEMENTS (allowed));
}
END_TEST

START_TEST (a_status_outside_the_table_is_refused)
{
  ck_assert (!gdw_state_allows (GDW_STATUS_N, GDW_STATUS_SETUP));
  ck_assert (!gdw_state_allows (GDW_STATUS_NONE, GDW_STATUS_N));
  ck_assert (!gdw_state_allows (GDW_STATUS_NONE, (GdwStatus) 40));
}
END_TEST

START_TEST (names_are_those_of_qmp)
{
  static const char *const status[] = { "none",           "setup",  "active",
                                        "pre-switchover", "device", "cancelling",
                                        "cancelled",      "failed", "completed" };
  static const char *const run[] = { "prelaunch",     "running",        "paused",
                                     "inmigrate",     "finish-migrate", "postmigrate",
                                     "internal-error" };

  ck_assert_uint_eq (G_N_ELEMENTS (status), GDW_STATUS_N);
  ck_assert_uint_eq (G_N_ELEMENTS (run), GDW_RUN_STATE_N);
  for (guint i = 0; i < GDW_STATUS_N; i++)
    ck_assert_str_eq (gdw_status_name (i), status[i]);
  for (guint i = 0; i < GDW_RUN_STATE_N; i++)
    ck_assert_str_eq (gdw_run_state_name (i), run[i]);
  ck_assert_str_eq (gdw_status_name (GDW_STATUS_N), "unknown");
  ck_assert_str_eq (gdw_run_state_name (GDW_RUN_STATE_N), "unknown");
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("state");

  tcase_add_test (tc, every_pair_is_as_listed);
  tcase_add_test (tc, a_status_outside_the_table_is_refused);
  tcase_add_test (tc, names_are_those_of_qmp);
  return suite_run ("state", tc, NULL);
}
