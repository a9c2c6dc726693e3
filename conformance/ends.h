/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "promise.h"
#include "suite.h"

/* One side of a link as the plugin under test has it: a transport, or a filter over one.  The
 * suite calls it directly and not through core's guard, and checks every result, so that each
 * mistake shows. */
typedef struct {
  const Subject *subject;
  const GdwTransport *transport; /* the subject, or the transport that it filters */
  const GdwFilter *filter;       /* the subject, or NULL */
  gpointer self, filter_self;
  char *address;
} Side;

typedef struct End End;

typedef struct {
  Side *listening, *connecting;
  End *in, *out;        /* accepted, connected */
  gboolean descriptors; /* TRUE for a single connection that nobody else can join */
} Pair;

/* Returns the transport that is the subject, or is below it. */
const GdwTransport *subject_transport (const Subject *subject);
gboolean subject_is_two_way (const Subject *subject);

/* Opens it.  Returns NULL with the plugin's error, which has been checked. */
Side *side_open (const Subject *subject, const char *address, GError **error);
gboolean side_try_listen (Side *side, GError **error);
/* Returns a listener at the address of --uri, else at one where this plugin can listen.  Skips
 * the test if there is none. */
Side *side_listen (const Subject *subject);
/* Returns NULL instead of skipping. */
Side *side_try_to_listen (const Subject *subject);
/* Returns another listener, or NULL if there is no second address. */
Side *side_listen_too (const Subject *subject);
/* Returns the address to connect to; free with g_free. */
char *side_reachable (Side *side);
Side *side_towards (Side *listening);
void side_close (Side *side);

End *side_accept (Side *side, GCancellable *cancellable, GError **error);
End *side_connect (Side *side, GCancellable *cancellable, GError **error);

/* Does what core does next, on both ends at once.  TRUE if there is no handshake. */
gboolean end_handshake (End *end, GCancellable *cancellable, GError **error);
/* Tells whether a read of the wire below a filter has returned the end. */
gboolean end_was_ended (const End *end);

gssize end_read (End *end, const struct iovec *iov, guint n, GCancellable *cancellable,
                 GError **error);
gssize end_write (End *end, const struct iovec *iov, guint n, GCancellable *cancellable,
                  GError **error);
/* Returns FALSE if the plugin has none. */
gboolean end_shutdown (End *end);
/* Do nothing if the plugin has none. */
void end_sync (End *end);
void end_publish (End *end);
/* FALSE: the plugin refuses, and its error has been checked. */
gboolean end_try_publish (End *end);
void end_close (End *end);
/* From now on the wire below a filter takes and gives fewer bytes than offered. */
void end_make_wire_short (End *end);
/* From now on each call of the wire below a filter fails. */
void end_make_wire_fail (End *end);
/* Each read of the wire first waits until @until is not 0, 200 ms at most; NULL stops that. */
void end_make_wire_wait (End *end, const gint *until);

/* Opens one link; skips a one-way transport.  If an address is the number of a descriptor, it
 * connects two of them. */
void pair_open (Pair *pair, const Subject *subject);
/* Opens a link at an address where more can connect. */
void pair_open_at_an_address (Pair *pair, const Subject *subject);
/* Opens another link. */
void pair_connect (Pair *pair, End **in, End **out);
/* Opens another link in two steps. */
void pair_link (Pair *pair, End **in, End **out);
void pair_shake_hands (End *in, End *out);
void pair_close (Pair *pair);
