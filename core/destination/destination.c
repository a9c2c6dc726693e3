/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/destination/private.h"

#include <string.h>

/* How long a farewell may take to reach the peer. */
#define GRACE_MS 200

static void
set_status (GdwDestination *destination, GdwStatus status)
{
  destination->attempt.ops->status (status, destination->attempt.data);
}

static gboolean
on_tick (gpointer data)
{
  GdwDestination *destination = data;
  gint64 limit_us = destination->attempt.parameters->x_peer_timeout * (gint64) 1000;

  if (destination->one_way)
    return G_SOURCE_CONTINUE;
  gdw_destination_drop_silent (destination, limit_us);
  if (destination->phase > LISTENING && destination->phase <= PREPARED)
    gdw_destination_check_links (destination, limit_us);
  gdw_destination_check_accepting (destination, limit_us);
  return G_SOURCE_CONTINUE;
}

static void
free_unidentified (gpointer data)
{
  Unidentified *unidentified = data;

  gdw_channel_free (unidentified->channel);
  g_free (unidentified);
}

GdwDestination *
gdw_destination_new (const GdwAttempt *attempt, const char *uri, gboolean trust_zero,
                     GError **error)
{
  GdwDestination *destination = g_new0 (GdwDestination, 1);

  destination->attempt = *attempt;
  destination->refs = 1;
  destination->trust_zero = trust_zero;
  destination->host_cancellable = g_cancellable_new ();
  destination->accept_cancellable = g_cancellable_new ();
  destination->unidentified_links = g_ptr_array_new_with_free_func (free_unidentified);
  destination->sections = g_ptr_array_new_with_free_func (gdw_section_free);
  destination->warnings = g_ptr_array_new_with_free_func (g_free);
  destination->begin_us = g_get_monotonic_time ();
  g_queue_init (&destination->arrivals);
  pthread_mutex_init (&destination->gate, NULL);
  pthread_mutex_init (&destination->arrivals_lock, NULL);
  gdw_cond_init (&destination->arrivals_changed);
  destination->stack = gdw_attempt_open_stack (attempt, uri, error);
  if (!destination->stack ||
      !gdw_stack_listen (destination->stack, destination->accept_cancellable, error)) {
    gdw_destination_free (destination);
    return NULL;
  }
  destination->uri = g_strdup (uri);
  destination->one_way = !(gdw_stack_traits (destination->stack) & GDW_TRANSPORT_TWO_WAY);
  gdw_attempt_warn_of_plugins (attempt, destination->warnings);
  destination->local_address = gdw_stack_local_address (destination->stack);
  destination->transport_name = g_strdup (gdw_stack_transport (destination->stack));
  return destination;
}

static void
find_zero_regions (GdwDestination *destination)
{
  const GdwRegions *regions = destination->regions;

  destination->touched = gdw_pageset_new (regions->pages, regions->n);
  for (guint i = 0; i < regions->n; i++)
    if (!destination->trust_zero || !(regions->list[i].flags & GDW_REGION_ZERO))
      gdw_pageset_add (destination->touched, i, 0, regions->pages[i]);
}

gboolean
gdw_destination_begin (GdwDestination *destination, GError **error)
{
  const GdwHost *host = gdw_guest_host (destination->attempt.guest);
  guint n = 0;
  const GdwRegion *list = host->regions (host->vm, &n);

  if (!(destination->regions = gdw_regions_copy (list, n, error)))
    return FALSE;
  find_zero_regions (destination);
  destination->channel_config = (GdwChannelConfig){
    .ops = &gdw_destination_channel_ops,
    .data = destination,
    .threads = destination->attempt.threads,
    .context = destination->attempt.context,
    .stack = destination->stack,
    .region_pages = destination->regions->pages,
    .n_regions = destination->regions->n,
    .one_way = destination->one_way,
    .heartbeat_ms = CLAMP (destination->attempt.parameters->x_peer_timeout / 4, 10, 1000),
  };
  if (!gdw_destination_accept (destination, error))
    return FALSE;
  gdw_timer_set (&destination->tick, destination->attempt.context,
                 destination->channel_config.heartbeat_ms, on_tick, destination);
  return TRUE;
}

