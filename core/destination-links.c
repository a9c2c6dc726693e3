/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Who connects, and what the links say; the mirror of source-links.c. */
#include <string.h>

#include "core/destination-private.h"
#include "core/post.h"
#include "core/thread.h"

/* Credit of each link: enough to keep a fast link busy over a long way. */
#define WINDOW_BYTES (64u << 20)
#define WINDOW_PAGES (1u << 24)
/* At once, of those who have not said who they are. */
#define STRANGERS_MAX 64u
/* All, with those on their way out. */
#define VISITORS_MAX (GDW_LINKS_MAX + 4 * STRANGERS_MAX)
#define ACCEPT_PAUSE_MS 100
#define TURN_AWAY_US 1000000

Visitor *
gdw_destination_visitor (GdwDestination *destination, GdwChannel *channel)
{
  for (guint i = 0; i < destination->visitors->len; i++) {
    Visitor *visitor = destination->visitors->pdata[i];

    if (visitor->channel == channel)
      return visitor;
  }
  return NULL;
}

/* Strangers that are not on their way out; @oldest: the one to go first. */
static guint
count_strangers (GdwDestination *destination, Visitor **oldest)
{
  guint n = 0;

  *oldest = NULL;
  for (guint i = 0; i < destination->visitors->len; i++) {
    Visitor *visitor = destination->visitors->pdata[i];

    if (visitor->role != STRANGER || visitor->turned_away)
      continue;
    if (n++ == 0)
      *oldest = visitor;
  }
  return n;
}

void
gdw_destination_warn (GdwDestination *destination, const char *text)
{
  g_debug ("%s", text);
  if (destination->warnings->len < STRANGERS_MAX &&
      !g_ptr_array_find_with_equal_func (destination->warnings, text, g_str_equal, NULL))
    g_ptr_array_add (destination->warnings, g_strdup (text));
}

static void
let_in (GdwDestination *destination, GdwLink *link)
{
  g_autoptr (GError) error = NULL;
  GdwChannel *channel;
  Visitor *visitor, *oldest;

  if (destination->visitors->len >= VISITORS_MAX) {
    gdw_link_close (link);
    return;
  }
  /* The source may be the newest. */
  if (count_strangers (destination, &oldest) >= STRANGERS_MAX) {
    gdw_destination_warn (
        destination, "destination: a connection was closed: 64 others came that have not said "
                     "who they are; look for a port scanner");
    oldest->turned_away = TRUE;
    gdw_channel_stop (oldest->channel);
  }
  channel = gdw_channel_new (&destination->channel_config, 0, link, &error);
  if (!channel) {
    gdw_destination_warn (destination, error->message);
    return;
  }
  visitor = g_new0 (Visitor, 1);
  visitor->since_us = g_get_monotonic_time ();
  visitor->channel = channel;
  g_ptr_array_add (destination->visitors, visitor);
}

static void
on_arrivals (gpointer data)
{
  GdwDestination *destination = data;
  GdwLink *link;

  do {
    pthread_mutex_lock (&destination->arrivals_lock);
    link = g_queue_pop_head (&destination->arrivals);
    pthread_mutex_unlock (&destination->arrivals_lock);
    if (link && destination->closing)
      gdw_link_close (link);
    else if (link)
      let_in (destination, link);
  } while (link);
}

/* Whatever is wrong (no descriptors left, a refused peer) may pass. */
static void
wait_after_error (GdwDestination *destination)
{
  GPollFD poll;

  if (g_cancellable_make_pollfd (destination->accept_cancellable, &poll)) {
    g_poll (&poll, 1, ACCEPT_PAUSE_MS);
    g_cancellable_release_fd (destination->accept_cancellable);
  }
}

static void *
accept_loop (void *data)
{
  GdwDestination *destination = data;

  while (!g_cancellable_is_cancelled (destination->accept_cancellable)) {
    g_autoptr (GError) error = NULL;
    GdwLink *link = gdw_stack_accept (destination->stack, destination->accept_cancellable,
                                      &error);

    if (!link) {
      g_debug ("%s", error->message);
      wait_after_error (destination);
      continue;
    }
    pthread_mutex_lock (&destination->arrivals_lock);
    g_queue_push_tail (&destination->arrivals, link);
    pthread_mutex_unlock (&destination->arrivals_lock);
    g_atomic_int_inc (&destination->refs);
    gdw_post (destination->attempt.context, on_arrivals, destination, gdw_destination_unref);
  }
  return NULL;
}

gboolean
gdw_destination_accept (GdwDestination *destination, GError **error)
{
  destination->accepting = gdw_thread_start (&destination->acceptor,
                                             destination->attempt.threads, "mig/dst/accept",
                                             accept_loop, destination, error);
  return destination->accepting;
}

void
gdw_destination_stop_accepting (GdwDestination *destination)
{
  GdwLink *link;

  g_cancellable_cancel (destination->accept_cancellable);
  if (destination->accepting)
    pthread_join (destination->acceptor, NULL);
  destination->accepting = FALSE;
  while ((link = g_queue_pop_head (&destination->arrivals)))
    gdw_link_close (link);
}

