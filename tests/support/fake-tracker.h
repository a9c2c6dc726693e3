/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <check.h>
#include <sys/mman.h>

#include "core/memory/regions.h"
#include "plugins/tracking.h"

/* Guest memory of one or two regions and a tracker over it that does what the test says. */
typedef struct {
  GdwDirtyLog log; /* only to find the way here */
  GdwTracker tracker;
  GdwRegions *regions;
  GdwTracking *tracking;
  guint8 *memory;
  gsize size;

  gboolean fails;   /* start, collect, stop and rearm do */
  guint64 dirty[4]; /* given by the next collect: pages 0 to 255 of region 0 */
  void (*on_collect) (gpointer data); /* when the bits are set, before it returns */
  void (*on_rearm) (gpointer data, guint64 first, guint64 n, const guint64 *bits);
  gpointer data;
  gint started, stopped, collected; /* atomic: how often */
} FakeTracker;

static inline gpointer
fake_open (const GdwTrackerConfig *config, GError **error)
{
  return config->dirty_log->self;
}

static inline void
fake_close (gpointer self)
{
}

static inline gboolean
fake_result (FakeTracker *fake, const char *what, GError **error)
{
  if (fake->fails)
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "tracker 'fake': %s failed", what);
  return !fake->fails;
}

static inline gboolean
fake_start (gpointer self, GError **error)
{
  g_atomic_int_inc (&((FakeTracker *) self)->started);
  return fake_result (self, "start", error);
}

static inline gboolean
fake_collect (gpointer self, guint64 *const *bits, GError **error)
{
  FakeTracker *fake = self;

  for (guint i = 0;
       i < MIN (G_N_ELEMENTS (fake->dirty), GDW_BITMAP_WORDS (fake->regions->pages[0])); i++) {
    bits[0][i] |= fake->dirty[i];
    fake->dirty[i] = 0;
  }
  if (fake->on_collect)
    fake->on_collect (fake->data);
  g_atomic_int_inc (&fake->collected);
  return fake_result (fake, "collect", error);
}

static inline gboolean
fake_stop (gpointer self, GError **error)
{
  g_atomic_int_inc (&((FakeTracker *) self)->stopped);
  return fake_result (self, "stop", error);
}

static inline gboolean
fake_rearm (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
            GError **error)
{
  FakeTracker *fake = self;

  if (fake->on_rearm)
    fake->on_rearm (fake->data, first, n, bits);
  return fake_result (fake, "rearm", error);
}

/* @high may be 0: then there is one region.  @at_rearm: the tracker re-arms there. */
static inline FakeTracker *
fake_tracker_new (guint64 low_pages, guint64 high_pages, gboolean at_rearm)
{
  FakeTracker *fake = g_new0 (FakeTracker, 1);
  GdwRegion list[2] = { { .name = "low", .page_size = GDW_PAGE_SIZE, .fd = -1 },
                        { .name = "high", .page_size = GDW_PAGE_SIZE, .fd = -1 } };

  fake->size = (low_pages + high_pages) << GDW_PAGE_SHIFT;
  fake->memory = mmap (NULL, fake->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
  ck_assert_ptr_ne (fake->memory, MAP_FAILED);
  list[0].size = low_pages << GDW_PAGE_SHIFT;
  list[0].host_addr = fake->memory;
  list[1].size = high_pages << GDW_PAGE_SHIFT;
  list[1].host_addr = fake->memory + list[0].size;
  list[1].guest_addr = G_GUINT64_CONSTANT (1) << 32;
  fake->regions = gdw_regions_copy (list, high_pages ? 2 : 1, NULL);
  fake->log = (GdwDirtyLog){ .size = sizeof fake->log, .self = fake };
  fake->tracker = (GdwTracker){ GDW_PLUGIN_HEAD (GdwTracker, GDW_PLUGIN_TRACKER),
                                .plugin.name = "fake",
                                .traits = at_rearm ? GDW_TRACKER_REARMS_AT_REARM
                                                   : GDW_TRACKER_REARMS_AT_COLLECT,
                                .open = fake_open,
                                .close = fake_close,
                                .start = fake_start,
                                .collect = fake_collect,
                                .stop = fake_stop,
                                .rearm = at_rearm ? fake_rearm : NULL };
  fake->tracking = gdw_tracking_open (&fake->tracker, NULL, fake->regions->table,
                                      fake->regions->n, &fake->log, NULL);
  ck_assert_ptr_nonnull (fake->tracking);
  return fake;
}

static inline void
fake_tracker_free (FakeTracker *fake)
{
  fake->fails = FALSE;
  gdw_tracking_close (fake->tracking);
  gdw_regions_free (fake->regions);
  munmap (fake->memory, fake->size);
  g_free (fake);
}
