/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow.h"
#include "link-cases.h"

LINK_CASES (DECLARE_CASE)

#define MIB ((guint64) 1 << 20)
/* How many bytes the link may take before a write fails whose peer is gone. */
#define ENOUGH (512 * MIB)
#define STILL_MS 250

#define ENDS PROMISE ("transport.h", "the peer reads what is under way and then 0")
#define READ_ENDS PROMISE ("transport.h", "also ends a read that waits, with 0 or an error")
#define WRITE_ENDS PROMISE ("transport.h", "also ends a write that waits, with an error")

static void
must_shut_down (End *end)
{
  if (!end_shutdown (end))
    skip ("it has no shutdown");
}

/* Reads the whole flow, and then 0. */
static void
read_to_the_end (End *end, guint64 tag, guint64 size)
{
  Flow in = { .end = end, .tag = tag, .size = size, .to_end = TRUE, .blame = ENDS };

  flow_start (&in, flow_read);
  flow_end (&in);
  EXPECT (in.done == size, ENDS,
          "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes came before the end", in.done,
          size);
}

void
link_shutdown_ends_one_way_only (const Subject *subject)
{
  static const guint64 sizes[] = { 0, 1, 50000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree Pair *pair = g_new0 (Pair, 1);
    Promise promise = PROMISE ("transport.h", "No more writes from this side");
    Flow out = { .tag = i, .size = sizes[i] };
    Flow back = { .tag = 7, .size = 3 * MIB, .blame = promise };
    Flow in = { .tag = 7, .size = 3 * MIB, .blame = promise, .to_end = TRUE };

    pair_open (pair, subject);
    out.end = in.end = pair->out;
    back.end = pair->in;
    if (out.size > 0)
      flow_write (&out);
    must_shut_down (pair->out);
    read_to_the_end (pair->in, i, sizes[i]);
    flow_start (&back, flow_write);
    flow_start (&in, flow_read);
    flow_end (&back);
    must_shut_down (pair->in);
    flow_end (&in);
    EXPECT (in.done == in.size, promise,
            "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes came the other way", in.done,
            in.size);
    pair_close (pair);
    if (subject->settings->uri && i == 0)
      break;
  }
}

/* Writes without a reader until nothing more is taken.  Returns the bytes that were taken for
 * certain. */
static guint64
fill (Flow *out)
{
  guint64 before;

  out->cancellable = g_cancellable_new ();
  out->until_error = TRUE;
  flow_start (out, flow_write);
  do {
    before = flow_done (out);
  } while (!call_ends_within (&out->call, STILL_MS) && flow_done (out) > before &&
           before < out->size);
  if (flow_done (out) < out->size) {
    g_cancellable_cancel (out->cancellable);
    flow_end (out);
  }
  return flow_done (out);
}

static void
close_it (gpointer end)
{
  end_close (end);
}

/* Fills the link and ends it; a stopped writer may have written more than it knows. */
static void
fill_then (const Subject *subject, gboolean close)
{
  Pair pair;
  Flow out = { .tag = 4, .size = 200 * MIB, .chunk = 65537 };
  Flow in = { .tag = 4, .size = 200 * MIB, .to_end = TRUE };
  Call closing = { .kind = CALL_FUNCTION };
  guint64 taken;

  pair_open (&pair, subject);
  out.end = pair.out;
  in.end = pair.in;
  taken = fill (&out);
  if (close) {
    closing.function = close_it;
    closing.data = g_steal_pointer (&pair.out);
    call_start (&closing);
  } else {
    must_shut_down (pair.out);
  }
  in.until_error = close;
  flow_start (&in, flow_read);
  flow_end (&in);
  if (close) {
    call_end (&closing, PROMISE ("transport.h", "Close and free the link"));
    EXPECT (in.done >= taken,
            PROMISE ("transport.h", "What was written before still arrives, if the peer reads"),
            "%" G_GUINT64_FORMAT " bytes were taken before close_link, %" G_GUINT64_FORMAT
            " came",
            taken, in.done);
  }
  EXPECT (in.done >= taken, ENDS,
          "%" G_GUINT64_FORMAT " bytes were taken before shutdown, %" G_GUINT64_FORMAT " came",
          taken, in.done);
  pair_close (&pair);
}

void
link_shutdown_loses_nothing (const Subject *subject)
{
  fill_then (subject, FALSE);
}

void
link_close_loses_nothing (const Subject *subject)
{
  fill_then (subject, TRUE);
}

static void
shut_down (gpointer end)
{
  end_shutdown (end);
}

