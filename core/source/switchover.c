/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* From the decision to pause to the outcome, and what query-migrate tells. */
#include "core/source/private.h"

#include "core/source/converge.h"

/* What a switchover costs besides the pages, until one was measured: pause,
 * state of a small VM; and the messages PREPARE to COMMITTED. */
#define FIXED_US 2000
#define FIXED_ROUND_TRIPS 2
/* A destination that died at once refuses at once: the answer is not to be had. */
#define QUERY_WINDOW_MS 5000

/* The time since the step before, in the blackout. */
static guint64
step_time (GdwSource *source)
{
  gint64 now = g_get_monotonic_time (), us = now - source->step_us;

  source->step_us = now;
  return us;
}

static void on_paused (const GError *error, gpointer data);

void
gdw_source_consider (GdwSource *source, gboolean asked)
{
  const GdwParameters *parameters = source->attempt.parameters;
  GdwConvergeInput in = { .limit_us = parameters->downtime_limit * 1000 };
  guint64 dirty, under_way;
  GdwConvergeDecision decision;

  gdw_round_left (source->round, &dirty, &under_way);
  in.dirty_bytes = dirty * GDW_PAGE_SIZE;
  in.under_way_bytes = under_way * GDW_PAGE_SIZE;
  in.bandwidth = parameters->avail_switchover_bandwidth
                     ? parameters->avail_switchover_bandwidth
                     : gdw_meter_rate (source->meter, g_get_monotonic_time ());
  in.fixed_us = FIXED_US +
                FIXED_ROUND_TRIPS * gdw_channel_rtt_us (source->channels[source->main_link]);
  decision = gdw_converge (&in);
  source->expected_us = decision.expected_us;
  /* In the first round waiting always pays: what was never sent goes while the guest runs. */
  if (!decision.switch_over || (source->rounds == 1 && !asked))
    return;
  source->phase = PAUSING;
  g_atomic_int_set (&source->sending, FALSE);
  source->pause_begin_us = source->step_us = g_get_monotonic_time ();
  source->guest_orders++;
  gdw_dirty_sync_rest (source->sync);
  gdw_guest_hand_over (source->attempt.guest, source->cancellable, on_paused, source);
}

static void on_saved (GdwAnswer *answer, gpointer data);

static void
save (GdwSource *source)
{
  const GdwHost *host = gdw_guest_host (source->attempt.guest);

  source->phase = SAVING;
  source->step_us = g_get_monotonic_time ();
  source->attempt.ops->status (GDW_STATUS_DEVICE, source->attempt.data);
  source->attempt.ops->round (++source->rounds, source->attempt.data);
  /* Nothing is worth saving bandwidth for while the guest stands still. */
  gdw_rate_open (source->rate, TRUE);
  gdw_source_kick (source);
  source->host_calls++;
  host->save_state (host->vm, gdw_answer_new (source->attempt.context, on_saved, source),
                    source->cancellable);
}

static void
on_paused (const GError *error, gpointer data)
{
  GdwSource *source = data;

  source->guest_orders--;
  if (source->phase != PAUSING) {
    gdw_source_proceed (source);
    return;
  }
  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  source->blackout.pause_us = step_time (source);
  if (!source->attempt.capabilities.pause_before_switchover) {
    save (source);
    return;
  }
  source->phase = HOLDING;
  source->attempt.ops->status (GDW_STATUS_PRE_SWITCHOVER, source->attempt.data);
}

gboolean
gdw_source_continue (GdwSource *source, GError **error)
{
  if (source->phase != HOLDING) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "source: the migration cannot continue: it is not held before the switchover; "
                 "look at query-migrate");
    return FALSE;
  }
  save (source);
  return TRUE;
}

