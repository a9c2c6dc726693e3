/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "pair.h"

#include "tests/support/suite.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY (16 * MIB)
#define WORKING_SET (4 * MIB)
#define CASE_TIMEOUT_S 180

/* A filter says aloud when it acts; what else is said is a bug. */
static void
on_log (const char *domain, GLogLevelFlags level, const char *text, gpointer data)
{
  Pair *pair = data;

  if (strstr (text, "filter 'fault':"))
    g_atomic_int_inc (&pair->faults);
  else if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
    ck_abort_msg ("%s", text);
}

static void
set_up (Side *side, const PairConfig *config)
{
  g_autofree char *timeout = g_strdup_printf ("%u", config->peer_timeout_ms);
  g_autofree char *links = g_strdup_printf ("%u", MAX (config->links, 1));
  GdwMigration *migration = side->migration;

  ck_assert (gdw_migration_set_capability (migration, "multifd", config->links > 0, NULL));
  ck_assert (gdw_migration_set_parameter (migration, "multifd-channels", links, NULL));
  /* However slow a sanitizer makes it, it ends. */
  ck_assert (gdw_migration_set_parameter (migration, "downtime-limit", "60000", NULL));
  if (config->tracker)
    ck_assert (gdw_migration_set_parameter (migration, "tracker", config->tracker, NULL));
  if (config->peer_timeout_ms)
    ck_assert (gdw_migration_set_parameter (migration, "x-peer-timeout", timeout, NULL));
}

static void
open_destination (Pair *pair)
{
  g_autofree char *error = NULL;

  pair->destination.digest = pair->config.destination_digest;
  side_open (&pair->destination, "destination", &pair->machine, TRUE);
  pair->destination.other = &pair->source;
  pair->source.other = &pair->destination;
  set_up (&pair->destination, &pair->config);
  error = side_stop (&pair->destination);
  ck_assert_ptr_null (error);
}

static void
start_guest (Pair *pair)
{
  g_autofree char *error = NULL, *stop_error = NULL;

  ck_assert (machine_boot (pair->source.machine, NULL));
  error = side_cont (&pair->source);
  ck_assert_ptr_null (error);
  WAIT_UNTIL (g_atomic_int_get (&pair->source.filled));
  if (pair->config.paused)
    stop_error = side_stop (&pair->source);
  ck_assert_ptr_null (stop_error);
  g_string_truncate (pair->source.events, 0);
}

Pair *
pair_new (const PairConfig *config)
{
  Pair *pair = g_new0 (Pair, 1);

  g_log_set_default_handler (on_log, pair);
  pair->config = *config;
  pair->machine = (MachineConfig){ .soft = TRUE,
                                   .memory_bytes = MEMORY,
                                   .backend = config->memfd ? MEMORY_MEMFD : MEMORY_ANON,
                                   .vcpus = MAX (config->writers, 1),
                                   .ring_entries = config->ring_entries,
                                   .ws_bytes = !config->writers      ? 0
                                               : config->working_set ? config->working_set
                                                                     : WORKING_SET,
                                   .rate = config->rate,
                                   .writers = config->writers,
                                   .fill = !config->empty };
  pair->folder = g_dir_make_tmp ("godwit-engine-XXXXXX", NULL);
  ck_assert_ptr_nonnull (pair->folder);
  pair->source.fences = config->fences;
  pair->source.digest = config->source_digest;
  side_open (&pair->source, "source", &pair->machine, FALSE);
  set_up (&pair->source, config);
  open_destination (pair);
  start_guest (pair);
  return pair;
}

void
pair_find_test_plugins (void)
{
  g_autofree char *path = g_strdup_printf (
      "%s:%s/tests/plugins", g_getenv ("GODWIT_PLUGIN_PATH"), g_getenv ("GODWIT_BUILD"));

  g_setenv ("GODWIT_PLUGIN_PATH", path, TRUE);
}

void
pair_free (Pair *pair)
{
  GDir *dir;
  const char *name;

  side_close (&pair->source);
  side_close (&pair->destination);
  dir = g_dir_open (pair->folder, 0, NULL);
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (pair->folder, name, NULL);

    g_unlink (path);
  }
  g_dir_close (dir);
  g_rmdir (pair->folder);
  g_free (pair->folder);
  g_free (pair->address);
  g_log_set_default_handler (g_log_default_handler, NULL);
  g_free (pair);
}

