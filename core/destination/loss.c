/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* One of several links dies. */
#include "core/destination/private.h"

#include "core/link/silence.h"

static gboolean
is_open (const Peer *peer)
{
  return (peer->role == MAIN_LINK || peer->role == MEMORY_LINK) && !peer->closed && !peer->dead;
}

static guint
count_open (GdwDestination *destination)
{
  guint n = 0;

  for (guint i = 0; i < destination->peers->len; i++)
    n += is_open (destination->peers->pdata[i]);
  return n;
}

/* Both threads of the link have ended, so nothing from it reaches memory any more. */
static void
say_drained (GdwDestination *destination, Peer *peer)
{
  GByteArray *meta = g_byte_array_new ();

  g_clear_error (&destination->lost);
  gdw_link_number_encode (gdw_channel_index (peer->channel), meta);
  gdw_channel_send (destination->main_link, GDW_FRAME_LINK_DRAINED, meta);
}

/* Waits for the source, which will give up the link or fail. */
static void
lose_one (GdwDestination *destination, Peer *peer, const GError *error)
{
  g_autofree char *text = g_strdup_printf ("link %u was lost: %s",
                                           gdw_channel_index (peer->channel), error->message);

  gdw_destination_warn (destination, text);
}

void
gdw_destination_lose_link (GdwDestination *destination, Peer *peer, const GError *error)
{
  if (!gdw_destination_phase_is_before_commit (destination->phase))
    return;
  if (peer->dead) {
    say_drained (destination, peer);
  } else if (error && !gdw_channel_link_failed (peer->channel)) {
    gdw_destination_fail (destination, g_error_copy (error));
  } else if (error) {
    if (!destination->lost)
      destination->lost = g_error_copy (error);
    if (count_open (destination))
      lose_one (destination, peer, error);
    else
      gdw_destination_fail (destination, g_steal_pointer (&destination->lost));
  }
}

void
gdw_destination_check_links (GdwDestination *destination, gint64 limit_us)
{
  GdwChannel *channels[GDW_LINKS_MAX];
  GError *error;
  guint n = 0;

  for (guint i = 0; i < destination->peers->len; i++) {
    const Peer *peer = destination->peers->pdata[i];

    if (is_open (peer))
      channels[n++] = peer->channel;
  }
  if ((error = gdw_silence_check (channels, n, FALSE, limit_us)))
    gdw_destination_fail (destination, error);
}

/* The source speaks on this link from now on, and repeats what it had begun to say on the dead
 * one. */
gboolean
gdw_destination_on_link_dead (GdwDestination *destination, Peer *peer, const GdwFrame *frame,
                              const guint8 *meta, GError **error)
{
  GdwChannel *link = NULL;
  Peer *dead;
  guint32 index;

  if (!gdw_link_number_decode (meta, frame->meta_len, &index, error))
    return FALSE;
  if (gdw_destination_phase_links_are_in_use (destination->phase))
    link = destination->links[index];
  if (!link || link == peer->channel)
    return gdw_frame_refuse (error, "LINK-DEAD", "link %u cannot die now", index);
  dead = gdw_destination_peer (destination, link);
  if (destination->phase != GDW_DESTINATION_RECEIVING)
    destination->prepare_again |= destination->main_link == link;
  destination->main_link = peer->channel;
  destination->n_dead += !dead->dead;
  dead->dead = TRUE;
  if (destination->phase == GDW_DESTINATION_RECEIVING && destination->state_link == link) {
    gdw_destination_forget_state (destination);
    destination->state_link = NULL;
  }
  if (dead->closed)
    say_drained (destination, dead);
  else
    gdw_channel_stop (link);
  return TRUE;
}
