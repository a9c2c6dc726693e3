/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "host-cases.h"
#include "sink.h"

HOST_CASES (DECLARE_HOST_CASE)

#define MOVES 3
#define TRIES 16

/* A migration of the VM under test to a sink. */
typedef struct {
  Try *run;
  Sink sink;
  GdwMigration *migration;
  guint64 passes;
  gboolean ended;
  gboolean answered; /* of cont, stop or close */
  char *failed;      /* or NULL */
} Move;

static Move *
move_new (Try *t)
{
  Move *move = g_new0 (Move, 1);

  move->run = t;
  return move;
}

static void
on_pass (GdwMigration *migration, guint64 number, gpointer data)
{
  ((Move *) data)->passes = number;
}

static void
on_ended (GdwMigration *migration, guint status, gpointer data)
{
  ((Move *) data)->ended = TRUE;
}

static void
on_done (GdwMigration *migration, const GError *error, gpointer data)
{
  Move *move = data;

  move->answered = TRUE;
  move->failed = error ? g_strdup (error->message) : NULL;
}

static gboolean
wait_answer (Move *move, const char *what)
{
  Try *t = move->run;
  g_autofree char *failed = NULL;

  while (!move->answered)
    if (!try_iterate (t)) {
      t->owed = what;
      return try_broken (t, PROMISE ("host.h", "must return at once"),
                         "%s of the migration was not answered before the deadline of the test",
                         what);
    }
  move->answered = FALSE;
  failed = g_steal_pointer (&move->failed);
  REQUIRE (t, !failed, PROMISE ("host.h", "Run the guest from where it was paused or loaded"),
           "%s of the migration failed: %s", what, failed);
  return TRUE;
}

/* The migration continues as long as something is dirty and the downtime limit is 0. */
static gboolean
set_up (Move *move)
{
  Try *t = move->run;
  const GdwConformanceHost *test = t->test;
  g_autoptr (GError) error = NULL;

  if (!sink_open (&move->sink, &t->vm))
    return FALSE;
  move->migration = gdw_migration_new (test->host, t->context, test->plugin_path, FALSE,
                                       &error);
  if (!move->migration ||
      !gdw_migration_set_parameter (move->migration, "downtime-limit", "0", &error))
    return try_skip (t, "nothing can be migrated here: %s", error->message);
  g_signal_connect (move->migration, "pass", G_CALLBACK (on_pass), move);
  g_signal_connect (move->migration, "ended", G_CALLBACK (on_ended), move);
  test->set_migration (test->data, move->migration);
  t->vm.runs = TRUE;
  gdw_migration_cont (move->migration, on_done, move);
  if (!wait_answer (move, "cont") || !vm_start_writes (&t->vm))
    return FALSE;
  if (!gdw_migration_start (move->migration, move->sink.uri, &error))
    return try_skip (t, "nothing can be migrated here: %s", error->message);
  return TRUE;
}

static const char *
why_ended (Move *move)
{
  const GError *error = gdw_migration_get_error (move->migration);

  return error ? error->message : "it does not say why";
}

/* Dirties the first page again and again until pass @passes has begun.  The migration may still
 * end earlier, if nothing is dirty at one moment. */
static gboolean
wait_pass (Move *move, guint64 passes)
{
  Try *t = move->run;
  guint n;
  const GdwRegion *first = vm_regions (&t->vm, &n);

  while (move->passes < passes && !move->sink.compared) {
    REQUIRE (t, !move->ended, PROMISE ("host.h", "A VMM gives this to godwit"),
             "a migration ended before its pass %" G_GUINT64_FORMAT ": %s", passes,
             why_ended (move));
    gdw_migration_mark_dirty (move->migration, first->guest_addr, 1);
    REQUIRE (t, try_iterate (t), PROMISE ("host.h", "must return at once"),
             "a migration did not come to its pass %" G_GUINT64_FORMAT
             " before the deadline of the test",
             passes);
  }
  return TRUE;
}

/* Lets the migration end, where the sink compares. */
static gboolean
wait_compared (Move *move)
{
  Try *t = move->run;
  g_autoptr (GError) error = NULL;

  if (!gdw_migration_set_parameter (move->migration, "downtime-limit", "1000000", &error))
    return try_skip (t, "%s", error->message);
  while (!move->ended || !move->sink.ended) {
    REQUIRE (t, move->sink.compared || !move->ended,
             PROMISE ("host.h", "A VMM gives this to godwit"), "a migration failed: %s",
             why_ended (move));
    REQUIRE (t, try_iterate (t), PROMISE ("host.h", "must return at once"),
             "a migration did not end before the deadline of the test");
  }
  return TRUE;
}

/* A migration that does not close lives on, and so do its callbacks. */
static gboolean
close_one (Move *move, GdwMigration *migration)
{
  gdw_migration_close (migration, on_done, move);
  return wait_answer (move, "close");
}

