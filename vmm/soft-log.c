/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "soft-log.h"

#include <stdint.h>

#define REGIONS G_N_ELEMENTS (((Memory *) 0)->regions)

/* A set bit is a page that is dirty, and not armed; a clear bit is an armed
 * page.  Marks are made whether the log is enabled or not: a vCPU that looked
 * at a flag first could miss an enable between its store and its look.  So
 * enable is to forget, and every order of store, mark and enable is right. */
struct SoftLog {
  GdwDirtyLog vtable;
  guint n_regions;
  guint64 first[REGIONS]; /* page number of guest address */
  guint64 pages[REGIONS];
  guint64 *bits[REGIONS]; /* atomic */
  gint mode;              /* atomic; GDW_DIRTY_LOG_*, 0 = disabled */
};

void
soft_log_mark (SoftLog *log, guint64 gpa)
{
  guint region = log->n_regions - 1;
  guint64 page = gpa / GDW_PAGE_SIZE;

  while (page < log->first[region]) /* they are in the order of their addresses */
    region--;
  page -= log->first[region];
  __atomic_fetch_or (&log->bits[region][page / 64], UINT64_C (1) << (page % 64),
                     __ATOMIC_SEQ_CST);
}

static void
store_all (SoftLog *log, guint region, gboolean ones)
{
  guint64 pages = log->pages[region], words = GDW_BITMAP_WORDS (pages);

  for (guint64 w = 0; w < words; w++) {
    guint64 all = w == words - 1 && pages % 64 ? (UINT64_C (1) << (pages % 64)) - 1
                                               : ~UINT64_C (0);

    __atomic_store_n (&log->bits[region][w], ones ? all : 0, __ATOMIC_SEQ_CST);
  }
}

static gboolean
soft_log_enable (gpointer self, guint32 mode, GError **error)
{
  SoftLog *log = self;
  guint32 ones = mode & GDW_DIRTY_LOG_INITIALLY_SET;
  guint32 kind = mode & ~GDW_DIRTY_LOG_INITIALLY_SET;

  if ((kind != GDW_DIRTY_LOG_PLAIN && kind != GDW_DIRTY_LOG_MANUAL) ||
      (ones && kind == GDW_DIRTY_LOG_PLAIN)) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_INVALID,
        "dirty log 'soft': cannot be enabled: there is no mode %#x; use plain, manual or "
        "manual and initially set",
        mode);
    return FALSE;
  }
  for (guint i = 0; i < log->n_regions; i++)
    store_all (log, i, ones != 0);
  g_atomic_int_set (&log->mode, mode);
  return TRUE;
}

static gboolean
soft_log_disable (gpointer self, GError **error)
{
  SoftLog *log = self;

  (void) error;
  g_atomic_int_set (&log->mode, 0);
  return TRUE;
}

static gboolean
usable (SoftLog *log, const char *what, guint region, GError **error)
{
  if (region < log->n_regions && g_atomic_int_get (&log->mode))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "dirty log 'soft': %s failed: %s", what,
               region < log->n_regions ? "it is not enabled; enable it first"
                                       : "there is no such region; use one of the host's");
  return FALSE;
}

static gboolean
soft_log_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  SoftLog *log = self;
  gboolean plain;

  if (!usable (log, "get", region, error))
    return FALSE;
  plain = g_atomic_int_get (&log->mode) & GDW_DIRTY_LOG_PLAIN;
  for (guint64 w = 0; w < GDW_BITMAP_WORDS (log->pages[region]); w++) {
    guint64 *word = &log->bits[region][w];

    bits[w] = __atomic_load_n (word, __ATOMIC_SEQ_CST);
    if (plain && bits[w])
      bits[w] = __atomic_exchange_n (word, 0, __ATOMIC_SEQ_CST);
  }
  return TRUE;
}

static gboolean
soft_log_clear (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                GError **error)
{
  SoftLog *log = self;
  guint64 pages;

  if (!usable (log, "clear", region, error))
    return FALSE;
  pages = log->pages[region];
  if (!(g_atomic_int_get (&log->mode) & GDW_DIRTY_LOG_MANUAL) || first % 64 || first > pages ||
      n > pages - first || (n % 64 && first + n != pages)) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_INVALID,
        "dirty log 'soft': clear of %" G_GUINT64_FORMAT " pages at %" G_GUINT64_FORMAT
        " failed: only whole words inside the region, in manual mode; round to 64 pages",
        n, first);
    return FALSE;
  }
  for (guint64 w = 0; w < GDW_BITMAP_WORDS (n); w++)
    if (bits[w])
      __atomic_fetch_and (&log->bits[region][first / 64 + w], ~bits[w], __ATOMIC_SEQ_CST);
  return TRUE;
}

SoftLog *
soft_log_new (const Memory *memory)
{
  SoftLog *log = g_new0 (SoftLog, 1);

  log->vtable = (GdwDirtyLog){ .size = sizeof (GdwDirtyLog),
                               .self = log,
                               .modes = GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL |
                                        GDW_DIRTY_LOG_INITIALLY_SET,
                               .enable = soft_log_enable,
                               .disable = soft_log_disable,
                               .get = soft_log_get,
                               .clear = soft_log_clear };
  log->n_regions = memory->n_regions;
  for (guint i = 0; i < memory->n_regions; i++) {
    log->first[i] = memory->regions[i].guest_addr / GDW_PAGE_SIZE;
    log->pages[i] = gdw_region_pages (&memory->regions[i]);
    log->bits[i] = g_new0 (guint64, GDW_BITMAP_WORDS (log->pages[i]));
  }
  return log;
}

void
soft_log_free (SoftLog *log)
{
  if (!log)
    return;
  for (guint i = 0; i < log->n_regions; i++)
    g_free (log->bits[i]);
  g_free (log);
}

const GdwDirtyLog *
soft_log_vtable (SoftLog *log)
{
  return &log->vtable;
}
