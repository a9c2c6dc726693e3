/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/batch.h"

#include <string.h>

#include "core/link/crc32c.h"
#include "core/memory/pageset.h"
#include "core/memory/holes.h"

gboolean
gdw_page_is_zero (const guint8 *page)
{
  const guint64 *word = (const guint64 *) page;

  /* Most pages that are not zero show it in their first cache line. */
  for (guint i = 0; i < GDW_PAGE_SIZE / 8; i += 8)
    if (word[i] | word[i + 1] | word[i + 2] | word[i + 3] | word[i + 4] | word[i + 5] |
        word[i + 6] | word[i + 7])
      return FALSE;
  return TRUE;
}

void
gdw_batch_prepare (GdwBatch *batch, const GdwRegions *regions)
{
  batch->at = 0;
  if (!batch->look_for_holes)
    return;
  memset (batch->populated, 0, sizeof batch->populated);
  gdw_holes_find_populated (&regions->list[batch->region], regions->mappings[batch->region],
                            batch->first, batch->n_pages, batch->populated);
}

/* Extends the last run if the page follows it, else begins a new one.  FALSE: no room. */
static gboolean
add_pages (GdwMem *mem, guint64 first, guint64 n, guint32 kind)
{
  GdwRun *last = mem->n_runs ? &mem->runs[mem->n_runs - 1] : NULL;

  if (last && last->kind == kind && last->first + last->count == first) {
    last->count += n;
    return TRUE;
  }
  if (mem->n_runs == GDW_MEM_RUNS_MAX)
    return FALSE;
  mem->runs[mem->n_runs++] = (GdwRun){ first, n, kind };
  return TRUE;
}

/* Counts the pages from @bit on, below @end, that nobody ever touched. */
static guint64
hole_at (const GdwBatch *batch, guint64 bit, guint64 end)
{
  guint64 first, n;

  if (!batch->look_for_holes)
    return 0;
  if (!gdw_bits_next_run (batch->populated, bit, end, &first, &n))
    return end - bit;
  return first - bit;
}

/* Takes pages [batch->at, end), all claimed; FALSE: the frame is full. */
static gboolean
cut_run (GdwBatch *batch, const guint8 *base, guint64 end, guint most_raw, GdwMem *mem)
{
  while (batch->at < end) {
    const guint8 *page = base + (batch->at << GDW_PAGE_SHIFT);
    guint64 hole = hole_at (batch, batch->at, end);

    if (hole || gdw_page_is_zero (page)) {
      hole = MAX (hole, 1);
      if (!add_pages (mem, batch->first + batch->at, hole, GDW_RUN_ZERO))
        return FALSE;
      batch->at += hole;
    } else {
      if (mem->n_raw == most_raw || !add_pages (mem, batch->first + batch->at, 1, GDW_RUN_RAW))
        return FALSE;
      mem->crcs[mem->n_raw++] = gdw_crc32c (0, page, GDW_PAGE_SIZE);
      batch->at++;
    }
  }
  return TRUE;
}

static void
point_at_pages (const GdwRegion *region, GdwMemOut *out)
{
  out->n_iov = 0;
  for (guint i = 0; i < out->mem.n_runs; i++) {
    const GdwRun *run = &out->mem.runs[i];

    if (run->kind == GDW_RUN_RAW)
      out->iov[out->n_iov++] = (struct iovec){
        region->host_addr + (run->first << GDW_PAGE_SHIFT), (gsize) run->count << GDW_PAGE_SHIFT
      };
  }
}

gboolean
gdw_batch_cut (GdwBatch *batch, const GdwRegions *regions, guint most_raw, GdwMemOut *out)
{
  const GdwRegion *region = &regions->list[batch->region];
  const guint8 *base = region->host_addr + (batch->first << GDW_PAGE_SHIFT);
  guint64 first, n;

  out->mem.region = batch->region;
  out->mem.n_runs = out->mem.n_raw = 0;
  out->round = batch->round;
  while (gdw_bits_next_run (batch->claimed, batch->at, batch->n_pages, &first, &n)) {
    batch->at = first;
    if (!cut_run (batch, base, first + n, MIN (most_raw, GDW_MEM_RAW_MAX), &out->mem))
      break;
  }
  if (out->mem.n_runs == 0)
    return FALSE;
  point_at_pages (region, out);
  return TRUE;
}
