/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/memory/batch.h"
#include "core/memory/pageset.h"
#include "plugins/tracking.h"

/* The work that is left: which pages must still travel, and the cursor that
 * goes round the memory and hands them to whatever channel is free.  A round is
 * one sweep of the cursor; each page is sent at most once in it.
 *
 * A page is claimed, re-armed, read and sent; until it is acknowledged it is
 * under way, and with several links it is not sent again before, so that an
 * older copy cannot overtake a newer one. */
typedef struct GdwRound GdwRound;

typedef enum {
  GDW_ROUND_LOW = 1,     /* little is left: time to collect */
  GDW_ROUND_ENDED = 2,   /* the cursor came round */
  GDW_ROUND_DRAINED = 3, /* after final: nothing is left and everything is acknowledged */
  GDW_ROUND_MORE = 4,    /* there may be pages to claim again */
} GdwRoundEvent;

typedef struct {
  guint64 pages, bytes, dirty_pages;
  gboolean wants_harvest; /* nobody asked for one when little was left */
} GdwRoundTotals;

/* Called on any thread with no lock held.  @totals: of the
 * round that ENDED or was DRAINED, else NULL. */
typedef void (*GdwRoundNotify) (GdwRoundEvent event, const GdwRoundTotals *totals,
                                gpointer data);

/* All pages are dirty. */
GdwRound *gdw_round_new (const GdwRegions *regions, GdwTracking *tracking, guint n_links,
                         GdwRoundNotify notify, gpointer data);
void gdw_round_free (GdwRound *round);

/* Claim pages into @batch, re-arm them and find holes.  FALSE: nothing to do now, or an
 * error. */
gboolean gdw_round_claim (GdwRound *round, GdwBatch *batch, GError **error);

/* The copies of these pages are in the destination's memory. */
void gdw_round_acked (GdwRound *round, const GdwSent *sent);

/* The link that carried these pages is dead, and the destination takes nothing from it any
 * more: they are dirty again. */
void gdw_round_lost (GdwRound *round, const GdwSent *sent);
/* The same for what @batch, of that link, holds and has not cut; empties it. */
void gdw_round_lost_batch (GdwRound *round, GdwBatch *batch);

/* The copies of these pages, claimed in round @number, arrived damaged: they are dirty
 * again.  FALSE with an error when that happens to a page twice with the guest
 * paused all the time: nobody can have written it on its way. */
gboolean gdw_round_nak (GdwRound *round, const GdwNak *nak, guint64 number, GError **error);

/* A collect begins.  Pages that are re-armed from now until it is published are left out of
 * what is published if the tracker repeats what is not re-armed: it tells again of a page that
 * was written since, and the others would be sent twice. */
void gdw_round_collect (GdwRound *round);

/* Pages written since, as @fresh from the tracker and @marks by the VMM (or NULL); empties
 * both; gives how many were clean.  @last: the guest is paused, nothing is told again. */
guint64 gdw_round_publish (GdwRound *round, GdwPageset *fresh, GdwPageset *marks,
                           gboolean last);

/* A frame of the round was made; of so many bytes. */
void gdw_round_sent (GdwRound *round, guint64 bytes);

/* The guest is paused and the last dirty sync is published: go round until all is
 * acknowledged, then notify DRAINED, once. */
void gdw_round_final (GdwRound *round);

guint64 gdw_round_dirty_pages (GdwRound *round);
/* What is left at one moment: dirty, and claimed but not acknowledged (waiting in a
 * batch, or on a link). */
void gdw_round_left (GdwRound *round, guint64 *dirty_pages, guint64 *under_way_pages);
guint64 gdw_round_number (GdwRound *round); /* from 1 */
void gdw_round_counts (GdwRound *round, guint64 *normal_pages, guint64 *zero_pages);