static gboolean
take_down (Move *move)
{
  Try *t = move->run;
  const GdwConformanceHost *test = t->test;
  gboolean ok = TRUE;

  t->end_us = MAX (t->end_us, g_get_monotonic_time () + 10 * G_USEC_PER_SEC);
  if (t->owed || (move->sink.migration && !close_one (move, move->sink.migration)) ||
      (move->migration && !close_one (move, move->migration)))
    return FALSE;
  if (move->migration) {
    g_signal_handlers_disconnect_by_data (move->migration, move);
    t->vm.runs = gdw_migration_get_run_state (move->migration) == GDW_RUN_STATE_RUNNING;
    ok = vm_pause (&t->vm);
    test->set_migration (test->data, NULL);
    g_clear_object (&move->migration);
  }
  sink_close (&move->sink);
  g_free (move);
  return ok;
}

static gboolean
can_move (Try *t)
{
  const GdwConformanceHost *test = t->test;

  if (!t->vm.host.dirty_log)
    return try_skip (t, "the host has no dirty log");
  if (!test->set_migration)
    return try_skip (t, "there is no set_migration");
  return TRUE;
}

static gboolean
expect_copied (Move *move)
{
  const Sink *sink = &move->sink;

  REQUIRE (
      move->run, sink->n_differ == 0,
      PROMISE ("dirty-log.h", "is reported by this get or a later one, never by neither"),
      "after a migration %" G_GUINT64_FORMAT " pages differ, the first is at guest address "
      "%#" G_GINT64_MODIFIER "x: a write was not reported, or was made after the answer to "
      "pause",
      sink->n_differ, sink->differs_at);
  return TRUE;
}

static gboolean
move_once (Try *t)
{
  Move *move = move_new (t);
  gboolean ok = set_up (move) && wait_pass (move, 4) && wait_compared (move) &&
                expect_copied (move);

  return take_down (move) && ok && vm_is_good (&t->vm);
}

/* A write is lost by chance, so try it often. */
gboolean
host_migration_copies_every_write (Try *t)
{

  if (!can_move (t))
    return FALSE;
  if (!t->test->start_writes)
    return try_skip (t, "there is no start_writes");
  for (guint i = 0; i < MOVES; i++)
    if (!move_once (t))
      return FALSE;
  return TRUE;
}

/* Writes a page that nobody marks, after its last copy was sent. */
static gboolean
device_writes (Move *move, guint64 marked)
{
  Try *t = move->run;
  const GdwConformanceHost *test = t->test;
  guint64 at = 0, size = 0;

  for (guint i = 0; i < TRIES; i++) {
    gint64 begin_us = g_get_monotonic_time ();

    watchdog_feed (t->watchdog, "device_writes");
    test->device_writes (test->data, &at, &size);
    try_extend (t, begin_us);
    if (size > 0 && (marked / GDW_PAGE_SIZE < at / GDW_PAGE_SIZE ||
                     marked / GDW_PAGE_SIZE > (at + size - 1) / GDW_PAGE_SIZE))
      return TRUE;
  }
  return try_skip (t,
                   "device_writes writes nothing, or the page at guest address "
                   "%#" G_GINT64_MODIFIER "x alone, which the test needs",
                   marked);
}

static gboolean
expect_device_copied (Move *move)
{
  const Sink *sink = &move->sink;

  REQUIRE (move->run, sink->n_differ == 0,
           PROMISE ("migration.h",
                    "Report @size bytes from @guest_addr on as written by the VMM itself"),
           "after a migration %" G_GUINT64_FORMAT
           " pages differ, the first is at guest address "
           "%#" G_GINT64_MODIFIER "x: what a device wrote was not reported",
           sink->n_differ, sink->differs_at);
  return TRUE;
}

/* @told: the device wrote while the migration was running. */
static gboolean
move_device (Try *t, gboolean *told)
{
  Move *move = move_new (t);
  guint n;
  guint64 marked = vm_regions (&t->vm, &n)->guest_addr;
  gboolean ok = set_up (move) && wait_pass (move, 2);

  if (ok && !move->sink.compared)
    ok = device_writes (move, marked);
  *told = !move->sink.compared;
  ok = ok && wait_compared (move) && expect_device_copied (move);
  return take_down (move) && ok && vm_is_good (&t->vm);
}

gboolean
host_device_writes_are_reported (Try *t)
{
  gboolean told = FALSE;

  if (!can_move (t))
    return FALSE;
  if (!t->test->device_writes)
    return try_skip (t, "there is no device_writes");
  for (guint i = 0; i < TRIES && !told; i++)
    if (!move_device (t, &told))
      return FALSE;
  return told || try_skip (t, "a migration comes to its end before a device has written");
}
