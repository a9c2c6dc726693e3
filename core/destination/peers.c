/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The peers that have connected, and the end of accepting. */
#include "core/destination/private.h"

#define WARNINGS_MAX 64u

Peer *
gdw_destination_peer (GdwDestination *destination, GdwChannel *channel)
{
  for (guint i = 0; i < destination->peers->len; i++) {
    Peer *peer = destination->peers->pdata[i];

    if (peer->channel == channel)
      return peer;
  }
  return NULL;
}

void
gdw_destination_free_peer (gpointer data)
{
  Peer *peer = data;

  gdw_channel_free (peer->channel);
  g_free (peer);
}

void
gdw_destination_warn (GdwDestination *destination, const char *text)
{
  g_debug ("%s", text);
  if (destination->warnings->len < WARNINGS_MAX &&
      !g_ptr_array_find_with_equal_func (destination->warnings, text, g_str_equal, NULL))
    g_ptr_array_add (destination->warnings, g_strdup (text));
}

void
gdw_destination_finish_links (GdwDestination *destination, Role from, Role to)
{
  for (guint i = 0; i < destination->peers->len; i++) {
    Peer *peer = destination->peers->pdata[i];

    if (peer->role >= from && peer->role <= to)
      gdw_channel_finish (peer->channel);
  }
}

void
gdw_destination_say_why (GdwDestination *destination)
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
gdw_destination_send_off (Peer *peer)
{
  peer->goes = TRUE;
  peer->turned_away |= peer->role == UNIDENTIFIED;
  gdw_channel_stop (peer->channel);
}

void
gdw_destination_drop (GdwDestination *destination, Role role, gint64 limit_us)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < destination->peers->len; i++) {
    Peer *peer = destination->peers->pdata[i];

    if (peer->role == role && now - peer->since_us >= limit_us)
      gdw_destination_send_off (peer);
  }
}

void
gdw_destination_drop_silent (GdwDestination *destination, gint64 limit_us)
{
  gdw_destination_drop (destination, UNIDENTIFIED, limit_us);
  gdw_destination_drop (destination, ASKER, limit_us);
}

GdwLink *
gdw_destination_take_arrival (GdwDestination *destination)
{
  GdwLink *link;

  pthread_mutex_lock (&destination->arrivals_lock);
  link = g_queue_pop_head (&destination->arrivals);
  pthread_cond_signal (&destination->arrivals_changed);
  pthread_mutex_unlock (&destination->arrivals_lock);
  return link;
}

void
gdw_destination_drop_arrivals (GdwDestination *destination)
{
  GdwLink *link;

  while ((link = gdw_destination_take_arrival (destination)))
    gdw_link_close (link);
}

void
gdw_destination_end_accepting (GdwDestination *destination)
{
  pthread_mutex_lock (&destination->arrivals_lock);
  destination->stop_accepting = TRUE;
  pthread_cond_signal (&destination->arrivals_changed);
  pthread_mutex_unlock (&destination->arrivals_lock);
  g_cancellable_cancel (destination->accept_cancellable);
}

void
gdw_destination_stop_accepting (GdwDestination *destination)
{
  gdw_destination_end_accepting (destination);
  if (destination->accepting)
    pthread_join (destination->acceptor, NULL);
  destination->accepting = FALSE;
  gdw_timer_clear (&destination->crowded);
  g_clear_error (&destination->refusal);
  gdw_destination_drop_arrivals (destination);
}
