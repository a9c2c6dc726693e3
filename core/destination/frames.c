/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Control frames and other events of the channels. */
#include "core/destination/private.h"

#include <string.h>

/* The credit of each link is enough to keep a fast link busy over a long way. */
#define WINDOW_BYTES (64u << 20)
#define WINDOW_PAGES (1u << 24)
#define TURN_AWAY_US 1000000

/* Gives the peer a second to read the reason. */
static void
hurry (GdwDestination *destination, Peer *peer)
{
  peer->since_us = g_get_monotonic_time () + TURN_AWAY_US -
                   destination->attempt.parameters->x_peer_timeout * (gint64) 1000;
}

/* The attempt fails with its only peer.  Takes @error. */
static void
fail_with (GdwDestination *destination, Peer *peer, GError *error)
{
  peer->role = MAIN_LINK;
  destination->links[0] = destination->main_link = peer->channel;
  gdw_destination_fail (destination, error);
  if (destination->one_way)
    gdw_channel_stop (peer->channel);
}

/* Ends the link of an unidentified peer and touches nothing else, unless nobody else can come.
 * Takes @error. */
static void
turn_away (GdwDestination *destination, Peer *peer, GError *error)
{
  GByteArray *meta = g_byte_array_new ();
  GdwErrorMsg msg = { .code = error->code, .phase = (char *) "join", .text = error->message };

  if (destination->one_peer) {
    fail_with (destination, peer, error);
    return;
  }
  peer->turned_away = TRUE;
  gdw_destination_warn (destination, error->message);
  gdw_error_encode (&msg, meta);
  gdw_channel_send (peer->channel, GDW_FRAME_ERROR, meta);
  gdw_channel_finish (peer->channel);
  hurry (destination, peer);
  g_error_free (error);
}

static gboolean
check_uuid (GdwDestination *destination, const GdwHello *hello, GError **error)
{
  const char *ours = gdw_host_uuid (gdw_guest_host (destination->attempt.guest));
  const char *theirs = *hello->uuid ? hello->uuid : GDW_NO_UUID;

  if (g_ascii_strcasecmp (ours, theirs) == 0)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "destination: the stream is refused: the UUID of the guest is %s and this VM "
               "has %s (validate-uuid); give both the same, or look for the right destination",
               theirs, ours);
  return FALSE;
}

/* A host that gives no digest leaves the comparison to load_state. */
static gboolean
check_machine (GdwDestination *destination, const GdwHello *hello, GError **error)
{
  const char *ours = destination->machine, *theirs = hello->machine;

  if (!*ours || !*theirs || strcmp (ours, theirs) == 0)
    return TRUE;
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_PROTOCOL,
      "destination: the machines differ: the source's is '%s', the destination's '%s'; "
      "start the destination with the same machine",
      theirs, ours);
  return FALSE;
}

static gboolean
check_stream (const GdwHello *hello, GError **error)
{
  guint64 missing = hello->required & ~GDW_FEATURES_KNOWN;

  if (hello->version_min > GDW_STREAM_VERSION_MAX ||
      hello->version_max < GDW_STREAM_VERSION_MIN) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
        "destination: the stream is refused: the source (%s) speaks versions %u to %u, "
        "this side %u to %u; use releases that overlap",
        hello->package, hello->version_min, hello->version_max, GDW_STREAM_VERSION_MIN,
        GDW_STREAM_VERSION_MAX);
    return FALSE;
  }
  if (missing) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                 "destination: the stream is refused: the source (%s) requires feature %d, "
                 "which this side does not know; use a newer release here",
                 hello->package, g_bit_nth_lsf (missing, -1));
    return FALSE;
  }
  return TRUE;
}

/* @fatal: the operator asked for this check, so the attempt fails with it, as QEMU's does.  Any
 * other misfit may come from anybody, or from a source that was sent to the wrong place. */
static gboolean
check_hello (GdwDestination *destination, const GdwHello *hello, gboolean *fatal,
             GError **error)
{
  gboolean asked = (hello->required & GDW_FEATURE_VALIDATE_UUID) ||
                   destination->attempt.capabilities.validate_uuid;

  if (!check_stream (hello, error))
    return FALSE;
  if (asked && !check_uuid (destination, hello, error)) {
    *fatal = TRUE;
    return FALSE;
  }
  return gdw_regions_match (destination->regions, hello, error) &&
         check_machine (destination, hello, error);
}

static void
adopt (GdwDestination *destination, Peer *peer, Role role, guint index)
{
  peer->role = role;
  destination->links[index] = peer->channel;
  if (role == MAIN_LINK)
    destination->main_link = peer->channel;
  destination->n_joined++;
  gdw_channel_set_index (peer->channel, index);
  gdw_channel_open (peer->channel, WINDOW_BYTES, WINDOW_PAGES);
}

