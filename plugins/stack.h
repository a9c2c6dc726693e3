/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/address.h>

#include "plugins/loader.h"

/* A transport with its filters, for one address. */
typedef struct GdwStack GdwStack;
/* A connection through all of them; see link.c. */
typedef struct GdwLink GdwLink;

/* Opens the plugins but touches nothing outside.  @many: uses the transport that replaces this
 * one for several links. */
GdwStack *gdw_stack_open (GdwPlugins *plugins, const GdwAddress *address, gboolean many,
                          GError **error);
/* All of its links must be closed. */
void gdw_stack_close (GdwStack *stack);
const char *gdw_stack_transport (GdwStack *stack); /* "tcp" */
guint gdw_stack_max_links (GdwStack *stack);
guint32 gdw_stack_traits (GdwStack *stack);
/* Tells whether written bytes become valid only when they are published. */
gboolean gdw_stack_keeps (GdwStack *stack);
gboolean gdw_stack_listen (GdwStack *stack, GCancellable *cancellable, GError **error);
/* Returns the address for peers, without options and filters, or NULL. */
GdwAddress *gdw_stack_local_address (GdwStack *stack);
/* Any thread. */
GdwLink *gdw_stack_accept (GdwStack *stack, GCancellable *cancellable, GError **error);
GdwLink *gdw_stack_connect (GdwStack *stack, GCancellable *cancellable, GError **error);

/* Lets the filters agree with those of the peer before anything else is read or written.  May
 * wait for the peer; @cancellable ends it. */
gboolean gdw_link_handshake (GdwLink *link, GCancellable *cancellable, GError **error);
/* Reads exactly all of @iov, which it changes.  Returns FALSE with G_IO_ERROR_CLOSED for a
 * clean end of stream before the first byte, and with GDW_ERROR_IO for one in the middle. */
gboolean gdw_link_read (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
                        GError **error);
gboolean gdw_link_write (GdwLink *link, struct iovec *iov, guint n, GCancellable *cancellable,
                         GError **error);
/* Returns the bytes received so far, and in @last_us the monotonic time (us) of the last ones.
 * Any thread. */
guint64 gdw_link_received (GdwLink *link, gint64 *last_us);
void gdw_link_shutdown (GdwLink *link);
/* Make the written bytes durable, and give them their name.  TRUE if the transport has nothing
 * to do. */
gboolean gdw_link_sync (GdwLink *link, GCancellable *cancellable, GError **error);
gboolean gdw_link_publish (GdwLink *link, GCancellable *cancellable, GError **error);
/* After that: what the operator should know of it, or NULL. */
char *gdw_link_remark (GdwLink *link);
void gdw_link_close (GdwLink *link);
