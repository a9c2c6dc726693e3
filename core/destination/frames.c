/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Who connects, and what the links say; the mirror of source-links.c. */
#include <string.h>

#include "core/destination/private.h"
#include "core/base/invoke.h"
#include "core/base/thread.h"

/* Credit of each link: enough to keep a fast link busy over a long way. */
#define WINDOW_BYTES (64u << 20)
#define WINDOW_PAGES (1u << 24)
/* At once, of those who have not said who they are; the next ones wait in the backlog. */
#define REFUSALS_TOLD_MAX 16u
/* One of them keeps its place so long while another waits for it. */
#define STRANGER_US 100000
/* Accepted, and not let in yet. */
#define ARRIVALS_MAX 1u
#define WARNINGS_MAX 64u
#define ACCEPT_PAUSE_US 100000
/* Links are missing and nobody can be let in for so long: that is the end. */
#define ACCEPT_PATIENCE_US 3000000
#define TURN_AWAY_US 1000000

Unidentified *
gdw_destination_unidentified (GdwDestination *destination, GdwChannel *channel)
{
  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (unidentified->channel == channel)
      return unidentified;
  }
  return NULL;
}

void
gdw_destination_warn (GdwDestination *destination, const char *text)
{
  g_debug ("%s", text);
  if (destination->warnings->len < WARNINGS_MAX &&
      !g_ptr_array_find_with_equal_func (destination->warnings, text, g_str_equal, NULL))
    g_ptr_array_add (destination->warnings, g_strdup (text));
}

/* Who asks for the outcome knows the token, but may stay as long. */
static gboolean
takes_place (const Unidentified *unidentified)
{
  return unidentified->role == STRANGER || unidentified->role == ASKER;
}

/* Those that take a place, with those on their way out; @oldest: who is to go first, NULL if
 * one goes already. */
static guint
count_places (GdwDestination *destination, Unidentified **oldest)
{
  gboolean one_goes = FALSE;
  guint n = 0;

  *oldest = NULL;
  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    Unidentified *unidentified = destination->unidentified_links->pdata[i];

    n += takes_place (unidentified);
    one_goes |= takes_place (unidentified) && unidentified->goes;
    if (!*oldest && unidentified->role == STRANGER)
      *oldest = unidentified;
  }
  if (one_goes)
    *oldest = NULL;
  return n;
}

static void
send_off (Unidentified *unidentified)
{
  unidentified->goes = TRUE;
  unidentified->turned_away |= unidentified->role == STRANGER;
  gdw_channel_stop (unidentified->channel);
}

static gboolean
on_crowded (gpointer data)
{
  GdwDestination *destination = data;

  gdw_timer_clear (&destination->crowded);
  gdw_destination_let_in (destination);
  return G_SOURCE_REMOVE;
}

/* Somebody waits, and he may be the source. */
static void
make_room (GdwDestination *destination, Unidentified *oldest)
{
  gint64 left_us = oldest->came_us + STRANGER_US - g_get_monotonic_time ();

  if (left_us > 0) {
    gdw_timer_set (&destination->crowded, destination->attempt.context,
                   (guint) (left_us + 999) / 1000, on_crowded, destination);
    return;
  }
  gdw_destination_warn (destination,
                        "destination: a connection was closed: others wait, and 16 have not "
                        "said who they are; look for a port scanner");
  send_off (oldest);
}

/* Once memory comes the source has all its links, be they fewer than it asked for. */
static gboolean
links_are_missing (GdwDestination *destination)
{
  return destination->phase == RECEIVING && destination->n_joined < destination->n_links &&
         __atomic_load_n (&destination->received_bytes, __ATOMIC_RELAXED) == 0;
}

/* He may have been one of them, and nothing goes on without it. */
static void
refuse_arrival (GdwDestination *destination, const GError *error)
{
  gdw_destination_warn (destination, error->message);
  if (links_are_missing (destination))
    gdw_destination_fail (
        destination, g_error_new (error->domain, error->code,
                                  "destination: it lets in only %u of %u links: %s",
                                  destination->n_joined, destination->n_links, error->message));
}

static void
welcome_stranger (GdwDestination *destination, GdwLink *link)
{
  g_autoptr (GError) error = NULL;
  GdwChannel *channel = gdw_channel_new (&destination->channel_config, 0, link, &error);
  Unidentified *unidentified;

  if (!channel) {
    refuse_arrival (destination, error);
    return;
  }
  unidentified = g_new0 (Unidentified, 1);
  unidentified->since_us = unidentified->came_us = g_get_monotonic_time ();
  unidentified->channel = channel;
  g_ptr_array_add (destination->unidentified_links, unidentified);
}

