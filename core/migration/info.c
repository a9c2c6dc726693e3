/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Queries about a migration. */
#include "core/migration/migration-private.h"

GdwStatus
gdw_migration_get_status (GdwMigration *migration)
{
  return migration->state.status;
}

GdwRunState
gdw_migration_get_run_state (GdwMigration *migration)
{
  return gdw_guest_state (migration->guest);
}

GdwOutcome
gdw_migration_get_outcome (GdwMigration *migration)
{
  GdwInfo info;

  gdw_migration_get_info (migration, &info);
  return info.outcome;
}

const char *
gdw_migration_get_id (GdwMigration *migration)
{
  if (migration->incoming)
    return migration->destination ? gdw_destination_id (migration->destination) : NULL;
  return migration->source ? gdw_source_id (migration->source) : NULL;
}

const GError *
gdw_migration_get_error (GdwMigration *migration)
{
  if (migration->error)
    return migration->error;
  if (migration->incoming)
    return migration->destination ? gdw_destination_error (migration->destination) : NULL;
  return migration->source ? gdw_source_error (migration->source) : NULL;
}

gboolean
gdw_migration_is_running (GdwMigration *migration)
{
  return migration->opening || (migration->source && !gdw_source_is_over (migration->source)) ||
         (migration->destination && !gdw_destination_is_done (migration->destination));
}

GPtrArray *
gdw_migration_blocked_reasons (GdwMigration *migration)
{
  return gdw_blockers_reasons (migration->blockers);
}

void
gdw_migration_get_info (GdwMigration *migration, GdwInfo *info)
{
  *info = (GdwInfo){ .incoming = migration->incoming };
  if (migration->incoming && migration->destination)
    gdw_destination_info (migration->destination, info);
  else if (!migration->incoming && migration->source)
    gdw_source_info (migration->source, info);
  info->status = migration->state.status;
  /* The operator may have resolved it since. */
  if (migration->outcome != GDW_OUTCOME_NONE)
    info->outcome = migration->outcome;
  if (migration->error)
    info->error_desc = migration->error->message;
}

const GdwInfo *
gdw_migration_info (GdwMigration *migration)
{
  gdw_migration_get_info (migration, &migration->info);
  return &migration->info;
}

GPtrArray *
gdw_migration_list_plugins (GdwMigration *migration, GError **error)
{
  return gdw_plugins_list (migration->plugins, error);
}

GdwPluginInfo *
gdw_migration_load_plugin (GdwMigration *migration, const char *file, GError **error)
{
  return gdw_plugins_load (migration->plugins, file, error);
}

GArray *
gdw_migration_list_threads (GdwMigration *migration)
{
  return gdw_threads_list (migration->threads);
}

GMainContext *
gdw_migration_context (GdwMigration *migration)
{
  return migration->context;
}

const GdwHost *
gdw_migration_host (GdwMigration *migration)
{
  return &migration->host;
}
