/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>
#include <unistd.h>

#include "core/migration/migration-private.h"
#include "core/base/invoke.h"
#include "core/base/probe.h"
#include "core/memory/regions.h"

G_DEFINE_FINAL_TYPE (GdwMigration, gdw_migration, G_TYPE_OBJECT)

enum { STATUS, PASS, RUN_STATE, ENDED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
finalize (GObject *object)
{
  GdwMigration *migration = GDW_MIGRATION (object);

  gdw_source_free (migration->source);
  gdw_destination_free (migration->destination);
  gdw_guest_free (migration->guest);
  gdw_log_free (migration->log);
  gdw_blockers_free (migration->blockers);
  gdw_threads_free (migration->threads);
  g_clear_pointer (&migration->plugins, gdw_plugins_free);
  gdw_settings_clear (gdw_parameters, &migration->parameters);
  g_clear_pointer (&migration->context, g_main_context_unref);
  g_clear_error (&migration->error);
  g_free (migration->host_name);
  g_free (migration->host_uuid);
  pthread_mutex_destroy (&migration->mark_lock);
  G_OBJECT_CLASS (gdw_migration_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, GType argument)
{
  return g_signal_new (name, GDW_TYPE_MIGRATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                       G_TYPE_NONE, 1, argument);
}

static void
gdw_migration_class_init (GdwMigrationClass *class)
{
  G_OBJECT_CLASS (class)->finalize = finalize;
  signals[STATUS] = add_signal ("status", G_TYPE_UINT);
  signals[PASS] = add_signal ("pass", G_TYPE_UINT64);
  signals[RUN_STATE] = add_signal ("run-state", G_TYPE_UINT);
  signals[ENDED] = add_signal ("ended", G_TYPE_UINT);
}

static void
gdw_migration_init (GdwMigration *migration)
{
  pthread_mutex_init (&migration->mark_lock, NULL);
  gdw_settings_init (gdw_parameters, &migration->parameters);
  gdw_settings_init (gdw_capabilities, &migration->capabilities);
  migration->blockers = gdw_blockers_new ();
  migration->threads = gdw_threads_new ();
  migration->log = gdw_log_new (migration);
}

/* Memory that an attempt wrote into does not count as zero for the next one. */
static void
drop_destination (GdwMigration *migration)
{
  migration->touched |= gdw_destination_free (g_steal_pointer (&migration->destination));
}

/* While an attempt is under way it holds a reference: threads and callbacks of
 * the host end before the object does. */
static void
keep_alive (GdwMigration *migration)
{
  if (!migration->kept_alive)
    g_object_ref (migration);
  migration->kept_alive = TRUE;
}

static void
let_go (GdwMigration *migration)
{
  if (!migration->kept_alive || gdw_migration_is_running (migration))
    return;
  migration->kept_alive = FALSE;
  g_object_unref (migration);
}

/* Answers close once nothing is left to end. */
static void
close_when_idle (GdwMigration *migration)
{
  GdwDone done = migration->close_done;

  if (!done || gdw_migration_is_running (migration))
    return;
  drop_destination (migration);
  if (migration->source)
    gdw_source_resolved (migration->source, GDW_OUTCOME_UNKNOWN);
  migration->close_done = NULL;
  done (migration, NULL, migration->close_data);
  let_go (migration);
}

typedef struct {
  GdwMigration *migration;
  guint signal;
  guint64 value;
} Emission;

static void
emit_now (gpointer data)
{
  Emission *emission = data;
  GdwMigration *migration = emission->migration;

  if (emission->signal == PASS)
    g_signal_emit (migration, signals[PASS], 0, emission->value);
  else
    g_signal_emit (migration, signals[emission->signal], 0, (guint) emission->value);
  if (emission->signal == ENDED) {
    close_when_idle (migration);
    let_go (migration);
  }
}

static void
free_emission (gpointer data)
{
  Emission *emission = data;

  g_object_unref (emission->migration);
  g_free (emission);
}

/* From the main loop, never from within the engine: a handler may call anything. */
static void
emit (GdwMigration *migration, guint signal, guint64 value)
{
  Emission *emission = g_new (Emission, 1);

  *emission = (Emission){ g_object_ref (migration), signal, value };
  gdw_invoke (migration->context, emit_now, emission, free_emission);
}

static void
run_state_changed (GdwRunState state, gpointer data)
{
  emit (data, RUN_STATE, state);
}

static gboolean
check_host (const GdwHost *host, GError **error)
{
  if (host->size >= G_STRUCT_OFFSET (GdwHost, fence) && host->regions && host->pause &&
      host->resume && host->save_state && host->load_state)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "host: a required callback is missing: regions, pause, resume, save_state and "
               "load_state are; fill GdwHost and its size");
  return FALSE;
}

/* Checks the callbacks that only work together.  @host has all members of this library. */
static gboolean
check_host_pairs (const GdwHost *host, GError **error)
{
  if ((host->save_stream != NULL) == (host->load_stream != NULL))
    return TRUE;
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_INVALID,
      "host: it has %s: a state that is streamed out is streamed in; give both or none",
      host->save_stream ? "save_stream and no load_stream" : "load_stream and no save_stream");
  return FALSE;
}

