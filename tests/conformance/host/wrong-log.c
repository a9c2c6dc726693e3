/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>

#include "wrong-host.h"

/* Mistakes in the dirty log. */

static gboolean
get (WrongHost *wrong, guint region, guint64 *bits, GError **error)
{
  return wrong->right_log->get (wrong->right_log->self, region, bits, error);
}

static gboolean
clear (WrongHost *wrong, guint region, guint64 first, guint64 n, const guint64 *bits,
       GError **error)
{
  return wrong->right_log->clear (wrong->right_log->self, region, first, n, bits, error);
}

static guint64
pages_of (WrongHost *wrong, guint region)
{
  return gdw_region_pages (&machine_memory (wrong->vm->host.machine)->regions[region]);
}

static gboolean
get_whole_words (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;

  if (!get (wrong, region, bits, error))
    return FALSE;
  if (pages_of (wrong, region) % 64)
    bits[pages_of (wrong, region) / 64] = 0;
  return TRUE;
}

static void
forgets_the_last_pages (WrongHost *wrong)
{
  wrong->log.get = get_whole_words;
}

static gboolean
get_and_add (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;
  gsize words = GDW_BITMAP_WORDS (pages_of (wrong, region));
  g_autofree guint64 *got = g_new0 (guint64, words);

  if (!get (wrong, region, got, error))
    return FALSE;
  for (gsize i = 0; i < words; i++)
    bits[i] |= got[i];
  if (pages_of (wrong, region) % 64)
    bits[words - 1] &= (G_GUINT64_CONSTANT (1) << pages_of (wrong, region) % 64) - 1;
  return TRUE;
}

static void
adds_to_the_bits (WrongHost *wrong)
{
  wrong->log.get = get_and_add;
}

static gboolean
get_first (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;
  g_autofree guint64 *got = g_new0 (guint64, GDW_BITMAP_WORDS (pages_of (wrong, 0)));

  if (!get (wrong, 0, got, error))
    return FALSE;
  memcpy (bits, got, GDW_BITMAP_WORDS (pages_of (wrong, region)) * sizeof *bits);
  return TRUE;
}

static void
takes_one_region_for_another (WrongHost *wrong)
{
  wrong->log.get = get_first;
}

static gboolean
get_too_much (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;

  if (!get (wrong, region, bits, error))
    return FALSE;
  bits[GDW_BITMAP_WORDS (pages_of (wrong, region))] = 0;
  return TRUE;
}

static void
writes_behind_the_bits (WrongHost *wrong)
{
  wrong->log.get = get_too_much;
}

static gboolean
enable_manual (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  return wrong->right_log->enable (
      wrong->right_log->self, mode == GDW_DIRTY_LOG_PLAIN ? GDW_DIRTY_LOG_MANUAL : mode, error);
}

static void
re_arms_nothing_in_plain_mode (WrongHost *wrong)
{
  wrong->log.enable = enable_manual;
}

static gboolean
get_and_clear (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;

  return get (wrong, region, bits, error) &&
         clear (wrong, region, 0, pages_of (wrong, region), bits, error);
}

static void
re_arms_at_get (WrongHost *wrong)
{
  wrong->log.modes = GDW_DIRTY_LOG_MANUAL;
  wrong->log.get = get_and_clear;
}

static gboolean
clear_next_too (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                GError **error)
{
  WrongHost *wrong = self;
  g_autofree guint64 *more = g_memdup2 (bits, GDW_BITMAP_WORDS (n) * sizeof *bits);

  more[0] |= more[0] << 1;
  return clear (wrong, region, first, n, more, error);
}

static void
re_arms_a_neighbour (WrongHost *wrong)
{
  wrong->log.clear = clear_next_too;
}

static gboolean
clear_nothing (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
               GError **error)
{
  return TRUE;
}

static void
re_arms_nothing (WrongHost *wrong)
{
  wrong->log.clear = clear_nothing;
}

static gboolean
clear_from_zero (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
                 GError **error)
{
  WrongHost *wrong = self;
  guint64 pages = pages_of (wrong, region);

  return clear (wrong, region, 0, n % 64 ? MIN (n / 64 * 64 + 64, pages) : n, bits, error);
}

static void
clears_from_page_0 (WrongHost *wrong)
{
  wrong->log.clear = clear_from_zero;
}

static gboolean
enable_clean (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  return wrong->right_log->enable (wrong->right_log->self, mode & ~GDW_DIRTY_LOG_INITIALLY_SET,
                                   error);
}

static void
begins_clean (WrongHost *wrong)
{
  wrong->log.enable = enable_clean;
}

/* Only the flag is changed; what is in the bitmap stays. */
static gboolean
disable_nothing (gpointer self, GError **error)
{
  WrongHost *wrong = self;

  wrong->done = TRUE;
  return TRUE;
}

static gboolean
enable_once (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  return wrong->done || wrong->right_log->enable (wrong->right_log->self, mode, error);
}

static void
remembers_after_disable (WrongHost *wrong)
{
  wrong->log.disable = disable_nothing;
  wrong->log.enable = enable_once;
}

static gboolean
enable_in_silence (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  return wrong->right_log->enable (wrong->right_log->self, mode, NULL);
}

static void
refuses_without_an_error (WrongHost *wrong)
{
  wrong->log.enable = enable_in_silence;
}

static gboolean
enable_anything (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  wrong->right_log->enable (wrong->right_log->self, mode, NULL);
  return TRUE;
}

