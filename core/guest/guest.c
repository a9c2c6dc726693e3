/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/guest/guest.h"

#include <string.h>

#include "core/base/invoke.h"

typedef struct {
  GdwGuest *guest;
  enum { RUN, PAUSE, SETTLE, HAND_OVER, FENCE, RECLAIM } kind;
  GdwRunState after;
  gboolean begun;
  GCancellable *cancellable;
  GdwGuestDone done;
  gpointer data;
  GError *error;
} Order;

struct GdwGuest {
  GdwHost host;
  GMainContext *context;
  GdwRingGate *gate;
  GdwRunState state;
  GdwRunState before; /* hand_over */
  gboolean handing_over, fenced, autostart;
  void (*changed) (GdwRunState state, gpointer data);
  gpointer data;
  GQueue orders; /* of Order; the head is under way */
};

GdwGuest *
gdw_guest_new (const GdwHost *host, GMainContext *context, gboolean incoming,
               void (*changed) (GdwRunState state, gpointer data), gpointer data)
{
  GdwGuest *guest = g_new0 (GdwGuest, 1);

  guest->host = *host;
  guest->context = g_main_context_ref (context);
  guest->gate = gdw_ring_gate_new ();
  guest->state = incoming ? GDW_RUN_STATE_INMIGRATE : GDW_RUN_STATE_PRELAUNCH;
  guest->autostart = TRUE;
  guest->changed = changed;
  guest->data = data;
  g_queue_init (&guest->orders);
  return guest;
}

static void
free_order (gpointer data)
{
  Order *order = data;

  g_clear_object (&order->cancellable);
  g_clear_error (&order->error);
  g_free (order);
}

void
gdw_guest_free (GdwGuest *guest)
{
  if (!guest)
    return;
  g_queue_clear_full (&guest->orders, free_order);
  g_main_context_unref (guest->context);
  gdw_ring_gate_free (guest->gate);
  g_free (guest);
}

const GdwHost *
gdw_guest_host (GdwGuest *guest)
{
  return &guest->host;
}

char *
gdw_guest_machine (GdwGuest *guest, GError **error)
{
  const GdwHost *host = &guest->host;
  char *machine;

  if (!host->machine_digest)
    return g_strdup ("");
  machine = host->machine_digest (host->vm);
  if (machine && *machine && strlen (machine) <= GDW_MACHINE_DIGEST_MAX &&
      g_utf8_validate (machine, -1, NULL))
    return machine;
  g_free (machine);
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_HOST,
      "host '%s': machine_digest failed: it gave no text of 1 to %u bytes; correct the "
      "host",
      host->name ? host->name : "", GDW_MACHINE_DIGEST_MAX);
  return NULL;
}

GdwRunState
gdw_guest_state (GdwGuest *guest)
{
  return guest->state;
}

GdwRingGate *
gdw_guest_ring_gate (GdwGuest *guest)
{
  return guest->gate;
}

static void
set_state (GdwGuest *guest, GdwRunState state)
{
  if (guest->state == state)
    return;
  guest->state = state;
  guest->changed (state, guest->data);
}

static void begin_next (GdwGuest *guest);

/* The order at the head has been carried out: report it and begin the next. */
static void
finish (gpointer data)
{
  Order *order = data;
  GdwGuest *guest = order->guest;

  g_queue_pop_head (&guest->orders);
  if (order->done)
    order->done (order->error, order->data);
  free_order (order);
  begin_next (guest);
}

static void
paused (GdwAnswer *answer, gpointer data)
{
  Order *order = data;
  GdwGuest *guest = order->guest;

  if (!answer->error) {
    set_state (guest, order->after);
  } else {
    order->error = g_error_copy (answer->error);
    gdw_ring_gate_guest_runs (guest->gate); /* as far as anyone knows */
  }
  finish (order);
}

static void
resumed (GdwAnswer *answer, gpointer data)
{
  Order *order = data;
  GdwGuest *guest = order->guest;

  if (answer->error)
    order->error = g_error_copy (answer->error);
  set_state (guest, answer->error ? GDW_RUN_STATE_INTERNAL_ERROR : GDW_RUN_STATE_RUNNING);
  finish (order);
}

static void
call_pause (GdwGuest *guest, Order *order)
{
  gdw_ring_gate_guest_stops (guest->gate);
  guest->host.pause (guest->host.vm, gdw_answer_new (guest->context, paused, order),
                     order->cancellable);
}

static void
call_resume (GdwGuest *guest, Order *order)
{
  gdw_ring_gate_guest_runs (guest->gate);
  guest->host.resume (guest->host.vm, gdw_answer_new (guest->context, resumed, order));
}

static void
begin_hand_over (GdwGuest *guest, Order *order)
{
  guest->before = guest->state;
  guest->handing_over = TRUE;
  if (guest->state == GDW_RUN_STATE_RUNNING) {
    call_pause (guest, order);
    return;
  }
  set_state (guest, order->after);
  gdw_invoke (guest->context, finish, order, NULL);
}

static void
fenced (GdwAnswer *answer, gpointer data)
{
  Order *order = data;

  if (answer->error)
    order->error = g_error_copy (answer->error);
  finish (order);
}

static void
begin_fence (GdwGuest *guest, Order *order)
{
  const GdwHost *host = &guest->host;

  if (!host->fence) {
    gdw_invoke (guest->context, finish, order, NULL);
    return;
  }
  guest->fenced = TRUE;
  host->fence (host->vm, gdw_answer_new (guest->context, fenced, order), order->cancellable);
}