GdwMigration *
gdw_migration_new (const GdwHost *host, GMainContext *context, const char *plugin_path,
                   gboolean incoming, GError **error)
{
  GdwMigration *migration;
  GdwHost known = { 0 };

  if (!check_host (host, error))
    return NULL;
  memcpy (&known, host, MIN (host->size, sizeof known));
  if (!check_host_pairs (&known, error))
    return NULL;
  migration = g_object_new (GDW_TYPE_MIGRATION, NULL);
  migration->host = known;
  migration->host.name = migration->host_name = g_strdup (migration->host.name);
  migration->host.uuid = migration->host_uuid = g_strdup (migration->host.uuid);
  migration->context = context ? g_main_context_ref (context)
                               : g_main_context_ref_thread_default ();
  migration->plugins = gdw_plugins_new (plugin_path);
  migration->guest = gdw_guest_new (&migration->host, migration->context, incoming,
                                    run_state_changed, migration);
  return migration;
}

/* Reports from the attempts. */

static void
on_status (GdwStatus status, gpointer data)
{
  GdwMigration *migration = data;
  g_autoptr (GError) error = NULL;

  if (!gdw_state_set (&migration->state, status, &error)) {
    g_critical ("%s", error->message);
    return;
  }
  gdw_probe_status (gdw_migration_get_id (migration), gdw_status_name (status),
                    migration->incoming);
  emit (migration, STATUS, status);
}

static void
on_round (guint64 number, gpointer data)
{
  emit (data, PASS, number);
}

static void
on_detach (gpointer data)
{
  GdwMigration *migration = data;

  pthread_mutex_lock (&migration->mark_lock);
  __atomic_store_n (&migration->mark_target, NULL, __ATOMIC_RELEASE);
  pthread_mutex_unlock (&migration->mark_lock);
}

static void
close_later (gpointer data)
{
  close_when_idle (data);
}

void
gdw_migration_close (GdwMigration *migration, GdwDone done, gpointer data)
{
  migration->close_done = done;
  migration->close_data = data;
  gdw_migration_cancel (migration, NULL);
  if (migration->destination && gdw_destination_has_begun (migration->destination))
    gdw_destination_quit (migration->destination);
  gdw_invoke (migration->context, close_later, g_object_ref (migration), g_object_unref);
}

static void
on_source_over (gpointer data)
{
  GdwMigration *migration = data;
  GdwInfo info;

  gdw_source_info (migration->source, &info);
  migration->outcome = info.outcome;
  emit (migration, ENDED, migration->state.status);
}

