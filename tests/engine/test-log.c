/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* What GODWIT_LOG asks for is logged, with its fields, and nothing else. */
#include "pair.h"

#include <string.h>

/* "LEVEL MESSAGE" and the fields of each entry, one a line. */
static GString *entries;

static GLogWriterOutput
keep (GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
  gboolean ours = FALSE;

  for (gsize i = 0; i < n; i++)
    ours = ours || (strcmp (fields[i].key, "GLIB_DOMAIN") == 0 &&
                    strcmp (fields[i].value, "godwit") == 0);
  if (!ours)
    return g_log_writer_default (level, fields, n, data);
  g_string_append_printf (entries, "%s",
                          level == G_LOG_LEVEL_DEBUG     ? "debug"
                          : level == G_LOG_LEVEL_INFO    ? "info"
                          : level == G_LOG_LEVEL_WARNING ? "warning"
                                                         : "other");
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (entries, " %s=<%s>", fields[i].key, (const char *) fields[i].value);
  g_string_append_c (entries, '\n');
  return G_LOG_WRITER_HANDLED;
}

static Pair *
pair_logging (const char *level)
{
  entries = g_string_new (NULL);
  if (level)
    g_setenv ("GODWIT_LOG", level, TRUE);
  else
    g_unsetenv ("GODWIT_LOG");
  g_log_set_writer_func (keep, NULL, NULL);
  return pair_new (&(PairConfig){ 0 });
}

/* A line has all of these. */
#define EXPECT_ENTRY(...) expect_entry ((const char *const[]){ __VA_ARGS__, NULL })

static gboolean
has_all (const char *line, const char *const texts[])
{
  for (guint i = 0; texts[i]; i++)
    if (!strstr (line, texts[i]))
      return FALSE;
  return TRUE;
}

static void
expect_entry (const char *const texts[])
{
  g_auto (GStrv) lines = g_strsplit (entries->str, "\n", -1);

  for (guint i = 0; lines[i]; i++)
    if (has_all (lines[i], texts))
      return;
  ck_abort_msg ("no entry has '%s' ...", texts[0]);
}

static gboolean
has (const char *text)
{
  return strstr (entries->str, text) != NULL;
}

START_TEST (a_migration_is_told_with_its_id)
{
  Pair *pair = pair_logging ("debug");
  g_autofree char *id = NULL;

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  id = g_strdup_printf ("GODWIT_MIGRATION_ID=<%s>",
                        gdw_migration_get_id (pair->source.migration));
  EXPECT_ENTRY ("info PRIORITY=<6> ", "GODWIT_SIDE=<source>", id, "GODWIT_STATUS=<active>",
                "MESSAGE=<source ", ": active>");
  EXPECT_ENTRY ("info ", "GODWIT_SIDE=<destination>", id, "GODWIT_STATUS=<completed>");
  EXPECT_ENTRY ("info ", "GODWIT_SIDE=<source>", id, "GODWIT_RUN_STATE=<finish-migrate>");
  EXPECT_ENTRY ("debug PRIORITY=<7> ", id, "GODWIT_ROUND=<1>", "GODWIT_PAGES=<0>");
  EXPECT_ENTRY ("debug ", id, "GODWIT_ROUND=<2>", "GODWIT_DIRTY_PAGES=<");
  EXPECT_ENTRY ("info ", "GODWIT_SIDE=<source>", "GODWIT_OUTCOME=<destination>",
                "GODWIT_TRANSPORT=<unix>", "GODWIT_TRACKER=<", "GODWIT_DOWNTIME_MS=<",
                "MESSAGE=<source ", "ended completed after ");
  ck_assert (!has ("warning"));
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

START_TEST (a_failure_is_a_warning)
{
  Pair *pair = pair_logging ("warning");

  pair_begin (pair, "|fault:at=MEM,kind=reset", "");
  pair_wait_ended (pair);
  EXPECT_ENTRY ("warning PRIORITY=<4> ", "GODWIT_SIDE=<source>", "GODWIT_STATUS=<failed>",
                "GODWIT_ERROR=<", "MESSAGE=<source ", ": failed: ");
  EXPECT_ENTRY ("warning ", "GODWIT_SIDE=<destination>", "GODWIT_STATUS=<failed>");
  ck_assert (!has ("info") && !has ("debug"));
  pair_expect_kept (pair, GDW_STATUS_FAILED);
  pair_free (pair);
}
END_TEST

START_TEST (so_much_is_told_as_was_asked_for)
{
  Pair *pair = pair_logging (_i ? "info" : NULL);

  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_int_eq (has ("info"), _i);
  ck_assert (!has ("debug"));
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  tcase_add_test (add_case (suite, "told"), a_migration_is_told_with_its_id);
  tcase_add_test (add_case (suite, "failure"), a_failure_is_a_warning);
  tcase_add_loop_test (add_case (suite, "level"), so_much_is_told_as_was_asked_for, 0, 2);
}

int
main (void)
{
  return engine_main ("log", add);
}