/* The source of this migration has come. */
static void
welcome (GdwDestination *destination, Peer *peer, const GdwHello *hello)
{
  GByteArray *meta = g_byte_array_new ();
  GdwHelloAck ack = { .version = MIN (hello->version_max, GDW_STREAM_VERSION_MAX),
                      .features = hello->offered & GDW_FEATURES_KNOWN,
                      .window_bytes = WINDOW_BYTES,
                      .window_pages = WINDOW_PAGES };

  if (!gdw_destination_enter (destination, GDW_DESTINATION_RECEIVING))
    return;
  destination->n_links = hello->n_links;
  adopt (destination, peer, MAIN_LINK, 0);
  gdw_hello_ack_encode (&ack, meta);
  gdw_channel_send (peer->channel, GDW_FRAME_HELLO_ACK, meta);
}

static void
remember_id (GdwDestination *destination, const GdwHello *hello)
{
  GString *text = g_string_new (NULL);

  destination->verdict.known = TRUE;
  memcpy (destination->verdict.id, hello->id, GDW_ID_BYTES);
  memcpy (destination->verdict.token, hello->token, GDW_TOKEN_BYTES);
  for (guint i = 0; i < GDW_ID_BYTES; i++)
    g_string_append_printf (text, "%02x", hello->id[i]);
  destination->id_text = g_string_free (text, FALSE);
}

static void
on_hello (GdwDestination *destination, Peer *peer, const GdwFrame *frame, const guint8 *meta)
{
  GdwHello hello = { 0 };
  gboolean fatal = FALSE;
  GError *error = NULL;

  if (!gdw_hello_decode (meta, frame->meta_len, &hello, &error)) {
    turn_away (destination, peer, error);
    return;
  }
  if (destination->phase != GDW_DESTINATION_LISTENING) {
    turn_away (destination, peer,
               g_error_new (GDW_ERROR, GDW_ERROR_BUSY,
                            "destination: a second source is refused: a migration has begun "
                            "here; use another destination"));
  } else if (check_hello (destination, &hello, &fatal, &error)) {
    remember_id (destination, &hello);
    welcome (destination, peer, &hello);
  } else if (fatal) {
    remember_id (destination, &hello);
    fail_with (destination, peer, error);
  } else {
    turn_away (destination, peer, error);
  }
  gdw_hello_clear (&hello);
}

static gboolean
may_join (GdwDestination *destination, const GdwJoin *join)
{
  const GdwVerdict *verdict = &destination->verdict;

  return destination->phase == GDW_DESTINATION_RECEIVING &&
         memcmp (join->id, verdict->id, GDW_ID_BYTES) == 0 &&
         memcmp (join->token, verdict->token, GDW_TOKEN_BYTES) == 0 && join->link > 0 &&
         join->link < destination->n_links && !destination->links[join->link];
}

static void
on_join (GdwDestination *destination, Peer *peer, const GdwFrame *frame, const guint8 *meta)
{
  GByteArray *answer;
  GdwJoin join;
  GError *error = NULL;

  if (gdw_join_decode (meta, frame->meta_len, &join, &error) && !may_join (destination, &join))
    error = g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                         "destination: a link is refused: it does not know the token of this "
                         "migration, or its number is taken; look for another source");
  if (error) {
    turn_away (destination, peer, error);
    return;
  }
  adopt (destination, peer, MEMORY_LINK, join.link);
  answer = g_byte_array_new ();
  gdw_id_encode (destination->verdict.id, answer);
  gdw_channel_send (peer->channel, GDW_FRAME_JOIN_ACK, answer);
}

static void
on_query (GdwDestination *destination, Peer *peer, const GdwFrame *frame, const guint8 *meta)
{
  gboolean undecided = destination->verdict.decision == GDW_UNDECIDED;
  GByteArray *answer;
  GdwJoin query;
  GdwOutcomeMsg msg;
  GError *error = NULL;

  if (!gdw_query_decode (meta, frame->meta_len, &query, &error)) {
    turn_away (destination, peer, error);
    return;
  }
  gdw_verdict_answer (&destination->verdict, &query, &msg);
  if (msg.answer != GDW_ANSWER_UNKNOWN_ID)
    peer->role = ASKER;
  answer = g_byte_array_new ();
  gdw_outcome_encode (&msg, answer);
  gdw_channel_send (peer->channel, GDW_FRAME_OUTCOME, answer);
  if (undecided && destination->verdict.decision == GDW_ABORTED)
    gdw_destination_fail (destination, g_error_new (GDW_ERROR, GDW_ERROR_PEER,
                                                    "destination: the guest does "
                                                    "not run here: %s; the source has it",
                                                    destination->verdict.why));
}

