/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

/* The connections of a server, one request each.  libsoup does not notice when an idle
 * connection ends, so each has a deadline and is closed after its answer. */
typedef struct GdwHttpClients GdwHttpClients;

GdwHttpClients *gdw_http_clients_new (GMainContext *context);

/* Gives the accepted @socket to @server, or closes it if there are too many connections. */
void gdw_http_clients_take (GdwHttpClients *clients, GSocket *socket, SoupServer *server);

/* Counts the bytes of the body: refuses the request once it is too large, and hangs up if the
 * client still sends. */
void gdw_http_clients_count (GdwHttpClients *clients, SoupServerMessage *msg, gsize size);

/* Turn the deadline off while a command runs. */
void gdw_http_clients_set_deadline (GdwHttpClients *clients, SoupServerMessage *msg,
                                    gboolean on);

/* Stops watching the connection because the request is over or has its own limits from now on.
 * Returns its socket, which the caller unrefs, or NULL. */
GSocket *gdw_http_clients_release (GdwHttpClients *clients, SoupServerMessage *msg);

/* Closes all connections. */
void gdw_http_clients_free (GdwHttpClients *clients);