static void begin_reclaim (GdwGuest *guest, Order *order);
static void begin_run (GdwGuest *guest, Order *order);

/* The guest must not run without its resources: it stays paused. */
static void
reacquired (GdwAnswer *answer, gpointer data)
{
  Order *order = data;
  GdwGuest *guest = order->guest;

  if (answer->error) {
    order->error = g_error_copy (answer->error);
    guest->before = GDW_RUN_STATE_PAUSED;
  } else {
    guest->fenced = FALSE;
  }
  if (order->kind == RECLAIM)
    begin_reclaim (guest, order);
  else
    begin_run (guest, order);
}

/* TRUE: reacquired goes on with the order. */
static gboolean
reacquire (GdwGuest *guest, Order *order)
{
  if (!guest->fenced || order->error || !guest->host.reacquire)
    return FALSE;
  guest->host.reacquire (guest->host.vm, gdw_answer_new (guest->context, reacquired, order));
  return TRUE;
}

static void
begin_reclaim (GdwGuest *guest, Order *order)
{
  gboolean handing_over = guest->handing_over;

  if (reacquire (guest, order))
    return;
  guest->handing_over = FALSE;
  /* Resume also after a pause that failed: it undoes what the pause has begun. */
  if (handing_over && guest->before == GDW_RUN_STATE_RUNNING) {
    call_resume (guest, order);
    return;
  }
  if (handing_over)
    set_state (guest, guest->before);
  gdw_invoke (guest->context, finish, order, NULL);
}

static void
begin_run (GdwGuest *guest, Order *order)
{
  if (reacquire (guest, order))
    return;
  if (order->error || guest->state == GDW_RUN_STATE_RUNNING)
    gdw_invoke (guest->context, finish, order, NULL);
  else
    call_resume (guest, order);
}

static void
begin_next (GdwGuest *guest)
{
  Order *order = g_queue_peek_head (&guest->orders);
  gboolean running = guest->state == GDW_RUN_STATE_RUNNING;

  if (!order || order->begun)
    return;
  order->begun = TRUE;
  if (order->kind == HAND_OVER) {
    begin_hand_over (guest, order);
  } else if (order->kind == FENCE) {
    begin_fence (guest, order);
  } else if (order->kind == RECLAIM) {
    begin_reclaim (guest, order);
  } else if (order->kind == PAUSE && running) {
    call_pause (guest, order);
  } else if (order->kind == RUN) {
    begin_run (guest, order);
  } else {
    if (order->kind == SETTLE)
      set_state (guest, order->after);
    gdw_invoke (guest->context, finish, order, NULL);
  }
}

static void
add_order (GdwGuest *guest, int kind, GdwRunState after, GCancellable *cancellable,
           GdwGuestDone done, gpointer data)
{
  Order *order = g_new0 (Order, 1);

  order->guest = guest;
  order->kind = kind;
  order->after = after;
  order->cancellable = cancellable ? g_object_ref (cancellable) : NULL;
  order->done = done;
  order->data = data;
  g_queue_push_tail (&guest->orders, order);
  begin_next (guest);
}

void
gdw_guest_run (GdwGuest *guest, GdwGuestDone done, gpointer data)
{
  add_order (guest, RUN, GDW_RUN_STATE_RUNNING, NULL, done, data);
}

void
gdw_guest_pause (GdwGuest *guest, GdwGuestDone done, gpointer data)
{
  add_order (guest, PAUSE, GDW_RUN_STATE_PAUSED, NULL, done, data);
}

void
gdw_guest_hand_over (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done,
                     gpointer data)
{
  add_order (guest, HAND_OVER, GDW_RUN_STATE_FINISH_MIGRATE, cancellable, done, data);
}

void
gdw_guest_fence (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done, gpointer data)
{
  add_order (guest, FENCE, guest->state, cancellable, done, data);
}

void
gdw_guest_in_doubt (GdwGuest *guest)
{
  set_state (guest, GDW_RUN_STATE_PAUSED);
}

gboolean
gdw_guest_was_running (GdwGuest *guest)
{
  return guest->before == GDW_RUN_STATE_RUNNING;
}

void
gdw_guest_stay_paused (GdwGuest *guest)
{
  guest->before = GDW_RUN_STATE_PAUSED;
}

void
gdw_guest_reclaim (GdwGuest *guest, GdwGuestDone done, gpointer data)
{
  add_order (guest, RECLAIM, GDW_RUN_STATE_RUNNING, NULL, done, data);
}

void
gdw_guest_gone (GdwGuest *guest)
{
  set_state (guest, GDW_RUN_STATE_POSTMIGRATE);
}

void
gdw_guest_set_autostart (GdwGuest *guest, gboolean autostart)
{
  guest->autostart = autostart;
}

gboolean
gdw_guest_autostart (GdwGuest *guest)
{
  return guest->autostart;
}

void
gdw_guest_arrived (GdwGuest *guest, gboolean run, GdwGuestDone done, gpointer data)
{
  if (run)
    gdw_guest_run (guest, done, data);
  else
    add_order (guest, SETTLE, GDW_RUN_STATE_PAUSED, NULL, done, data);
}

void
gdw_guest_await (GdwGuest *guest)
{
  guest->handing_over = guest->fenced = FALSE;
  set_state (guest, GDW_RUN_STATE_INMIGRATE);
}
