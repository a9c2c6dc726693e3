/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/destination/private.h"

#include <string.h>

#include "core/base/worker.h"

/* How long a farewell may take to reach the peer. */
#define GRACE_MS 200

static gboolean
on_tick (gpointer data)
{
  GdwDestination *destination = data;
  gint64 limit_us = destination->attempt.parameters->x_peer_timeout * (gint64) 1000;

  if (destination->one_way)
    return G_SOURCE_CONTINUE;
  gdw_destination_drop_silent (destination, limit_us);
  if (gdw_destination_phase_links_are_in_use (destination->phase))
    gdw_destination_check_links (destination, limit_us);
  gdw_destination_check_accepting (destination, limit_us);
  return G_SOURCE_CONTINUE;
}

GdwDestination *
gdw_destination_new (const GdwAttempt *attempt, const GdwAddress *address, gboolean trust_zero,
                     GError **error)
{
  GdwDestination *destination = g_new0 (GdwDestination, 1);

  destination->attempt = *attempt;
  destination->status = GDW_STATUS_SETUP;
  destination->refs = 1;
  destination->trust_zero = trust_zero;
  destination->host_cancellable = g_cancellable_new ();
  destination->accept_cancellable = g_cancellable_new ();
  destination->peers = g_ptr_array_new_with_free_func (gdw_destination_free_peer);
  destination->sections = g_ptr_array_new_with_free_func (gdw_section_free);
  destination->warnings = g_ptr_array_new_with_free_func (g_free);
  destination->begin_us = g_get_monotonic_time ();
  g_queue_init (&destination->arrivals);
  pthread_mutex_init (&destination->gate, NULL);
  pthread_mutex_init (&destination->arrivals_lock, NULL);
  gdw_cond_init (&destination->arrivals_changed);
  destination->stack = gdw_attempt_open_stack (attempt, address, error);
  if (!destination->stack) {
    gdw_destination_free (destination);
    return NULL;
  }
  destination->address = gdw_address_to_string (address);
  destination->one_way = !(gdw_stack_traits (destination->stack) & GDW_TRANSPORT_TWO_WAY);
  destination->one_peer = destination->one_way ||
                          (gdw_stack_traits (destination->stack) & GDW_TRANSPORT_ONE_PEER);
  gdw_attempt_warn_of_plugins (attempt, destination->warnings);
  destination->transport_name = g_strdup (gdw_stack_transport (destination->stack));
  return destination;
}

static void
listen_now (gpointer data)
{
  GdwDestination *destination = data;

  gdw_stack_listen (destination->stack, destination->accept_cancellable,
                    &destination->listen_error);
}

static void
on_listening (gpointer data)
{
  GdwDestination *destination = data;
  g_autoptr (GError) error = g_steal_pointer (&destination->listen_error);

  destination->local_address = gdw_stack_local_address (destination->stack);
  destination->on_listening (error, destination->listening_data);
}

gboolean
gdw_destination_listen (GdwDestination *destination, GdwListening done, gpointer data,
                        GError **error)
{
  destination->on_listening = done;
  destination->listening_data = data;
  return gdw_worker_run (destination->attempt.threads, "mig/dst/listen",
                         destination->attempt.context, listen_now, on_listening, destination,
                         error);
}

void
gdw_destination_stop_listening (GdwDestination *destination)
{
  g_cancellable_cancel (destination->accept_cancellable);
}

gboolean
gdw_destination_begin (GdwDestination *destination, GError **error)
{
  const GdwHost *host = gdw_guest_host (destination->attempt.guest);
  guint n = 0;
  const GdwRegion *list = host->regions (host->vm, &n);

  if (!(destination->regions = gdw_regions_copy (list, n, error)) ||
      !(destination->machine = gdw_guest_machine (destination->attempt.guest, error)))
    return FALSE;
  destination->touched = gdw_pageset_new (destination->regions->pages, destination->regions->n);
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

gboolean
gdw_destination_free (GdwDestination *destination)
{
  gboolean touched;

  if (!destination)
    return FALSE;
  destination->closing = TRUE;
  g_cancellable_cancel (destination->host_cancellable);
  gdw_destination_free_workers (destination);
  touched = destination->received_bytes > 0;
  gdw_destination_unref (destination);
  return touched;
}

gboolean
gdw_destination_is_done (GdwDestination *destination)
{
  return gdw_destination_phase_is_done (destination->phase) && !destination->host_calls;
}

gboolean
gdw_destination_has_begun (GdwDestination *destination)
{
  return destination->regions != NULL || destination->phase == GDW_DESTINATION_OVER;
}

gboolean
gdw_destination_has_guest (GdwDestination *destination)
{
  return destination->verdict.decision == GDW_COMMITTED;
}

void
gdw_destination_quit (GdwDestination *destination)
{
  if (gdw_destination_phase_is_before_commit (destination->phase))
    gdw_destination_fail (destination,
                          g_error_new (GDW_ERROR, GDW_ERROR_FAILED,
                                       "destination: the migration has ended: this VMM is "
                                       "closing; migrate to another destination"));
  else if (gdw_destination_is_done (destination))
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