static GdwLink *
take_arrival (GdwDestination *destination)
{
  GdwLink *link;

  pthread_mutex_lock (&destination->arrivals_lock);
  link = g_queue_pop_head (&destination->arrivals);
  pthread_cond_signal (&destination->arrivals_changed);
  pthread_mutex_unlock (&destination->arrivals_lock);
  return link;
}

static gboolean
has_arrivals (GdwDestination *destination)
{
  gboolean has;

  pthread_mutex_lock (&destination->arrivals_lock);
  has = !g_queue_is_empty (&destination->arrivals);
  pthread_mutex_unlock (&destination->arrivals_lock);
  return has;
}

void
gdw_destination_let_in (GdwDestination *destination)
{
  Unidentified *oldest;

  while (has_arrivals (destination)) {
    if (destination->closing) {
      gdw_link_close (take_arrival (destination));
    } else if (count_places (destination, &oldest) < REFUSALS_TOLD_MAX) {
      welcome_stranger (destination, take_arrival (destination));
    } else {
      if (oldest)
        make_room (destination, oldest);
      return;
    }
  }
}

static void
on_arrival (gpointer data)
{
  gdw_destination_let_in (data);
}

/* Whatever is wrong (no descriptor is left, a refused peer) may pass. */
static void
wait_after_error (GdwDestination *destination, GError *error)
{
  gint64 now = g_get_monotonic_time ();

  g_debug ("%s", error->message);
  pthread_mutex_lock (&destination->arrivals_lock);
  if (!destination->refusal)
    destination->refused_us = now;
  destination->refused_last_us = now;
  g_clear_error (&destination->refusal);
  destination->refusal = error;
  while (!destination->stop_accepting && g_get_monotonic_time () < now + ACCEPT_PAUSE_US)
    gdw_cond_wait_until (&destination->arrivals_changed, &destination->arrivals_lock,
                         now + ACCEPT_PAUSE_US);
  pthread_mutex_unlock (&destination->arrivals_lock);
}

static void
hand_over (GdwDestination *destination, GdwLink *link)
{
  pthread_mutex_lock (&destination->arrivals_lock);
  g_clear_error (&destination->refusal);
  g_queue_push_tail (&destination->arrivals, link);
  pthread_mutex_unlock (&destination->arrivals_lock);
  g_atomic_int_inc (&destination->refs);
  gdw_invoke (destination->attempt.context, on_arrival, destination, gdw_destination_unref);
}

/* FALSE: it is over. */
static gboolean
wait_for_place (GdwDestination *destination)
{
  gboolean go_on;

  pthread_mutex_lock (&destination->arrivals_lock);
  while (!destination->stop_accepting &&
         g_queue_get_length (&destination->arrivals) >= ARRIVALS_MAX)
    pthread_cond_wait (&destination->arrivals_changed, &destination->arrivals_lock);
  go_on = !destination->stop_accepting;
  pthread_mutex_unlock (&destination->arrivals_lock);
  return go_on;
}

static void *
accept_loop (void *data)
{
  GdwDestination *destination = data;

  while (wait_for_place (destination)) {
    GError *error = NULL;
    GdwLink *link = gdw_stack_accept (destination->stack, destination->accept_cancellable,
                                      &error);

    if (link)
      hand_over (destination, link);
    else
      wait_after_error (destination, error);
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
  GdwLink *link;

  gdw_destination_end_accepting (destination);
  if (destination->accepting)
    pthread_join (destination->acceptor, NULL);
  destination->accepting = FALSE;
  gdw_timer_clear (&destination->crowded);
  g_clear_error (&destination->refusal);
  while ((link = g_queue_pop_head (&destination->arrivals)))
    gdw_link_close (link);
}

static void
drop (GdwDestination *destination, Role role, gint64 limit_us)
{
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < destination->unidentified_links->len; i++) {
    Unidentified *unidentified = destination->unidentified_links->pdata[i];

    if (unidentified->role == role && now - unidentified->since_us >= limit_us)
      send_off (unidentified);
  }
}

void
gdw_destination_drop_silent (GdwDestination *destination, gint64 limit_us)
{
  drop (destination, STRANGER, limit_us);
  drop (destination, ASKER, limit_us);
}

