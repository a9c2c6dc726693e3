/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* One of several links dies: the others carry its pages once the destination has said that it
 * takes nothing more from the dead link. */
#include "core/source/private.h"

#include "core/link/silence.h"

/* Counts only the links that were begun. */
static guint
count_open (const GdwSource *source)
{
  guint n = 0;

  for (guint i = 0; i < source->n_created; i++)
    n += source->links[i] == LINK_OPEN;
  return n;
}

static void
say_dead (GdwSource *source, guint index)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_link_number_encode (index, meta);
  gdw_source_say (source, GDW_FRAME_LINK_DEAD, meta);
}

/* Repeats LINK-DEAD and the state, which the old link may not have brought.  PREPARE follows
 * once that link is drained. */
static void
change_main_link (GdwSource *source)
{
  while (source->links[source->main_link] != LINK_OPEN)
    source->main_link = (source->main_link + 1) % source->n_created;
  for (guint i = 0; i < source->n_created; i++)
    if (source->links[i] == LINK_LOST)
      say_dead (source, i);
  if (source->phase == GDW_SOURCE_FENCING)
    return;
  if (source->phase == GDW_SOURCE_PREPARING && !gdw_source_enter (source, GDW_SOURCE_DRAINING))
    return;
  if (source->state_said)
    gdw_source_send_state (source);
}

static void
carry_on (GdwSource *source, guint index, const GError *error)
{
  gdw_source_warn (source, "link %u was lost: %s; its pages go over the others", index,
                   error->message);
  source->n_unconfirmed++;
  source->watched_us = g_get_monotonic_time ();
  if (index == source->main_link)
    change_main_link (source);
  else
    say_dead (source, index);
}

/* The descriptors of the other links are free once they have closed. */
void
gdw_source_go_on_alone (GdwSource *source)
{
  if (!source->alone || source->phase != GDW_SOURCE_LINKING ||
      source->n_closed + 1 < source->n_created)
    return;
  for (guint i = 1; i < source->n_created; i++)
    gdw_channel_join (source->channels[i]);
  gdw_source_all_joined (source);
}

/* The destination ends the links that have joined; nothing was sent on them. */
void
gdw_source_fall_back (GdwSource *source, guint index, const GError *error)
{
  gdw_source_warn (source, "only one link could be opened: %s; the migration has one link",
                   error->message);
  source->alone = TRUE;
  source->n_links = source->n_joined;
  for (guint i = 1; i < index; i++) {
    source->links[i] = LINK_LOST;
    source->n_unconfirmed++;
    say_dead (source, i);
  }
  gdw_source_go_on_alone (source);
}

gboolean
gdw_source_may_fall_back (guint index, const GError *error)
{
  return index == 1 || (index > 1 && g_error_matches (error, GDW_ERROR, GDW_ERROR_EXHAUSTED));
}

static void
fail_to_open (GdwSource *source, guint index, const GError *error)
{
  GError *failure = g_error_copy (error);

  if (index > 1)
    g_prefix_error (&failure, "source: the destination let in only %u of %u links: ", index,
                    source->n_links);
  gdw_source_fail (source, failure);
}

static gboolean
on_no_reason (gpointer data)
{
  GdwSource *source = data;

  gdw_timer_clear (&source->reason);
  gdw_source_fail (source, g_steal_pointer (&source->lost));
  return G_SOURCE_REMOVE;
}

/* A link can be replaced only after all links have joined, and the main link only before COMMIT
 * was sent on it. */
static void
lose_one (GdwSource *source, guint index, const GError *error)
{
  gboolean linking = source->phase == GDW_SOURCE_LINKING;

  if (!linking && gdw_source_phase_is_before_commit (source->phase))
    carry_on (source, index, error);
  else if (source->phase == GDW_SOURCE_COMMITTING && index == source->main_link)
    gdw_source_fail (source, g_steal_pointer (&source->lost));
  else if (linking && !source->reason)
    gdw_timer_set (&source->reason, source->attempt.context, GDW_REASON_MS, on_no_reason,
                   source);
}

void
gdw_source_lose_link (GdwSource *source, guint index, const GError *error)
{
  if (!gdw_source_phase_links_are_in_use (source->phase) || source->links[index] != LINK_OPEN)
    return;
  source->links[index] = LINK_LOST;
  gdw_meter_lost (source->meter, index);
  if (source->phase == GDW_SOURCE_LINKING && !source->connected[index]) {
    if (gdw_source_may_fall_back (index, error)) {
      source->links[index] = LINK_DRAINED;
      gdw_source_fall_back (source, index, error);
    } else
      fail_to_open (source, index, error);
    return;
  }
  if (!gdw_channel_link_failed (source->channels[index])) {
    gdw_source_fail (source, g_error_copy (error));
    return;
  }
  if (!source->lost)
    source->lost = g_error_copy (error);
  if (count_open (source))
    lose_one (source, index, error);
  else
    gdw_source_fail (source, g_steal_pointer (&source->lost));
}

gboolean
gdw_source_check_links (GdwSource *source, gint64 limit_us)
{
  GdwChannel *channels[GDW_LINKS_MAX];
  GError *error;
  guint n = 0;

  for (guint i = 0; i < source->n_created; i++)
    if (source->links[i] == LINK_OPEN)
      channels[n++] = source->channels[i];
  error = gdw_silence_check (channels, n, source->phase == GDW_SOURCE_LINKING, limit_us);
  if (error)
    gdw_source_fail (source, error);
  return error != NULL;
}

/* Nothing on the dead link can overtake a page that is sent from now on. */
static void
send_again (GdwSource *source, guint index)
{
  GdwSent *sent;

  while ((sent = gdw_channel_take_unacked (source->channels[index]))) {
    gdw_round_lost (source->round, sent);
    g_free (sent);
  }
  gdw_round_give_back (source->round, source->batches[index]);
}

gboolean
gdw_source_on_link_drained (GdwSource *source, const GdwFrame *frame, const guint8 *meta,
                            GError **error)
{
  guint32 index;

  if (!gdw_link_number_decode (meta, frame->meta_len, &index, error))
    return FALSE;
  if (index >= source->n_created || source->links[index] == LINK_OPEN)
    return gdw_frame_refuse (error, "LINK-DRAINED", "link %u is not dead", index);
  /* The destination answers each LINK-DEAD, and a new main link has repeated some. */
  if (source->links[index] == LINK_DRAINED)
    return TRUE;
  source->links[index] = LINK_DRAINED;
  if (--source->n_unconfirmed == 0)
    g_clear_error (&source->lost);
  send_again (source, index);
  gdw_source_maybe_prepare (source);
  return TRUE;
}
