/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "promise.h"
#include "suite.h"

/* The plugin under test as one side of a link has it: a transport, or a filter over one.  It is
 * called directly, not through the gate that core uses, so that what it does wrong is seen:
 * every result is checked here. */
typedef struct {
  const Subject *subject;
  const GdwTransport *transport; /* the subject, or what it filters */
  const GdwFilter *filter;       /* the subject, or NULL */
  gpointer self, filter_self;
  char *address;
} Side;

typedef struct End End;

typedef struct {
  Side *listening, *connecting;
  End *in, *out;        /* accepted, connected */
  gboolean descriptors; /* of one connection: nobody else can connect */
} Pair;

/* Which transport is the subject, or below it. */
const GdwTransport *subject_transport (const Subject *subject);
gboolean subject_is_two_way (const Subject *subject);

/* Open; NULL with the plugin's error, which has been checked. */
Side *side_open (const Subject *subject, const char *address, GError **error);
gboolean side_try_listen (Side *side, GError **error);
/* A listener at the address of --uri, else where this plugin can listen; skips the test where
 * there is none. */
Side *side_listen (const Subject *subject);
/* NULL instead. */
Side *side_try_to_listen (const Subject *subject);
/* The same again, or NULL if there is no second address. */
Side *side_listen_too (const Subject *subject);
/* The address to connect to; free with g_free. */
char *side_reachable (Side *side);
Side *side_towards (Side *listening);
void side_close (Side *side);

End *side_accept (Side *side, GCancellable *cancellable, GError **error);
End *side_connect (Side *side, GCancellable *cancellable, GError **error);

/* What core does next, on both ends at once; TRUE where there is no handshake. */
gboolean end_handshake (End *end, GCancellable *cancellable, GError **error);
/* Has a read of the wire below a filter given the end? */
gboolean end_was_ended (const End *end);

gssize end_read (End *end, const struct iovec *iov, guint n, GCancellable *cancellable,
                 GError **error);
gssize end_write (End *end, const struct iovec *iov, guint n, GCancellable *cancellable,
                  GError **error);
/* FALSE: the plugin has none. */
gboolean end_shutdown (End *end);
/* Nothing where the plugin has none. */
void end_sync (End *end);
void end_publish (End *end);
void end_close (End *end);
/* From now on the wire below a filter takes and gives fewer bytes than it could. */
void end_make_wire_short (End *end);
/* From now on each call of the wire below a filter fails. */
void end_make_wire_fail (End *end);
/* Each read of the wire waits first, 200 ms at most, until @until is not 0; NULL: no longer. */
void end_make_wire_wait (End *end, const gint *until);

/* One link; skips a transport that has one way only.  Where an address is the number of a
 * descriptor, between two that are connected. */
void pair_open (Pair *pair, const Subject *subject);
/* Where more can connect. */
void pair_open_at_an_address (Pair *pair, const Subject *subject);
/* One more of it. */
void pair_connect (Pair *pair, End **in, End **out);
/* The same in two steps. */
void pair_link (Pair *pair, End **in, End **out);
void pair_shake_hands (End *in, End *out);
void pair_close (Pair *pair);