static void
send_section (GdwSource *source, const GdwSection *section)
{
  gsize total, at = 0;
  const guint8 *data = g_bytes_get_data (section->data, &total);

  do {
    GByteArray *meta = g_byte_array_new ();
    GdwStateChunk chunk = { .name = (char *) section->name,
                            .version = section->version,
                            .total = total,
                            .offset = at,
                            .data = data + at,
                            .size = MIN (total - at, GDW_STATE_CHUNK_MAX) };

    gdw_state_encode (&chunk, meta);
    gdw_source_say (source, GDW_FRAME_STATE, meta);
    at += chunk.size;
  } while (at < total);
}

void
gdw_source_send_state (GdwSource *source)
{
  for (guint i = 0; source->sections && i < source->sections->len; i++)
    send_section (source, source->sections->pdata[i]);
}

static void
on_saved (GdwAnswer *answer, gpointer data)
{
  GdwSource *source = data;

  source->host_calls--;
  if (source->phase != SAVING) {
    gdw_source_proceed (source);
    return;
  }
  if (answer->error) {
    gdw_source_fail (source, g_error_copy (answer->error));
    return;
  }
  source->sections = g_ptr_array_ref (answer->sections);
  gdw_source_send_state (source);
  source->blackout.state_us = step_time (source);
  source->phase = DRAINING;
  gdw_dirty_sync_final (source->sync);
}

void
gdw_source_maybe_prepare (GdwSource *source)
{
  g_autofree GdwPrepare *prepare = NULL;
  GByteArray *meta;

  if (source->phase != DRAINING || !source->final_done || !source->drained ||
      source->n_unconfirmed)
    return;
  source->blackout.pages_us += step_time (source);
  source->phase = PREPARING;
  prepare = g_new0 (GdwPrepare, 1);
  prepare->running = gdw_guest_was_running (source->attempt.guest);
  prepare->n_sections = source->sections->len;
  prepare->n_links = source->n_links;
  for (guint i = 0; i < source->n_links; i++)
    prepare->last_seq[i] = gdw_channel_last_mem (source->channels[i]);
  meta = g_byte_array_new ();
  gdw_prepare_encode (prepare, meta);
  if (source->one_way)
    gdw_channel_settle (source->channels[0], GDW_FRAME_PREPARE, meta);
  else
    gdw_source_say (source, GDW_FRAME_PREPARE, meta);
}

static void
on_fenced (const GError *error, gpointer data)
{
  GdwSource *source = data;
  GByteArray *meta;

  source->guest_orders--;
  if (source->phase != FENCING) {
    gdw_source_proceed (source);
    return;
  }
  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  source->phase = COMMITTING;
  meta = g_byte_array_new ();
  gdw_id_encode (source->id, meta);
  if (source->one_way)
    gdw_channel_settle (source->channels[0], GDW_FRAME_COMMIT, meta);
  else
    gdw_channel_send_commit (source->channels[source->main_link], meta);
}

void
gdw_source_on_prepared (GdwSource *source)
{
  source->phase = FENCING;
  source->guest_orders++;
  gdw_guest_fence (source->attempt.guest, source->cancellable, on_fenced, source);
}

void
gdw_source_on_committed (GdwSource *source, guint64 resume_us)
{
  GByteArray *meta = g_byte_array_new ();
  guint64 us = step_time (source);

  source->blackout.resume_us = MIN (resume_us, us);
  source->blackout.handover_us = us - source->blackout.resume_us;
  source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
  gdw_id_encode (source->id, meta);
  gdw_source_say (source, GDW_FRAME_CONFIRM, meta);
  gdw_source_leave (source);
}

/* The guest is in the file, or in the pipe. */
static void
leave_one_way (GdwSource *source)
{
  source->blackout.handover_us = step_time (source);
  source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
  if (!gdw_stack_keeps (source->stack))
    gdw_source_warn (source,
                     "transport '%s': nobody has confirmed that the guest arrived; look "
                     "there before this VM is given up",
                     source->transport_name);
  gdw_source_leave (source);
}

void
gdw_source_on_settled (GdwSource *source)
{
  if (source->phase == PREPARING)
    gdw_source_on_prepared (source);
  else if (source->phase == COMMITTING)
    leave_one_way (source);
}