static void
on_destination_over (gpointer data)
{
  GdwMigration *migration = data;

  emit (migration, ENDED, migration->state.status);
}

static void
on_destination_status (GdwStatus status, gpointer data)
{
  if (status == GDW_STATUS_ACTIVE)
    keep_alive (data);
  on_status (status, data);
}

static void
on_resolved (GdwOutcome outcome, gpointer data)
{
  gdw_migration_answered (data, outcome == GDW_OUTCOME_SOURCE);
}

static const GdwAttemptOps source_ops = { on_status, on_round, on_detach, on_source_over,
                                          on_resolved };
static const GdwAttemptOps destination_ops = { on_destination_status, on_round, on_detach,
                                               on_destination_over, NULL };

static GdwAttempt
make_attempt (GdwMigration *migration, const GdwAttemptOps *ops)
{
  return (GdwAttempt){ migration->guest,
                       migration->plugins,
                       migration->threads,
                       migration->context,
                       &migration->parameters,
                       migration->capabilities,
                       &migration->switch_cost,
                       ops,
                       migration };
}

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_BUSY, text);
  return FALSE;
}

static gboolean
check_idle (GdwMigration *migration, GError **error)
{
  if (migration->close_done)
    return refuse (error, "guest: it cannot be migrated: this VMM is closing");
  if (gdw_migration_is_running (migration))
    return refuse (error, "There's a migration process in progress");
  if (migration->outcome == GDW_OUTCOME_UNKNOWN)
    return refuse (error, "guest: it cannot be migrated: the outcome of the last migration is "
                          "unknown; say x-migrate-resolve first");
  return TRUE;
}

static void
forget_last (GdwMigration *migration, gboolean incoming)
{
  migration->incoming = incoming;
  migration->outcome = GDW_OUTCOME_NONE;
  g_clear_error (&migration->error);
}

/* Outgoing. */

guint
gdw_migration_block (GdwMigration *migration, const char *reason, GError **error)
{
  if (migration->source && !gdw_source_is_over (migration->source)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "guest: its migration cannot be blocked: it is under way, and %s; wait until "
                 "it has ended, or cancel it",
                 reason);
    return 0;
  }
  return gdw_blockers_add (migration->blockers, reason);
}

void
gdw_migration_unblock (GdwMigration *migration, guint number)
{
  gdw_blockers_remove (migration->blockers, number);
}

static gboolean
check_blockers (GdwMigration *migration, GError **error)
{
  g_autoptr (GPtrArray) reasons = gdw_migration_blocked_reasons (migration);

  if (!reasons->len)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
               "guest: it cannot be migrated: %s; the VMM blocks it for that, see "
               "blocked-reasons of query-migrate",
               (char *) reasons->pdata[0]);
  return FALSE;
}

gboolean
gdw_migration_start_to (GdwMigration *migration, const GdwAddress *address, GError **error)
{
  GdwAttempt attempt = make_attempt (migration, &source_ops);
  GdwRunState run_state = gdw_guest_state (migration->guest);
  GdwSource *source;

  if (!gdw_regions_check_host_pages ((guint64) sysconf (_SC_PAGESIZE), error) ||
      !check_idle (migration, error))
    return FALSE;
  if (run_state == GDW_RUN_STATE_INMIGRATE)
    return refuse (error, "Guest is waiting for an incoming migration");
  if (run_state == GDW_RUN_STATE_POSTMIGRATE)
    return refuse (error, "guest: it cannot be migrated: it runs at the destination; migrate "
                          "it from there, or say x-migrate-resolve if it is lost there");
  if (!check_blockers (migration, error) ||
      !(source = gdw_source_new (&attempt, address, error)))
    return FALSE;
  forget_last (migration, FALSE);
  gdw_source_free (migration->source);
  migration->source = source;
  pthread_mutex_lock (&migration->mark_lock);
  __atomic_store_n (&migration->mark_target, source, __ATOMIC_RELEASE);
  pthread_mutex_unlock (&migration->mark_lock);
  keep_alive (migration);
  on_status (GDW_STATUS_SETUP, migration);
  gdw_source_begin (source);
  return TRUE;
}