void
gdw_destination_check_accepting (GdwDestination *destination, gint64 limit_us)
{
  g_autoptr (GError) error = NULL;
  gint64 for_us;

  pthread_mutex_lock (&destination->arrivals_lock);
  if (destination->refusal)
    error = g_error_copy (destination->refusal);
  for_us = destination->refused_last_us - destination->refused_us;
  pthread_mutex_unlock (&destination->arrivals_lock);
  if (!error || !g_error_matches (error, GDW_ERROR, GDW_ERROR_EXHAUSTED))
    return;
  gdw_destination_warn (destination, error->message);
  /* What they hold may be what is missing. */
  drop (destination, STRANGER, STRANGER_US);
  if (for_us >= MIN (ACCEPT_PATIENCE_US, limit_us / 2))
    refuse_arrival (destination, error);
}

/* It is being told why; @unidentified gets a second to listen. */
static void
hurry (GdwDestination *destination, Unidentified *unidentified)
{
  unidentified->since_us = g_get_monotonic_time () + TURN_AWAY_US -
                           destination->attempt.parameters->x_peer_timeout * (gint64) 1000;
}

/* Costs a stranger its link and nobody anything else; takes @error. */
static void
turn_away (GdwDestination *destination, Unidentified *unidentified, GError *error)
{
  GByteArray *meta = g_byte_array_new ();
  GdwErrorMsg msg = { .code = GDW_ERROR_PROTOCOL,
                      .phase = (char *) "join",
                      .text = error->message };

  if (destination->one_way) {
    gdw_destination_fail (destination, error);
    gdw_channel_stop (unidentified->channel);
    return;
  }
  unidentified->turned_away = TRUE;
  gdw_destination_warn (destination, error->message);
  gdw_error_encode (&msg, meta);
  gdw_channel_send (unidentified->channel, GDW_FRAME_ERROR, meta);
  gdw_channel_finish (unidentified->channel);
  hurry (destination, unidentified);
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
adopt (GdwDestination *destination, Unidentified *unidentified, Role role, guint index)
{
  unidentified->role = role;
  destination->links[index] = unidentified->channel;
  if (role == MAIN_LINK)
    destination->main_link = unidentified->channel;
  destination->n_joined++;
  gdw_channel_set_index (unidentified->channel, index);
  gdw_channel_open (unidentified->channel, WINDOW_BYTES, WINDOW_PAGES);
}

/* The source of this migration has come. */
static void
welcome (GdwDestination *destination, Unidentified *unidentified, const GdwHello *hello)
{
  GByteArray *meta = g_byte_array_new ();
  GdwHelloAck ack = { .version = MIN (hello->version_max, GDW_STREAM_VERSION_MAX),
                      .features = hello->offered & GDW_FEATURES_KNOWN,
                      .window_bytes = WINDOW_BYTES,
                      .window_pages = WINDOW_PAGES };

  destination->phase = RECEIVING;
  destination->n_links = hello->n_links;
  adopt (destination, unidentified, MAIN_LINK, 0);
  destination->attempt.ops->status (GDW_STATUS_ACTIVE, destination->attempt.data);
  gdw_hello_ack_encode (&ack, meta);
  gdw_channel_send (unidentified->channel, GDW_FRAME_HELLO_ACK, meta);
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
on_hello (GdwDestination *destination, Unidentified *unidentified, const GdwFrame *frame,
          const guint8 *meta)
{
  GdwHello hello = { 0 };
  GError *error = NULL;

  if (!gdw_hello_decode (meta, frame->meta_len, &hello, &error)) {
    turn_away (destination, unidentified, error);
    return;
  }
  if (destination->phase != LISTENING) {
    turn_away (destination, unidentified,
               g_error_new (GDW_ERROR, GDW_ERROR_BUSY,
                            "destination: a second source is refused: a migration has begun "
                            "here; use another destination"));
  } else {
    remember_id (destination, &hello);
    if (check_hello (destination, &hello, &error)) {
      welcome (destination, unidentified, &hello);
    } else {
      unidentified->role = MAIN_LINK;
      destination->links[0] = destination->main_link = unidentified->channel;
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
on_join (GdwDestination *destination, Unidentified *unidentified, const GdwFrame *frame,
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
    turn_away (destination, unidentified, error);
    return;
  }
  adopt (destination, unidentified, MEMORY_LINK, join.link);
  answer = g_byte_array_new ();
  gdw_id_encode (destination->verdict.id, answer);
  gdw_channel_send (unidentified->channel, GDW_FRAME_JOIN_ACK, answer);
}

static void
on_query (GdwDestination *destination, Unidentified *unidentified, const GdwFrame *frame,
          const guint8 *meta)
{
  gboolean undecided = destination->verdict.decision == GDW_UNDECIDED;
  GByteArray *answer;
  GdwJoin query;
  GdwOutcomeMsg msg;
  GError *error = NULL;

  if (!gdw_query_decode (meta, frame->meta_len, &query, &error)) {
    turn_away (destination, unidentified, error);
    return;
  }
  gdw_verdict_answer (&destination->verdict, &query, &msg);
  if (msg.answer != GDW_ANSWER_UNKNOWN_ID)
    unidentified->role = ASKER;
  answer = g_byte_array_new ();
  gdw_outcome_encode (&msg, answer);
  gdw_channel_send (unidentified->channel, GDW_FRAME_OUTCOME, answer);
  if (undecided && destination->verdict.decision == GDW_ABORTED)
    gdw_destination_fail (destination, g_error_new (GDW_ERROR, GDW_ERROR_PEER,
                                                    "destination: the guest does "
                                                    "not run here: %s; the source has it",
                                                    destination->verdict.why));
}

static gboolean
on_main_frame (GdwDestination *destination, Unidentified *unidentified, const GdwFrame *frame,
               const guint8 *meta, GError **error)
{
  GdwErrorMsg msg;

  switch (frame->type) {
  case GDW_FRAME_LINK_DEAD:
    return gdw_destination_on_link_dead (destination, unidentified, frame, meta, error);
  case GDW_FRAME_STATE:
    destination->state_link = unidentified->channel;
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
on_stranger_frame (GdwDestination *destination, Unidentified *unidentified,
                   const GdwFrame *frame, const guint8 *meta)
{
  if (frame->type == GDW_FRAME_HELLO)
    on_hello (destination, unidentified, frame, meta);
  else if (frame->type == GDW_FRAME_JOIN)
    on_join (destination, unidentified, frame, meta);
  else if (frame->type == GDW_FRAME_QUERY_OUTCOME)
    on_query (destination, unidentified, frame, meta);
  else
    turn_away (destination, unidentified,
               g_error_new (GDW_ERROR, GDW_ERROR_PROTOCOL,
                            "destination: frame '%s' is refused: it does not begin a "
                            "connection; both sides must speak the same protocol",
                            gdw_frame_name (frame->type)));
}

static void
on_frame (GdwChannel *channel, const GdwFrame *frame, const guint8 *meta, gpointer data)
{
  GdwDestination *destination = data;
  Unidentified *unidentified = gdw_destination_unidentified (destination, channel);
  GError *error = NULL;

  if (unidentified->turned_away || unidentified->dead)
    return;
  if (unidentified->role == STRANGER) {
    on_stranger_frame (destination, unidentified, frame, meta);
    gdw_destination_let_in (destination);
  } else if (frame->type == GDW_FRAME_CONFIRM) {
    on_confirm (destination, frame, meta);
  } else if (!on_main_frame (destination, unidentified, frame, meta, &error)) {
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
  Unidentified *unidentified = gdw_destination_unidentified (destination, channel);

  if (unidentified->role == MAIN_LINK || unidentified->role == MEMORY_LINK ||
      destination->one_way)
    gdw_destination_fail (destination, g_error_copy (error));
  else
    hurry (destination, unidentified);
}

static void
on_closed (GdwChannel *channel, const GError *error, gpointer data)
{
  GdwDestination *destination = data;
  Unidentified *unidentified = gdw_destination_unidentified (destination, channel);
  Role role = unidentified->role;

  unidentified->closed = TRUE;
  if (destination->one_way && !error && destination->commit_read) {
    destination->at_end = TRUE;
    gdw_destination_maybe_take (destination);
  }
  if (destination->one_way && error && role == STRANGER)
    gdw_destination_fail (destination, g_error_copy (error));
  if (role == MAIN_LINK || role == MEMORY_LINK) {
    gdw_destination_lose_link (destination, unidentified, error);
  } else {
    if (error && role == STRANGER && g_error_matches (error, GDW_ERROR, GDW_ERROR_EXHAUSTED))
      refuse_arrival (destination, error);
    else if (error && role == STRANGER)
      gdw_destination_warn (destination, error->message);
    g_ptr_array_remove (destination->unidentified_links, unidentified);
    /* The source has its answer. */
    if (role == ASKER && destination->phase == FAILING)
      gdw_destination_close (destination);
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
