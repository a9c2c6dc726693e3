/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/round.h"

#include <pthread.h>

/* A dirty sync that starts with this much left to send ends before all of it is sent. */
#define LOW_PAGES 8192u

struct GdwRound {
  const GdwRegions *regions;
  GdwTracking *tracking;
  GdwRoundNotify notify;
  gpointer data;
  guint64 span_pages, low_pages; /* pages of one claim; collect when so few are left */
  guint n_links;

  gint filled; /* atomic */
  GdwPageset *dirty;
  GdwPageset *under_way; /* NULL with one link: it keeps the order by itself */

  pthread_mutex_t lock;
  /* Under the lock. */
  guint region; /* the cursor */
  guint64 word;
  guint64 number;
  gboolean low_said; /* in this round */
  gboolean fresh;    /* a dirty sync was published since low was said */
  gboolean waiting;  /* at the end of a round, for the dirty sync */
  gboolean final, drained;
  guint64 outstanding; /* pages claimed and not acknowledged */
  GdwRoundTotals totals;
  GdwPageset
      *damaged; /* pages of which a copy made while the guest was paused arrived damaged */
  guint64 normal_pages, zero_pages;
  gboolean repeats; /* fixed: the tracker may report a page that is being re-armed */
  gboolean collecting;
  GPtrArray *arming; /* of GdwBatch *: claimed and not read yet */
  GPtrArray *armed;  /* of GdwBatch: re-armed since the collect began */
};

GdwRound *
gdw_round_new (const GdwRegions *regions, GdwTracking *tracking, guint n_links,
               GdwRoundNotify notify, gpointer data)
{
  GdwRound *round = g_new0 (GdwRound, 1);

  round->regions = regions;
  round->tracking = tracking;
  round->n_links = n_links;
  round->notify = notify;
  round->data = data;
  /* Small enough that the links share even a small guest evenly. */
  round->span_pages = CLAMP (regions->total_pages / (n_links * 8), 512, GDW_BATCH_PAGES) &
                      ~63ull;
  round->low_pages = MIN (LOW_PAGES, regions->total_pages / 8);
  round->dirty = gdw_pageset_new (regions->pages, regions->n);
  if (n_links > 1)
    round->under_way = gdw_pageset_new (regions->pages, regions->n);
  round->repeats = (gdw_tracking_traits (tracking) & GDW_TRACKER_COLLECT_REPEATS) != 0;
  round->arming = g_ptr_array_new ();
  round->armed = g_ptr_array_new_with_free_func (g_free);
  pthread_mutex_init (&round->lock, NULL);
  round->number = 1;
  return round;
}

void
gdw_round_fill (GdwRound *round)
{
  if (g_atomic_int_get (&round->filled))
    return;
  gdw_pageset_fill (round->dirty);
  g_atomic_int_set (&round->filled, TRUE);
}

void
gdw_round_free (GdwRound *round)
{
  if (!round)
    return;
  gdw_pageset_free (round->dirty);
  g_clear_pointer (&round->under_way, gdw_pageset_free);
  g_clear_pointer (&round->damaged, gdw_pageset_free);
  g_ptr_array_unref (round->arming);
  g_ptr_array_unref (round->armed);
  pthread_mutex_destroy (&round->lock);
  g_free (round);
}

/* Returns the totals of the round and begins to count anew. */
static GdwRoundTotals
take_totals (GdwRound *round)
{
  GdwRoundTotals totals = round->totals;

  totals.dirty_pages = gdw_pageset_count (round->dirty);
  round->totals = (GdwRoundTotals){ 0 };
  return totals;
}

/* The cursor came round.  The next round begins at once if a dirty sync was published
 * meanwhile.  When dirty syncs come all the time, the rest never gets low: then the end of the
 * round asks for one, so that each round is weighed. */
static void
end_round (GdwRound *round, GdwRoundTotals *ended)
{
  *ended = take_totals (round);
  round->waiting = !round->fresh;
  ended->wants_dirty_sync = !round->low_said;
  round->fresh = FALSE;
  round->low_said = FALSE;
  round->number++;
}

static void
rewind_cursor (GdwRound *round)
{
  round->region = 0;
  round->word = 0;
}

/* Nothing is dirty before the end of memory.  A round in which nothing was sent does not count:
 * it goes on after the next sync. */
