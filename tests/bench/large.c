/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* bench-large [GIB...]: what the size of a guest costs that hardly touches its memory.  Prints
 * the table of docs/trackers.md; in processor time; asserts nothing. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/memory/round.h"
#include "core/source/private.h"

#define GIB_PAGES (G_GUINT64_CONSTANT (1) << 18)
#define DIRTY 1000u /* pages that the guest wrote */
#define N_LINKS 4u
#define TIMES 5

/* Processor time: other programs may be running. */
static gint64
now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static gpointer
idle_open (const GdwTrackerConfig *config, GError **error)
{
  return (gpointer) config->regions;
}

static void
idle_close (gpointer self)
{
}

static gboolean
idle_start (gpointer self, GError **error)
{
  return TRUE;
}

static gboolean
idle_collect (gpointer self, guint64 *const *bits, GError **error)
{
  return TRUE;
}

static const GdwTracker idle = { GDW_PLUGIN_HEAD (GdwTracker, GDW_PLUGIN_TRACKER),
                                 .plugin.name = "idle",
                                 .traits = GDW_TRACKER_REARMS_AT_COLLECT,
                                 .open = idle_open,
                                 .close = idle_close,
                                 .start = idle_start,
                                 .collect = idle_collect,
                                 .stop = idle_start };

static void
say (const char *what, gint64 begin_us)
{
  printf ("  %-52s %10.3f ms\n", what, (double) (now_us () - begin_us) / 1000);
  fflush (stdout);
}

static void
on_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data)
{
}

/* Takes what is there to be claimed; the claims are added to @sent. */
static guint
claim_all (GdwRound *round, GPtrArray *sent)
{
  static GdwBatch batch;
  guint claims = 0;

  for (; gdw_round_claim (round, &batch, G_MAXUINT64, NULL); claims++) {
    GdwSent *one = g_malloc (sizeof *one + GDW_BATCH_PAGES / 2 * sizeof (GdwRun));
    guint64 first, n;

    *one = (GdwSent){ .region = batch.region };
    for (guint64 at = 0; gdw_bits_next_run (batch.claimed, at, batch.n_pages, &first, &n);
         at = first + n) {
      one->runs[one->n_runs++] = (GdwRun){ batch.first + first, n, GDW_RUN_RAW };
      one->pages += n;
    }
    g_ptr_array_add (sent, g_realloc (one, sizeof *one + one->n_runs * sizeof (GdwRun)));
  }
  return claims;
}

/* As the links do: each acknowledgement lets them look for work again. */
static void
acknowledge (GdwRound *round, GPtrArray *sent)
{
  while (sent->len) {
    GdwSent *one = g_ptr_array_steal_index (sent, 0);

    gdw_round_acked (round, one);
    g_free (one);
    claim_all (round, sent);
  }
}

static GdwPageset *
write_pages (const GdwRegions *regions, guint seed)
{
  GdwPageset *set = gdw_pageset_new (regions->pages, regions->n);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);

  for (guint i = 0; i < DIRTY; i++)
    gdw_pageset_add (set, 0, (guint64) (g_rand_double (rand) * (double) regions->pages[0]), 1);
  return set;
}

/* Publishes what the guest wrote, @n of DIRTY pages. */
static void
publish (GdwRound *round, const GdwRegions *regions, gboolean any, gboolean last,
         const char *what)
{
  GdwPageset *fresh = write_pages (regions, 1);
  GdwPageset *marks = gdw_pageset_new (regions->pages, regions->n);
  gint64 begin_us;

  if (!any) {
    gdw_pageset_free (fresh);
    fresh = gdw_pageset_new (regions->pages, regions->n);
  }
  for (guint i = 0; i < TIMES; i++) {
    begin_us = now_us ();
    gdw_round_publish (round, fresh, marks, last);
    if (any)
      break;
  }
  if (what)
    say (what, begin_us);
  gdw_pageset_free (fresh);
  gdw_pageset_free (marks);
}

static void
first_round (GdwRound *round)
{
  g_autoptr (GPtrArray) sent = g_ptr_array_new_with_free_func (g_free);
  gint64 begin_us = now_us ();

  claim_all (round, sent);
  say ("first round of memory that nobody touched: claims", begin_us);
  begin_us = now_us ();
  acknowledge (round, sent);
  say ("... and acknowledgements", begin_us);
}

