/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/channel.h"
#include "core/handover/outcome-query.h"
#include "core/memory/dirty-sync.h"
#include "core/link/meter.h"
#include "core/base/invoke.h"
#include "core/source/phase.h"
#include "core/source/source.h"

/* A link is open, lost (and the destination was told), or drained by the destination. */
typedef enum { LINK_OPEN, LINK_LOST, LINK_DRAINED } LinkState;

struct GdwSource {
  GdwAttempt attempt;
  GdwSourcePhase phase; /* written by gdw_source_enter alone */
  GdwStatus status;     /* shown */
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
  char *machine; /* the digest of the host's machine, or "" */

  GdwChannelConfig channel_config;
  GdwChannel *channels[GDW_LINKS_MAX];
  GdwBatch *batches[GDW_LINKS_MAX]; /* each belongs to its writer thread */
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
  gboolean final_ordered, final_done;
  gboolean state_said; /* it is on its way, or PREPARE follows it */
  guint n_returns;     /* how often the guest was given back */
  guint64 max_downtime_ms;
  gboolean told_committed;        /* COMMITTED came while the links ended */
  GdwOutcome late;                /* what was answered in doubt; NONE: nothing yet */
  GPtrArray *sections;            /* of GdwSection; NULL before they were sent */
  GSource *tick, *grace, *reason; /* timers */
  GSource *overrun;               /* a timer, while x-max-downtime counts */
  GError *lost;                   /* the error of the first link that ended */

  gint sending;       /* atomic: dirty syncs may be asked for */
  gint64 acked_bytes; /* atomic */
  GdwMeter *meter;
  gboolean holds;     /* the links end what they have, so that it is weighed without that */
  guint64 held_round; /* once in this round */
  guint64 sync_us;    /* how long the last dirty sync took */
  GdwSourcePhase watched_phase; /* the last progress that was seen */
  gint64 watched_bytes, watched_us;

  /* For query-migrate. */
  gint64 begin_us, active_us, end_us, round_us;
  gint64 step_us; /* start of the present step of the blackout */
  gint64 pause_begin_us;
  guint64 rounds, dirty_rate, expected_us, downtime_us;
  guint64 normal_pages, zero_pages, total_pages;
  GdwInfo blackout; /* its *_us */
  GArray *round_list;
  GArray *link_list;
  GArray *vcpu_rates; /* of guint64, pages/s; or NULL */
  GPtrArray *warnings;
};

/* links.c */
/* Adds a text to x-warnings. */
void gdw_source_warn (GdwSource *source, const char *format, ...) G_GNUC_PRINTF (2, 3);
guint gdw_source_open_links (const GdwSource *source);
/* Brings link_list up to date while the channels exist. */
void gdw_source_count_links (GdwSource *source);
/* Sends a frame on the main link; takes @meta. */
void gdw_source_say (GdwSource *source, GdwFrameType type, GByteArray *meta);
/* Tells the cause on every link, so that the first message to arrive names the root cause. */
void gdw_source_say_why (GdwSource *source);
void gdw_source_kick (GdwSource *source);
/* Ends each link once it has written what is queued.  The first link goes on connecting: a
 * destination that it reaches yet is told. */
void gdw_source_finish_links (GdwSource *source);
void gdw_source_stop_links (GdwSource *source);

/* outcome.c */
/* Makes the move and shows the status of the phase.  If the table has no such move, it fails
 * the attempt and returns FALSE, and the caller must go no further. */
gboolean gdw_source_enter (GdwSource *source, GdwSourcePhase phase);
void gdw_source_fail (GdwSource *source, GError *error); /* takes it */
/* Tells the cause on every link that is connected and ends them all soon. */
void gdw_source_say_farewell (GdwSource *source);
/* Tidies up: the destination has the guest. */
void gdw_source_leave (GdwSource *source);
/* Tidies up: the guest is in the file or in the pipe. */
void gdw_source_leave_one_way (GdwSource *source);
/* Takes every step of the tidying up that is possible now. */
void gdw_source_proceed (GdwSource *source);
void gdw_source_free_workers (GdwSource *source);
/* Returns the time since the last step of the blackout. */
guint64 gdw_source_step_time (GdwSource *source);

/* switchover.c */
/* Call it after each dirty sync: before that some dirty pages are unknown.  @asked: the round
 * or the operator asked for the dirty sync. */
void gdw_source_consider (GdwSource *source, gboolean asked);
void gdw_source_maybe_prepare (GdwSource *source);
/* In RETURNING: gives the guest back if nothing of the switchover is under way any more. */
void gdw_source_maybe_return (GdwSource *source);
/* Sends all sections, if they are known yet. */
void gdw_source_send_state (GdwSource *source);
void gdw_source_on_prepared (GdwSource *source);
void gdw_source_on_committed (GdwSource *source, guint64 resume_us);
/* One-way: PREPARE or COMMIT is durable, and everything before it. */
void gdw_source_on_settled (GdwSource *source);

/* memory.c */
gboolean gdw_source_fill (GdwChannel *channel, GdwMemOut *out, gpointer data, GError **error);
void gdw_source_acked (GdwChannel *channel, const GdwSent *sent, gpointer data);
gboolean gdw_source_nak (GdwChannel *channel, const GdwNak *damaged, guint32 number,
                         gpointer data, GError **error);
/* Starts the dirty sync: there is no other link to wait for. */
void gdw_source_all_joined (GdwSource *source);
void gdw_source_round_event (GdwRoundEvent event, const GdwRoundTotals *totals, gpointer data);

/* loss.c */
/* A link has ended: goes on over the others, or fails, at once or when no other link tells the
 * cause. */
void gdw_source_lose_link (GdwSource *source, guint index, const GError *error);
/* A further link could not be opened.  May the migration use one link alone? */
gboolean gdw_source_may_fall_back (guint index, const GError *error);
/* Uses one link alone. */
void gdw_source_fall_back (GdwSource *source, guint index, const GError *error);
/* Goes on once the other links have closed. */
void gdw_source_go_on_alone (GdwSource *source);
/* Gives up a link that was silent for @limit_us.  TRUE: all were, or one was while linking, and
 * the attempt has failed. */
gboolean gdw_source_check_links (GdwSource *source, gint64 limit_us);
gboolean gdw_source_on_link_drained (GdwSource *source, const GdwFrame *frame,
                                     const guint8 *meta, GError **error);

/* frames.c */
extern const GdwChannelOps gdw_source_channel_ops;
void gdw_source_add_channel (GdwSource *source);
