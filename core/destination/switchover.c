/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* From the state to COMMIT. */
#include "core/destination/private.h"

#include <string.h>

#define SECTIONS_MAX 4096u
#define SECTIONS_BYTES_MAX (512u << 20)

static gboolean
refuse (GError **error, const char *what, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
               "destination: %s is refused: %s; both sides must speak the same protocol", what,
               why);
  return FALSE;
}

static void
complete_section (GdwDestination *destination)
{
  Incoming *incoming = &destination->incoming;
  g_autoptr (GBytes) data = g_byte_array_free_to_bytes (g_steal_pointer (&incoming->data));

  g_ptr_array_add (destination->sections,
                   gdw_section_new (incoming->name, incoming->version, data));
  g_clear_pointer (&incoming->name, g_free);
}

static gboolean
add_chunk (GdwDestination *destination, const GdwStateChunk *chunk, GError **error)
{
  Incoming *incoming = &destination->incoming;

  if (!incoming->name) {
    if (destination->sections->len == SECTIONS_MAX)
      return refuse (error, "frame 'STATE'", "there are more than 4096 sections");
    *incoming = (Incoming){ g_strdup (chunk->name), chunk->version, chunk->total,
                            g_byte_array_new () };
  }
  if (g_strcmp0 (incoming->name, chunk->name) != 0 || incoming->version != chunk->version ||
      incoming->total != chunk->total || incoming->data->len != chunk->offset)
    return refuse (error, "frame 'STATE'", "it does not continue the section before it");
  destination->sections_bytes += chunk->size;
  if (destination->sections_bytes > SECTIONS_BYTES_MAX)
    return refuse (error, "frame 'STATE'", "all sections are larger than 512 MiB");
  g_byte_array_append (incoming->data, chunk->data, chunk->size);
  if (incoming->data->len == incoming->total)
    complete_section (destination);
  return TRUE;
}

gboolean
gdw_destination_on_state (GdwDestination *destination, const GdwFrame *frame,
                          const guint8 *meta, GError **error)
{
  GdwStateChunk chunk;
  gboolean ok;

  if (destination->phase != GDW_DESTINATION_RECEIVING && !destination->prepare_again)
    return refuse (error, "frame 'STATE'", "it was not expected now");
  if (!gdw_state_decode (meta, frame->meta_len, &chunk, error))
    return FALSE;
  ok = destination->prepare_again || add_chunk (destination, &chunk, error);
  gdw_state_clear (&chunk);
  return ok;
}

void
gdw_destination_forget_state (GdwDestination *destination)
{
  g_ptr_array_set_size (destination->sections, 0);
  destination->sections_bytes = 0;
  g_clear_pointer (&destination->incoming.name, g_free);
  g_clear_pointer (&destination->incoming.data, g_byte_array_unref);
}

/* Sections that a dead link did not bring have come on another. */
static const char *
find_missing (GdwDestination *destination, const GdwPrepare *prepare, guint index)
{
  GdwChannel *link = destination->links[index];
  const Peer *peer = link ? gdw_destination_peer (destination, link) : NULL;

  if (!peer)
    return "links are missing";
  if (peer->dead)
    return peer->closed ? NULL : "a dead link is not drained";
  return gdw_channel_last_mem (link) == prepare->last_seq[index]
             ? NULL
             : "memory is missing on a link";
}

/* Checks that everything has arrived that the source says it sent. */
static gboolean
is_complete (GdwDestination *destination, const GdwPrepare *prepare, GError **error)
{
  if (prepare->n_sections != destination->sections->len || destination->incoming.name)
    return refuse (error, "frame 'PREPARE'", "sections of the state are missing");
  if (prepare->n_links != destination->n_joined)
    return refuse (error, "frame 'PREPARE'", "links are missing");
  for (guint i = 0; i < prepare->n_links; i++) {
    const char *missing = find_missing (destination, prepare, i);

    if (missing)
      return refuse (error, "frame 'PREPARE'", missing);
  }
  if (!gdw_destination_close_memory (destination))
    return refuse (error, "frame 'PREPARE'", "memory is still arriving");
  return TRUE;
}

static void
say_prepared (GdwDestination *destination)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_id_encode (destination->verdict.id, meta);
  gdw_channel_send (destination->main_link, GDW_FRAME_PREPARED, meta);
}

