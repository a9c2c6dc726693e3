/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Changes of the phase, ends of an attempt, and the tidying up.  No other file changes the
 * phase. */
#include "core/source/private.h"

/* How long a farewell (ERROR, ABORT, CONFIRM) may take to reach the peer. */
#define GRACE_MS 200
#define FAREWELL_MS 5000
/* How long to ask before the attempt fails.  A destination that died refuses at once and never
 * answers. */
#define QUERY_WINDOW_MS 5000

gboolean
gdw_source_enter (GdwSource *source, GdwSourcePhase phase)
{
  /* What has failed stays failed, even if the guest turns out to have moved. */
  gboolean moved = source->outcome == GDW_OUTCOME_DESTINATION &&
                   source->status != GDW_STATUS_FAILED;
  GdwStatus status = gdw_phase_status (&gdw_source_phases[phase], source->cancelled, moved);
  GError *error = NULL;

  if (!gdw_phase_check_move (gdw_source_phases, "source", source->phase, phase, &error)) {
    gdw_source_warn (source, "%s", error->message);
    gdw_source_fail (source, error);
    return FALSE;
  }
  source->phase = phase;
  if (status != GDW_STATUS_NONE && status != source->status)
    source->attempt.ops->status (source->status = status, source->attempt.data);
  return TRUE;
}

static void
on_reclaimed (const GError *error, gpointer data)
{
  GdwSource *source = data;

  source->guest_orders--;
  if (error)
    g_prefix_error (&source->error, "%s; before that: ", error->message);
  gdw_source_proceed (source);
}

static void
stop_asking (GdwSource *source)
{
  g_clear_pointer (&source->query, gdw_query_free);
  g_clear_pointer (&source->stack, gdw_stack_close);
}

/* All but the question, which may go on. */
static void
free_workers (GdwSource *source)
{
  gdw_timer_clear (&source->tick);
  gdw_timer_clear (&source->grace);
  gdw_timer_clear (&source->reason);
  gdw_timer_clear (&source->overrun);
  g_clear_error (&source->lost);
  gdw_source_count_links (source);
  for (guint i = 0; i < source->n_created; i++) {
    gdw_channel_free (source->channels[i]);
    g_free (source->batches[i]);
  }
  source->n_created = 0;
  g_clear_pointer (&source->sync, gdw_dirty_sync_free);
  if (source->round)
    gdw_round_counts (source->round, &source->normal_pages, &source->zero_pages);
  g_clear_pointer (&source->round, gdw_round_free);
  g_clear_pointer (&source->rate, gdw_rate_free);
  g_clear_pointer (&source->tracking, gdw_tracking_close);
  g_clear_pointer (&source->marks, gdw_pageset_free);
  g_clear_pointer (&source->sections, g_ptr_array_unref);
  g_clear_pointer (&source->regions, gdw_regions_free);
}

void
gdw_source_free_workers (GdwSource *source)
{
  free_workers (source);
  stop_asking (source);
}

void
gdw_source_resolved (GdwSource *source, GdwOutcome outcome)
{
  if (source->phase != GDW_SOURCE_UNRESOLVED)
    return;
  stop_asking (source);
  source->outcome = outcome;
  gdw_source_enter (source, GDW_SOURCE_OVER);
}

/* Tells what was answered, once the attempt is over. */
static void
tell_late_answer (GdwSource *source)
{
  if (source->phase != GDW_SOURCE_UNRESOLVED || source->late == GDW_OUTCOME_NONE)
    return;
  gdw_source_resolved (source, source->late);
  source->attempt.ops->resolved (source->outcome, source->attempt.data);
}

static void
finish (GdwSource *source)
{
  gboolean in_doubt = source->phase == GDW_SOURCE_IN_DOUBT;

  source->end_us = g_get_monotonic_time ();
  source->attempt.ops->detach (source->attempt.data);
  free_workers (source);
  if (!in_doubt || !source->query)
    stop_asking (source);
  if (!gdw_source_enter (source, in_doubt ? GDW_SOURCE_UNRESOLVED : GDW_SOURCE_OVER))
    return;
  source->attempt.ops->over (source->attempt.data);
  tell_late_answer (source);
}

static gboolean
on_grace_over (gpointer data)
{
  GdwSource *source = data;

  gdw_timer_clear (&source->grace);
  gdw_source_stop_links (source);
  return G_SOURCE_REMOVE;
}

void
gdw_source_say_farewell (GdwSource *source)
{
  gdw_source_say_why (source);
  gdw_source_finish_links (source);
  gdw_timer_set (&source->grace, source->attempt.context, GRACE_MS, on_grace_over, source);
}

/* The guest is ours: reclaim it and tidy up. */
static void
end (GdwSource *source)
{
  if (!gdw_source_enter (source, GDW_SOURCE_ENDING))
    return;
  g_atomic_int_set (&source->sending, FALSE);
  source->outcome = GDW_OUTCOME_SOURCE;
  gdw_ring_gate_open (gdw_guest_ring_gate (source->attempt.guest));
  g_cancellable_cancel (source->cancellable);
  gdw_source_say_farewell (source);
  gdw_source_proceed (source);
}