void
pair_listen (Pair *pair, const char *filters)
{
  g_autofree char *uri = NULL;
  g_autoptr (GError) error = NULL;

  g_free (pair->address);
  pair->address = g_strdup_printf ("unix:%s/%u", pair->folder, ++pair->n_addresses);
  uri = g_strconcat (pair->address, filters, NULL);
  ck_assert_msg (gdw_migration_incoming (pair->destination.migration, uri, &error), "%s",
                 error ? error->message : "");
  WAIT_UNTIL (side_status (&pair->destination) == GDW_STATUS_SETUP);
}

void
pair_migrate (Pair *pair, const char *filters)
{
  g_autofree char *uri = g_strconcat (pair->address, filters, NULL);
  g_autoptr (GError) error = NULL;

  pair->source.rounds = 0;
  ck_assert_msg (gdw_migration_start (pair->source.migration, uri, &error), "%s",
                 error ? error->message : "");
}

void
pair_begin (Pair *pair, const char *source_filters, const char *destination_filters)
{
  pair_listen (pair, destination_filters);
  pair_migrate (pair, source_filters);
}

void
pair_wait_ended (Pair *pair)
{
  WAIT_UNTIL (pair->source.ended);
  WAIT_UNTIL (pair->destination.ended);
}

gboolean
pair_fault_acted (Pair *pair)
{
  return g_atomic_int_get (&pair->faults) > 0;
}

void
pair_renew_destination (Pair *pair)
{
  side_close (&pair->destination);
  pair->source.ended = 0;
  pair->faults = 0;
  g_string_truncate (pair->source.events, 0);
  open_destination (pair);
}

gboolean
pair_is_equal (Pair *pair)
{
  Memory *here = machine_memory (pair->source.machine);
  Memory *there = machine_memory (pair->destination.machine);

  ck_assert (!pair->source.runs && !pair->destination.runs);
  ck_assert_uint_eq (here->n_regions, there->n_regions);
  for (guint i = 0; i < here->n_regions; i++)
    if (memcmp (here->regions[i].host_addr, there->regions[i].host_addr,
                here->regions[i].size) != 0)
      return FALSE;
  return TRUE;
}

void
pair_expect_arrived (Pair *pair)
{
  g_autofree char *refused = NULL, *error = NULL;

  ck_assert_msg (side_status (&pair->source) == GDW_STATUS_COMPLETED, "source:%s: %s",
                 pair->source.events->str, side_error (&pair->source));
  ck_assert_msg (side_status (&pair->destination) == GDW_STATUS_COMPLETED, "destination:%s: %s",
                 pair->destination.events->str, side_error (&pair->destination));
  ck_assert_msg (pair_is_equal (pair), "the memory of the two sides differs");
  refused = side_cont (&pair->source);
  ck_assert_ptr_nonnull (refused);
  ck_assert_msg (strstr (refused, "x-migrate-resolve") != NULL, "%s", refused);
  error = side_cont (&pair->destination);
  ck_assert_msg (error == NULL, "%s", error);
  ck_assert (pair->destination.runs);
  side_expect_good_guest (&pair->destination);
}

void
pair_expect_kept (Pair *pair, GdwStatus status)
{
  ck_assert_msg (side_status (&pair->source) == status, "source:%s: %s",
                 pair->source.events->str, side_error (&pair->source));
  ck_assert_int_eq (pair->source.runs, !pair->config.paused);
  ck_assert_uint_eq (gdw_migration_get_outcome (pair->source.migration), GDW_OUTCOME_SOURCE);
  ck_assert (!pair->destination.runs);
}

void
pair_expect_next_completes (Pair *pair)
{
  pair_renew_destination (pair);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  pair_expect_arrived (pair);
}

static guint
count_entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

guint
count_descriptors (void)
{
  return count_entries ("/proc/self/fd");
}

guint
count_threads (void)
{
  return count_entries ("/proc/self/task");
}

TCase *
add_case (Suite *suite, const char *name)
{
  TCase *tests = tcase_create (name);

  tcase_set_timeout (tests, CASE_TIMEOUT_S);
  suite_add_tcase (suite, tests);
  return tests;
}

int
engine_main (const char *name, void (*add) (Suite *suite))
{
  Suite *suite = suite_create (name);

  add (suite);
  return suite_print (suite);
}