gboolean
gdw_migration_start (GdwMigration *migration, const char *uri, GError **error)
{
  g_autoptr (GdwAddress) address = gdw_address_parse (uri, error);

  return address && gdw_migration_start_to (migration, address, error);
}

struct GdwOpening {
  GdwMigration *migration;
  GdwDestination *destination;
  gboolean reset; /* the VM has to be made new */
  GdwDone done;
  gpointer data;
};

static void
answer_given_up (gpointer data)
{
  g_autofree GdwOpening *answer = data;
  g_autoptr (GdwMigration) migration = answer->migration;
  g_autoptr (GError) error = g_error_new (
      G_IO_ERROR, G_IO_ERROR_CANCELLED,
      "destination: the migration was cancelled before it listened; give the address again");

  answer->done (migration, error, answer->data);
}

/* Whatever blocks it need not end for that. */
static void
give_up_opening (GdwMigration *migration)
{
  GdwOpening *opening = g_steal_pointer (&migration->opening), *answer;

  if (!opening)
    return;
  gdw_destination_stop_listening (opening->destination);
  answer = g_new (GdwOpening, 1);
  *answer = *opening;
  g_object_ref (migration);
  gdw_invoke (migration->context, answer_given_up, answer, NULL);
}

gboolean
gdw_migration_cancel (GdwMigration *migration, GError **error)
{
  give_up_opening (migration);
  if (!migration->source || gdw_source_is_over (migration->source))
    return TRUE;
  return gdw_source_cancel (migration->source, error);
}

gboolean
gdw_migration_continue (GdwMigration *migration, GdwStatus expected, GError **error)
{
  if (migration->state.status != expected || !migration->source) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY, "Migration not in expected state: %s",
                 gdw_status_name (migration->state.status));
    return FALSE;
  }
  return gdw_source_continue (migration->source, error);
}

void
gdw_migration_mark_dirty (GdwMigration *migration, guint64 guest_addr, guint64 size)
{
  if (!__atomic_load_n (&migration->mark_target, __ATOMIC_ACQUIRE))
    return;
  pthread_mutex_lock (&migration->mark_lock);
  if (migration->mark_target)
    gdw_source_mark (migration->mark_target, guest_addr, size);
  pthread_mutex_unlock (&migration->mark_lock);
}

void
gdw_migration_ring_full (GdwMigration *migration, guint vcpu)
{
  gdw_ring_gate_wait (gdw_guest_ring_gate (migration->guest));
}

/* Incoming. */

/* Fails an attempt that could not begin.  Takes @error. */
static void
fail_incoming (GdwMigration *migration, GError *error)
{
  drop_destination (migration);
  migration->error = error;
  on_status (GDW_STATUS_FAILED, migration);
  emit (migration, ENDED, GDW_STATUS_FAILED);
}

static void
on_reset (GdwAnswer *answer, gpointer data)
{
  g_autoptr (GdwMigration) migration = data;
  GError *error = NULL;

  if (answer->error) {
    fail_incoming (migration, g_error_copy (answer->error));
  } else if (migration->close_done) {
    fail_incoming (migration,
                   g_error_new (GDW_ERROR, GDW_ERROR_FAILED,
                                "destination: the migration has ended: this VMM is closing; "
                                "migrate to another destination"));
  } else {
    migration->touched = FALSE;
    gdw_guest_await (migration->guest);
    if (!gdw_destination_begin (migration->destination, &error))
      fail_incoming (migration, error);
  }
}

