/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "soft-log.h"

#include "soft-ring.h"

#include <stdint.h>

#define REGIONS G_N_ELEMENTS (((Memory *) 0)->regions)

/* A set bit is a dirty page that is not armed; a clear bit is an armed page.  A vCPU marks
 * whether the log is enabled or not: if it looked at a flag first, it could miss an enable
 * between its store and its look.  So enable only forgets the marks, and every order of store,
 * mark and enable is right.
 *
 * With rings, a vCPU whose mark is new pushes an entry, if the log is enabled by then.  So
 * enable first switches on and then forgets: a mark that stays was made when the log was on. */
struct SoftLog {
  GdwDirtyLog vtable;
  guint n_regions;
  guint64 first[REGIONS]; /* page number of guest address */
  guint64 pages[REGIONS];
  guint64 *bits[REGIONS]; /* atomic */
  SoftRings *rings;       /* or NULL */
  gint mode;              /* atomic; GDW_DIRTY_LOG_*, 0 = disabled */
};

void
soft_log_mark (SoftLog *log, guint vcpu, guint64 gpa)
{
  guint region = log->n_regions - 1;
  guint64 page = gpa / GDW_PAGE_SIZE;
  guint64 bit, before;

  while (page < log->first[region]) /* regions are in the order of their addresses */
    region--;
  page -= log->first[region];
  bit = UINT64_C (1) << (page % 64);
  before = __atomic_fetch_or (&log->bits[region][page / 64], bit, __ATOMIC_SEQ_CST);
  if (log->rings && !(before & bit) && g_atomic_int_get (&log->mode))
    soft_rings_push (log->rings, vcpu, region, page);
}

gboolean
soft_log_full (SoftLog *log, guint vcpu)
{
  return log->rings && soft_rings_full (log->rings, vcpu);
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

  if (log->rings ? mode != GDW_DIRTY_LOG_RING
                 : (kind != GDW_DIRTY_LOG_PLAIN && kind != GDW_DIRTY_LOG_MANUAL) ||
                       (ones && kind == GDW_DIRTY_LOG_PLAIN)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "dirty log 'soft': cannot be enabled: there is no mode %#x; use %s", mode,
                 log->rings ? "ring" : "plain, manual or manual and initially set");
    return FALSE;
  }
  if (log->rings)
    g_atomic_int_set (&log->mode, mode);
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
has_bitmap (SoftLog *log, const char *what, GError **error)
{
  if (!log->rings)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
               "dirty log 'soft': %s failed: this machine has dirty rings; harvest them", what);
  return FALSE;
}

static gboolean
soft_log_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  SoftLog *log = self;
  gboolean plain;

  if (!has_bitmap (log, "get", error) || !usable (log, "get", region, error))
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

  if (!has_bitmap (log, "clear", error) || !usable (log, "clear", region, error))
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

static gboolean
soft_log_locate (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
                 GError **error)
{
  SoftLog *log = self;

  if (slot >= log->n_regions || offset >= log->pages[slot]) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "dirty log 'soft': locate failed: there is no page %" G_GUINT64_FORMAT
                 " in slot %u; harvest what the rings say",
                 offset, slot);
    return FALSE;
  }
  *region = slot;
  *page = offset;
  return TRUE;
}

static void
clean (gpointer self, guint32 slot, guint64 offset)
{
  SoftLog *log = self;

  __atomic_fetch_and (&log->bits[slot][offset / 64], ~(UINT64_C (1) << (offset % 64)),
                      __ATOMIC_SEQ_CST);
}

static gboolean
soft_log_reset_rings (gpointer self, guint64 *n_pages, GError **error)
{
  SoftLog *log = self;

  (void) error;
  *n_pages = soft_rings_reset (log->rings, clean, log);
  return TRUE;
}

static void
add_rings (SoftLog *log, guint n_rings, guint32 n_entries)
{
  log->rings = soft_rings_new (n_rings, n_entries);
  log->vtable.modes = GDW_DIRTY_LOG_RING;
  log->vtable.n_rings = n_rings;
  log->vtable.rings = soft_rings_seam (log->rings);
  log->vtable.locate = soft_log_locate;
  log->vtable.reset_rings = soft_log_reset_rings;
}

SoftLog *
soft_log_new (const Memory *memory, guint n_rings, guint32 n_entries)
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
  if (n_entries)
    add_rings (log, n_rings, n_entries);
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
  soft_rings_free (log->rings);
  g_free (log);
}

const GdwDirtyLog *
soft_log_vtable (SoftLog *log)
{
  return &log->vtable;
}
