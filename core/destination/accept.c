/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Connections are accepted on a thread and let in on the main thread. */
#include "core/destination/private.h"

/* How many unidentified links may exist at once; further peers wait in the kernel's backlog. */
#define UNIDENTIFIED_MAX 16u
/* How long an unidentified link keeps its place while another peer waits for it. */
#define UNIDENTIFIED_US 100000
/* How many accepted links may wait to be let in. */
#define ARRIVALS_MAX 1u
#define ACCEPT_PAUSE_US 100000
/* The attempt fails when links are missing and none can be let in for this long. */
#define ACCEPT_PATIENCE_US 3000000

/* A link that asks for the outcome takes a place as well: it knows the token, but may stay. */
static gboolean
takes_place (const Peer *peer)
{
  return peer->role == UNIDENTIFIED || peer->role == ASKER;
}

/* Counts the links that take a place, even while they end.  @oldest is the next one to end; it
 * is NULL while one is ending already. */
static guint
count_places (GdwDestination *destination, Peer **oldest)
{
  gboolean one_goes = FALSE;
  guint n = 0;

  *oldest = NULL;
  for (guint i = 0; i < destination->peers->len; i++) {
    Peer *peer = destination->peers->pdata[i];

    n += takes_place (peer);
    one_goes |= takes_place (peer) && peer->goes;
    if (!*oldest && peer->role == UNIDENTIFIED)
      *oldest = peer;
  }
  if (one_goes)
    *oldest = NULL;
  return n;
}

static gboolean
on_crowded (gpointer data)
{
  GdwDestination *destination = data;

  gdw_timer_clear (&destination->crowded);
  gdw_destination_let_in (destination);
  return G_SOURCE_REMOVE;
}

/* Ends the oldest link once its time is up, for a waiting peer that may be the source. */
static void
make_room (GdwDestination *destination, Peer *oldest)
{
  gint64 left_us = oldest->came_us + UNIDENTIFIED_US - g_get_monotonic_time ();

  if (left_us > 0) {
    gdw_timer_set (&destination->crowded, destination->attempt.context,
                   (guint) (left_us + 999) / 1000, on_crowded, destination);
    return;
  }
  gdw_destination_warn (destination,
                        "destination: a connection was closed: others wait, and 16 have not "
                        "said who they are; look for a port scanner");
  gdw_destination_send_off (oldest);
}

/* The source has all its links once memory arrives, even if it asked for more. */
static gboolean
links_are_missing (GdwDestination *destination)
{
  return destination->phase == GDW_DESTINATION_RECEIVING &&
         destination->n_joined < destination->n_links &&
         __atomic_load_n (&destination->received_bytes, __ATOMIC_RELAXED) == 0;
}

/* The refused peer may have been a link of the source, which does not go on without it. */
void
gdw_destination_refuse_arrival (GdwDestination *destination, const GError *error)
{
  gdw_destination_warn (destination, error->message);
  if (links_are_missing (destination))
    gdw_destination_fail (
        destination, g_error_new (error->domain, error->code,
                                  "destination: it lets in only %u of %u links: %s",
                                  destination->n_joined, destination->n_links, error->message));
}

static void
welcome (GdwDestination *destination, GdwLink *link)
{
  g_autoptr (GError) error = NULL;
  GdwChannel *channel = gdw_channel_new (&destination->channel_config, 0, link, &error);
  Peer *peer;

  if (!channel) {
    gdw_destination_refuse_arrival (destination, error);
    return;
  }
  peer = g_new0 (Peer, 1);
  peer->since_us = peer->came_us = g_get_monotonic_time ();
  peer->channel = channel;
  g_ptr_array_add (destination->peers, peer);
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
  Peer *oldest;

  while (has_arrivals (destination)) {
    if (destination->closing) {
      gdw_destination_drop_arrivals (destination);
    } else if (count_places (destination, &oldest) < UNIDENTIFIED_MAX) {
      welcome (destination, gdw_destination_take_arrival (destination));
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

/* Waits a moment: the cause (no descriptor is left, a peer was refused) may pass. */
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

/* Returns FALSE when accepting is over. */
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
  /* Frees the descriptors of unidentified peers: they may be the missing ones. */
  gdw_destination_drop (destination, UNIDENTIFIED, UNIDENTIFIED_US);
  if (for_us >= MIN (ACCEPT_PATIENCE_US, limit_us / 2))
    gdw_destination_refuse_arrival (destination, error);
}