void
gdw_destination_drop_silent (GdwDestination *destination, gint64 limit_us)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < destination->visitors->len; i++) {
    Visitor *visitor = destination->visitors->pdata[i];

    if ((visitor->role == STRANGER || visitor->role == ASKER) &&
        now - visitor->since_us >= limit_us)
      gdw_channel_stop (visitor->channel);
  }
}

/* It is being told why; @visitor gets a second to listen. */
static void
hurry (GdwDestination *destination, Visitor *visitor)
{
  visitor->since_us = g_get_monotonic_time () + TURN_AWAY_US -
                      destination->attempt.parameters->x_peer_timeout * (gint64) 1000;
}

/* Costs a stranger its link and nobody anything else; takes @error. */
static void
turn_away (GdwDestination *destination, Visitor *visitor, GError *error)
{
  GByteArray *meta = g_byte_array_new ();
  GdwErrorMsg msg = { .code = GDW_ERROR_PROTOCOL,
                      .phase = (char *) "join",
                      .text = error->message };

  if (destination->one_way) {
    gdw_destination_fail (destination, error);
    gdw_channel_stop (visitor->channel);
    return;
  }
  visitor->turned_away = TRUE;
  gdw_destination_warn (destination, error->message);
  gdw_error_encode (&msg, meta);
  gdw_channel_send (visitor->channel, GDW_FRAME_ERROR, meta);
  gdw_channel_finish (visitor->channel);
  hurry (destination, visitor);
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

static gboolean
check_hello (GdwDestination *destination, const GdwHello *hello, GError **error)
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
  if (((hello->required & GDW_FEATURE_VALIDATE_UUID) ||
       destination->attempt.capabilities.validate_uuid) &&
      !check_uuid (destination, hello, error))
    return FALSE;
  return gdw_regions_match (destination->regions, hello, error);
}

static void
adopt (GdwDestination *destination, Visitor *visitor, Role role, guint index)
{
  visitor->role = role;
  destination->links[index] = visitor->channel;
  if (role == MAIN_LINK)
    destination->main_link = visitor->channel;
  destination->n_joined++;
  gdw_channel_set_index (visitor->channel, index);
  gdw_channel_open (visitor->channel, WINDOW_BYTES, WINDOW_PAGES);
}

/* The source of this migration has come. */
static void
welcome (GdwDestination *destination, Visitor *visitor, const GdwHello *hello)
{
  GByteArray *meta = g_byte_array_new ();
  GdwHelloAck ack = { .version = MIN (hello->version_max, GDW_STREAM_VERSION_MAX),
                      .features = hello->offered & GDW_FEATURES_KNOWN,
                      .window_bytes = WINDOW_BYTES,
                      .window_pages = WINDOW_PAGES };

  destination->phase = RECEIVING;
  destination->n_links = hello->n_links;
  adopt (destination, visitor, MAIN_LINK, 0);
  destination->attempt.ops->status (GDW_STATUS_ACTIVE, destination->attempt.data);
  gdw_hello_ack_encode (&ack, meta);
  gdw_channel_send (visitor->channel, GDW_FRAME_HELLO_ACK, meta);
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
on_hello (GdwDestination *destination, Visitor *visitor, const GdwFrame *frame,
          const guint8 *meta)
{
  GdwHello hello = { 0 };
  GError *error = NULL;

  if (!gdw_hello_decode (meta, frame->meta_len, &hello, &error)) {
    turn_away (destination, visitor, error);
    return;
  }
  if (destination->phase != LISTENING) {
    turn_away (destination, visitor,
               g_error_new (GDW_ERROR, GDW_ERROR_BUSY,
                            "destination: a second source is refused: a migration has begun "
                            "here; use another destination"));
  } else {
    remember_id (destination, &hello);
    if (check_hello (destination, &hello, &error)) {
      welcome (destination, visitor, &hello);
    } else {
      visitor->role = MAIN_LINK;
      destination->links[0] = destination->main_link = visitor->channel;
      gdw_destination_fail (destination, error);
    }
  }
  gdw_hello_clear (&hello);
}

static gboolean
may_join (GdwDestination *destination, const GdwJoin *join)
{
  const GdwVerdict *verdict = &destination->verdict;

  return destination->phase == RECEIVING && memcmp (join->id, verdict->id, GDW_ID_BYTES) == 0 &&
         memcmp (join->token, verdict->token, GDW_TOKEN_BYTES) == 0 && join->link > 0 &&
         join->link < destination->n_links && !destination->links[join->link];
}

static void
on_join (GdwDestination *destination, Visitor *visitor, const GdwFrame *frame,
         const guint8 *meta)
{
  GByteArray *answer;
  GdwJoin join;
  GError *error = NULL;

  if (gdw_join_decode (meta, frame->meta_len, &join, &error) && !may_join (destination, &join))
    error = g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                         "destination: a link is refused: it does not know the token of this "
                         "migration, or its number is taken; look for another source");
  if (error) {
    turn_away (destination, visitor, error);
    return;
  }
  adopt (destination, visitor, MEMORY_LINK, join.link);
  answer = g_byte_array_new ();
  gdw_id_encode (destination->verdict.id, answer);
  gdw_channel_send (visitor->channel, GDW_FRAME_JOIN_ACK, answer);
}

