/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A filter and its peer agree before the first frame. */
#include "filter-cases.h"
#include "flow.h"

FILTER_CASES (DECLARE_CASE)

#define FOLLOWS 300

/* Opens two connected ends that have not shaken hands. */
static void
open_link (Pair *pair, const Subject *subject)
{
  if (!((const GdwFilter *) subject->plugin)->handshake)
    skip ("it has no handshake");
  pair_open (pair, subject);
  end_close (pair->in);
  end_close (pair->out);
  pair_link (pair, &pair->in, &pair->out);
}

typedef struct {
  Flow flow;
  GError *error;
  gint ended; /* atomic */
} Sender;

/* Does as a source does: it sends the first frame at once. */
static void
shake_and_write (gpointer data)
{
  Sender *sender = data;

  if (end_handshake (sender->flow.end, NULL, &sender->error))
    flow_write (&sender->flow);
  g_atomic_int_set (&sender->ended, TRUE);
}

static void
send_behind_the_handshake (Pair *pair, const Subject *subject, Promise promise)
{
  Sender sender = { .flow = {
                        .end = pair->out, .tag = 1, .size = FOLLOWS, .seed = subject->seed } };
  Flow in = {
    .end = pair->in, .tag = 1, .size = FOLLOWS, .seed = subject->seed, .blame = promise
  };
  Call shaking = { .kind = CALL_HANDSHAKE, .end = pair->in };
  Call sending = { .kind = CALL_FUNCTION, .function = shake_and_write, .data = &sender };
  Promise both = PROMISE ("filter.h",
                          "All that the peer needs for its own handshake is written "
                          "before the return");

  end_make_wire_wait (pair->in, &sender.ended);
  call_start (&sending);
  call_start (&shaking);
  call_end (&shaking, both);
  EXPECT (!shaking.error, promise, "the handshake failed: %s", shaking.error->message);
  flow_start (&in, flow_read);
  flow_end (&in);
  call_end (&sending, both);
  EXPECT (!sender.error, promise, "the handshake failed: %s", sender.error->message);
  end_make_wire_wait (pair->in, NULL);
}

void
filter_what_follows_the_handshake_is_read (const Subject *subject)
{
  Pair pair;

  open_link (&pair, subject);
  send_behind_the_handshake (
      &pair, subject,
      PROMISE ("filter.h", "What the peer writes after its handshake belongs to read"));
  pair_close (&pair);
}

void
filter_handshake_over_a_short_wire (const Subject *subject)
{
  Pair pair;

  open_link (&pair, subject);
  end_make_wire_short (pair.in);
  end_make_wire_short (pair.out);
  send_behind_the_handshake (
      &pair, subject,
      PROMISE ("filter.h", "it may take or give fewer bytes than it was offered"));
  pair_close (&pair);
}

typedef enum { SHUT_DOWN, GONE, CUT, N_LOSSES } Loss;

static void
lose (Pair *pair, Loss loss)
{
  if (loss == CUT)
    end_make_wire_fail (pair->in);
  else if (loss == GONE || !end_shutdown (pair->out))
    end_close (g_steal_pointer (&pair->out));
}

/* The peer stays silent, or the wire is cut. */
void
filter_handshake_needs_a_peer (const Subject *subject)
{
  Promise promise = PROMISE ("filter.h", "An end from @next is an error");

  for (Loss loss = SHUT_DOWN; loss < N_LOSSES; loss++) {
    Call shaking = { .kind = CALL_HANDSHAKE };
    Pair pair;

    open_link (&pair, subject);
    shaking.end = pair.in;
    lose (&pair, loss);
    call_start (&shaking);
    call_end (&shaking, promise);
    EXPECT (shaking.error || !end_was_ended (pair.in), promise,
            "the peer ended the link, and the handshake succeeded");
    EXPECT (shaking.error || loss != CUT,
            PROMISE ("filter.h", "Errors and ends from @next are handed on"),
            "the wire failed, and the handshake succeeded");
    pair_close (&pair);
  }
}

static void
cancel_handshake (End *end, gboolean before)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Call shaking = { .kind = CALL_HANDSHAKE, .end = end, .cancellable = cancellable };

  if (before)
    g_cancellable_cancel (cancellable);
  call_start (&shaking);
  if (!before && call_ends_within (&shaking, 50) && !shaking.error)
    skip ("its handshake does not wait for the peer");
  g_cancellable_cancel (cancellable);
  call_end (&shaking, PROMISE ("filter.h", "The handshake returns within 100 ms after that"));
  EXPECT (g_error_matches (shaking.error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
          PROMISE ("error.h",
                   "An operation ended by its cancellable fails with G_IO_ERROR_CANCELLED"),
          "the handshake was cancelled and %s%s", shaking.error ? "failed with: " : "succeeded",
          shaking.error ? shaking.error->message : "");
}

/* The peer is connected and silent. */
void
filter_cancel_ends_handshake (const Subject *subject)
{
  for (guint i = 0; i < 4; i++) {
    Pair pair;

    open_link (&pair, subject);
    cancel_handshake (i % 2 ? pair.out : pair.in, i >= 2);
    pair_close (&pair);
  }
}
