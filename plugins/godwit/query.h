/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/address.h>
#include <godwit/migration.h>
#include <godwit/plugin.h>

G_BEGIN_DECLS

/* Queries about a migration beyond its status, for a VMM with its own control;
 * libgodwit-control uses only these.  Calls on the thread of the migration's GMainContext; none
 * of them blocks unless it says so.  Structs grow at their end. */

/* A precopy round that has ended. */
typedef struct {
  guint64 pages, bytes, ms;
  guint64 dirty_pages; /* left when it ended */
} GdwRoundInfo;

/* A link of the source, also one that has ended. */
typedef struct {
  guint64 bytes; /* written, all frames */
  gboolean lost;
} GdwLinkInfo;

/* All of query-migrate at this moment.  Unknown values are 0 or NULL. */
typedef struct {
  GdwStatus status;
  gboolean incoming;
  GdwOutcome outcome;
  const char *error_desc;          /* borrowed, like all pointers here */
  const char *tracker;             /* name */
  const char *transport;           /* name */
  const GdwAddress *local_address; /* for peers to connect to, while it listens */
  guint n_links;

  guint64 total_time_ms, setup_time_ms, downtime_ms;
  guint64 expected_downtime_us; /* the last estimate; 0: unknown */

  guint64 total_bytes; /* guest memory */
  guint64 remaining_bytes;
  guint64 transferred_bytes; /* on the wire, all frames */
  guint64 zero_pages, normal_pages;
  guint64 dirty_rate; /* pages/s */
  guint64 bandwidth;  /* bytes/s */
  guint64 rounds;     /* begun */

  guint64 pause_us, state_us, harvest_us, pages_us, handover_us, resume_us; /* the blackout */

  const GArray *round_list;  /* of GdwRoundInfo */
  const GArray *link_list;   /* of GdwLinkInfo */
  const GArray *vcpu_rates;  /* of guint64, pages/s of each vCPU */
  const GPtrArray *warnings; /* of char * */
} GdwInfo;

/* The last attempt, or the one under way.  Valid until the next call of this for @migration, or
 * the next turn of the main loop. */
const GdwInfo *gdw_migration_info (GdwMigration *migration);

/* The reasons given to gdw_migration_block() that hold, oldest first: const char *, borrowed.
 * Unref the array. */
GPtrArray *gdw_migration_blocked_reasons (GdwMigration *migration);

/* Cut the links of the attempt that is under way: it fails, unless COMMIT was sent or came.
 * FALSE, and no effect, if there are none. */
gboolean gdw_migration_can_yank (GdwMigration *migration);
gboolean gdw_migration_yank (GdwMigration *migration);

/* All calls are made on the thread of this context. */
GMainContext *gdw_migration_context (GdwMigration *migration);

/* Returns the host as given to the constructor, borrowed; members beyond its size are
 * absent. */
const GdwHost *gdw_migration_host (GdwMigration *migration);

/* The UUID of a VM without one, as in QEMU. */
#define GDW_NO_UUID "00000000-0000-0000-0000-000000000000"

static inline const char *
gdw_host_uuid (const GdwHost *host)
{
  return host->uuid && *host->uuid ? host->uuid : GDW_NO_UUID;
}

/* A thread that works for the migration. */
typedef struct {
  char *name;
  gint64 id; /* as the system numbers it: gettid() */
} GdwThreadInfo;

/* Returns GdwThreadInfo, in the order in which they began to work; unref the array. */
GArray *gdw_migration_list_threads (GdwMigration *migration);

/* A plugin in the search path, loadable or not. */
typedef struct {
  guint kind;
  char *name;
  char *file;
  const GdwPlugin *plugin; /* NULL: it does not load */
  char *why;               /* why not, or NULL */
} GdwPluginInfo;

void gdw_plugin_info_free (GdwPluginInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwPluginInfo, gdw_plugin_info_free)

/* Elements are GdwPluginInfo, sorted by kind and name; unref the array.  Reads the search path
 * and loads modules.  NULL with an error if no descriptor is left to look with. */
GPtrArray *gdw_migration_list_plugins (GdwMigration *migration, GError **error);

/* Load the module @file, whose name has the form of one in the search path, so that its kind
 * and name find it from now on.  Refused if another file has that name already.  Free the
 * result. */
GdwPluginInfo *gdw_migration_load_plugin (GdwMigration *migration, const char *file,
                                          GError **error);

/* "" if tracker @name can be used with this host, else why not; free with g_free. */
char *gdw_migration_why_not_tracker (GdwMigration *migration, const char *name);

/* Names of the traits of a loaded plugin, NULL-terminated; free with g_free. */
const char **gdw_plugin_traits (const GdwPlugin *plugin);

/* "tracker", "transport" or "filter", as in messages and file names; NULL for another kind. */
const char *gdw_plugin_kind (guint kind);

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

G_END_DECLS
