/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* What keeps a migration from going on, or from beginning. */
#include "core/migration/migration-private.h"

guint
gdw_migration_block (GdwMigration *migration, const char *reason, GError **error)
{
  if (!migration->incoming && gdw_migration_is_running (migration)) {
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