/* FALSE: no attempt has begun. */
static gboolean
start_incoming (GdwMigration *migration, GdwDestination *destination, gboolean reset,
                GError **error)
{
  migration->destination = destination;
  if (!reset && !gdw_destination_begin (destination, error)) {
    drop_destination (migration);
    return FALSE;
  }
  forget_last (migration, TRUE);
  /* Set at once, even while the VM is rebuilt, so that no query shows the attempt before. */
  on_status (GDW_STATUS_SETUP, migration);
  if (reset)
    migration->host.reset (migration->host.vm, gdw_answer_new (migration->context, on_reset,
                                                               g_object_ref (migration)));
  return TRUE;
}

/* An opening that was given up has been answered. */
static void
on_listening (const GError *error, gpointer data)
{
  g_autofree GdwOpening *opening = data;
  g_autoptr (GdwMigration) migration = opening->migration;
  g_autoptr (GError) failure = NULL;

  if (migration->opening != opening) {
    gdw_destination_free (opening->destination);
    return;
  }
  migration->opening = NULL;
  if (error)
    gdw_destination_free (opening->destination);
  else
    start_incoming (migration, opening->destination, opening->reset, &failure);
  opening->done (migration, error ? error : failure, opening->data);
}

gboolean
gdw_migration_listen (GdwMigration *migration, const GdwAddress *address, GdwDone done,
                      gpointer data, GError **error)
{
  GdwAttempt attempt = make_attempt (migration, &destination_ops);
  GdwRunState run_state = gdw_guest_state (migration->guest);
  gboolean reset = run_state == GDW_RUN_STATE_POSTMIGRATE && migration->host.reset;
  GdwDestination *destination;
  GdwOpening *opening;

  if (!gdw_regions_check_host_pages ((guint64) sysconf (_SC_PAGESIZE), error) ||
      !check_idle (migration, error))
    return FALSE;
  if (run_state != GDW_RUN_STATE_INMIGRATE && !reset)
    return refuse (error, "guest: an incoming migration is refused: the guest is here; start a "
                          "VM with --incoming to receive one");
  /* A listener that still waits for the confirmation of its source gives way. */
  drop_destination (migration);
  destination = gdw_destination_new (&attempt, address, !migration->touched || reset, error);
  if (!destination)
    return FALSE;
  opening = g_new (GdwOpening, 1);
  *opening = (GdwOpening){ migration, destination, reset, done, data };
  if (!gdw_destination_listen (destination, on_listening, opening, error)) {
    gdw_destination_free (destination);
    g_free (opening);
    return FALSE;
  }
  g_object_ref (migration);
  migration->opening = opening;
  return TRUE;
}

/* Nobody waits for the answer: the attempt fails as any other does. */
static void
opened (GdwMigration *migration, const GError *error, gpointer data)
{
  if (!error)
    return;
  forget_last (migration, TRUE);
  on_status (GDW_STATUS_SETUP, migration);
  fail_incoming (migration, g_error_copy (error));
}

gboolean
gdw_migration_incoming (GdwMigration *migration, const char *uri, GError **error)
{
  g_autoptr (GdwAddress) address = gdw_address_parse (uri, error);

  return address && gdw_migration_incoming_at (migration, address, error);
}

gboolean
gdw_migration_incoming_at (GdwMigration *migration, const GdwAddress *address, GError **error)
{
  return gdw_migration_listen (migration, address, opened, NULL, error);
}

/* A VM that is being made new has no links yet. */
gboolean
gdw_migration_can_yank (GdwMigration *migration)
{
  if (migration->incoming)
    return migration->destination && gdw_destination_has_begun (migration->destination) &&
           !gdw_destination_is_done (migration->destination);
  return migration->source && !gdw_source_is_over (migration->source);
}

gboolean
gdw_migration_yank (GdwMigration *migration)
{
  if (!gdw_migration_can_yank (migration))
    return FALSE;
  if (migration->incoming)
    gdw_destination_yank (migration->destination);
  else
    gdw_source_yank (migration->source);
  return TRUE;
}
