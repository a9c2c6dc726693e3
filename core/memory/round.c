/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/round.h"

#include <pthread.h>

/* A dirty sync that starts with this much left to send ends before all of it is sent. */
#define LOW_PAGES 8192u

/* A round, until all that it has claimed is cut. */
typedef struct {
  guint64 number, claimed, uncut; /* pages */
  gboolean over;                  /* the cursor came round */
  GdwRoundTotals totals;
} Sweep;

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
  GQueue sweeps;     /* of Sweep; the oldest first, the present one last */
  gboolean low_said; /* in this round */
  gboolean fresh;    /* a dirty sync was weighed since low was said */
  gboolean waiting;  /* at the end of a round, for the dirty sync */
  gboolean held, final, drained;
  guint64 outstanding; /* pages claimed and not acknowledged */
  GdwPageset
      *damaged; /* pages of which a copy made while the guest was paused arrived damaged */
  guint64 normal_pages, zero_pages;
  gboolean repeats; /* fixed: the tracker may report a page that is being re-armed */
  gboolean collecting;
  GPtrArray *arming; /* of GdwBatch *: claimed and not read yet */
  GPtrArray *armed;  /* of GdwBatch: re-armed since the collect began */
};

/* Under the lock. */
static Sweep *
present (GdwRound *round)
{
  return g_queue_peek_tail (&round->sweeps);
}

static void
begin_sweep (GdwRound *round)
{
  Sweep *before = present (round), *sweep = g_new0 (Sweep, 1);

  sweep->number = before ? before->number + 1 : 1;
  g_queue_push_tail (&round->sweeps, sweep);
}

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
  begin_sweep (round);
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
  g_queue_clear_full (&round->sweeps, g_free);
  pthread_mutex_destroy (&round->lock);
  g_free (round);
}

/* Under the lock. */
static void
end_sweep (GdwRound *round)
{
  Sweep *sweep = present (round);

  sweep->over = TRUE;
  sweep->totals.dirty_pages = gdw_pageset_count (round->dirty);
  begin_sweep (round);
}

/* Tells of the rounds of which nothing is left to cut. */
static void
tell_ended (GdwRound *round)
{
  Sweep *sweep;

  do {
    pthread_mutex_lock (&round->lock);
    sweep = g_queue_peek_head (&round->sweeps);
    sweep = sweep->over && sweep->uncut == 0 ? g_queue_pop_head (&round->sweeps) : NULL;
    pthread_mutex_unlock (&round->lock);
    if (sweep)
      round->notify (GDW_ROUND_ENDED, &sweep->totals, round->data);
    g_free (sweep);
  } while (sweep);
}

static void
rewind_cursor (GdwRound *round)
{
  round->region = 0;
  round->word = 0;
}

/* Nothing is dirty before the end of memory: TRUE if the next round begins at once, because a
 * dirty sync was weighed meanwhile.  If dirty syncs come all the time, little is never left:
 * then the end of the round asks for one, so that each round is weighed.  A round in which
 * nothing was claimed does not count: it goes on after the next sync. */
