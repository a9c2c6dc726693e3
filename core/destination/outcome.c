/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Changes of the phase, ends of an attempt, and the tidying up.  No other file changes the
 * phase. */
#include "core/destination/private.h"

#include <string.h>

/* How long a farewell may take to reach the peer. */
#define GRACE_MS 200

gboolean
gdw_destination_enter (GdwDestination *destination, GdwDestinationPhase phase)
{
  GdwStatus status = gdw_phase_status (&gdw_destination_phases[phase], FALSE, FALSE);
  GError *error = NULL;

  if (!gdw_phase_check_move (gdw_destination_phases, "destination", destination->phase, phase,
                             &error)) {
    gdw_destination_warn (destination, error->message);
    gdw_destination_fail (destination, error);
    return FALSE;
  }
  destination->phase = phase;
  if (status != GDW_STATUS_NONE && status != destination->status)
    destination->attempt.ops->status (destination->status = status, destination->attempt.data);
  return TRUE;
}

void
gdw_destination_free_workers (GdwDestination *destination)
{
  gdw_timer_clear (&destination->tick);
  gdw_timer_clear (&destination->grace);
  gdw_timer_clear (&destination->linger);
  g_clear_error (&destination->lost);
  gdw_destination_stop_accepting (destination);
  g_ptr_array_set_size (destination->peers, 0);
  memset (destination->links, 0, sizeof destination->links);
  destination->main_link = destination->state_link = NULL;
  g_clear_pointer (&destination->stack, gdw_stack_close);
  g_clear_pointer (&destination->touched, gdw_pageset_free);
  g_clear_pointer (&destination->regions, gdw_regions_free);
  g_clear_pointer (&destination->local_address, gdw_address_free);
}

static void
tell_over (GdwDestination *destination)
{
  if (!destination->told_over)
    destination->attempt.ops->over (destination->attempt.data);
  destination->told_over = TRUE;
}

void
gdw_destination_proceed (GdwDestination *destination)
{
  if (destination->host_calls || destination->phase == GDW_DESTINATION_OVER)
    return;
  if (destination->lingered) {
    g_ptr_array_set_size (destination->sections, 0);
    tell_over (destination);
  }
  if (!destination->closing)
    return;
  for (guint i = 0; i < destination->peers->len; i++)
    if (!((Peer *) destination->peers->pdata[i])->closed)
      return;
  gdw_destination_free_workers (destination);
  if (gdw_destination_enter (destination, GDW_DESTINATION_OVER))
    tell_over (destination);
}

static gboolean
on_grace_over (gpointer data)
{
  GdwDestination *destination = data;

  gdw_timer_clear (&destination->grace);
  for (guint i = 0; i < destination->peers->len; i++) {
    Peer *peer = destination->peers->pdata[i];

    if (destination->closing || peer->role == MAIN_LINK || peer->role == MEMORY_LINK)
      gdw_channel_stop (peer->channel);
  }
  return G_SOURCE_REMOVE;
}

void
gdw_destination_close (GdwDestination *destination)
{
  if (destination->closing)
    return;
  destination->closing = TRUE;
  gdw_timer_clear (&destination->linger);
  gdw_destination_end_accepting (destination);
  gdw_destination_drop_arrivals (destination);
  gdw_destination_finish_links (destination, UNIDENTIFIED, ASKER);
  if (!destination->grace)
    gdw_timer_set (&destination->grace, destination->attempt.context, GRACE_MS, on_grace_over,
                   destination);
  gdw_destination_proceed (destination);
}

/* Nobody waits longer for a source that may be dead, but one that lives asks until it is
 * answered: the listener stays. */
static gboolean
on_linger_over (gpointer data)
{
  GdwDestination *destination = data;

  gdw_timer_clear (&destination->linger);
  destination->lingered = TRUE;
  gdw_destination_proceed (destination);
  return G_SOURCE_REMOVE;
}

void
gdw_destination_fail (GdwDestination *destination, GError *error)
{
  if (!gdw_destination_phase_is_before_commit (destination->phase)) {
    g_error_free (error);
    return;
  }
  if (destination->one_way) {
    destination->source_knows = TRUE;
    g_prefix_error (
        &error, "destination: the guest cannot be restored from '%s': ", destination->address);
  }
  destination->error = error;
  destination->end_us = g_get_monotonic_time ();
  if (!gdw_destination_enter (destination, GDW_DESTINATION_FAILING))
    return;
  gdw_verdict_abort (&destination->verdict, error->message);
  gdw_destination_discard_memory (destination);
  g_cancellable_cancel (destination->host_cancellable);
  gdw_destination_say_why (destination);
  gdw_destination_finish_links (destination, MAIN_LINK, MEMORY_LINK);
  gdw_timer_set (&destination->grace, destination->attempt.context, GRACE_MS, on_grace_over,
                 destination);
  /* A COMMIT may be on its way after PREPARED, and then the source will ask. */
  if (destination->verdict.prepared && !destination->source_knows)
    gdw_timer_set (&destination->linger, destination->attempt.context,
                   destination->attempt.parameters->x_peer_timeout, on_linger_over,
                   destination);
  else
    gdw_destination_close (destination);
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
  g_ptr_array_unref (destination->peers);
  g_ptr_array_unref (destination->sections);
  g_ptr_array_unref (destination->warnings);
  g_clear_pointer (&destination->incoming.name, g_free);
  g_clear_pointer (&destination->incoming.data, g_byte_array_unref);
  g_free (destination->section_list);
  g_free (destination->id_text);
  g_free (destination->address);
  g_free (destination->transport_name);
  g_free (destination->machine);
  pthread_mutex_destroy (&destination->gate);
  pthread_cond_destroy (&destination->arrivals_changed);
  pthread_mutex_destroy (&destination->arrivals_lock);
  g_free (destination);
}
