/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/pageset.h"

#include <string.h>

/* Bits are set with release and cleared with acquire: a thread that takes a bit sees the page
 * as it was when the bit was set.  Set a bit even if it is set already: a load could come
 * before the page's own store is seen.
 *
 * The count goes up before bits are set and down after they are cleared, so it
 * is never below the truth. */

#define BLOCK_WORDS                                                                            \
  512 /* words that are counted, then changed, while they are in the L1 cache */
#define LINE_WORDS 8

static inline guint64
load (const guint64 *word)
{
  return __atomic_load_n (word, __ATOMIC_RELAXED);
}

/* The builtin is slower: without -mpopcnt it is a call into libgcc. */
static inline guint
popcount (guint64 w)
{
  w -= (w >> 1) & 0x5555555555555555;
  w = (w & 0x3333333333333333) + ((w >> 2) & 0x3333333333333333);
  w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return (guint) ((w * 0x0101010101010101) >> 56);
}

/* The bits of word @i that lie in [first, end); end > first. */
static inline guint64
word_mask (guint64 i, guint64 first, guint64 end)
{
  guint64 mask = ~G_GUINT64_CONSTANT (0);

  if (i == first / 64)
    mask &= ~G_GUINT64_CONSTANT (0) << (first % 64);
  if (i == (end - 1) / 64)
    mask &= ~G_GUINT64_CONSTANT (0) >> (63 - (end - 1) % 64);
  return mask;
}

static inline void
count_change (GdwPageset *set, gint64 by)
{
  if (by != 0)
    __atomic_fetch_add (&set->count, by, __ATOMIC_SEQ_CST);
}

GdwPageset *
gdw_pageset_new (const guint64 *pages, guint n_regions)
{
  GdwPageset *set = g_new0 (GdwPageset, 1);

  set->n_regions = n_regions;
  set->pages = g_memdup2 (pages, n_regions * sizeof *pages);
  set->bits = g_new0 (guint64 *, n_regions);
  for (guint r = 0; r < n_regions; r++)
    set->bits[r] = g_new0 (guint64, GDW_BITMAP_WORDS (pages[r]));
  return set;
}

void
gdw_pageset_free (GdwPageset *set)
{
  if (set == NULL)
    return;
  for (guint r = 0; r < set->n_regions; r++)
    g_free (set->bits[r]);
  g_free (set->bits);
  g_free (set->pages);
  g_free (set);
}

void
gdw_pageset_fill (GdwPageset *set)
{
  set->count = 0;
  for (guint r = 0; r < set->n_regions; r++) {
    guint64 words = GDW_BITMAP_WORDS (set->pages[r]);

    if (words == 0)
      continue;
    memset (set->bits[r], 0xff, words * sizeof (guint64));
    set->bits[r][words - 1] = word_mask (words - 1, 0, set->pages[r]);
    set->count += (gint64) set->pages[r];
  }
}

guint64
gdw_pageset_count (const GdwPageset *set)
{
  return (guint64) __atomic_load_n (&set->count, __ATOMIC_SEQ_CST);
}

static gboolean
in_range (const GdwPageset *set, guint region, guint64 first, guint64 n)
{
  return region < set->n_regions && first <= set->pages[region] &&
         n <= set->pages[region] - first;
}

guint64
gdw_pageset_add (GdwPageset *set, guint region, guint64 first, guint64 n)
{
  guint64 end = first + n, added = 0;

  g_return_val_if_fail (in_range (set, region, first, n), 0);
  if (n == 0)
    return 0;
  count_change (set, (gint64) n);
  for (guint64 i = first / 64; i <= (end - 1) / 64; i++) {
    guint64 mask = word_mask (i, first, end);
    guint64 old = __atomic_fetch_or (&set->bits[region][i], mask, __ATOMIC_ACQ_REL);

    added += popcount (mask & ~old);
  }
  count_change (set, (gint64) (added - n));
  return added;
}

guint64
gdw_pageset_remove (GdwPageset *set, guint region, guint64 first, guint64 n)
{
  guint64 end = first + n, removed = 0;

  g_return_val_if_fail (in_range (set, region, first, n), 0);
  if (n == 0)
    return 0;
  for (guint64 i = first / 64; i <= (end - 1) / 64; i++) {
    guint64 mask = word_mask (i, first, end);
    guint64 old = __atomic_fetch_and (&set->bits[region][i], ~mask, __ATOMIC_ACQ_REL);

    removed += popcount (mask & old);
  }
  count_change (set, -(gint64) removed);
  return removed;
}