static void
on_loaded (GdwAnswer *answer, gpointer data)
{
  GdwDestination *destination = data;

  destination->host_calls--;
  if (destination->phase != GDW_DESTINATION_LOADING) {
    gdw_destination_proceed (destination);
    return;
  }
  if (answer->error) {
    gdw_destination_fail (destination, g_error_copy (answer->error));
    return;
  }
  if (!gdw_destination_enter (destination, GDW_DESTINATION_PREPARED))
    return;
  destination->verdict.prepared = TRUE;
  if (!destination->prepare_again)
    say_prepared (destination);
  gdw_destination_maybe_take (destination);
}

gboolean
gdw_destination_on_prepare (GdwDestination *destination, const GdwFrame *frame,
                            const guint8 *meta, GError **error)
{
  const GdwHost *host = gdw_guest_host (destination->attempt.guest);
  g_autofree GdwPrepare *prepare = g_new0 (GdwPrepare, 1);

  if (destination->prepare_again) {
    destination->prepare_again = FALSE;
    if (destination->phase == GDW_DESTINATION_PREPARED)
      say_prepared (destination);
    return TRUE;
  }
  if (destination->phase != GDW_DESTINATION_RECEIVING)
    return refuse (error, "frame 'PREPARE'", "it was not expected now");
  if (!gdw_prepare_decode (meta, frame->meta_len, prepare, error) ||
      !is_complete (destination, prepare, error))
    return FALSE;
  destination->guest_ran = prepare->running;
  if (!gdw_destination_enter (destination, GDW_DESTINATION_LOADING))
    return TRUE;
  g_clear_pointer (&destination->section_list, g_free);
  destination->section_list = g_new0 (GdwSection, MAX (destination->sections->len, 1));
  for (guint i = 0; i < destination->sections->len; i++)
    destination->section_list[i] = *(GdwSection *) destination->sections->pdata[i];
  destination->host_calls++;
  host->load_state (host->vm, destination->section_list, destination->sections->len,
                    gdw_answer_new (destination->attempt.context, on_loaded, destination),
                    destination->host_cancellable);
  return TRUE;
}

static void
on_running (const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  GByteArray *meta = g_byte_array_new ();
  GdwOutcomeMsg msg = { .answer = GDW_ANSWER_COMMITTED, .text = (char *) "" };

  destination->host_calls--;
  destination->verdict.resume_us = g_get_monotonic_time () - destination->commit_us;
  msg.resume_us = destination->verdict.resume_us;
  if (error)
    g_ptr_array_add (destination->warnings, g_strdup (error->message));
  gdw_outcome_encode (&msg, meta);
  gdw_channel_send (destination->main_link, GDW_FRAME_COMMITTED, meta);
  destination->end_us = g_get_monotonic_time ();
  if (!gdw_destination_enter (destination, GDW_DESTINATION_ARRIVED))
    return;
  if (destination->one_way)
    gdw_destination_close (destination);
  gdw_destination_proceed (destination);
}

static void
take_guest (GdwDestination *destination)
{
  GdwGuest *guest = destination->attempt.guest;

  if (!gdw_destination_enter (destination, GDW_DESTINATION_RESUMING))
    return;
  destination->commit_us = g_get_monotonic_time ();
  destination->host_calls++;
  gdw_guest_arrived (guest, destination->guest_ran && gdw_guest_autostart (guest), on_running,
                     destination);
}

void
gdw_destination_maybe_take (GdwDestination *destination)
{
  GError *error = NULL;

  if (!destination->commit_read || !destination->at_end ||
      destination->phase != GDW_DESTINATION_PREPARED)
    return;
  if (gdw_verdict_commit (&destination->verdict, destination->verdict.id, &error))
    take_guest (destination);
  else
    gdw_destination_fail (destination, error);
}

gboolean
gdw_destination_on_commit (GdwDestination *destination, const GdwFrame *frame,
                           const guint8 *meta, GError **error)
{
  guint8 id[GDW_ID_BYTES];

  if (!gdw_id_decode (meta, frame->meta_len, id, error))
    return FALSE;
  if (destination->one_way && !gdw_destination_phase_is_before_prepare (destination->phase) &&
      memcmp (id, destination->verdict.id, sizeof id) == 0) {
    destination->commit_read = TRUE;
    return TRUE;
  }
  if (!gdw_verdict_commit (&destination->verdict, id, error))
    return FALSE;
  take_guest (destination);
  return TRUE;
}
