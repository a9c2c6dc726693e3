/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The operator's word on the guest. */
#include <godwit/error.h>

#include "core/migration/migration-private.h"
#include "core/base/invoke.h"

typedef struct {
  GdwMigration *migration;
  GdwDone done;
  gpointer data;
  GError *error;
} Order;

static void
tell_order (gpointer data)
{
  Order *order = data;

  order->done (order->migration, order->error, order->data);
}

static void
free_order (gpointer data)
{
  Order *order = data;

  g_clear_error (&order->error);
  g_object_unref (order->migration);
  g_free (order);
}

static Order *
new_order (GdwMigration *migration, GdwDone done, gpointer data)
{
  Order *order = g_new (Order, 1);

  *order = (Order){ g_object_ref (migration), done, data, NULL };
  return order;
}

/* Answers after the signals that the order caused. */
static void
on_order_done (const GError *error, gpointer data)
{
  Order *order = data;

  order->error = error ? g_error_copy (error) : NULL;
  gdw_invoke (order->migration->context, tell_order, order, free_order);
}

static void
answer (GdwMigration *migration, GdwDone done, gpointer data, const char *text)
{
  g_autoptr (GError) error = text ? g_error_new_literal (GDW_ERROR, GDW_ERROR_BUSY, text)
                                  : NULL;

  on_order_done (error, new_order (migration, done, data));
}

/* Returns why the operator must not run the guest here, or NULL. */
static const char *
why_not_run (GdwMigration *migration)
{
  if (migration->outcome == GDW_OUTCOME_UNKNOWN)
    return "guest: it is not run: it may run at the destination, the outcome of the migration "
           "is unknown; find out, then say x-migrate-resolve {\"run\": \"here\"} or "
           "{\"run\": \"there\"}";
  if (gdw_guest_state (migration->guest) == GDW_RUN_STATE_POSTMIGRATE)
    return "guest: it is not run: it was migrated and runs at the destination; if it is lost "
           "there, say x-migrate-resolve {\"run\": \"here\"}";
  if (migration->source && gdw_source_is_switching (migration->source))
    return "Migration is not finalized yet";
  return NULL;
}

/* A source that has completed is being made new. */
static gboolean
is_resetting (GdwMigration *migration)
{
  return migration->incoming && migration->destination &&
         !gdw_destination_has_begun (migration->destination) &&
         gdw_guest_state (migration->guest) == GDW_RUN_STATE_POSTMIGRATE;
}

/* Returns whether the guest is still to come.  After COMMIT, orders wait for its arrival. */
static gboolean
is_awaited (GdwMigration *migration)
{
  if (gdw_guest_state (migration->guest) != GDW_RUN_STATE_INMIGRATE)
    return is_resetting (migration);
  return !(migration->destination && gdw_destination_has_guest (migration->destination));
}

void
gdw_migration_cont (GdwMigration *migration, GdwDone done, gpointer data)
{
  gboolean awaited = is_awaited (migration);
  const char *why = awaited ? NULL : why_not_run (migration);

  if (!why && !awaited) {
    gdw_guest_run (migration->guest, on_order_done, new_order (migration, done, data));
    return;
  }
  if (!why)
    gdw_guest_set_autostart (migration->guest, TRUE);
  answer (migration, done, data, why);
}

void
gdw_migration_stop (GdwMigration *migration, GdwDone done, gpointer data)
{
  GdwRunState run_state = gdw_guest_state (migration->guest);
  const char *why = NULL;

  if (is_awaited (migration)) {
    gdw_guest_set_autostart (migration->guest, FALSE);
  } else if (migration->outcome == GDW_OUTCOME_UNKNOWN) {
    gdw_guest_stay_paused (migration->guest);
  } else if (!migration->source || !gdw_source_is_switching (migration->source)) {
    gdw_guest_pause (migration->guest, on_order_done, new_order (migration, done, data));
    return;
  } else if (run_state != GDW_RUN_STATE_FINISH_MIGRATE ||
             gdw_source_is_prepared (migration->source)) {
    why = "guest: it cannot be stopped now: it is being handed over; stop it at the "
          "destination, or wait for the end of the migration";
  } else {
    gdw_guest_stay_paused (migration->guest);
  }
  answer (migration, done, data, why);
}

/* Rewrite the error so that later readers do not take the outcome for unknown. */
static void
note_decision (GdwMigration *migration, const char *who, gboolean here)
{
  const GError *cause = gdw_migration_get_error (migration);
  GError *error = cause ? g_error_copy (cause) : NULL;

  if (!error)
    return;
  g_prefix_error (&error, "%s that the guest is %s; before that: ", who,
                  here ? "here" : "there");
  g_clear_error (&migration->error);
  migration->error = error;
}

static void
decide (GdwMigration *migration, gboolean here)
{
  migration->outcome = here ? GDW_OUTCOME_SOURCE : GDW_OUTCOME_DESTINATION;
  if (migration->source)
    gdw_source_resolved (migration->source, migration->outcome);
}

static void
on_reclaimed (const GError *error, gpointer data)
{
  g_autoptr (GdwMigration) migration = data;

  if (error && migration->error)
    g_prefix_error (&migration->error, "%s; before that: ", error->message);
}

void
gdw_migration_answered (GdwMigration *migration, gboolean here)
{
  note_decision (migration, "destination: answered", here);
  decide (migration, here);
  if (here)
    gdw_guest_reclaim (migration->guest, on_reclaimed, g_object_ref (migration));
  else
    gdw_guest_gone (migration->guest);
}

void
gdw_migration_resolve (GdwMigration *migration, gboolean here, GdwDone done, gpointer data)
{
  gboolean unknown = migration->outcome == GDW_OUTCOME_UNKNOWN;
  gboolean gone = gdw_guest_state (migration->guest) == GDW_RUN_STATE_POSTMIGRATE;

  if (gdw_migration_is_running (migration)) {
    answer (migration, done, data, "There's a migration process in progress");
    return;
  }
  if (!unknown && !gone) {
    answer (migration, done, data,
            "x-migrate-resolve: there is nothing to resolve: the guest is here; use cont");
    return;
  }
  if (unknown)
    note_decision (migration, "operator: decided", here);
  decide (migration, here);
  if (here) {
    gdw_guest_reclaim (migration->guest, on_order_done, new_order (migration, done, data));
    return;
  }
  gdw_guest_gone (migration->guest);
  answer (migration, done, data, NULL);
}