static void
on_query (GdwDestination *destination, Visitor *visitor, const GdwFrame *frame,
          const guint8 *meta)
{
  gboolean undecided = destination->verdict.decision == GDW_UNDECIDED;
  GByteArray *answer;
  GdwJoin query;
  GdwOutcomeMsg msg;
  GError *error = NULL;

  if (!gdw_query_decode (meta, frame->meta_len, &query, &error)) {
    turn_away (destination, visitor, error);
    return;
  }
  gdw_verdict_answer (&destination->verdict, &query, &msg);
  if (msg.answer != GDW_ANSWER_UNKNOWN_ID)
    visitor->role = ASKER;
  answer = g_byte_array_new ();
  gdw_outcome_encode (&msg, answer);
  gdw_channel_send (visitor->channel, GDW_FRAME_OUTCOME, answer);
  if (undecided && destination->verdict.decision == GDW_ABORTED)
    gdw_destination_fail (destination, g_error_new (GDW_ERROR, GDW_ERROR_PEER,
                                                    "destination: the guest does "
                                                    "not run here: %s; the source has it",
                                                    destination->verdict.why));
}

static gboolean
on_main_frame (GdwDestination *destination, Visitor *visitor, const GdwFrame *frame,
               const guint8 *meta, GError **error)
{
  GdwErrorMsg msg;

  switch (frame->type) {
  case GDW_FRAME_LINK_DEAD:
    return gdw_destination_on_link_dead (destination, visitor, frame, meta, error);
  case GDW_FRAME_STATE:
    destination->state_link = visitor->channel;
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
on_stranger_frame (GdwDestination *destination, Visitor *visitor, const GdwFrame *frame,
                   const guint8 *meta)
{
  if (frame->type == GDW_FRAME_HELLO)
    on_hello (destination, visitor, frame, meta);
  else if (frame->type == GDW_FRAME_JOIN)
    on_join (destination, visitor, frame, meta);
  else if (frame->type == GDW_FRAME_QUERY_OUTCOME)
    on_query (destination, visitor, frame, meta);
  else
    turn_away (destination, visitor,
               g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                            "destination: frame '%s' is refused: it does not begin a "
                            "connection; both sides must speak the same protocol",
                            gdw_frame_name (frame->type)));
}

static void
on_frame (GdwChannel *channel, const GdwFrame *frame, const guint8 *meta, gpointer data)
{
  GdwDestination *destination = data;
  Visitor *visitor = gdw_destination_visitor (destination, channel);
  GError *error = NULL;

  if (visitor->turned_away || visitor->dead)
    return;
  if (visitor->role == STRANGER) {
    on_stranger_frame (destination, visitor, frame, meta);
  } else if (frame->type == GDW_FRAME_CONFIRM) {
    on_confirm (destination, frame, meta);
  } else if (!on_main_frame (destination, visitor, frame, meta, &error)) {
    /* A COMMIT that comes too late is refused here. */
    if (destination->phase >= FAILING)
      gdw_destination_warn (destination, error->message);
    gdw_destination_fail (destination, error);
  }
}

static void
on_broken (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  Visitor *visitor = gdw_destination_visitor (destination, channel);

  if (visitor->role == MAIN_LINK || visitor->role == MEMORY_LINK || destination->one_way)
    gdw_destination_fail (destination, g_error_copy (error));
  else
    hurry (destination, visitor);
}

static void
on_closed (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  Visitor *visitor = gdw_destination_visitor (destination, channel);
  Role role = visitor->role;

  visitor->closed = TRUE;
  if (destination->one_way && !error && destination->commit_read) {
    destination->at_end = TRUE;
    gdw_destination_maybe_take (destination);
  }
  if (destination->one_way && error && role == STRANGER)
    gdw_destination_fail (destination, g_error_copy (error));
  if (role == MAIN_LINK || role == MEMORY_LINK) {
    gdw_destination_lose_link (destination, visitor, error);
  } else {
    if (error && role == STRANGER)
      gdw_destination_warn (destination, error->message);
    g_ptr_array_remove (destination->visitors, visitor);
    /* The source has its answer. */
    if (role == ASKER && destination->phase == FAILING)
      gdw_destination_close (destination);
  }
  gdw_destination_proceed (destination);
}

const GdwChannelOps gdw_destination_channel_ops = {
  .mem = gdw_destination_take_memory,
  .frame = on_frame,
  .broken = on_broken,
  .closed = on_closed,
};
