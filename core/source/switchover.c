/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* From the decision to pause to COMMIT. */
#include "core/source/private.h"

#include "core/source/converge.h"

/* How often x-max-downtime gives the guest back. */
#define RETURNS_MAX 3u

/* What a switchover costs besides the pages: pause and state, until they were measured; the
 * rest; and the messages: the last pages, PREPARE and COMMIT with their answers. */
#define STOP_US 1500
#define REST_US 500
#define FIXED_ROUND_TRIPS 3

static void on_paused (const GError *error, gpointer data);

/* Returns the fixed cost without the messages. */
static guint64
stop_us (const GdwSource *source, guint64 bandwidth)
{
  const GdwSwitchCost *cost = source->attempt.cost;
  guint64 us = REST_US + source->sync_us;

  if (!cost->state_bytes)
    return us + STOP_US;
  if (bandwidth)
    us += cost->state_bytes * G_USEC_PER_SEC / bandwidth;
  return us + cost->pause_us + cost->save_us;
}

/* Returns the input of the decision from the numbers of now. */
static GdwConvergeInput
weigh (GdwSource *source)
{
  const GdwParameters *parameters = source->attempt.parameters;
  GdwMeterReading links = gdw_meter_read (source->meter, g_get_monotonic_time ());
  GdwConvergeInput in = { .under_way_bytes = links.bytes,
                          .bandwidth = links.rate,
                          .slowest_us = links.slowest_us,
                          .limit_us = parameters->downtime_limit * 1000 };
  guint64 dirty, under_way;

  gdw_round_left (source->round, &dirty, &under_way);
  under_way *= GDW_PAGE_SIZE;
  in.dirty_bytes = dirty * GDW_PAGE_SIZE + under_way - MIN (links.memory_bytes, under_way);
  if (parameters->avail_switchover_bandwidth) {
    in.bandwidth = parameters->avail_switchover_bandwidth;
    in.slowest_us = 0;
  }
  in.fixed_us = stop_us (source, in.bandwidth) +
                FIXED_ROUND_TRIPS * gdw_channel_rtt_us (source->channels[source->main_link]);
  return in;
}

/* A page that is under way and dirty counts twice, and the way there and back is measured best
 * on links that are empty.  When only that is too much, the links end what they have, once a
 * round, and it is weighed again. */
static gboolean
should_hold (GdwSource *source, GdwConvergeInput in)
{
  if (in.under_way_bytes == 0 || (!source->holds && source->held_round == source->rounds))
    return FALSE;
  in.under_way_bytes = in.slowest_us = 0;
  in.fixed_us = stop_us (source, in.bandwidth);
  return gdw_converge (&in).switch_over;
}

void
gdw_source_consider (GdwSource *source, gboolean asked)
{
  GdwConvergeInput in = weigh (source);
  GdwConvergeDecision decision = gdw_converge (&in);
  gboolean early = source->rounds == 1 && !asked && !source->holds;

  source->expected_us = decision.expected_us;
  /* Waiting always pays in the first round: pages never sent travel while the guest runs. */
  source->holds = !early && !decision.switch_over && should_hold (source, in);
  if (source->holds)
    source->held_round = source->rounds;
  if (decision.switch_over && !early && gdw_source_enter (source, GDW_SOURCE_PAUSING)) {
    g_atomic_int_set (&source->sending, FALSE);
    source->pause_begin_us = source->step_us = g_get_monotonic_time ();
    source->guest_orders++;
    gdw_dirty_sync_rest (source->sync);
    gdw_guest_hand_over (source->attempt.guest, source->cancellable, on_paused, source);
  }
  /* Pages sent before the guest is paused and all its writes are known would go twice. */
  gdw_round_go_on (source->round, source->holds || source->phase == GDW_SOURCE_PAUSING);
}

static void
on_returned (const GError *error, gpointer data)
{
  GdwSource *source = data;

  source->guest_orders--;
  if (source->phase != GDW_SOURCE_RETURNING) {
    gdw_source_proceed (source);
    return;
  }
  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  if (!gdw_source_enter (source, GDW_SOURCE_SENDING))
    return;
  g_atomic_int_set (&source->sending, TRUE);
  gdw_dirty_sync_request (source->sync);
}

/* Before the guest runs again the round is open: what is damaged from now on may have been
 * written on its way. */
void
gdw_source_maybe_return (GdwSource *source)
{
  if (source->phase != GDW_SOURCE_RETURNING || source->host_calls || source->guest_orders ||
      source->final_ordered != source->final_done)
    return;
  source->final_ordered = source->final_done = FALSE;
  source->blackout = (GdwInfo){ 0 };
  g_clear_pointer (&source->sections, g_ptr_array_unref);
  g_object_unref (source->cancellable);
  source->cancellable = g_cancellable_new ();
  gdw_rate_open (source->rate, FALSE);
  gdw_round_reopen (source->round);
  gdw_dirty_sync_go_on (source->sync);
  source->guest_orders++;
  gdw_guest_reclaim (source->attempt.guest, on_returned, source);
}

static void
give_back (GdwSource *source, guint64 limit_ms)
{
  if (!gdw_source_enter (source, GDW_SOURCE_RETURNING))
    return;
  gdw_source_warn (
      source,
      "source: the guest was paused for longer than x-max-downtime (%" G_GUINT64_FORMAT
      " ms): it runs on, and so does precopy (%u of %u)",
      limit_ms, ++source->n_returns, RETURNS_MAX);
  g_cancellable_cancel (source->cancellable);
  gdw_source_maybe_return (source);
}