static GdwRoundEvent
at_end (GdwRound *round, GdwRoundTotals *ended)
{
  rewind_cursor (round);
  if (round->final)
    return 0;
  if (round->totals.pages) {
    end_round (round, ended);
    return GDW_ROUND_ENDED;
  }
  if (round->low_said)
    return 0;
  round->low_said = TRUE;
  return GDW_ROUND_LOW;
}

/* Moves the cursor to the next word with dirty pages that are not under way; FALSE at the end
 * of memory. */
static gboolean
find_dirty (GdwRound *round)
{
  while (round->region < round->regions->n) {
    if (gdw_pageset_next (round->dirty, round->under_way, round->region, &round->word))
      return TRUE;
    round->region++;
    round->word = 0;
  }
  return FALSE;
}

/* How many pages one claim may take, so that all links share the last pages of a round. */
static guint64
share (GdwRound *round)
{
  return MAX (gdw_pageset_count (round->dirty) / (round->n_links * 4), GDW_MEM_RAW_MAX);
}

/* Takes dirty words at the cursor until the batch is full. */
static guint64
take_words (GdwRound *round, GdwBatch *batch)
{
  guint64 pages = round->regions->pages[round->region];
  guint64 end = MIN (round->word + round->span_pages / 64, GDW_BITMAP_WORDS (pages));
  guint64 limit = share (round), taken = 0, n = 0;

  batch->region = round->region;
  batch->first = round->word * 64;
  batch->round = round->number;
  batch->look_for_holes = round->number == 1;
  while (round->word < end && taken < limit) {
    taken += gdw_pageset_take (round->dirty, round->under_way, round->region, round->word, 1,
                               &batch->claimed[n++]);
    round->word++;
  }
  batch->n_pages = MIN (n * 64, pages - batch->first);
  return taken;
}

static void
mark_under_way (GdwRound *round, const GdwBatch *batch)
{
  guint64 first, n, at = 0;

  if (!round->under_way)
    return;
  while (gdw_bits_next_run (batch->claimed, at, batch->n_pages, &first, &n)) {
    gdw_pageset_add (round->under_way, batch->region, batch->first + first, n);
    at = first + n;
  }
}

/* In the first round only pages that were never sent count: dirty syncs that come all the time
 * fill up the memory behind the cursor. */
static gboolean
is_low (GdwRound *round)
{
  guint64 left = round->number == 1 ? round->regions->total_pages - round->totals.pages
                                    : gdw_pageset_count (round->dirty);

  return left <= round->low_pages;
}

/* Under the lock.  Sets @event to what the owner must hear, or 0.  Returns whether @batch was
 * filled. */
static gboolean
claim_locked (GdwRound *round, GdwBatch *batch, GdwRoundEvent *event, GdwRoundTotals *ended)
{
  gboolean again = round->final; /* the pages behind the cursor also belong to this round */
  guint64 taken = 0;

  *event = 0;
  if (round->waiting)
    return FALSE;
  while (taken == 0) {
    if (find_dirty (round)) {
      taken = take_words (round, batch);
    } else if (again) {
      rewind_cursor (round);
      again = FALSE;
    } else {
      *event = at_end (round, ended);
      return FALSE;
    }
  }
  mark_under_way (round, batch);
  if (round->repeats)
    g_ptr_array_add (round->arming, batch);
  round->outstanding += taken;
  round->totals.pages += taken;
  if (!round->low_said && !round->final && is_low (round)) {
    round->low_said = TRUE;
    round->fresh = FALSE;
    *event = GDW_ROUND_LOW;
  }
  return TRUE;
}

/* Call it before any page of the batch is read. */
static void
note_armed (GdwRound *round, GdwBatch *batch)
{
  pthread_mutex_lock (&round->lock);
  g_ptr_array_remove_fast (round->arming, batch);
  if (round->repeats && round->collecting)
    g_ptr_array_add (round->armed, g_memdup2 (batch, sizeof *batch));
  pthread_mutex_unlock (&round->lock);
}

