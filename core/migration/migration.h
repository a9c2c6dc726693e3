/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

#include "core/attempt.h"

/* What the control layer asks of a migration beyond <godwit/migration.h>.  Main
 * thread only; nothing blocks. */

void gdw_migration_get_info (GdwMigration *migration, GdwInfo *info);

/* Is an attempt under way, at either side? */
gboolean gdw_migration_is_running (GdwMigration *migration);

/* Cut the links of the attempt that is under way: it fails, unless COMMIT was sent or came.
 * FALSE, and so does yank nothing: there are none. */
gboolean gdw_migration_can_yank (GdwMigration *migration);
gboolean gdw_migration_yank (GdwMigration *migration);

/* Of const char *, oldest first, borrowed; unref the array. */
GPtrArray *gdw_migration_blocked_reasons (GdwMigration *migration);

/* Those that work for it now. */
GdwThreads *gdw_migration_threads (GdwMigration *migration);

GdwPlugins *gdw_migration_plugins (GdwMigration *migration);
GMainContext *gdw_migration_context (GdwMigration *migration);
const GdwHost *gdw_migration_host (GdwMigration *migration);

/* "" if tracker @name can be used with this host, else why not; free with g_free. */
char *gdw_migration_why_not_tracker (GdwMigration *migration, const char *name);

/* A digest of each region while the guest is stopped, computed on a worker thread; @done gets
 * an array of hex strings, one a region, borrowed; NULL on error. */
typedef void (*GdwDigestDone) (GdwMigration *migration, char **digests, const GError *error,
                               gpointer data);
void gdw_migration_digest (GdwMigration *migration, GdwDigestDone done, gpointer data);

/* Check every page of guest memory through the host. */
typedef struct {
  guint64 passes, pages_checked, pages_bad;
  gboolean running;
} GdwCheckResult;
typedef void (*GdwCheckDone) (GdwMigration *migration, const GdwCheckResult *result,
                              const GError *error, gpointer data);
void gdw_migration_check (GdwMigration *migration, GdwCheckDone done, gpointer data);