/* Nothing of the state has been said before PREPARE, so the destination need not know. */
static gboolean
on_overrun (gpointer data)
{
  GdwSource *source = data;
  guint64 limit_ms = source->max_downtime_ms;
  gboolean may_return = source->phase == GDW_SOURCE_SAVING ||
                        (source->phase == GDW_SOURCE_DRAINING && !source->state_said);

  gdw_timer_clear (&source->overrun);
  if (may_return && source->n_returns < RETURNS_MAX) {
    give_back (source, limit_ms);
    return G_SOURCE_REMOVE;
  }
  /* Once its trailer is being written a stream of one way has nobody to ask. */
  if (source->one_way && source->phase == GDW_SOURCE_COMMITTING)
    return G_SOURCE_REMOVE;
  gdw_source_fail (
      source,
      g_error_new (
          GDW_ERROR, GDW_ERROR_TIMEOUT,
          "source: the guest was paused for longer than x-max-downtime (%" G_GUINT64_FORMAT
          " ms), %s; raise it, or give the migration more bandwidth",
          limit_ms,
          may_return ? "and was given back three times before" : "and PREPARE was sent"));
  return G_SOURCE_REMOVE;
}

static void on_saved (GdwAnswer *answer, gpointer data);

static void
save (GdwSource *source)
{
  const GdwHost *host = gdw_guest_host (source->attempt.guest);

  if (!gdw_source_enter (source, GDW_SOURCE_SAVING))
    return;
  source->max_downtime_ms = source->attempt.parameters->x_max_downtime;
  if (source->max_downtime_ms)
    gdw_timer_set (&source->overrun, source->attempt.context, (guint) source->max_downtime_ms,
                   on_overrun, source);
  source->step_us = g_get_monotonic_time ();
  source->attempt.ops->round (++source->rounds, source->attempt.data);
  /* Lift the limit: while the guest is paused every byte held back is downtime. */
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
  if (source->phase != GDW_SOURCE_PAUSING) {
    gdw_source_proceed (source);
    return;
  }
  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  source->blackout.pause_us = source->attempt.cost->pause_us = gdw_source_step_time (source);
  gdw_dirty_sync_paused (source->sync);
  if (source->attempt.capabilities.pause_before_switchover)
    gdw_source_enter (source, GDW_SOURCE_HOLDING);
  else
    save (source);
}

gboolean
gdw_source_continue (GdwSource *source, GError **error)
{
  if (source->phase != GDW_SOURCE_HOLDING) {
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

static guint64
count_bytes (const GPtrArray *sections)
{
  guint64 bytes = 0;

  for (guint i = 0; i < sections->len; i++)
    bytes += g_bytes_get_size (((const GdwSection *) sections->pdata[i])->data);
  return bytes;
}

void
gdw_source_send_state (GdwSource *source)
{
  for (guint i = 0; source->sections && i < source->sections->len; i++)
    send_section (source, source->sections->pdata[i]);
  source->state_said = source->sections != NULL;
}

static void
on_saved (GdwAnswer *answer, gpointer data)
{
  GdwSource *source = data;

  source->host_calls--;
  if (source->phase != GDW_SOURCE_SAVING) {
    gdw_source_maybe_return (source);
    gdw_source_proceed (source);
    return;
  }
  if (answer->error) {
    gdw_source_fail (source, g_error_copy (answer->error));
    return;
  }
  source->sections = g_ptr_array_ref (answer->sections);
  /* Until PREPARE the guest may be given back, and this state void. */
  if (!source->overrun)
    gdw_source_send_state (source);
  source->attempt.cost->state_bytes = count_bytes (source->sections);
  source->blackout.state_us = source->attempt.cost->save_us = gdw_source_step_time (source);
  if (!gdw_source_enter (source, GDW_SOURCE_DRAINING))
    return;
  source->final_ordered = TRUE;
  gdw_dirty_sync_final (source->sync);
}

void
gdw_source_maybe_prepare (GdwSource *source)
{
  g_autofree GdwPrepare *prepare = NULL;
  GByteArray *meta;

  if (source->phase != GDW_SOURCE_DRAINING || !source->final_done ||
      !gdw_round_is_drained (source->round) || source->n_unconfirmed)
    return;
  source->blackout.pages_us += gdw_source_step_time (source);
  if (!source->state_said)
    gdw_source_send_state (source);
  if (!gdw_source_enter (source, GDW_SOURCE_PREPARING))
    return;
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
  if (source->phase != GDW_SOURCE_FENCING) {
    gdw_source_proceed (source);
    return;
  }
  if (error) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  if (!gdw_source_enter (source, GDW_SOURCE_COMMITTING))
    return;
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
  if (!gdw_source_enter (source, GDW_SOURCE_FENCING))
    return;
  source->guest_orders++;
  gdw_guest_fence (source->attempt.guest, source->cancellable, on_fenced, source);
}

void
gdw_source_on_committed (GdwSource *source, guint64 resume_us)
{
  GByteArray *meta = g_byte_array_new ();
  guint64 us = gdw_source_step_time (source);

  source->blackout.resume_us = MIN (resume_us, us);
  source->blackout.handover_us = us - source->blackout.resume_us;
  source->downtime_us = g_get_monotonic_time () - source->pause_begin_us;
  gdw_id_encode (source->id, meta);
  gdw_source_say (source, GDW_FRAME_CONFIRM, meta);
  gdw_source_leave (source);
}

void
gdw_source_on_settled (GdwSource *source)
{
  if (source->phase == GDW_SOURCE_PREPARING)
    gdw_source_on_prepared (source);
  else if (source->phase == GDW_SOURCE_COMMITTING)
    gdw_source_leave_one_way (source);
}