static void
last_round (GdwRound *round, const GdwRegions *regions)
{
  g_autoptr (GPtrArray) sent = g_ptr_array_new_with_free_func (g_free);
  gint64 begin_us;

  publish (round, regions, TRUE, FALSE, "publish of 1000 pages");
  claim_all (round, sent);
  publish (round, regions, TRUE, TRUE, NULL); /* all are under way, and dirty again */
  begin_us = now_us ();
  gdw_round_final (round);
  acknowledge (round, sent);
  say ("last round: 1000 pages, each dirty and under way", begin_us);
}

/* Measures a tracker that fills a bitmap instead of giving ranges. */
static void
bench_bits (const GdwRegions *regions)
{
  GdwPageset *fresh = gdw_pageset_new (regions->pages, regions->n);
  gint64 begin_us;

  memset (fresh->bits[0], 0, GDW_BITMAP_WORDS (regions->pages[0]) * sizeof (guint64));
  begin_us = now_us ();
  gdw_pageset_note (fresh);
  say ("look through the bitmap of a tracker, all clean", begin_us);
  gdw_pageset_free (fresh);
}

static void
bench_round (const GdwRegions *regions, GdwTracking *tracking)
{
  gint64 begin_us = now_us ();
  GdwRound *round = gdw_round_new (regions, tracking, N_LINKS, on_event, NULL);

  say ("make a round (main thread)", begin_us);
  begin_us = now_us ();
  gdw_round_fill (round);
  say ("fill it (harvest thread)", begin_us);
  first_round (round);
  publish (round, regions, FALSE, FALSE, "publish of nothing");
  last_round (round, regions);
  begin_us = now_us ();
  gdw_round_free (round);
  say ("free the round (main thread)", begin_us);
}

static void
bench_marks (GdwRegions *regions)
{
  GdwSource source = { .regions = regions };
  guint64 size = MIN (regions->list[0].size, G_GUINT64_CONSTANT (64) << 30);
  gint64 begin_us = now_us ();

  source.marks = gdw_pageset_new (regions->pages, regions->n);
  gdw_source_mark (&source, 0, size);
  say ("mark_dirty of 64 GiB", begin_us);
  gdw_pageset_free (source.marks);
}

static void
bench_guest (guint64 gib)
{
  guint64 size = gib << 30;
  GdwRegion region = { .name = "ram", .size = size, .page_size = GDW_PAGE_SIZE, .fd = -1 };
  g_autoptr (GError) error = NULL;
  GdwRegions *regions;
  GdwTracking *tracking;

  region.host_addr = mmap (NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                           -1, 0);
  printf ("%" G_GUINT64_FORMAT " GiB\n", gib);
  if (region.host_addr == MAP_FAILED || !(regions = gdw_regions_copy (&region, 1, &error)) ||
      !(tracking = gdw_tracking_open (&idle, NULL, regions->table, 1, NULL, &error))) {
    printf ("  cannot be had here: %s\n", error ? error->message : "no address space");
    return;
  }
  bench_round (regions, tracking);
  bench_bits (regions);
  bench_marks (regions);
  gdw_tracking_close (tracking);
  gdw_regions_free (regions);
  munmap (region.host_addr, size);
}

/* One page in @one_in is dirty, in heaps of @heap pages. */
static void
bench_runs (guint64 *bits, guint64 pages, guint64 one_in, guint64 heap, const char *what)
{
  gint64 begin_us;
  guint64 first, n, at = 0;

  for (guint64 p = 0; one_in && p + heap <= pages; p += heap * one_in)
    for (guint64 i = p; i < p + heap; i++)
      bits[i / 64] |= G_GUINT64_CONSTANT (1) << (i % 64);
  begin_us = now_us ();
  while (gdw_bits_next_run (bits, at, pages, &first, &n))
    at = first + n;
  say (what, begin_us);
  memset (bits, 0, GDW_BITMAP_WORDS (pages) * sizeof *bits);
}

int
main (int argc, char **argv)
{
  guint64 pages = 12 * 1024 * GIB_PAGES;
  guint64 *bits = g_new (guint64, GDW_BITMAP_WORDS (pages));

  if (argc == 1) {
    bench_guest (256);
    bench_guest (4096);
  }
  for (int i = 1; i < argc; i++)
    bench_guest (g_ascii_strtoull (argv[i], NULL, 10));
  printf ("bitmap of 12 TiB to runs\n");
  memset (bits, 0, GDW_BITMAP_WORDS (pages) * sizeof *bits);
  bench_runs (bits, pages, 0, 1, "empty");
  bench_runs (bits, pages, 100, 4096, "1 %, in heaps of 16 MiB");
  bench_runs (bits, pages, 100, 1, "1 %, uniform");
  g_free (bits);
  return 0;
}
