/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* One of several links dies; the mirror of source-loss.c. */
#include "core/destination/private.h"

static gboolean
is_link (const Unidentified *unidentified)
{
  return unidentified->role == MAIN_LINK || unidentified->role == MEMORY_LINK;
}

static guint
count_open (GdwDestination *destination)
{
  guint n = 0;

  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    const Unidentified *unidentified = destination->unidentified_links->pdata[i];

    n += is_link (unidentified) && !unidentified->closed && !unidentified->dead;
  }
  return n;
}

/* Both its threads have ended, so nothing of it reaches memory any more. */
static void
say_drained (GdwDestination *destination, Unidentified *unidentified)
{
  GByteArray *meta = g_byte_array_new ();

  g_clear_error (&destination->lost);
  gdw_link_number_encode (gdw_channel_index (unidentified->channel), meta);
  gdw_channel_send (destination->main_link, GDW_FRAME_LINK_DRAINED, meta);
}

/* The source says what becomes of it, or fails. */
static void
lose_one (GdwDestination *destination, Unidentified *unidentified, const GError *error)
{
  g_autofree char *text = g_strdup_printf (
      "link %u was lost: %s", gdw_channel_index (unidentified->channel), error->message);

  gdw_destination_warn (destination, text);
}

void
gdw_destination_lose_link (GdwDestination *destination, Unidentified *unidentified,
                           const GError *error)
{
  gboolean reasonless = error && gdw_attempt_lacks_reason (error);

  if (destination->phase >= RESUMING)
    return;
  if (unidentified->dead) {
    say_drained (destination, unidentified);
  } else if (error) {
    if (!destination->lost)
      destination->lost = g_error_copy (error);
    if (reasonless && count_open (destination))
      lose_one (destination, unidentified, error);
    else
      gdw_destination_fail (destination, reasonless ? g_steal_pointer (&destination->lost)
                                                    : g_error_copy (error));
  }
}

static gboolean
is_silent (const Unidentified *unidentified, gint64 now, gint64 limit_us)
{
  return is_link (unidentified) && !unidentified->closed && !unidentified->dead &&
         now - gdw_channel_last_received_us (unidentified->channel) >= limit_us;
}

static GError *
silence (const Unidentified *unidentified, gint64 now)
{
  gint64 us = now - gdw_channel_last_received_us (unidentified->channel);

  return g_error_new (GDW_ERROR, GDW_ERROR_TIMEOUT,
                      "link %u: the other side was silent for %" G_GINT64_FORMAT
                      " ms: it is dead or out of reach; check the network, or raise "
                      "x-peer-timeout",
                      gdw_channel_index (unidentified->channel), us / 1000);
}

void
gdw_destination_check_links (GdwDestination *destination, gint64 limit_us)
{
  gint64 now = g_get_monotonic_time ();
  const Unidentified *first = NULL;
  guint n = 0;

  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    const Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (!is_silent (unidentified, now, limit_us))
      continue;
    first = n++ ? first : unidentified;
  }
  if (n && n == count_open (destination)) {
    gdw_destination_fail (destination, silence (first, now));
    return;
  }
  for (guint i = 0; n && i < destination->unidentified_links->len; i++) {
    const Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (is_silent (unidentified, now, limit_us))
      gdw_channel_fail (unidentified->channel, silence (unidentified, now));
  }
}

/* The source speaks on this link from now on, and what it had begun to say on the dead one it
 * says again. */
gboolean
gdw_destination_on_link_dead (GdwDestination *destination, Unidentified *unidentified,
                              const GdwFrame *frame, const guint8 *meta, GError **error)
{
  GdwChannel *link = NULL;
  Unidentified *dead;
  guint32 index;

  if (!gdw_link_number_decode (meta, frame->meta_len, &index, error))
    return FALSE;
  if (destination->phase >= RECEIVING && destination->phase <= PREPARED)
    link = destination->links[index];
  if (!link || link == unidentified->channel)
    return gdw_frame_refuse (error, "LINK-DEAD", "link %u cannot die now", index);
  dead = gdw_destination_unidentified (destination, link);
  if (destination->phase != RECEIVING)
    destination->prepare_again |= destination->main_link == link;
  destination->main_link = unidentified->channel;
  destination->n_dead += !dead->dead;
  dead->dead = TRUE;
  if (destination->phase == RECEIVING && destination->state_link == link) {
    gdw_destination_forget_state (destination);
    destination->state_link = NULL;
  }
  if (dead->closed)
    say_drained (destination, dead);
  else
    gdw_channel_stop (link);
  return TRUE;
}