void
link_shutdown_runs_beside_a_read (const Subject *subject)
{
  Pair pair;
  Call reading = { .kind = CALL_READ, .size = 1 };
  Call shutting = { .kind = CALL_FUNCTION };

  pair_open (&pair, subject);
  reading.end = pair.out;
  call_start (&reading);
  if (call_ends_within (&reading, 50))
    broken (PROMISE ("transport.h", "Read what there is, at least one byte"),
            "read gave %" G_GSSIZE_FORMAT ", and nothing had been written", reading.count);
  if (!subject_transport (subject)->shutdown)
    skip ("it has no shutdown");
  shutting.function = shut_down;
  shutting.data = pair.out;
  call_start (&shutting);
  EXPECT (call_ends_within (&shutting, 8000),
          PROMISE ("transport.h", "shutdown runs on any thread"),
          "shutdown has not returned after 8 s, while a read waits");
  read_to_the_end (pair.in, 0, 0);
  flow_write (&(Flow){ .end = pair.in, .size = 1 });
  call_end (&reading, PROMISE ("transport.h", "Read what there is, at least one byte"));
  pair_close (&pair);
}

void
link_close_of_the_peer_ends_read (const Subject *subject)
{
  Pair pair;
  Call reading = { .kind = CALL_READ, .size = 4096 };

  pair_open (&pair, subject);
  reading.end = pair.out;
  call_start (&reading);
  call_ends_within (&reading, 20);
  end_close (g_steal_pointer (&pair.in));
  call_end (&reading, READ_ENDS);
  EXPECT (reading.count <= 0, READ_ENDS, "read gave %" G_GSSIZE_FORMAT " bytes", reading.count);
  pair_close (&pair);
}

static void
expect_write_fails (Flow *out)
{
  flow_end (out);
  EXPECT (out->error, WRITE_ENDS,
          "%" G_GUINT64_FORMAT " bytes were taken, and the peer is gone", out->done);
}

void
link_close_of_the_peer_ends_write (const Subject *subject)
{
  Pair pair;
  Flow out = { .tag = 1, .size = ENOUGH, .until_error = TRUE, .blame = WRITE_ENDS };

  pair_open (&pair, subject);
  out.end = pair.out;
  flow_start (&out, flow_write);
  call_ends_within (&out.call, 50);
  end_close (g_steal_pointer (&pair.in));
  expect_write_fails (&out);
  pair_close (&pair);
}

/* Runs the other side in a process, which connects, reads a byte and then waits to be
 * killed. */
static pid_t
fork_peer (const Subject *subject, int *tell)
{
  int fds[2];
  pid_t pid, parent = getpid ();
  g_autoptr (GString) address = g_string_new (NULL);
  char piece[256];

  if (pipe (fds) != 0 || (pid = fork ()) < 0)
    skip ("no process could be started");
  if (pid > 0) {
    close (fds[0]);
    *tell = fds[1];
    return pid;
  }
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != parent)
    _exit (0);
  close (fds[1]);
  for (gssize n; (n = read (fds[0], piece, sizeof piece)) > 0;)
    g_string_append_len (address, piece, n);
  {
    Side *side = side_open (subject, address->str, NULL);
    End *end = side ? side_connect (side, NULL, NULL) : NULL;
    Flow in = { .end = end, .tag = 3, .size = 1 };

    if (end && end_handshake (end, NULL, NULL))
      flow_read (&in);
    for (;;)
      pause ();
  }
}

static void
die_of (const Subject *subject, gboolean writes)
{
  int tell = -1;
  pid_t pid;
  Side *side;
  g_autofree char *address = NULL;
  Call accepting = { .kind = CALL_ACCEPT };
  Call shaking = { .kind = CALL_HANDSHAKE };
  Call reading = { .kind = CALL_READ, .size = 4096 };
  Flow out = { .tag = 3, .size = ENOUGH, .until_error = TRUE, .blame = WRITE_ENDS };

  if (!subject_is_two_way (subject))
    skip ("bytes travel one way only here");
  pid = fork_peer (subject, &tell);
  side = side_listen (subject);
  address = side_reachable (side);
  if (write (tell, address, strlen (address)) < 0)
    skip ("the peer is gone");
  close (tell);
  accepting.side = side;
  call_start (&accepting);
  call_end (&accepting, PROMISE ("transport.h", "Wait for a peer; gives a link"));
  out.end = reading.end = shaking.end = accepting.got;
  call_start (&shaking);
  call_end (&shaking, PROMISE ("filter.h", "Agree with the same filter of the peer"));
  if (writes) {
    flow_start (&out, flow_write);
    call_ends_within (&out.call, 100);
  } else {
    call_start (&reading);
    call_ends_within (&reading, 100);
  }
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  if (writes) {
    expect_write_fails (&out);
  } else {
    call_end (&reading, READ_ENDS);
    EXPECT (reading.count <= 0, READ_ENDS, "read gave %" G_GSSIZE_FORMAT " bytes",
            reading.count);
  }
  end_close (accepting.got);
  side_close (side);
}

void
link_death_of_the_peer_ends_read (const Subject *subject)
{
  die_of (subject, FALSE);
}

void
link_death_of_the_peer_ends_write (const Subject *subject)
{
  die_of (subject, TRUE);
}