/* The error keeps the root cause and says what the operator must do. */
static void
fall_in_doubt (GdwSource *source, const char *why)
{
  source->phase = IN_DOUBT;
  source->outcome = GDW_OUTCOME_UNKNOWN;
  gdw_guest_in_doubt (source->attempt.guest);
  g_prefix_error (&source->error,
                  "source: the outcome is unknown: COMMIT was sent and the destination cannot "
                  "be asked (%s); find out where the guest runs, then x-migrate-resolve; the "
                  "cause: ",
                  why);
  gdw_source_proceed (source);
}

static void
on_answer (const GdwOutcomeMsg *answer, const GError *error, gpointer data)
{
  GdwSource *source = data;

  if (source->told_committed || (answer && answer->answer == GDW_ANSWER_COMMITTED)) {
    source->blackout.resume_us = answer ? answer->resume_us : 0;
    source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
    gdw_source_leave (source);
  } else if (answer && answer->answer == GDW_ANSWER_ABORTED) {
    gdw_source_end (source);
  } else {
    fall_in_doubt (source, answer ? "it does not know this migration" : error->message);
  }
}

/* Without its name a file is nothing; what went into a pipe may have been read. */
static void
lose_one_way (GdwSource *source)
{
  gboolean doubt = g_error_matches (source->error, GDW_ERROR, GDW_ERROR_IN_DOUBT);

  if (gdw_channel_published (source->channels[0]))
    leave_one_way (source);
  else if (doubt || !gdw_stack_keeps (source->stack))
    fall_in_doubt (source, "what was written is not answered");
  else
    gdw_source_end (source);
}

/* All links have ended. */
void
gdw_source_commit_lost (GdwSource *source)
{
  gboolean begun = gdw_channel_commit_begun (source->channels[source->main_link]);

  if (source->one_way && begun) {
    lose_one_way (source);
    return;
  }
  if (!begun) {
    gdw_source_end (source);
    return;
  }
  source->phase = ASKING;
  source->query = gdw_query_new (source->stack, source->attempt.threads, source->id,
                                 source->token, QUERY_WINDOW_MS, source->attempt.context,
                                 on_answer, source);
}

static void
sum_up (GdwSource *source, GdwInfo *info)
{
  gdw_source_count_links (source);
  info->normal_pages = source->normal_pages;
  info->zero_pages = source->zero_pages;
  for (guint i = 0; i < source->link_list->len; i++)
    info->transferred_bytes += g_array_index (source->link_list, GdwLinkInfo, i).bytes;
  if (!source->round)
    return;
  gdw_round_counts (source->round, &info->normal_pages, &info->zero_pages);
  info->remaining_bytes = gdw_round_dirty_pages (source->round) * GDW_PAGE_SIZE;
}

void
gdw_source_info (GdwSource *source, GdwInfo *info)
{
  gint64 end_us = source->end_us ? source->end_us : g_get_monotonic_time ();

  *info = source->blackout;
  info->outcome = source->outcome;
  info->error_desc = source->error ? source->error->message : NULL;
  info->tracker = source->tracker_name;
  info->transport = source->transport_name;
  info->n_links = gdw_source_open_links (source);
  info->total_time_ms = (end_us - source->begin_us) / 1000;
  info->setup_time_ms = source->active_us ? (source->active_us - source->begin_us) / 1000 : 0;
  info->downtime_ms = source->downtime_us / 1000;
  info->expected_downtime_us = source->expected_us == G_MAXUINT64 ? 0 : source->expected_us;
  info->total_bytes = source->total_pages * GDW_PAGE_SIZE;
  info->dirty_rate = source->dirty_rate;
  info->bandwidth = gdw_meter_rate (source->meter, end_us);
  info->rounds = source->rounds;
  info->round_list = source->round_list;
  info->link_list = source->link_list;
  info->vcpu_rates = source->vcpu_rates;
  info->warnings = source->warnings;
  sum_up (source, info);
}
