/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>

#include "balance.h"
#include "flow.h"
#include "transport-cases.h"

TRANSPORT_CASES (DECLARE_CASE)

/* Longer than any path or name. */
#define TOO_LONG 70000

void
transport_open_touches_nothing (const Subject *subject)
{
  g_autofree char *address = NULL;
  Side *side = side_listen (subject);
  Balance before, after;
  Side *again;

  address = side_reachable (side);
  side_close (side);
  before = balance_now ();
  again = side_open (subject, address, NULL);
  EXPECT (again, PROMISE ("transport.h", "the address a peer connects to"),
          "open of '%s' failed", address);
  after = balance_now ();
  EXPECT (after.files == before.files && after.fds == before.fds &&
              after.threads == before.threads,
          PROMISE ("transport.h", "Parse the address; touch nothing outside"),
          "open made %d files, %d file descriptors and %d threads",
          (int) (after.files - before.files), (int) (after.fds - before.fds),
          (int) (after.threads - before.threads));
  side_close (again);
}

static void
try_address (const Subject *subject, const char *address, gboolean never)
{
  g_autoptr (GError) error = NULL;
  Side *side = side_open (subject, address, &error);
  gboolean listens = side && side_try_listen (side, &error);

  EXPECT (!listens || !never,
          PROMISE ("transport.h", "NULL with an error for an address that can never work"),
          "an address of %zu bytes was accepted by open and by listen", strlen (address));
  if (side)
    side_close (side);
}

/* Each must be refused with an error that names the transport, unless it is an address to
 * it. */
void
transport_bad_addresses_are_refused (const Subject *subject)
{
  static const char *const addresses[] = { ":",     "::::", "\x01\x02", "/nowhere/at/all",
                                           "1:2:3", "[::1", "%s%n",     "localhost:99999",
                                           "-1",    "=" };
  g_autofree char *too_long = g_strnfill (TOO_LONG, 'x');

  try_address (subject, "", TRUE);
  try_address (subject, too_long, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    try_address (subject, addresses[i], FALSE);
}

void
transport_local_address_is_where_peers_connect (const Subject *subject)
{
  Promise promise = PROMISE ("transport.h",
                             "After listen: the address a peer connects to, with "
                             "the real port where 0 was asked for");
  const GdwTransport *transport = subject_transport (subject);
  g_autofree char *prefix = g_strconcat (subject->plugin->name, ":", NULL);
  g_autofree char *address = NULL;
  Call connecting = { .kind = CALL_CONNECT };
  Side *side;

  if (!transport->local_address)
    skip ("it has no local_address");
  if (!subject_is_two_way (subject))
    skip ("bytes travel one way only here");
  side = side_listen (subject);
  address = transport->local_address (side->self);
  EXPECT (address && !g_str_has_prefix (address, prefix),
          PROMISE ("transport.h", "After listen: the address a peer connects to"),
          "local_address gave '%s'", address ? address : "NULL");
  connecting.side = side_open (subject, address, NULL);
  EXPECT (connecting.side, promise, "open refuses '%s', which local_address gave", address);
  call_start (&connecting);
  call_end (&connecting, PROMISE ("transport.h", "Nobody there is an error, not a wait"));
  EXPECT (connecting.got, promise, "connect to '%s' failed: %s", address,
          connecting.error->message);
  end_close (connecting.got);
  side_close (connecting.side);
  side_close (side);
}

void
transport_a_second_listener_disturbs_nobody (const Subject *subject)
{
  Promise promise = PROMISE ("transport.h", "Where somebody listens it is an error, and the "
                                            "other one goes on undisturbed");
  g_autoptr (GError) error = NULL;
  g_autofree char *address = NULL;
  Pair pair;
  Side *second;
  Call accepting = { .kind = CALL_ACCEPT };
  Flow in = { .tag = 1, .size = 1000, .to_end = TRUE, .chunk = 1000 };

  pair_open_at_an_address (&pair, subject);
  address = side_reachable (pair.listening);
  second = side_open (subject, address, NULL);
  EXPECT (second, promise, "open of '%s' failed", address);
  EXPECT (!side_try_listen (second, &error), promise, "a second one listens at '%s'", address);
  side_close (second);
  end_close (pair.in);
  end_close (pair.out);
  pair_connect (&pair, &pair.in, &pair.out);
  flow_write (&(Flow){ .end = pair.out, .tag = 1, .size = 1000 });
  end_close (g_steal_pointer (&pair.out));
  in.end = pair.in;
  flow_start (&in, flow_read);
  flow_end (&in);
  if (in.done == 0) {
    /* The second one may probe with a connection of its own. */
    accepting.side = pair.listening;
    call_start (&accepting);
    call_end (&accepting, promise);
    end_close (pair.in);
    in.end = pair.in = accepting.got;
    flow_start (&in, flow_read);
    flow_end (&in);
  }
  EXPECT (in.done == 1000, promise, "%" G_GUINT64_FORMAT " of 1000 bytes came", in.done);
  pair_close (&pair);
}

void
transport_connect_to_nobody_fails (const Subject *subject)
{
  Promise promise = PROMISE ("transport.h", "Nobody there is an error, not a wait");
  Call connecting = { .kind = CALL_CONNECT };
  Pair pair;

  pair_open_at_an_address (&pair, subject);
  end_close (pair.in);
  end_close (pair.out);
  side_close (pair.listening);
  connecting.side = pair.connecting;
  call_start (&connecting);
  call_end (&connecting, promise);
  EXPECT (!connecting.got, promise, "connect to '%s' gave a link, and nobody listens there",
          pair.connecting->address);
  side_close (pair.connecting);
}
