/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

#include "control/metrics.h"
#include "qapi/json.h"
#include "qapi-events.h"

G_DEFINE_BOXED_TYPE (GdwControl, gdw_control, gdw_control_ref, gdw_control_free)

/* Turns of the main loop before the process ends: the answer to a quit over HTTP is written
 * meanwhile. */
#define QUIT_TURNS 4u

typedef struct {
  GdwControlSink sink;
  gpointer data;
} SinkEntry;

void
gdw_control_add_sink (GdwControl *control, GdwControlSink sink, gpointer data)
{
  const SinkEntry entry = { sink, data };

  g_array_append_val (control->sinks, entry);
}

void
gdw_control_remove_sink (GdwControl *control, GdwControlSink sink, gpointer data)
{
  for (guint i = 0; i < control->sinks->len; i++) {
    const SinkEntry *entry = &g_array_index (control->sinks, SinkEntry, i);

    if (entry->sink != sink || entry->data != data)
      continue;
    g_array_remove_index (control->sinks, i);
    return;
  }
}

/* Sends the event to all sinks.  Takes @data, which is NULL for an event without data. */
static void
emit (GdwControl *control, const char *event, JsonNode *data)
{
  gint64 now = g_get_real_time ();
  JsonObject *stamp = json_object_new ();
  g_autoptr (JsonNode) message = NULL;
  JsonObject *object;
  g_autofree char *line = NULL;

  json_object_set_int_member (stamp, "seconds", now / G_USEC_PER_SEC);
  json_object_set_int_member (stamp, "microseconds", now % G_USEC_PER_SEC);
  message = json_node_new (JSON_NODE_OBJECT);
  object = json_object_new ();
  json_node_take_object (message, object);
  json_object_set_object_member (object, "timestamp", stamp);
  json_object_set_string_member (object, "event", event);
  if (data)
    json_object_set_member (object, "data", data);
  line = gdw_json_write (message);
  for (guint i = 0; i < control->sinks->len; i++) {
    const SinkEntry *entry = &g_array_index (control->sinks, SinkEntry, i);

    entry->sink (entry->data, line);
  }
}

/* The guest is being paused for the switchover: all bytes from now on count as downtime
 * bytes. */
static void
note_pause (GdwControl *control)
{
  if (control->precopy_bytes == G_MAXUINT64)
    control->precopy_bytes = gdw_migration_info (control->migration)->transferred_bytes;
}

static void
status_changed (GdwMigration *migration, guint status, GdwControl *control)
{
  int value;

  if (status == GDW_STATUS_SETUP)
    control->precopy_bytes = G_MAXUINT64;
  else if (status == GDW_STATUS_DEVICE)
    note_pause (control);
  value = gdw_visit_enum (&gdw_q_type_migration_status, gdw_status_name (status));
  if (gdw_migration_get_capability (migration, "events"))
    emit (control, GDW_EVENT_MIGRATION, gdw_event_migration ((GdwQMigrationStatus) value));
}

static void
pass_begun (GdwMigration *migration, guint64 number, GdwControl *control)
{
  if (gdw_migration_get_capability (migration, "events"))
    emit (control, GDW_EVENT_MIGRATION_PASS, gdw_event_migration_pass ((gint64) number));
}

static void
run_state_changed (GdwMigration *migration, guint state, GdwControl *control)
{
  GdwRunState before = control->run_state;

  control->run_state = state;
  if (state == GDW_RUN_STATE_FINISH_MIGRATE)
    note_pause (control);
  if (before != state && state == GDW_RUN_STATE_RUNNING)
    emit (control, GDW_EVENT_RESUME, gdw_event_resume ());
  else if (before != state && before == GDW_RUN_STATE_RUNNING)
    emit (control, GDW_EVENT_STOP, gdw_event_stop ());
}

static void
attempt_ended (GdwMigration *migration, guint status, GdwControl *control)
{
  const GdwInfo *info = gdw_migration_info (migration);

  gdw_control_count (control, info);
  if (info->incoming && status == GDW_STATUS_FAILED && control->exit_on_error)
    gdw_control_quit (control, GDW_Q_SHUTDOWN_CAUSE_HOST_ERROR, NULL);
}

static gboolean
quit_now (gpointer data)
{
  GdwControl *control = data;
  const GdwHost *host = gdw_migration_host (control->migration);

  if (control->quit_turns--)
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&control->quitting, g_source_unref);
  emit (control, GDW_EVENT_SHUTDOWN, gdw_event_shutdown (FALSE, control->quit_cause));
  host->quit (host->vm, control->quit_cause == GDW_Q_SHUTDOWN_CAUSE_HOST_ERROR);
  return G_SOURCE_REMOVE;
}

gboolean
gdw_control_quit (GdwControl *control, GdwQShutdownCause cause, GError **error)
{
  const GdwHost *host = gdw_migration_host (control->migration);

  if (!host->quit) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "host '%s': cannot be ended: it has no quit; end its process instead",
                 host->name ? host->name : "");
    return FALSE;
  }
  if (control->quitting)
    return TRUE;
  control->quit_cause = cause;
  control->quitting = g_idle_source_new ();
  g_source_set_priority (control->quitting, G_PRIORITY_DEFAULT);
  control->quit_turns = QUIT_TURNS;
  g_source_set_callback (control->quitting, quit_now, control, NULL);
  g_source_attach (control->quitting, gdw_migration_context (control->migration));
  return TRUE;
}

typedef struct {
  gpointer server;
  GDestroyNotify free;
} ServerEntry;

static void
free_server (gpointer data)
{
  const ServerEntry *entry = data;

  entry->free (entry->server);
}

void
gdw_control_add_server (GdwControl *control, gpointer server, GDestroyNotify free)
{
  const ServerEntry entry = { server, free };

  g_array_append_val (control->servers, entry);
}

GdwControl *
gdw_control_new (GdwMigration *migration)
{
  GdwControl *control = g_new0 (GdwControl, 1);

  g_atomic_ref_count_init (&control->references);
  control->migration = g_object_ref (migration);
  control->servers = g_array_new (FALSE, FALSE, sizeof (ServerEntry));
  g_array_set_clear_func (control->servers, free_server);
  control->monitors = g_ptr_array_new ();
  control->sinks = g_array_new (FALSE, FALSE, sizeof (SinkEntry));
  control->run_state = gdw_migration_get_run_state (migration);
  control->precopy_bytes = G_MAXUINT64;
  g_signal_connect (migration, "status", G_CALLBACK (status_changed), control);
  g_signal_connect (migration, "pass", G_CALLBACK (pass_begun), control);
  g_signal_connect (migration, "run-state", G_CALLBACK (run_state_changed), control);
  g_signal_connect (migration, "ended", G_CALLBACK (attempt_ended), control);
  return control;
}

GdwControl *
gdw_control_ref (GdwControl *control)
{
  g_atomic_ref_count_inc (&control->references);
  return control;
}

void
gdw_control_free (GdwControl *control)
{
  if (!g_atomic_ref_count_dec (&control->references))
    return;
  if (control->quitting)
    g_source_destroy (control->quitting);
  g_clear_pointer (&control->quitting, g_source_unref);
  g_signal_handlers_disconnect_by_data (control->migration, control);
  g_array_unref (control->servers);
  g_array_unref (control->sinks);
  g_ptr_array_unref (control->monitors);
  g_object_unref (control->migration);
  g_free (control);
}