static gboolean
at_end (GdwRound *round, gboolean *low)
{
  rewind_cursor (round);
  if (round->final)
    return FALSE;
  *low = !round->low_said;
  round->low_said = TRUE;
  if (!present (round)->claimed)
    return FALSE;
  end_sweep (round);
  round->waiting = !round->fresh;
  round->fresh = FALSE;
  round->low_said = FALSE;
  return !round->waiting;
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
take_words (GdwRound *round, GdwBatch *batch, guint64 most_pages)
{
  guint64 pages = round->regions->pages[round->region];
  guint64 end = MIN (round->word + round->span_pages / 64, GDW_BITMAP_WORDS (pages));
  guint64 limit = MIN (share (round), most_pages), taken = 0, n = 0;

  batch->region = round->region;
  batch->first = round->word * 64;
  batch->round = present (round)->number;
  batch->look_for_holes = batch->round == 1;
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
  const Sweep *sweep = present (round);
  guint64 left = sweep->number == 1 ? round->regions->total_pages - sweep->claimed
                                    : gdw_pageset_count (round->dirty);

  return left <= round->low_pages;
}

/* Under the lock. */
static void
note_claim (GdwRound *round, GdwBatch *batch, guint64 taken)
{
  Sweep *sweep = present (round);

  mark_under_way (round, batch);
  if (round->repeats)
    g_ptr_array_add (round->arming, batch);
  round->outstanding += taken;
  sweep->uncut += taken;
  sweep->claimed += taken;
}

/* Under the lock.  Was @batch filled, is it time to collect, and is there a new round? */
static gboolean
claim_locked (GdwRound *round, GdwBatch *batch, guint64 most_pages, gboolean *low,
              gboolean *again)
{
  gboolean behind = round->final; /* the pages behind the cursor belong to this round, too */
  guint64 taken = 0;

  *low = *again = FALSE;
  if (round->waiting || round->held)
    return FALSE;
  while (taken == 0) {
    if (find_dirty (round)) {
      taken = take_words (round, batch, most_pages);
    } else if (behind) {
      rewind_cursor (round);
      behind = FALSE;
    } else {
      *again = at_end (round, low);
      return FALSE;
    }
  }
  note_claim (round, batch, taken);
  if (!round->low_said && !round->final && is_low (round)) {
    round->low_said = *low = TRUE;
    round->fresh = FALSE;
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
gdw_round_claim (GdwRound *round, GdwBatch *batch, guint64 most_pages, GError **error)
{
  gboolean claimed, low, again;

  do {
    pthread_mutex_lock (&round->lock);
    claimed = claim_locked (round, batch, most_pages, &low, &again);
    pthread_mutex_unlock (&round->lock);
    if (low)
      round->notify (GDW_ROUND_LOW, NULL, round->data);
    if (!claimed)
      tell_ended (round);
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
  *ended = present (round)->totals;
  return TRUE;
}

/* Under the lock. */
static gboolean
is_quiet (GdwRound *round)
{
  return round->held && !round->outstanding;
}

void
gdw_round_acked (GdwRound *round, const GdwSent *sent)
{
  GdwRoundTotals ended;
  gboolean drained, more = FALSE, quiet;

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
  quiet = is_quiet (round);
  pthread_mutex_unlock (&round->lock);
  if (drained)
    round->notify (GDW_ROUND_DRAINED, &ended, round->data);
  else if (more)
    round->notify (GDW_ROUND_MORE, NULL, round->data);
  else if (quiet)
    round->notify (GDW_ROUND_QUIET, NULL, round->data);
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

static void
tell_given_back (GdwRound *round)
{
  gboolean quiet;

  pthread_mutex_lock (&round->lock);
  quiet = is_quiet (round);
  pthread_mutex_unlock (&round->lock);
  round->notify (quiet ? GDW_ROUND_QUIET : GDW_ROUND_MORE, NULL, round->data);
}

void
gdw_round_lost (GdwRound *round, const GdwSent *sent)
{
  pthread_mutex_lock (&round->lock);
  for (guint i = 0; i < sent->n_runs; i++)
    give_back (round, sent->region, sent->runs[i].first, sent->runs[i].count);
  pthread_mutex_unlock (&round->lock);
  tell_given_back (round);
}

/* Under the lock. */
static Sweep *
find_sweep (GdwRound *round, guint64 number)
{
  GList *at = round->sweeps.head;

  while (((Sweep *) at->data)->number != number)
    at = at->next;
  return at->data;
}

void
gdw_round_give_back (GdwRound *round, GdwBatch *batch)
{
  guint64 first, n, pages = 0;

  pthread_mutex_lock (&round->lock);
  while (gdw_bits_next_run (batch->claimed, batch->at, batch->n_pages, &first, &n)) {
    give_back (round, batch->region, batch->first + first, n);
    batch->at = first + n;
    pages += n;
  }
  batch->at = batch->n_pages;
  if (pages)
    find_sweep (round, batch->round)->uncut -= pages;
  pthread_mutex_unlock (&round->lock);
  if (!pages)
    return;
  tell_ended (round);
  tell_given_back (round);
}

void
gdw_round_cut (GdwRound *round, guint64 number, guint64 pages, guint64 bytes)
{
  Sweep *sweep;

  pthread_mutex_lock (&round->lock);
  sweep = find_sweep (round, number);
  sweep->totals.pages += pages;
  sweep->totals.bytes += bytes;
  sweep->uncut -= pages;
  pthread_mutex_unlock (&round->lock);
  tell_ended (round);
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
  paused = round->final && number == present (round)->number;
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
  return added;
}

void
gdw_round_go_on (GdwRound *round, gboolean hold)
{
  gboolean quiet;

  pthread_mutex_lock (&round->lock);
  round->held = hold && !round->final;
  if (!hold) {
    round->fresh = !round->waiting;
    round->waiting = FALSE;
    if (present (round)->claimed == 0)
      round->low_said = FALSE;
  }
  quiet = is_quiet (round);
  pthread_mutex_unlock (&round->lock);
  if (quiet)
    round->notify (GDW_ROUND_QUIET, NULL, round->data);
  else if (!hold)
    round->notify (GDW_ROUND_MORE, NULL, round->data);
}

void
gdw_round_final (GdwRound *round)
{
  GdwRoundTotals last;
  gboolean drained;

  pthread_mutex_lock (&round->lock);
  end_sweep (round);
  round->final = TRUE;
  round->waiting = round->held = FALSE;
  drained = is_drained (round, &last);
  pthread_mutex_unlock (&round->lock);
  tell_ended (round);
  round->notify (drained ? GDW_ROUND_DRAINED : GDW_ROUND_MORE, drained ? &last : NULL,
                 round->data);
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
  Sweep *told;

  pthread_mutex_lock (&round->lock);
  if (round->drained) {
    told = present (round);
    begin_sweep (round);
    g_queue_remove (&round->sweeps, told);
    g_free (told);
  }
  round->final = round->drained = round->held = round->low_said = FALSE;
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