/* Takes the words out of @from, each in one step: others may add to it meanwhile. */
static guint64
take_block (guint64 *from, guint64 n_words, guint64 *words)
{
  guint64 taken = 0;

  for (guint64 i = 0; i < n_words; i++) {
    words[i] = load (&from[i]) ? __atomic_exchange_n (&from[i], 0, __ATOMIC_ACQ_REL) : 0;
    taken += popcount (words[i]);
  }
  return taken;
}

/* The count is never too low: it rises before the bits do. */
static guint64
add_block (GdwPageset *set, guint64 *into, const guint64 *words, guint64 n_words, guint64 n)
{
  guint64 added = 0;

  count_change (set, (gint64) n);
  for (guint64 i = 0; i < n_words; i++) {
    guint64 old;

    if (words[i] == 0)
      continue;
    old = __atomic_fetch_or (&into[i], words[i], __ATOMIC_ACQ_REL);
    added += popcount (words[i] & ~old);
  }
  count_change (set, (gint64) added - (gint64) n);
  return added;
}

guint64
gdw_pageset_merge (GdwPageset *set, GdwPageset *from)
{
  guint64 block[BLOCK_WORDS], added = 0;

  for (guint r = 0; r < set->n_regions; r++) {
    guint64 *words = from->bits[r], n_words = GDW_BITMAP_WORDS (set->pages[r]), n;

    for (guint64 i = gdw_bits_next_word (words, 0, n_words); i < n_words;
         i = gdw_bits_next_word (words, i + n, n_words)) {
      guint64 taken;

      n = MIN (BLOCK_WORDS, n_words - i);
      taken = take_block (words + i, n, block);

      if (i + n == n_words) { /* a tracker wrote it: drop bits past the end */
        taken -= popcount (block[n - 1]);
        block[n - 1] &= word_mask (n_words - 1, 0, set->pages[r]);
        taken += popcount (block[n - 1]);
      }
      added += add_block (set, set->bits[r] + i, block, n, taken);
    }
  }
  __atomic_store_n (&from->count, 0, __ATOMIC_RELAXED);
  return added;
}

guint64
gdw_pageset_take (GdwPageset *set, const GdwPageset *busy, guint region, guint64 first_word,
                  guint64 n_words, guint64 *words)
{
  guint64 *bits, taken = 0;

  g_return_val_if_fail (region < set->n_regions, 0);
  g_return_val_if_fail (first_word <= GDW_BITMAP_WORDS (set->pages[region]), 0);
  g_return_val_if_fail (n_words <= GDW_BITMAP_WORDS (set->pages[region]) - first_word, 0);
  bits = set->bits[region] + first_word;
  for (guint64 i = 0; i < n_words; i++) {
    guint64 want = load (&bits[i]);

    if (want != 0 && busy != NULL)
      want &= ~load (&busy->bits[region][first_word + i]);
    words[i] = 0;
    if (want == 0)
      continue;
    words[i] = want & __atomic_fetch_and (&bits[i], ~want, __ATOMIC_ACQ_REL);
    taken += popcount (words[i]);
  }
  count_change (set, -(gint64) taken);
  return taken;
}

guint64
gdw_bits_next_word (const guint64 *bits, guint64 from, guint64 end)
{
  while (from < end && from % LINE_WORDS != 0) {
    if (load (&bits[from]) != 0)
      return from;
    from++;
  }
  while (from + LINE_WORDS <= end) {
    guint64 any = 0;

#pragma GCC unroll 8 /* -O2 alone leaves a loop, a third slower */
    for (guint i = 0; i < LINE_WORDS; i++)
      any |= load (&bits[from + i]);
    if (any != 0)
      break;
    from += LINE_WORDS;
  }
  while (from < end && load (&bits[from]) == 0)
    from++;
  return from;
}

gboolean
gdw_bits_next_run (const guint64 *bits, guint64 from, guint64 end, guint64 *first, guint64 *n)
{
  guint64 i = from / 64, words = GDW_BITMAP_WORDS (end);
  guint64 word = i < words ? load (&bits[i]) & (~G_GUINT64_CONSTANT (0) << (from % 64)) : 0;
  guint64 gap;

  while (word == 0) { /* repeats if the word was emptied after it was found */
    i = gdw_bits_next_word (bits, i + 1, words);
    if (i >= words)
      return FALSE;
    word = load (&bits[i]);
  }
  *first = i * 64 + (guint) __builtin_ctzll (word);
  if (*first >= end)
    return FALSE;

  gap = ~(word | (word - 1)); /* the clear bits above the first set one */
  while (gap == 0 && ++i < words)
    gap = ~load (&bits[i]);
  *n = (gap != 0 ? MIN (i * 64 + (guint) __builtin_ctzll (gap), end) : end) - *first;
  return TRUE;
}
