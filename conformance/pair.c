/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

/* Opens one end of a connection that exists already: its address is the number of a
 * descriptor. */
static Side *
open_descriptor (const Subject *subject, int fd)
{
  g_autofree char *address = g_strdup_printf ("%d", fd);
  g_autoptr (GError) error = NULL;
  Side *side = side_open (subject, address, &error);

  if (!side)
    note ("'%s' cannot be opened: %s", address, error->message);
  return side;
}

/* Returns FALSE if the transport takes no descriptors, or the user gave an address. */
static gboolean
take_descriptors (Pair *pair, const Subject *subject)
{
  g_autoptr (GError) error = NULL;
  Side *closed;
  int fds[2];

  if (subject->plugin->kind == GDW_PLUGIN_FILTER || subject->settings->uri ||
      socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return FALSE;
  pair->listening = open_descriptor (subject, fds[0]);
  pair->connecting = open_descriptor (subject, fds[1]);
  close (fds[0]);
  close (fds[1]);
  /* A transport that accepts the number of a closed descriptor reads it as something else. */
  closed = open_descriptor (subject, fds[0]);
  if (pair->listening && pair->connecting && !closed &&
      side_try_listen (pair->listening, &error))
    return TRUE;
  side_close (pair->listening);
  side_close (pair->connecting);
  side_close (closed);
  *pair = (Pair){ 0 };
  return FALSE;
}

void
pair_open (Pair *pair, const Subject *subject)
{
  if (!subject_is_two_way (subject))
    skip ("bytes travel one way only here");
  pair->listening = side_try_to_listen (subject);
  pair->descriptors = !pair->listening && take_descriptors (pair, subject);
  if (!pair->listening)
    skip ("there is no address to try; give --uri NAME:ADDRESS");
  if (!pair->descriptors)
    pair->connecting = side_towards (pair->listening);
  pair_connect (pair, &pair->in, &pair->out);
}

void
pair_open_at_an_address (Pair *pair, const Subject *subject)
{
  pair_open (pair, subject);
  if (pair->descriptors)
    skip ("its address is a descriptor, and that one link only");
}

void
pair_connect (Pair *pair, End **in, End **out)
{
  pair_link (pair, in, out);
  pair_shake_hands (*in, *out);
}

void
pair_shake_hands (End *in, End *out)
{
  Promise promise = PROMISE ("filter.h", "All that the peer needs for its own handshake is "
                                         "written before the return");
  Call there = { .kind = CALL_HANDSHAKE, .end = in };
  Call here = { .kind = CALL_HANDSHAKE, .end = out };

  call_start (&there);
  call_start (&here);
  call_end (&here, promise);
  call_end (&there, promise);
  EXPECT (!here.error && !there.error, promise,
          "the handshake of two ends that are alike failed: %s",
          (here.error ? here.error : there.error)->message);
}

void
pair_link (Pair *pair, End **in, End **out)
{
  Call accepting = { .kind = CALL_ACCEPT, .side = pair->listening };
  Call connecting = { .kind = CALL_CONNECT, .side = pair->connecting };

  call_start (&accepting);
  call_start (&connecting);
  call_end (&connecting, PROMISE ("transport.h", "Connect to the address; gives a link"));
  EXPECT (connecting.got, PROMISE ("transport.h", "Connect to the address; gives a link"),
          "connect to '%s' failed: %s", pair->connecting->address, connecting.error->message);
  call_end (&accepting, PROMISE ("transport.h", "Wait for a peer; gives a link"));
  EXPECT (accepting.got, PROMISE ("transport.h", "Wait for a peer; gives a link"),
          "accept failed: %s", accepting.error->message);
  *in = accepting.got;
  *out = connecting.got;
}

void
pair_close (Pair *pair)
{
  end_close (pair->out);
  end_close (pair->in);
  side_close (pair->connecting);
  side_close (pair->listening);
  *pair = (Pair){ 0 };
}
