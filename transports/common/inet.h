/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/transport.h>

/* TCP for the transports tcp and multi-tcp, which differ in their number of links. */

enum {
  INET_SNDBUF,
  INET_RCVBUF,
  INET_CONGESTION,
  INET_DEAD_AFTER,
  INET_IPV4,
  INET_IPV6,
  INET_HOST,
  INET_PORT,
};

extern const GdwOption inet_options[];

/* Sets the options of a socket before it listens or connects: only then does the size of the
 * buffers reach the window.  The sockets that a listener accepts inherit them.  FALSE with
 * "transport 'x': option ..." */
gboolean inet_apply_options (const char *transport, const GdwValue *options, int fd,
                             GError **error);

/* Returns the addresses of @host, of the families that are on, as GSocketAddress; does not ask
 * the resolver for a literal address.  NULL with an error: G_IO_ERROR_TIMED_OUT after
 * @timeout_ms (0 = never), one of the resolver, or of @cancellable.  Free with g_list_free_full
 * (l, g_object_unref). */
GList *inet_lookup (const char *host, guint16 port, const GdwValue *options, guint timeout_ms,
                    GCancellable *cancellable, GError **error);

/* Callbacks of a transport; @transport is its name, for messages. */
gpointer inet_open (const char *transport, const GdwTransportConfig *config, GError **error);
void inet_close (gpointer self);
gboolean inet_listen (gpointer self, GCancellable *cancellable, GError **error);
gpointer inet_accept (gpointer self, GCancellable *cancellable, GError **error);
gpointer inet_connect (gpointer self, GCancellable *cancellable, GError **error);
char *inet_local_address (gpointer self);
