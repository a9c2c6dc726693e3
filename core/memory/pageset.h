/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/types.h>

/* Sets of pages over all regions of a guest: one bit a page, one bit a block of pages so that
 * the cost follows what is in the set, and a count that is always right.
 *
 * Threads: add, remove, merge, take, next, requeue, count and the gdw_bits functions may run at
 * the same time on any threads; new, free, fill, put and note while nobody else uses the set.
 * While calls are under way the count may be above the truth, never below.  A thread that takes
 * a page sees everything that was written to it before it was added.  Once add or merge has
 * returned, next finds the pages. */
typedef struct {
  guint n_regions;
  guint64 *pages;   /* of each region */
  guint64 **bits;   /* of each region, GDW_BITMAP_WORDS (pages) words */
  guint64 **blocks; /* of each region, a bit for each GDW_BLOCK_WORDS words: clear if next need
                     * not look at them */
  gint64 count;     /* bits set; read with gdw_pageset_count() */
} GdwPageset;

#define GDW_BLOCK_WORDS 64u /* 4096 pages */

GdwPageset *gdw_pageset_new (const guint64 *pages, guint n_regions);
void gdw_pageset_free (GdwPageset *set);

void gdw_pageset_fill (GdwPageset *set);

/* Find what was written into @bits directly, for the merge from @set.  Reads all words. */
void gdw_pageset_note (GdwPageset *set);

guint64 gdw_pageset_count (const GdwPageset *set);

/* Add @n pages from @first on.  Returns how many were new. */
guint64 gdw_pageset_add (GdwPageset *set, guint region, guint64 first, guint64 n);

/* The same while nobody else uses the set, for the merge from it.  The count stays as it is. */
void gdw_pageset_put (GdwPageset *set, guint region, guint64 first, guint64 n);

/* Remove them.  Returns how many were in the set. */
guint64 gdw_pageset_remove (GdwPageset *set, guint region, guint64 first, guint64 n);

/* Move all of @from into @set.  Returns how many were new.  Others may add to both meanwhile:
 * pages that are not moved now stay for the next time.  The call ignores the count of @from (a
 * tracker may have written its words) and sets it to 0; it means nothing while others add.
 * Bits past the end of a region are dropped. */
guint64 gdw_pageset_merge (GdwPageset *set, GdwPageset *from);

/* Move the bits of @n_words words from word @first_word on into @words, except those that are
 * in @busy (or NULL).  Returns how many.  Nobody else may take these words until the caller has
 * added them to @busy. */
guint64 gdw_pageset_take (GdwPageset *set, const GdwPageset *busy, guint region,
                          guint64 first_word, guint64 n_words, guint64 *words);

/* Move @word on to the next one of @region that has pages which are not in @busy (or NULL).
 * FALSE: there is none.  One call at a time, as for take. */
gboolean gdw_pageset_next (GdwPageset *set, const GdwPageset *busy, guint region,
                           guint64 *word);

/* These pages are in @busy no more: next finds those that are in @set.  TRUE if there are any.
 * Call it after the remove from @busy, and not during next. */
gboolean gdw_pageset_requeue (GdwPageset *set, guint region, guint64 first, guint64 n);

/* The first word from @from on, below @end, that is not empty, or @end. */
guint64 gdw_bits_next_word (const guint64 *bits, guint64 from, guint64 end);

/* The next run of set bits at or after bit @from and below @end.  FALSE if there is none. */
gboolean gdw_bits_next_run (const guint64 *bits, guint64 from, guint64 end, guint64 *first,
                            guint64 *n);