gboolean
gdw_round_claim (GdwRound *round, GdwBatch *batch, GError **error)
{
  GdwRoundTotals ended = { 0 };
  GdwRoundEvent event;
  gboolean claimed, again;

  do {
    pthread_mutex_lock (&round->lock);
    claimed = claim_locked (round, batch, &event, &ended);
    /* A round that need not wait begins at once, or asks for a sync. */
    again = event == GDW_ROUND_ENDED && !round->waiting;
    pthread_mutex_unlock (&round->lock);
    if (event)
      round->notify (event, event == GDW_ROUND_ENDED ? &ended : NULL, round->data);
  } while (again);
  if (!claimed)
    return FALSE;
  if (!gdw_tracking_rearm (round->tracking, batch->region, batch->first, batch->n_pages,
                           batch->claimed, error))
    return FALSE;
  note_armed (round, batch);
  gdw_batch_prepare (batch, round->regions);
  return TRUE;
}

/* Under the lock.  TRUE once, with the totals of the last round. */
static gboolean
is_drained (GdwRound *round, GdwRoundTotals *ended)
{
  if (!round->final || round->drained || round->outstanding || gdw_pageset_count (round->dirty))
    return FALSE;
  round->drained = TRUE;
  *ended = take_totals (round);
  return TRUE;
}

void
gdw_round_acked (GdwRound *round, const GdwSent *sent)
{
  GdwRoundTotals ended;
  gboolean drained, more = FALSE;

  pthread_mutex_lock (&round->lock);
  for (guint i = 0; i < sent->n_runs; i++) {
    const GdwRun *run = &sent->runs[i];

    if (round->under_way) {
      gdw_pageset_remove (round->under_way, sent->region, run->first, run->count);
      more |= gdw_pageset_requeue (round->dirty, sent->region, run->first, run->count);
    }
    *(run->kind == GDW_RUN_RAW ? &round->normal_pages : &round->zero_pages) += run->count;
  }
  round->outstanding -= sent->pages;
  drained = is_drained (round, &ended);
  more &= round->final;
  pthread_mutex_unlock (&round->lock);
  if (drained)
    round->notify (GDW_ROUND_DRAINED, &ended, round->data);
  else if (more)
    round->notify (GDW_ROUND_MORE, NULL, round->data);
}

/* Under the lock.  Makes claimed pages dirty again. */
static void
give_back (GdwRound *round, guint region, guint64 first, guint64 n)
{
  if (round->under_way)
    gdw_pageset_remove (round->under_way, region, first, n);
  gdw_pageset_add (round->dirty, region, first, n);
  round->outstanding -= n;
}

void
gdw_round_lost (GdwRound *round, const GdwSent *sent)
{
  pthread_mutex_lock (&round->lock);
  for (guint i = 0; i < sent->n_runs; i++)
    give_back (round, sent->region, sent->runs[i].first, sent->runs[i].count);
  pthread_mutex_unlock (&round->lock);
  round->notify (GDW_ROUND_MORE, NULL, round->data);
}

void
gdw_round_lost_batch (GdwRound *round, GdwBatch *batch)
{
  guint64 first, n;

  pthread_mutex_lock (&round->lock);
  while (gdw_bits_next_run (batch->claimed, batch->at, batch->n_pages, &first, &n)) {
    give_back (round, batch->region, batch->first + first, n);
    batch->at = first + n;
  }
  batch->at = batch->n_pages;
  pthread_mutex_unlock (&round->lock);
  round->notify (GDW_ROUND_MORE, NULL, round->data);
}

/* Under the lock.  FALSE if this page was damaged before. */
static gboolean
note_damage (GdwRound *round, guint region, guint64 page)
{
  if (!round->damaged)
    round->damaged = gdw_pageset_new (round->regions->pages, round->regions->n);
  return gdw_pageset_add (round->damaged, region, page, 1) == 1;
}

gboolean
gdw_round_nak (GdwRound *round, const GdwNak *nak, guint64 number, GError **error)
{
  gboolean ok = TRUE, paused;
  guint i;

  pthread_mutex_lock (&round->lock);
  paused = round->final && number == round->number;
  for (i = 0; i < nak->n_pages; i++) {
    gdw_pageset_add (round->dirty, nak->region, nak->pages[i], 1);
    if (paused && !note_damage (round, nak->region, nak->pages[i])) {
      ok = FALSE;
      break;
    }
  }
  pthread_mutex_unlock (&round->lock);
  if (!ok) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "source: page %" G_GUINT64_FORMAT " of region '%s' arrived damaged twice "
                 "while the guest was paused; check the network and the memory of both hosts",
                 nak->pages[i], round->regions->list[nak->region].name);
    return FALSE;
  }
  round->notify (GDW_ROUND_MORE, NULL, round->data);
  return TRUE;
}

