/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/pageset.h"

#include <string.h>
#include <sys/mman.h>

/* Bits are set with release and cleared with acquire: a thread that takes a bit sees the page
 * as it was when the bit was set.  Set a bit even if it is set already: a load could come
 * before the page's own store is seen.
 *
 * Whoever adds a page sets its bit, and then the bit of its block.  Whoever clears the bit of a
 * block looks at the pages after that, and sets it again if one is left to take.
 *
 * The count goes up before bits are set and down after they are cleared, so it
 * is never below the truth. */

#define BLOCK_WORDS GDW_BLOCK_WORDS
#define LINE_WORDS 8
#define HUGE_BYTES ((gsize) 2 << 20)

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

static guint64
n_blocks (const GdwPageset *set, guint region)
{
  return (GDW_BITMAP_WORDS (set->pages[region]) + BLOCK_WORDS - 1) / BLOCK_WORDS;
}

/* Call it after the bits of the words are set. */
static void
set_blocks (GdwPageset *set, guint region, guint64 first_word, guint64 end_word)
{
  guint64 first = first_word / BLOCK_WORDS, end = (end_word - 1) / BLOCK_WORDS + 1;

  for (guint64 i = first / 64; i <= (end - 1) / 64; i++)
    __atomic_fetch_or (&set->blocks[region][i], word_mask (i, first, end), __ATOMIC_RELEASE);
}

/* Look at the words of the block after it. */
static void
clear_block (GdwPageset *set, guint region, guint64 block)
{
  __atomic_fetch_and (&set->blocks[region][block / 64],
                      ~(G_GUINT64_CONSTANT (1) << (block % 64)), __ATOMIC_ACQ_REL);
}

/* Moves @block on to the next one that may have a page. */
static gboolean
next_block (const GdwPageset *set, guint region, guint64 *block)
{
  guint64 n;

  return gdw_bits_next_run (set->blocks[region], *block, n_blocks (set, region), block, &n);
}

/* Zeros, which take memory and time once they are written.  Large ones are in huge pages, for
 * which a fill and a free are several times faster. */
static guint64 *
new_words (guint64 n)
{
  guint64 *words = g_new0 (guint64, n);
  guintptr begin = ((guintptr) words + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
  guintptr end = (guintptr) (words + n) & ~(HUGE_BYTES - 1);

  if (begin < end)
    madvise ((void *) begin, end - begin, MADV_HUGEPAGE);
  return words;
}

GdwPageset *
gdw_pageset_new (const guint64 *pages, guint n_regions)
{
  GdwPageset *set = g_new0 (GdwPageset, 1);

  set->n_regions = n_regions;
  set->pages = g_memdup2 (pages, n_regions * sizeof *pages);
  set->bits = g_new0 (guint64 *, n_regions);
  set->blocks = g_new0 (guint64 *, n_regions);
  for (guint r = 0; r < n_regions; r++) {
    set->bits[r] = new_words (GDW_BITMAP_WORDS (pages[r]));
    set->blocks[r] = new_words (GDW_BITMAP_WORDS (n_blocks (set, r)));
  }
  return set;
}

void
gdw_pageset_free (GdwPageset *set)
{
  if (set == NULL)
    return;
  for (guint r = 0; r < set->n_regions; r++) {
    g_free (set->bits[r]);
    g_free (set->blocks[r]);
  }
  g_free (set->bits);
  g_free (set->blocks);
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
    set_blocks (set, r, 0, words);
    set->count += (gint64) set->pages[r];
  }
}