static gboolean
on_main_frame (GdwDestination *destination, Peer *peer, const GdwFrame *frame,
               const guint8 *meta, GError **error)
{
  GdwErrorMsg msg;

  switch (frame->type) {
  case GDW_FRAME_LINK_DEAD:
    return gdw_destination_on_link_dead (destination, peer, frame, meta, error);
  case GDW_FRAME_STATE:
    destination->state_link = peer->channel;
    return gdw_destination_on_state (destination, frame, meta, error);
  case GDW_FRAME_ROUND_END:
    destination->rounds++;
    return TRUE;
  case GDW_FRAME_PREPARE:
    return gdw_destination_on_prepare (destination, frame, meta, error);
  case GDW_FRAME_COMMIT:
    return gdw_destination_on_commit (destination, frame, meta, error);
  case GDW_FRAME_ERROR:
  case GDW_FRAME_ABORT:
    if (!gdw_error_decode (meta, frame->meta_len, &msg, error))
      return FALSE;
    destination->source_knows = TRUE;
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PEER, msg.text);
    gdw_error_clear (&msg);
    return FALSE;
  default:
    g_set_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL,
                 "destination: frame '%s' is refused: it was not expected now; both sides must "
                 "speak the same protocol",
                 gdw_frame_name (frame->type));
    return FALSE;
  }
}

static void
on_confirm (GdwDestination *destination, const GdwFrame *frame, const guint8 *meta)
{
  guint8 id[GDW_ID_BYTES];

  if (gdw_id_decode (meta, frame->meta_len, id, NULL) &&
      memcmp (id, destination->verdict.id, GDW_ID_BYTES) == 0 &&
      destination->verdict.decision != GDW_UNDECIDED)
    gdw_destination_close (destination);
}

static void
on_first_frame (GdwDestination *destination, Peer *peer, const GdwFrame *frame,
                const guint8 *meta)
{
  if (frame->type == GDW_FRAME_HELLO)
    on_hello (destination, peer, frame, meta);
  else if (frame->type == GDW_FRAME_JOIN)
    on_join (destination, peer, frame, meta);
  else if (frame->type == GDW_FRAME_QUERY_OUTCOME)
    on_query (destination, peer, frame, meta);
  else
    turn_away (destination, peer,
               g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                            "destination: frame '%s' is refused: it does not begin a "
                            "connection; both sides must speak the same protocol",
                            gdw_frame_name (frame->type)));
}

static void
on_frame (GdwChannel *channel, const GdwFrame *frame, const guint8 *meta, gpointer data)
{
  GdwDestination *destination = data;
  Peer *peer = gdw_destination_peer (destination, channel);
  GError *error = NULL;

  if (peer->turned_away || peer->dead)
    return;
  if (peer->role == UNIDENTIFIED) {
    on_first_frame (destination, peer, frame, meta);
    gdw_destination_let_in (destination);
  } else if (frame->type == GDW_FRAME_CONFIRM) {
    on_confirm (destination, frame, meta);
  } else if (!on_main_frame (destination, peer, frame, meta, &error)) {
    /* Warns of a frame that came too late, such as COMMIT. */
    if (destination->phase == GDW_DESTINATION_FAILING)
      gdw_destination_warn (destination, error->message);
    gdw_destination_fail (destination, error);
  }
}

static void
on_broken (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  Peer *peer = gdw_destination_peer (destination, channel);

  if (peer->role == MAIN_LINK || peer->role == MEMORY_LINK || destination->one_peer)
    gdw_destination_fail (destination, g_error_copy (error));
  else
    hurry (destination, peer);
}

static GError *
never_spoke (void)
{
  return g_error_new (GDW_ERROR, GDW_ERROR_TIMEOUT,
                      "destination: the peer did not say who it is within x-peer-timeout, and "
                      "nobody else can come; look whether a source is at the other end");
}

static void
on_closed (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  Peer *peer = gdw_destination_peer (destination, channel);
  Role role = peer->role;

  peer->closed = TRUE;
  if (destination->one_way && !error && destination->commit_read) {
    destination->at_end = TRUE;
    gdw_destination_maybe_take (destination);
  }
  if (destination->one_peer && role == UNIDENTIFIED)
    gdw_destination_fail (destination, error ? g_error_copy (error) : never_spoke ());
  if (role == MAIN_LINK || role == MEMORY_LINK) {
    gdw_destination_lose_link (destination, peer, error);
  } else {
    if (error && role == UNIDENTIFIED &&
        g_error_matches (error, GDW_ERROR, GDW_ERROR_EXHAUSTED))
      gdw_destination_refuse_arrival (destination, error);
    else if (error && role == UNIDENTIFIED)
      gdw_destination_warn (destination, error->message);
    g_ptr_array_remove (destination->peers, peer);
    /* The source lives, and asks again if this answer was lost. */
    destination->lingered |= role == ASKER && destination->phase == GDW_DESTINATION_FAILING;
    gdw_destination_let_in (destination);
  }
  gdw_destination_proceed (destination);
}

const GdwChannelOps gdw_destination_channel_ops = {
  .mem = gdw_destination_take_memory,
  .frame = on_frame,
  .broken = on_broken,
  .closed = on_closed,
};
