/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/memory/batch.h"
#include "core/memory/pageset.h"
#include "plugins/tracking.h"

/* The work that is left: the pages that must still travel, and the cursor that goes round the
 * memory and hands them to free channels.  A round is one sweep of the cursor and sends each
 * page at most once.
 *
 * A page is claimed, re-armed, read and sent.  It is under way until it is acknowledged; with
 * several links it is not sent again before that, so that an older copy cannot overtake a newer
 * one. */
typedef struct GdwRound GdwRound;

typedef enum {
  GDW_ROUND_LOW = 1,     /* little is left, or the cursor came round: it is time to collect */
  GDW_ROUND_ENDED = 2,   /* the cursor came round, and all that it found is in frames */
  GDW_ROUND_DRAINED = 3, /* after final: nothing is left and everything is acknowledged */
  GDW_ROUND_MORE = 4,    /* there may be pages to claim */
  GDW_ROUND_QUIET = 5,   /* held: everything that was claimed is acknowledged */
} GdwRoundEvent;

/* Pages and bytes of the frames of a round; what was dirty when the cursor came round. */
typedef struct {
  guint64 pages, bytes, dirty_pages;
} GdwRoundTotals;

/* Called on any thread with no lock held.  @totals: those of the round that ENDED or was
 * DRAINED, else NULL. */
typedef void (*GdwRoundNotify) (GdwRoundEvent event, const GdwRoundTotals *totals,
                                gpointer data);

GdwRound *gdw_round_new (const GdwRegions *regions, GdwTracking *tracking, guint n_links,
                         GdwRoundNotify notify, gpointer data);
/* All pages become dirty, once and before anything else is done.  It takes time for much
 * memory: not on the main thread. */
void gdw_round_fill (GdwRound *round);
void gdw_round_free (GdwRound *round);

/* Claim about @most_pages or fewer into @batch, re-arm them and find holes.  FALSE: there is
 * nothing to do now, or an error. */
gboolean gdw_round_claim (GdwRound *round, GdwBatch *batch, guint64 most_pages, GError **error);

/* The destination has the copies of these pages in its memory. */
void gdw_round_acked (GdwRound *round, const GdwSent *sent);

/* Make these pages dirty again: the link that carried them is dead, and the destination takes
 * nothing more from it. */
void gdw_round_lost (GdwRound *round, const GdwSent *sent);
/* The same for the pages that @batch holds and has not cut.  Empties @batch. */
void gdw_round_give_back (GdwRound *round, GdwBatch *batch);

/* Make these pages, claimed in round @number, dirty again: their copies arrived damaged.  FALSE
 * with an error if a page is damaged twice while the guest stays paused, since nobody can have
 * written it on its way. */
gboolean gdw_round_nak (GdwRound *round, const GdwNak *nak, guint64 number, GError **error);

/* A collect begins.  If the tracker repeats what is not re-armed, pages that are re-armed from
 * now until the publish are left out of it: the tracker reports again those that were written
 * since, and the others would be sent twice. */
void gdw_round_collect (GdwRound *round);

/* Publish the pages written since: @fresh comes from the tracker, @marks (or NULL) from the
 * VMM. Empties both.  Returns how many were clean.  @last: the guest is paused, and nothing is
 * reported again. */
guint64 gdw_round_publish (GdwRound *round, GdwPageset *fresh, GdwPageset *marks,
                           gboolean last);

/* A frame was cut from a batch of round @number. */
void gdw_round_cut (GdwRound *round, guint64 number, guint64 pages, guint64 bytes);

/* The last dirty sync was weighed: a round that waits for that begins.  @hold: nobody claims
 * until it is called again, and QUIET is notified once nothing is under way. */
void gdw_round_go_on (GdwRound *round, gboolean hold);

/* The guest is paused and the last dirty sync is published: go round until everything is
 * acknowledged, then notify DRAINED once. */
void gdw_round_final (GdwRound *round);

/* Everything is acknowledged.  A DRAINED that was told before reopen counts for nothing. */
gboolean gdw_round_is_drained (GdwRound *round);
/* The guest will run again: go on as before gdw_round_final. */
void gdw_round_reopen (GdwRound *round);

guint64 gdw_round_dirty_pages (GdwRound *round);
/* The pages that are left at one moment: dirty ones, and those that are claimed but not
 * acknowledged (in a batch, or on a link). */
void gdw_round_left (GdwRound *round, guint64 *dirty_pages, guint64 *under_way_pages);
void gdw_round_counts (GdwRound *round, guint64 *normal_pages, guint64 *zero_pages);