void
gdw_round_collect (GdwRound *round)
{
  pthread_mutex_lock (&round->lock);
  round->collecting = TRUE;
  g_ptr_array_set_size (round->armed, 0);
  pthread_mutex_unlock (&round->lock);
}

static void
leave_out (GdwPageset *fresh, const GPtrArray *batches)
{
  for (guint i = 0; i < batches->len; i++) {
    const GdwBatch *batch = batches->pdata[i];
    guint64 *words = fresh->bits[batch->region] + batch->first / 64;

    for (guint64 j = 0; j < GDW_BITMAP_WORDS (batch->n_pages); j++)
      words[j] &= ~batch->claimed[j];
  }
}

/* Pages that are being re-armed are read later than now, with all that was written until now.
 * Pages that were re-armed may have been read already: the log has a write since then and
 * reports it again. */
static void
leave_out_armed (GdwRound *round, GdwPageset *fresh, gboolean last)
{
  pthread_mutex_lock (&round->lock);
  leave_out (fresh, round->arming);
  if (!last)
    leave_out (fresh, round->armed);
  g_ptr_array_set_size (round->armed, 0);
  round->collecting = FALSE;
  pthread_mutex_unlock (&round->lock);
}

guint64
gdw_round_publish (GdwRound *round, GdwPageset *fresh, GdwPageset *marks, gboolean last)
{
  guint64 added;

  leave_out_armed (round, fresh, last);
  added = gdw_pageset_merge (round->dirty, fresh);
  if (marks)
    added += gdw_pageset_merge (round->dirty, marks);
  pthread_mutex_lock (&round->lock);
  round->fresh = !round->waiting;
  round->waiting = FALSE;
  if (round->totals.pages == 0)
    round->low_said = FALSE;
  pthread_mutex_unlock (&round->lock);
  round->notify (GDW_ROUND_MORE, NULL, round->data);
  return added;
}

void
gdw_round_sent (GdwRound *round, guint64 bytes)
{
  pthread_mutex_lock (&round->lock);
  round->totals.bytes += bytes;
  pthread_mutex_unlock (&round->lock);
}

void
gdw_round_final (GdwRound *round)
{
  GdwRoundTotals live, last;
  gboolean drained;

  pthread_mutex_lock (&round->lock);
  live = take_totals (round);
  round->final = TRUE;
  round->waiting = FALSE;
  round->number++;
  drained = is_drained (round, &last);
  pthread_mutex_unlock (&round->lock);
  round->notify (GDW_ROUND_ENDED, &live, round->data);
  if (drained)
    round->notify (GDW_ROUND_DRAINED, &last, round->data);
  else
    round->notify (GDW_ROUND_MORE, NULL, round->data);
}

gboolean
gdw_round_is_drained (GdwRound *round)
{
  gboolean drained;

  pthread_mutex_lock (&round->lock);
  drained = round->drained;
  pthread_mutex_unlock (&round->lock);
  return drained;
}

void
gdw_round_reopen (GdwRound *round)
{
  pthread_mutex_lock (&round->lock);
  round->final = round->drained = round->low_said = FALSE;
  round->number++;
  g_clear_pointer (&round->damaged, gdw_pageset_free);
  pthread_mutex_unlock (&round->lock);
  round->notify (GDW_ROUND_MORE, NULL, round->data);
}

guint64
gdw_round_dirty_pages (GdwRound *round)
{
  return g_atomic_int_get (&round->filled) ? gdw_pageset_count (round->dirty)
                                           : round->regions->total_pages;
}

void
gdw_round_left (GdwRound *round, guint64 *dirty_pages, guint64 *under_way_pages)
{
  pthread_mutex_lock (&round->lock);
  *dirty_pages = gdw_pageset_count (round->dirty);
  *under_way_pages = round->outstanding;
  pthread_mutex_unlock (&round->lock);
}

void
gdw_round_counts (GdwRound *round, guint64 *normal_pages, guint64 *zero_pages)
{
  pthread_mutex_lock (&round->lock);
  *normal_pages = round->normal_pages;
  *zero_pages = round->zero_pages;
  pthread_mutex_unlock (&round->lock);
}
