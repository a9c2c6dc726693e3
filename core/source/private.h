/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/channel.h"
#include "core/handover/outcome-query.h"
#include "core/memory/dirty-sync.h"
#include "core/link/meter.h"
#include "core/base/invoke.h"
#include "core/source/source.h"

typedef enum {
  LINKING,  /* HELLO on the first link, JOIN on the others */
  STARTING, /* the tracker starts */
  SENDING,  /* rounds, guest running */
  PAUSING,
  HOLDING, /* pre-switchover */
  SAVING,
  DRAINING,  /* the last dirty sync and the last pages */
  PREPARING, /* PREPARE is sent */
  FENCING,
  COMMITTING,  /* COMMIT is sent, or about to be */
  COMMIT_LOST, /* the links end, then it is known whether COMMIT was begun */
  ASKING,      /* QUERY-OUTCOME */
  LEAVING,     /* the guest is the destination's; tidy up */
  IN_DOUBT,    /* nobody answered; tidy up */
  ENDING,      /* the guest is ours; tidy up */
  OVER
} Phase;

/* Of a link: in use; ended, and the destination was told; or it has drained it, too. */
typedef enum { LINK_OPEN, LINK_LOST, LINK_DRAINED } LinkState;

struct GdwSource {
  GdwAttempt attempt;
  Phase phase;
  char *id_text;
  guint8 id[GDW_ID_BYTES], token[GDW_TOKEN_BYTES];
  GError *error; /* the root cause */
  gboolean cancelled;
  GdwOutcome outcome;
  GCancellable *cancellable; /* of host callbacks */

  GdwStack *stack;
  GdwRegions *regions;
  GdwTracking *tracking;
  GdwPageset *marks;
  GdwRound *round;
  GdwDirtySync *sync;
  GdwRate *rate;
  GdwQuery *query;
  char *tracker_name, *transport_name;

  GdwChannelConfig channel_config;
  GdwChannel *channels[GDW_LINKS_MAX];
  GdwBatch *batches[GDW_LINKS_MAX]; /* each its writer thread's */
  gboolean one_way;                 /* into a file or a pipe */
  gboolean connected[GDW_LINKS_MAX];
  LinkState links[GDW_LINKS_MAX];
  guint main_link;     /* carries the control frames: the first that is open */
  guint n_unconfirmed; /* lost, and not yet drained by the destination */
  guint n_links, n_created, n_joined, n_closed;
  gboolean alone; /* a further link could not be opened */
  GdwHelloAck agreed;

  guint host_calls;   /* save_state under way */
  guint guest_orders; /* hand_over, fence, reclaim under way */
  gboolean reclaimed; /* ordered */
  gboolean sync_stopped, sync_ended;
  gboolean final_done, drained;
  gboolean told_committed;        /* too late for the link, but told */
  GPtrArray *sections;            /* of GdwSection; NULL before they were sent */
  GSource *tick, *grace, *reason; /* timers */
  GError *lost;                   /* why the first of the links ended */

  gint sending;       /* atomic: dirty syncs may be asked for */
  gint64 acked_bytes; /* atomic */
  GdwMeter *meter;
  Phase watched_phase; /* and bytes acknowledged: did anything move since? */
  gint64 watched_bytes, watched_us;

  /* For query-migrate. */
  gint64 begin_us, active_us, end_us, round_us;
  gint64 step_us; /* begin of the present step of the blackout */
  gint64 pause_begin_us;
  guint64 rounds, dirty_rate, expected_us, downtime_us;
  guint64 normal_pages, zero_pages, total_pages;
  GdwInfo blackout; /* its *_us */
  GArray *round_list;
  GArray *link_list;
  GArray *vcpu_rates; /* of guint64, pages/s; or NULL */
  GPtrArray *warnings;
};

/* source.c */
void gdw_source_fail (GdwSource *source, GError *error); /* takes it */
/* For x-warnings. */
void gdw_source_warn (GdwSource *source, const char *format, ...) G_GNUC_PRINTF (2, 3);
void gdw_source_proceed (GdwSource *source); /* tidying up: do what can be done now */
/* The guest is ours: take it back and tidy up. */
void gdw_source_end (GdwSource *source);
/* The guest is the destination's: tidy up. */
void gdw_source_leave (GdwSource *source);
void gdw_source_finish_links (GdwSource *source);
void gdw_source_stop_links (GdwSource *source);

/* source-loss.c */
/* A link has ended: go on over the others, or fail, at once or when no other says why. */
void gdw_source_lose_link (GdwSource *source, guint index, const GError *error);
/* A further link could not be opened: may one do, and then: one does. */
gboolean gdw_source_may_fall_back (guint index, const GError *error);
void gdw_source_fall_back (GdwSource *source, guint index, const GError *error);
/* After that: once the others have closed. */
void gdw_source_go_on_alone (GdwSource *source);
/* TRUE if all were silent for so long, which is a failure; a single one is given up. */
gboolean gdw_source_check_links (GdwSource *source, gint64 limit_us);
gboolean gdw_source_on_link_drained (GdwSource *source, const GdwFrame *frame,
                                     const guint8 *meta, GError **error);
guint gdw_source_open_links (const GdwSource *source);
/* Bring link_list up to date, while the channels are there. */
void gdw_source_count_links (GdwSource *source);

/* source-links.c: the channels' and the round's callbacks. */
extern const GdwChannelOps gdw_source_channel_ops;
void gdw_source_add_channel (GdwSource *source);
/* There is no other link to wait for. */
void gdw_source_all_joined (GdwSource *source);
/* On the main link; takes @meta. */
void gdw_source_say (GdwSource *source, GdwFrameType type, GByteArray *meta);
void gdw_source_kick (GdwSource *source);
void gdw_source_round_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data);

/* source-switchover.c: from the decision to the outcome. */
/* After each harvest: what is dirty and not harvested would not count.  @asked: by the round,
 * or for the operator. */
void gdw_source_consider (GdwSource *source, gboolean asked);
void gdw_source_maybe_prepare (GdwSource *source);
/* All sections, if they are known yet. */
void gdw_source_send_state (GdwSource *source);
void gdw_source_on_prepared (GdwSource *source);
void gdw_source_on_committed (GdwSource *source, guint64 resume_us);
void gdw_source_commit_lost (GdwSource *source);
/* One-way: PREPARE, or COMMIT, and all before it is durable. */
void gdw_source_on_settled (GdwSource *source);