void
gdw_pageset_note (GdwPageset *set)
{
  for (guint r = 0; r < set->n_regions; r++) {
    guint64 words = GDW_BITMAP_WORDS (set->pages[r]);

    for (guint64 i = 0; (i = gdw_bits_next_word (set->bits[r], i, words)) < words;
         i = (i / BLOCK_WORDS + 1) * BLOCK_WORDS)
      set_blocks (set, r, i, i + 1);
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
  set_blocks (set, region, first / 64, (end - 1) / 64 + 1);
  count_change (set, (gint64) (added - n));
  return added;
}

void
gdw_pageset_put (GdwPageset *set, guint region, guint64 first, guint64 n)
{
  guint64 end = first + n, end_block = (end - 1) / 64 / BLOCK_WORDS + 1;

  g_return_if_fail (in_range (set, region, first, n) && n > 0);
  for (guint64 i = first / 64; i <= (end - 1) / 64; i++)
    set->bits[region][i] |= word_mask (i, first, end);
  for (guint64 block = first / 64 / BLOCK_WORDS; block < end_block; block++)
    set->blocks[region][block / 64] |= G_GUINT64_CONSTANT (1) << (block % 64);
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
add_block (GdwPageset *set, guint region, guint64 first, const guint64 *words, guint64 n_words,
           guint64 n)
{
  guint64 *into = set->bits[region] + first, added = 0;

  if (n == 0)
    return 0;
  count_change (set, (gint64) n);
  for (guint64 i = 0; i < n_words; i++) {
    guint64 old;

    if (words[i] == 0)
      continue;
    old = __atomic_fetch_or (&into[i], words[i], __ATOMIC_ACQ_REL);
    added += popcount (words[i] & ~old);
  }
  set_blocks (set, region, first, first + n_words);
  count_change (set, (gint64) added - (gint64) n);
  return added;
}

guint64
gdw_pageset_merge (GdwPageset *set, GdwPageset *from)
{
  guint64 words[BLOCK_WORDS], added = 0;

  for (guint r = 0; r < set->n_regions; r++)
    for (guint64 block = 0; next_block (from, r, &block); block++) {
      guint64 first = block * BLOCK_WORDS, end = GDW_BITMAP_WORDS (set->pages[r]);
      guint64 n = MIN (BLOCK_WORDS, end - first), taken;

      clear_block (from, r, block);
      taken = take_block (from->bits[r] + first, n, words);
      if (first + n == end) { /* a tracker wrote it: drop bits past the end */
        taken -= popcount (words[n - 1]);
        words[n - 1] &= word_mask (end - 1, 0, set->pages[r]);
        taken += popcount (words[n - 1]);
      }
      added += add_block (set, r, first, words, n, taken);
    }
  __atomic_store_n (&from->count, 0, __ATOMIC_RELAXED);
  return added;
}

/* The first word in [from, end) with a page that is not in @busy, or @end. */
static guint64
next_free (const GdwPageset *set, const GdwPageset *busy, guint region, guint64 from,
           guint64 end)
{
  const guint64 *bits = set->bits[region];

  for (; (from = gdw_bits_next_word (bits, from, end)) < end; from++)
    if (busy == NULL || (load (&bits[from]) & ~load (&busy->bits[region][from])) != 0)
      break;
  return from;
}

/* A page that is added meanwhile is seen here, or its block's bit is set after this. */
static void
leave_block (GdwPageset *set, const GdwPageset *busy, guint region, guint64 first, guint64 end)
{
  if (next_free (set, busy, region, first, end) < end)
    return;
  clear_block (set, region, first / BLOCK_WORDS);
  if (next_free (set, busy, region, first, end) < end)
    set_blocks (set, region, first, end);
}

gboolean
gdw_pageset_next (GdwPageset *set, const GdwPageset *busy, guint region, guint64 *word)
{
  guint64 words = GDW_BITMAP_WORDS (set->pages[region]);

  for (guint64 block = *word / BLOCK_WORDS; next_block (set, region, &block); block++) {
    guint64 first = block * BLOCK_WORDS, end = MIN (first + BLOCK_WORDS, words);
    guint64 found = next_free (set, busy, region, MAX (first, *word), end);

    if (found < end) {
      *word = found;
      return TRUE;
    }
    leave_block (set, busy, region, first, end);
  }
  return FALSE;
}

gboolean
gdw_pageset_requeue (GdwPageset *set, guint region, guint64 first, guint64 n)
{
  const guint64 *bits = set->bits[region];
  guint64 end = first + n;
  gboolean any = FALSE;

  for (guint64 i = first / 64; i * 64 < end; i++)
    if (load (&bits[i]) & word_mask (i, first, end)) {
      set_blocks (set, region, i, i + 1);
      any = TRUE;
    }
  return any;
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