static void
takes_every_mode (WrongHost *wrong)
{
  wrong->log.enable = enable_anything;
}

/* Re-arms pages written between the two steps without a report. */
static gboolean
get_in_two_steps (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;
  gsize words = GDW_BITMAP_WORDS (pages_of (wrong, region));
  g_autofree guint64 *lost = g_new0 (guint64, words);

  if (!get (wrong, region, bits, error))
    return FALSE;
  if (machine_is_running (wrong->vm->host.machine))
    g_usleep (5000);
  return get (wrong, region, lost, error);
}

static void
loses_writes_during_get (WrongHost *wrong)
{
  wrong->log.modes = GDW_DIRTY_LOG_PLAIN;
  wrong->log.get = get_in_two_steps;
}

static gboolean
locate_before (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
               GError **error)
{
  WrongHost *wrong = self;

  if (!wrong->right_log->locate (wrong->right_log->self, slot, offset, region, page, error))
    return FALSE;
  *page -= *page > 0;
  return TRUE;
}

static void
locates_the_page_before (WrongHost *wrong)
{
  wrong->log.locate = locate_before;
}

static gboolean
get_of_ring (gpointer self, guint region, guint64 *bits, GError **error)
{
  WrongHost *wrong = self;

  memset (bits, 0, GDW_BITMAP_WORDS (pages_of (wrong, region)) * sizeof *bits);
  return TRUE;
}

static void
has_an_empty_bitmap_beside_rings (WrongHost *wrong)
{
  wrong->log.get = get_of_ring;
}

static gboolean
reset_and_count_one_more (gpointer self, guint64 *n_pages, GError **error)
{
  WrongHost *wrong = self;

  if (!wrong->right_log->reset_rings (wrong->right_log->self, n_pages, error))
    return FALSE;
  *n_pages += *n_pages > 1;
  return TRUE;
}

static void
counts_one_more (WrongHost *wrong)
{
  wrong->log.reset_rings = reset_and_count_one_more;
}

/* It counts what waits, and that is all. */
static gboolean
reset_nothing (gpointer self, guint64 *n_pages, GError **error)
{
  WrongHost *wrong = self;

  *n_pages = wrong->log.rings[0].next - wrong->kept;
  wrong->kept = wrong->log.rings[0].next;
  return TRUE;
}

static void
resets_nothing (WrongHost *wrong)
{
  wrong->log.reset_rings = reset_nothing;
}

static gboolean
disable_and_drain (gpointer self, GError **error)
{
  WrongHost *wrong = self;
  guint64 n;

  for (guint i = 0; i < wrong->log.n_rings; i++) {
    GdwDirtyRing *ring = &wrong->log.rings[i];

    for (;; ring->next++) {
      GdwDirtyEntry *entry = &ring->entries[ring->next & (ring->n_entries - 1)];

      if (!(__atomic_load_n (&entry->flags, __ATOMIC_ACQUIRE) & GDW_DIRTY_ENTRY_DIRTY))
        break;
      __atomic_store_n (&entry->flags, GDW_DIRTY_ENTRY_RESET, __ATOMIC_RELEASE);
    }
  }
  return wrong->right_log->reset_rings (wrong->right_log->self, &n, error) &&
         wrong->right_log->disable (wrong->right_log->self, error);
}

static void
empties_rings_at_disable (WrongHost *wrong)
{
  wrong->log.disable = disable_and_drain;
}

static gboolean
enable_first_entries (gpointer self, guint32 mode, GError **error)
{
  WrongHost *wrong = self;

  wrong->log.rings[0].next = 0;
  return wrong->right_log->enable (wrong->right_log->self, mode, error);
}

static void
begins_rings_anew (WrongHost *wrong)
{
  wrong->log.enable = enable_first_entries;
}

const Mistake wrong_logs[] = {
  { .name = "forgets-the-last-pages", .make = forgets_the_last_pages },
  { .name = "adds-to-the-bits", .make = adds_to_the_bits },
  { .name = "takes-one-region-for-another", .make = takes_one_region_for_another },
  { .name = "writes-behind-the-bits", .make = writes_behind_the_bits },
  { .name = "re-arms-nothing-in-plain-mode", .make = re_arms_nothing_in_plain_mode },
  { .name = "re-arms-at-get", .make = re_arms_at_get },
  { .name = "re-arms-a-neighbour", .make = re_arms_a_neighbour },
  { .name = "re-arms-nothing", .make = re_arms_nothing },
  { .name = "clears-from-page-0", .make = clears_from_page_0 },
  { .name = "begins-clean", .make = begins_clean },
  { .name = "remembers-after-disable", .make = remembers_after_disable },
  { .name = "refuses-without-an-error", .make = refuses_without_an_error },
  { .name = "takes-every-mode", .make = takes_every_mode },
  { .name = "loses-writes-during-get", .make = loses_writes_during_get },
  { .name = "locates-the-page-before", .make = locates_the_page_before },
  { .name = "has-an-empty-bitmap-beside-rings", .make = has_an_empty_bitmap_beside_rings },
  { .name = "counts-one-more", .make = counts_one_more },
  { .name = "resets-nothing", .make = resets_nothing },
  { .name = "empties-rings-at-disable", .make = empties_rings_at_disable },
  { .name = "begins-rings-anew", .make = begins_rings_anew },
  { 0 },
};
