/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Checks of a guest that need no migration. */
#include "core/memory/batch.h"
#include "core/memory/tracker-select.h"
#include "core/migration/migration-private.h"
#include "core/base/invoke.h"
#include "core/base/thread.h"
#include "core/link/wire.h"

static GdwRegions *
copy_regions (GdwMigration *migration, GError **error)
{
  guint n = 0;
  const GdwRegion *list = migration->host.regions (migration->host.vm, &n);

  return gdw_regions_copy (list, n, error);
}

char *
gdw_migration_why_not_tracker (GdwMigration *migration, const char *name)
{
  g_autoptr (GError) error = NULL;
  GdwRegions *regions = copy_regions (migration, &error);
  GdwTracking *tracking = NULL;

  if (regions)
    tracking = gdw_tracker_select (migration->plugins, name, regions, migration->host.dirty_log,
                                   &error);
  g_clear_pointer (&tracking, gdw_tracking_close);
  gdw_regions_free (regions);
  return g_strdup (error ? error->message : "");
}

typedef struct {
  GdwMigration *migration;
  GdwDigestDone done;
  gpointer data;
  GdwRegions *regions;
  char **digests;
  pthread_t thread;
} Digest;

static void
free_digest (Digest *digest)
{
  g_strfreev (digest->digests);
  gdw_regions_free (digest->regions);
  g_object_unref (digest->migration);
  g_free (digest);
}

static void
deliver_digest (gpointer data)
{
  Digest *digest = data;

  pthread_join (digest->thread, NULL);
  digest->done (digest->migration, digest->digests, NULL, digest->data);
  free_digest (digest);
}

/* Covers number and content of each page that is not zero, since most of a big guest is zero.
 * It reads every page and does not look for holes as the engine does, which it checks. */
static char *
digest_region (const GdwRegion *region)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint64 page = 0; page < gdw_region_pages (region); page++) {
    const guint8 *content = region->host_addr + (page << GDW_PAGE_SHIFT);
    guint8 number[8];

    if (gdw_page_is_zero (content))
      continue;
    gdw_store_u64 (number, page);
    g_checksum_update (sum, number, sizeof number);
    g_checksum_update (sum, content, GDW_PAGE_SIZE);
  }
  return g_strdup (g_checksum_get_string (sum));
}

static void *
compute_digests (void *data)
{
  Digest *digest = data;

  for (guint i = 0; i < digest->regions->n; i++)
    digest->digests[i] = digest_region (&digest->regions->list[i]);
  gdw_invoke (digest->migration->context, deliver_digest, digest, NULL);
  return NULL;
}

void
gdw_migration_digest (GdwMigration *migration, GdwDigestDone done, gpointer data)
{
  g_autoptr (GError) error = NULL;
  GdwRegions *regions = NULL;
  Digest *digest;

  if (gdw_guest_state (migration->guest) == GDW_RUN_STATE_RUNNING)
    g_set_error (&error, GDW_ERROR, GDW_ERROR_BUSY,
                 "x-memory-digest: it is refused: the guest runs and writes its memory; say "
                 "stop first");
  else
    regions = copy_regions (migration, &error);
  if (!regions) {
    done (migration, NULL, error, data);
    return;
  }
  digest = g_new0 (Digest, 1);
  digest->migration = g_object_ref (migration);
  digest->done = done;
  digest->data = data;
  digest->regions = regions;
  digest->digests = g_new0 (char *, regions->n + 1);
  if (gdw_thread_start (&digest->thread, migration->threads, "mig/digest", compute_digests,
                        digest, &error))
    return;
  done (migration, NULL, error, data);
  free_digest (digest);
}

typedef struct {
  GdwMigration *migration;
  GdwCheckDone done;
  gpointer data;
  gboolean running;
} Check;

static void
on_checked (GdwAnswer *answer, gpointer data)
{
  g_autofree Check *check = data;
  GdwCheckResult result = { answer->check_passes, answer->check_pages, answer->check_bad,
                            check->running };

  check->done (check->migration, answer->error ? NULL : &result, answer->error, check->data);
  g_object_unref (check->migration);
}

void
gdw_migration_check (GdwMigration *migration, GdwCheckDone done, gpointer data)
{
  const GdwHost *host = &migration->host;
  gboolean running = gdw_guest_state (migration->guest) == GDW_RUN_STATE_RUNNING;
  Check *check;

  if (!host->guest_check) {
    g_autoptr (GError) error = g_error_new (
        GDW_ERROR, GDW_ERROR_UNSUPPORTED,
        "x-guest-check: it is refused: this VMM has no check of its guest; give "
        "GdwHost.guest_check");

    done (migration, NULL, error, data);
    return;
  }
  check = g_new (Check, 1);
  *check = (Check){ g_object_ref (migration), done, data, running };
  host->guest_check (host->vm, running, gdw_answer_new (migration->context, on_checked, check),
                     NULL);
}