static void
report_failed (GdwDestination *destination)
{
  if (destination->reported)
    return;
  destination->reported = TRUE;
  destination->end_us = g_get_monotonic_time ();
  set_status (destination, GDW_STATUS_FAILED);
}

static void
finish_links (GdwDestination *destination, Role from, Role to)
{
  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (unidentified->role >= from && unidentified->role <= to)
      gdw_channel_finish (unidentified->channel);
  }
}

static gboolean
on_grace_over (gpointer data)
{
  GdwDestination *destination = data;

  gdw_timer_clear (&destination->grace);
  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (destination->closing || unidentified->role == MAIN_LINK ||
        unidentified->role == MEMORY_LINK)
      gdw_channel_stop (unidentified->channel);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
on_linger_over (gpointer data)
{
  GdwDestination *destination = data;

  gdw_destination_close (destination);
  return G_SOURCE_REMOVE;
}

/* On every link: whichever the source hears first names the same cause. */
static void
say_why (GdwDestination *destination)
{
  GdwErrorMsg msg = { .code = GDW_ERROR_PEER,
                      .phase = (char *) "destination",
                      .text = destination->error->message };

  for (guint i = 0; i < GDW_LINKS_MAX; i++) {
    GByteArray *meta;

    if (!destination->links[i])
      continue;
    meta = g_byte_array_new ();
    gdw_error_encode (&msg, meta);
    gdw_channel_send (destination->links[i], GDW_FRAME_ERROR, meta);
  }
}

void
gdw_destination_fail (GdwDestination *destination, GError *error)
{
  if (destination->phase >= RESUMING) {
    g_error_free (error);
    return;
  }
  if (destination->one_way) {
    destination->source_knows = TRUE;
    g_prefix_error (&error,
                    "destination: the guest cannot be restored from '%s': ", destination->uri);
  }
  destination->error = error;
  destination->phase = FAILING;
  gdw_verdict_abort (&destination->verdict, error->message);
  gdw_destination_discard_memory (destination);
  g_cancellable_cancel (destination->host_cancellable);
  say_why (destination);
  finish_links (destination, MAIN_LINK, MEMORY_LINK);
  gdw_timer_set (&destination->grace, destination->attempt.context, GRACE_MS, on_grace_over,
                 destination);
  report_failed (destination);
  /* Once PREPARED was said, COMMIT may be on its way, and the source will ask. */
  if (destination->verdict.prepared && !destination->source_knows)
    gdw_timer_set (&destination->linger, destination->attempt.context,
                   destination->attempt.parameters->x_peer_timeout, on_linger_over,
                   destination);
  else
    gdw_destination_close (destination);
}

void
gdw_destination_close (GdwDestination *destination)
{
  if (destination->closing)
    return;
  destination->closing = TRUE;
  gdw_timer_clear (&destination->linger);
  gdw_destination_end_accepting (destination);
  gdw_destination_let_in (destination);
  finish_links (destination, STRANGER, ASKER);
  if (!destination->grace)
    gdw_timer_set (&destination->grace, destination->attempt.context, GRACE_MS, on_grace_over,
                   destination);
  gdw_destination_proceed (destination);
}

static void
free_workers (GdwDestination *destination)
{
  gdw_timer_clear (&destination->tick);
  gdw_timer_clear (&destination->grace);
  gdw_timer_clear (&destination->linger);
  g_clear_error (&destination->lost);
  gdw_destination_stop_accepting (destination);
  g_ptr_array_set_size (destination->unidentified_links, 0);
  memset (destination->links, 0, sizeof destination->links);
  destination->main_link = destination->state_link = NULL;
  g_clear_pointer (&destination->stack, gdw_stack_close);
  g_clear_pointer (&destination->touched, gdw_pageset_free);
  g_clear_pointer (&destination->regions, gdw_regions_free);
  g_clear_pointer (&destination->local_address, g_free);
}

void
gdw_destination_proceed (GdwDestination *destination)
{
  if (!destination->closing || destination->host_calls || destination->phase == OVER)
    return;
  for (guint i = 0; i < destination->unidentified_links->len; i++)
    if (!((Unidentified *) destination->unidentified_links->pdata[i])->closed)
      return;
  destination->phase = OVER;
  free_workers (destination);
  destination->attempt.ops->over (destination->attempt.data);
}

void
gdw_destination_unref (gpointer data)
{
  GdwDestination *destination = data;

  if (!g_atomic_int_dec_and_test (&destination->refs))
    return;
  g_clear_error (&destination->error);
  gdw_verdict_clear (&destination->verdict);
  g_object_unref (destination->host_cancellable);
  g_object_unref (destination->accept_cancellable);
  g_ptr_array_unref (destination->unidentified_links);
  g_ptr_array_unref (destination->sections);
  g_ptr_array_unref (destination->warnings);
  g_clear_pointer (&destination->incoming.name, g_free);
  g_clear_pointer (&destination->incoming.data, g_byte_array_unref);
  g_free (destination->section_list);
  g_free (destination->id_text);
  g_free (destination->uri);
  g_free (destination->transport_name);
  pthread_mutex_destroy (&destination->gate);
  pthread_cond_destroy (&destination->arrivals_changed);
  pthread_mutex_destroy (&destination->arrivals_lock);
  g_free (destination);
}

gboolean
gdw_destination_free (GdwDestination *destination)
{
  gboolean touched;

  if (!destination)
    return FALSE;
  destination->phase = OVER;
  destination->closing = TRUE;
  g_cancellable_cancel (destination->host_cancellable);
  free_workers (destination);
  touched = destination->received_bytes > 0;
  gdw_destination_unref (destination);
  return touched;
}

gboolean
gdw_destination_is_done (GdwDestination *destination)
{
  return (destination->reported || destination->phase == OVER) && !destination->host_calls;
}

gboolean
gdw_destination_has_begun (GdwDestination *destination)
{
  return destination->regions != NULL || destination->phase == OVER;
}

gboolean
gdw_destination_has_guest (GdwDestination *destination)
{
  return destination->verdict.decision == GDW_COMMITTED;
}

void
gdw_destination_quit (GdwDestination *destination)
{
  if (destination->phase < RESUMING)
    gdw_destination_fail (destination,
                          g_error_new (GDW_ERROR, GDW_ERROR_FAILED,
                                       "destination: the migration has ended: this VMM is "
                                       "closing; migrate to another destination"));
  else if (destination->phase == ARRIVED)
    gdw_destination_close (destination);
}

void
gdw_destination_yank (GdwDestination *destination)
{
  gdw_destination_fail (destination,
                        g_error_new (GDW_ERROR, GDW_ERROR_FAILED,
                                     "destination: the links were cut: the operator said yank; "
                                     "look at the network, then migrate again"));
}

const GError *
gdw_destination_error (GdwDestination *destination)
{
  return destination->error;
}

const char *
gdw_destination_id (GdwDestination *destination)
{
  return destination->id_text;
}

void
gdw_destination_info (GdwDestination *destination, GdwInfo *info)
{
  gint64 end_us = destination->end_us ? destination->end_us : g_get_monotonic_time ();

  *info = (GdwInfo){ .incoming = TRUE };
  info->error_desc = destination->error ? destination->error->message : NULL;
  info->transport = destination->transport_name;
  info->local_address = destination->local_address;
  info->n_links = destination->n_joined - destination->n_dead;
  info->total_time_ms = (end_us - destination->begin_us) / 1000;
  info->resume_us = destination->verdict.resume_us;
  info->transferred_bytes = __atomic_load_n (&destination->received_bytes, __ATOMIC_RELAXED);
  info->normal_pages = __atomic_load_n (&destination->normal_pages, __ATOMIC_RELAXED);
  info->zero_pages = __atomic_load_n (&destination->zero_pages, __ATOMIC_RELAXED);
  info->rounds = destination->rounds;
  info->warnings = destination->warnings;
  if (destination->verdict.decision == GDW_COMMITTED)
    info->outcome = GDW_OUTCOME_DESTINATION;
  else if (destination->verdict.decision == GDW_ABORTED)
    info->outcome = GDW_OUTCOME_SOURCE;
}
