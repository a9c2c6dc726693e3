/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <signal.h>

#include "flow.h"
#include "link-cases.h"

LINK_CASES (DECLARE_CASE)

#define SOON PROMISE ("transport.h", "returns within 100 ms after it fires")
#define CANCELLED                                                                              \
  PROMISE ("error.h", "An operation ended by its cancellable fails with G_IO_ERROR_CANCELLED")

static void
expect_cancelled (const char *callback, const GError *error)
{
  EXPECT (error && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED), CANCELLED,
          "%s was cancelled and %s%s", callback, error ? "failed with: " : "succeeded",
          error ? error->message : "");
}

/* Cancels a call while it waits, or before. */
static void
cancel (Call *call, gboolean before)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  call->cancellable = cancellable;
  if (before)
    g_cancellable_cancel (cancellable);
  call_start (call);
  if (!before && call_ends_within (call, 50))
    broken (PROMISE ("transport.h", "Each call that may block takes a cancellable"),
            "a call that had to wait ended: %s",
            call->error ? call->error->message : "it gave");
  g_cancellable_cancel (cancellable);
  call_end (call, SOON);
}

void
link_cancel_ends_accept (const Subject *subject)
{
  Side *side;

  if (!subject_is_two_way (subject))
    skip ("bytes travel one way only here");
  side = side_listen (subject);
  for (guint before = 0; before < 2; before++) {
    Call accepting = { .kind = CALL_ACCEPT, .side = side };

    cancel (&accepting, before == 1);
    expect_cancelled ("accept", accepting.error);
  }
  side_close (side);
}

/* The duration of a connect is unknown, so cancel at every moment of it. */
void
link_cancel_ends_connect (const Subject *subject)
{
  GRand *random = g_rand_new_with_seed ((guint32) subject->seed);
  Pair pair;

  pair_open_at_an_address (&pair, subject);
  for (guint i = 0; i < 40; i++) {
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    Call connecting = { .kind = CALL_CONNECT,
                        .side = pair.connecting,
                        .cancellable = cancellable };

    if (i == 0)
      g_cancellable_cancel (cancellable);
    call_start (&connecting);
    g_usleep ((gulong) g_rand_int_range (random, 0, 200));
    g_cancellable_cancel (cancellable);
    call_end (&connecting, SOON);
    if (connecting.got)
      end_close (connecting.got);
    else
      expect_cancelled ("connect", connecting.error);
    g_clear_error (&connecting.error);
  }
  pair_close (&pair);
}

void
link_cancel_ends_read (const Subject *subject)
{
  Pair pair;

  pair_open (&pair, subject);
  for (guint before = 0; before < 2; before++) {
    Call reading = { .kind = CALL_READ, .end = pair.in, .size = 100 };

    cancel (&reading, before == 1);
    expect_cancelled ("read", reading.error);
  }
  pair_close (&pair);
}

void
link_cancel_ends_write (const Subject *subject)
{
  Flow out = { .size = (guint64) 1 << 30, .until_error = TRUE };
  guint64 before;
  Pair pair;

  pair_open (&pair, subject);
  out.end = pair.out;
  out.cancellable = g_cancellable_new ();
  flow_start (&out, flow_write);
  do {
    before = flow_done (&out);
  } while (!call_ends_within (&out.call, 250) && flow_done (&out) > before);
  g_cancellable_cancel (out.cancellable);
  EXPECT (call_ends_within (&out.call, 8000), SOON, "write has not returned after 8 s");
  if (out.done < out.size)
    expect_cancelled ("write", out.error);
  pair_close (&pair);
}

void
link_no_cancellable_is_kept (const Subject *subject)
{
  GCancellable *cancellable = g_cancellable_new ();
  Flow out = { .tag = 1, .size = 100000, .cancellable = cancellable };
  Flow in = { .tag = 1, .size = 100000, .cancellable = cancellable };
  Pair pair = { 0 };
  Call accepting = { .kind = CALL_ACCEPT, .cancellable = cancellable };
  Call connecting = { .kind = CALL_CONNECT, .cancellable = cancellable };

  if (!subject_is_two_way (subject))
    skip ("bytes travel one way only here");
  pair.listening = accepting.side = side_listen (subject);
  pair.connecting = connecting.side = side_towards (pair.listening);
  call_start (&accepting);
  call_start (&connecting);
  call_end (&connecting, PROMISE ("transport.h", "Connect to the address; gives a link"));
  call_end (&accepting, PROMISE ("transport.h", "Wait for a peer; gives a link"));
  pair.in = in.end = accepting.got;
  pair.out = out.end = connecting.got;
  EXPECT (pair.in && pair.out, PROMISE ("transport.h", "Wait for a peer; gives a link"),
          "accept or connect failed");
  pair_shake_hands (pair.in, pair.out);
  flow_start (&out, flow_write);
  flow_start (&in, flow_read);
  flow_end (&in);
  flow_end (&out);
  pair_close (&pair);
  EXPECT (G_OBJECT (cancellable)->ref_count == 1 &&
              !g_signal_has_handler_pending (
                  cancellable, g_signal_lookup ("cancelled", G_TYPE_CANCELLABLE), 0, TRUE),
          PROMISE ("transport.h", "No cancellable is kept after its call"),
          "after all was closed it has %u references, or a handler",
          G_OBJECT (cancellable)->ref_count);
  g_cancellable_cancel (cancellable);
}

static void
nothing (int signal)
{
}

/* Sends a signal to each of them every millisecond while they run. */
static void
bombard (Call **calls, guint n)
{
  gint64 until = g_get_monotonic_time () + 300000;

  while (g_get_monotonic_time () < until) {
    for (guint i = 0; i < n; i++)
      pthread_kill (calls[i]->thread, SIGUSR1);
    g_usleep (1000);
  }
}

void
link_signals_change_nothing (const Subject *subject)
{
  struct sigaction action = { .sa_handler = nothing };
  guint64 size = (guint64) 24 << 20;
  Pair pair;
  Promise promise = PROMISE ("transport.h",
                             "A signal handler that runs meanwhile changes nothing");
  Flow out = { .tag = 1, .size = size, .blame = promise };
  Flow in = { .tag = 1, .size = size, .blame = promise };
  Call waiting = { .kind = CALL_READ, .size = 1 };
  Call accepting = { .kind = CALL_ACCEPT };

  sigaction (SIGUSR1, &action, NULL);
  pair_open (&pair, subject);
  in.end = pair.in;
  waiting.end = out.end = pair.out;
  accepting.side = pair.listening;
  accepting.cancellable = g_cancellable_new ();
  call_start (&accepting);
  call_start (&waiting);
  flow_start (&out, flow_write);
  bombard ((Call *[]){ &accepting, &waiting, &out.call }, 3);
  flow_start (&in, flow_read);
  flow_end (&in);
  flow_end (&out);
  flow_write (&(Flow){ .end = pair.in, .size = 1 });
  call_end (&waiting, PROMISE ("transport.h", "Read what there is, at least one byte"));
  g_cancellable_cancel (accepting.cancellable);
  call_end (&accepting, SOON);
  EXPECT (!waiting.error && g_error_matches (accepting.error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
          promise, "under signals %s failed: %s", waiting.error ? "read" : "accept",
          (waiting.error ? waiting.error : accepting.error)->message);
  pair_close (&pair);
}
