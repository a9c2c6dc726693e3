/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "plugins/address.h"
#include "plugins/loader.h"

/* A transport with its filters, for one address. */
typedef struct GdwStack GdwStack;
/* One connection through all of them; link.c. */
typedef struct GdwLink GdwLink;

/* Nothing outside is touched.  @many: through the transport that stands in where there are to
 * be several links. */
GdwStack *gdw_stack_open (GdwPlugins *plugins, const GdwAddress *address, gboolean many,
                          GError **error);
/* All of its links are closed. */
void gdw_stack_close (GdwStack *stack);
const char *gdw_stack_transport (GdwStack *stack); /* "tcp" */
guint gdw_stack_max_links (GdwStack *stack);
guint32 gdw_stack_traits (GdwStack *stack);
/* What is written is nothing before it is published. */
gboolean gdw_stack_keeps (GdwStack *stack);
gboolean gdw_stack_listen (GdwStack *stack, GCancellable *cancellable, GError **error);
/* Where peers connect to, without options and filters, or NULL. */
GdwAddress *gdw_stack_local_address (GdwStack *stack);
/* Any thread. */
GdwLink *gdw_stack_accept (GdwStack *stack, GCancellable *cancellable, GError **error);
GdwLink *gdw_stack_connect (GdwStack *stack, GCancellable *cancellable, GError **error);

/* The filters agree with those of the peer, before anything else is read or written; on a
 * thread that may wait for the peer.  @cancellable ends it. */
gboolean gdw_link_handshake (GdwLink *link, GCancellable *cancellable, GError **error);
/* Exactly all of @iov, which is used up as scratch.  A clean end of stream
 * before the first byte is FALSE with G_IO_ERROR_CLOSED, in the middle with GDW_ERROR_IO. */
gboolean gdw_link_read (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
                        GError **error);
gboolean gdw_link_write (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
                         GError **error);
/* Bytes received so far and the monotonic time (us) of the last of them; any thread. */
guint64 gdw_link_received (GdwLink *link, gint64 *last_us);
void gdw_link_shutdown (GdwLink *link);
/* What was written is durable; it gets its name.  TRUE where the transport has nothing to do.
 */
gboolean gdw_link_sync (GdwLink *link, GCancellable *cancellable, GError **error);
gboolean gdw_link_publish (GdwLink *link, GCancellable *cancellable, GError **error);
void gdw_link_close (GdwLink *link);
