/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Pages from the links into guest memory, on the channels' threads. */
#include <string.h>

#include "core/memory/batch.h"
#include "core/link/crc32c.h"
#include "core/destination/private.h"

/* Giving memory back is cheaper than writing zeros from this size on.  It is given back in
 * pieces of this size, so that no transparent huge page is split. */
#define PUNCH_SIZE ((guintptr) 2 << 20)

typedef enum { REFUSE, DISCARD, ENTER } Gate;

static Gate
enter_gate (GdwDestination *destination)
{
  Gate gate = ENTER;

  pthread_mutex_lock (&destination->gate);
  if (destination->discarding)
    gate = DISCARD;
  else if (destination->gate_closed)
    gate = REFUSE;
  else
    destination->gate_inside++;
  pthread_mutex_unlock (&destination->gate);
  return gate;
}

static void
leave_gate (GdwDestination *destination)
{
  pthread_mutex_lock (&destination->gate);
  destination->gate_inside--;
  pthread_mutex_unlock (&destination->gate);
}

gboolean
gdw_destination_close_memory (GdwDestination *destination)
{
  gboolean quiet;

  pthread_mutex_lock (&destination->gate);
  destination->gate_closed = TRUE;
  quiet = destination->gate_inside == 0;
  pthread_mutex_unlock (&destination->gate);
  return quiet;
}

void
gdw_destination_discard_memory (GdwDestination *destination)
{
  pthread_mutex_lock (&destination->gate);
  destination->discarding = TRUE;
  pthread_mutex_unlock (&destination->gate);
}

/* Gives the memory behind a long run back, so that it costs nothing and reads as zero.  It
 * keeps the pages of hugetlbfs: once given back they are no longer reserved, and the guest
 * would die of SIGBUS if another process took them. */
static void
clear_pages (const GdwRegion *region, GdwMapping mapping, guint64 first, guint64 n)
{
  guint8 *start = region->host_addr + (first << GDW_PAGE_SHIFT);
  guint8 *end = start + (n << GDW_PAGE_SHIFT);
  guint8 *from = start + (-(guintptr) start & (PUNCH_SIZE - 1));
  guint8 *to = end - ((guintptr) end & (PUNCH_SIZE - 1));

  if (region->page_size != GDW_PAGE_SIZE || from >= to ||
      !gdw_mapping_punch (mapping, from, (gsize) (to - from)))
    from = to = end;
  memset (start, 0, (gsize) (from - start));
  memset (to, 0, (gsize) (end - to));
}

static gboolean
began_as_zero (const GdwDestination *destination, guint region)
{
  return destination->trust_zero &&
         (destination->regions->list[region].flags & GDW_REGION_ZERO) != 0;
}

/* Memory needs no clearing if nobody wrote to it since it was known to be zero.  Of a region
 * that did not begin as zero nothing is known. */
static void
clear_run (GdwDestination *destination, guint region_index, const GdwRun *run)
{
  const GdwRegion *region = &destination->regions->list[region_index];
  const guint64 *touched = destination->touched->bits[region_index];
  guint64 at = run->first, end = run->first + run->count, first, n;

  if (!began_as_zero (destination, region_index)) {
    clear_pages (region, destination->regions->mappings[region_index], run->first, run->count);
    return;
  }
  while (gdw_bits_next_run (touched, at, end, &first, &n)) {
    clear_pages (region, destination->regions->mappings[region_index], first, n);
    gdw_pageset_remove (destination->touched, region_index, first, n);
    at = first + n;
  }
}

static gboolean
read_pages (GdwDestination *destination, GdwChannel *channel, const GdwMem *mem, GError **error)
{
  const GdwRegion *region = &destination->regions->list[mem->region];
  struct iovec iov[GDW_MEM_RUNS_MAX];
  guint n = 0;

  for (guint i = 0; i < mem->n_runs; i++) {
    const GdwRun *run = &mem->runs[i];

    if (run->kind != GDW_RUN_RAW)
      continue;
    gdw_pageset_add (destination->touched, mem->region, run->first, run->count);
    iov[n++] = (struct iovec){ region->host_addr + (run->first << GDW_PAGE_SHIFT),
                               (gsize) run->count << GDW_PAGE_SHIFT };
  }
  return n == 0 || gdw_channel_read (channel, iov, n, error);
}

/* Asks again for each damaged page: the source's guest may have written it on its way into the
 * socket. */
static gboolean
check_pages (GdwDestination *destination, GdwChannel *channel, const GdwMem *mem, guint32 round,
             GError **error)
{
  const GdwRegion *region = &destination->regions->list[mem->region];
  GdwNak nak = { .region = mem->region };
  guint raw = 0;

  for (guint i = 0; i < mem->n_runs; i++) {
    const GdwRun *run = &mem->runs[i];

    for (guint j = 0; run->kind == GDW_RUN_RAW && j < run->count; j++) {
      guint64 page = run->first + j;
      const guint8 *data = region->host_addr + (page << GDW_PAGE_SHIFT);

      if (gdw_crc32c (0, data, GDW_PAGE_SIZE) != mem->crcs[raw++])
        nak.pages[nak.n_pages++] = page;
    }
  }
  if (nak.n_pages && destination->one_way) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "page %" G_GUINT64_FORMAT
                 " of region '%s' is damaged: its checksum is another; "
                 "save the guest again",
                 nak.pages[0], region->name);
    return FALSE;
  }
  if (nak.n_pages)
    gdw_channel_send_nak (channel, &nak, round);
  return TRUE;
}

static gboolean
discard_pages (GdwChannel *channel, const GdwMem *mem, GError **error)
{
  guint8 scratch[GDW_PAGE_SIZE];

  for (guint i = 0; i < mem->n_raw; i++) {
    struct iovec iov = { scratch, sizeof scratch };

    if (!gdw_channel_read (channel, &iov, 1, error))
      return FALSE;
  }
  return TRUE;
}

static guint64
clear_runs (GdwDestination *destination, const GdwMem *mem)
{
  guint64 pages = 0;

  for (guint i = 0; i < mem->n_runs; i++) {
    if (mem->runs[i].kind != GDW_RUN_ZERO)
      continue;
    pages += mem->runs[i].count;
    clear_run (destination, mem->region, &mem->runs[i]);
  }
  return pages;
}

gboolean
gdw_destination_take_memory (GdwChannel *channel, const GdwFrame *frame, const GdwMem *mem,
                             gpointer data, GError **error)
{
  GdwDestination *destination = data;
  Gate gate = enter_gate (destination);
  guint64 zero = 0;
  gboolean ok;

  if (gate == DISCARD)
    return discard_pages (channel, mem, error);
  if (gate == REFUSE) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "destination: frame 'MEM' is refused: the source had said that all memory was "
                 "sent; both sides must speak the same protocol");
    return FALSE;
  }
  ok = read_pages (destination, channel, mem, error) &&
       check_pages (destination, channel, mem, frame->round, error);
  if (ok)
    zero = clear_runs (destination, mem);
  leave_gate (destination);
  __atomic_add_fetch (&destination->received_bytes, frame->payload_len, __ATOMIC_RELAXED);
  __atomic_add_fetch (&destination->normal_pages, mem->n_raw, __ATOMIC_RELAXED);
  __atomic_add_fetch (&destination->zero_pages, zero, __ATOMIC_RELAXED);
  return ok;
}