void
gdw_source_fail (GdwSource *source, GError *error)
{
  if (!gdw_source_phase_links_are_in_use (source->phase)) {
    g_error_free (error);
    return;
  }
  gdw_timer_clear (&source->reason);
  if (source->error)
    g_error_free (error); /* the first is the root cause */
  else
    source->error = error;
  if (gdw_source_phase_is_before_commit (source->phase)) {
    end (source);
  } else if (gdw_source_enter (source, GDW_SOURCE_COMMIT_LOST)) {
    gdw_source_stop_links (source);
    gdw_source_proceed (source);
  }
}

guint64
gdw_source_step_time (GdwSource *source)
{
  gint64 now = g_get_monotonic_time (), us = now - source->step_us;

  source->step_us = now;
  return us;
}

void
gdw_source_leave (GdwSource *source)
{
  if (!gdw_source_enter (source, GDW_SOURCE_LEAVING))
    return;
  source->outcome = GDW_OUTCOME_DESTINATION;
  g_clear_error (&source->error);
  gdw_guest_gone (source->attempt.guest);
  gdw_source_finish_links (source);
  gdw_timer_set (&source->grace, source->attempt.context, FAREWELL_MS, on_grace_over, source);
  gdw_source_proceed (source);
}

void
gdw_source_leave_one_way (GdwSource *source)
{
  const char *remark = gdw_channel_remark (source->channels[0]);

  source->blackout.handover_us = gdw_source_step_time (source);
  source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
  if (remark)
    gdw_source_warn (source, "%s", remark);
  if (!gdw_stack_keeps (source->stack))
    gdw_source_warn (source,
                     "transport '%s': nobody has confirmed that the guest arrived; look "
                     "there before this VM is given up",
                     source->transport_name);
  gdw_source_leave (source);
}

/* The error keeps the root cause and says what the operator may do. */
static void
fall_in_doubt (GdwSource *source, const char *why)
{
  const char *asked = source->query ? "; it is asked on, slower and slower" : "";

  if (!gdw_source_enter (source, GDW_SOURCE_IN_DOUBT))
    return;
  source->outcome = GDW_OUTCOME_UNKNOWN;
  gdw_guest_in_doubt (source->attempt.guest);
  g_prefix_error (&source->error,
                  "source: the outcome is unknown: COMMIT was sent and the destination cannot "
                  "be asked (%s)%s; find out where the guest runs, then x-migrate-resolve; the "
                  "cause: ",
                  why, asked);
  gdw_source_proceed (source);
}

static void
leave_as_told (GdwSource *source, guint64 resume_us)
{
  source->blackout.resume_us = resume_us;
  source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
  gdw_source_leave (source);
}

static void
on_unanswered (const GError *why, gpointer data)
{
  GdwSource *source = data;

  if (source->told_committed)
    leave_as_told (source, 0);
  else
    fall_in_doubt (source, why->message);
}

static void
on_answered (const GdwOutcomeMsg *answer, gpointer data)
{
  GdwSource *source = data;
  gboolean committed = answer->answer == GDW_ANSWER_COMMITTED;

  if (source->phase != GDW_SOURCE_ASKING) {
    source->late = committed ? GDW_OUTCOME_DESTINATION : GDW_OUTCOME_SOURCE;
    tell_late_answer (source);
  } else if (committed || source->told_committed) {
    leave_as_told (source, committed ? answer->resume_us : 0);
  } else {
    end (source);
  }
}

static const GdwQueryOps query_ops = { on_unanswered, on_answered };

/* A file without its final name holds no guest, but bytes in a pipe may have been read. */
static void
lose_one_way (GdwSource *source)
{
  if (gdw_channel_published (source->channels[0]))
    gdw_source_leave_one_way (source);
  else if (gdw_channel_is_in_doubt (source->channels[0]) || !gdw_stack_keeps (source->stack))
    fall_in_doubt (source, "what was written is not answered");
  else
    end (source);
}

/* All links have ended. */
static void
commit_lost (GdwSource *source)
{
  gboolean begun = gdw_channel_commit_begun (source->channels[source->main_link]);

  if (source->one_way && begun) {
    lose_one_way (source);
    return;
  }
  if (!begun) {
    end (source);
    return;
  }
  if (!gdw_source_enter (source, GDW_SOURCE_ASKING))
    return;
  source->query = gdw_query_new (source->stack, source->attempt.threads, source->id,
                                 source->token, QUERY_WINDOW_MS, source->attempt.context,
                                 &query_ops, source);
}

/* The order of the tidying up: the guest runs again, the links end, the dirty log is off. */
void
gdw_source_proceed (GdwSource *source)
{
  if (source->phase != GDW_SOURCE_COMMIT_LOST && !gdw_source_phase_is_tidying (source->phase))
    return;
  if (gdw_source_phase_may_reclaim (source->phase) && !source->host_calls &&
      !source->reclaimed) {
    source->reclaimed = TRUE;
    source->guest_orders++;
    gdw_guest_reclaim (source->attempt.guest, on_reclaimed, source);
  }
  if (source->n_closed < source->n_created)
    return;
  if (source->phase == GDW_SOURCE_COMMIT_LOST) {
    commit_lost (source);
    return;
  }
  if (source->sync && !source->sync_stopped) {
    source->sync_stopped = TRUE;
    gdw_dirty_sync_stop (source->sync);
  }
  if ((!source->sync || source->sync_ended) && !source->host_calls && !source->guest_orders)
    finish (source);
}
