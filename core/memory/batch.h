/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/channel.h"
#include "core/memory/regions.h"

/* The pages that one channel has claimed and re-armed, and cuts into MEM frames.  Used by one
 * thread at a time. */
#define GDW_BATCH_WORDS 256u /* 64 MiB of guest memory */
#define GDW_BATCH_PAGES (GDW_BATCH_WORDS * 64u)

typedef struct {
  guint region;
  guint64 first;   /* page of bit 0, a multiple of 64 */
  guint64 n_pages; /* bits looked at; the region may end inside the last word */
  guint64 at;      /* next bit to look at */
  guint32 round;
  gboolean last;           /* claimed since the guest was paused */
  gboolean look_for_holes; /* a page that nobody ever touched counts as zero, unread */
  guint64 claimed[GDW_BATCH_WORDS];
  guint64 populated[GDW_BATCH_WORDS];
} GdwBatch;

/* Find the holes.  Call it after the claim and the re-arm. */
void gdw_batch_prepare (GdwBatch *batch, const GdwRegions *regions);

/* Put the next claimed pages into @out, at most @most_raw of which are not zero.  FALSE if none
 * are left. */
gboolean gdw_batch_cut (GdwBatch *batch, const GdwRegions *regions, guint most_raw,
                        GdwMemOut *out);

/* Returns whether the page is all zero. */
gboolean gdw_page_is_zero (const guint8 *page);
