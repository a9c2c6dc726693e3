/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

/* The connections of a server, each for one request.  libsoup does not notice when an idle one
 * ends, so each has its time, and is closed behind its answer. */
typedef struct GdwHttpClients GdwHttpClients;

GdwHttpClients *gdw_http_clients_new (GMainContext *context);

/* Take @socket, which was accepted, to @server; with too many there already it is closed. */
void gdw_http_clients_take (GdwHttpClients *clients, GSocket *socket, SoupServer *server);

/* Count what came of the body: refuse it once it is too large, and hang up on who goes on. */
void gdw_http_clients_count (GdwHttpClients *clients, SoupServerMessage *msg, gsize size);

/* While its command is executed a client has no deadline. */
void gdw_http_clients_set_deadline (GdwHttpClients *clients, SoupServerMessage *msg,
                                    gboolean on);

/* The request is over, or has limits of its own from now on: its socket, which the caller
 * unrefs, or NULL. */
GSocket *gdw_http_clients_release (GdwHttpClients *clients, SoupServerMessage *msg);

/* Closes all. */
void gdw_http_clients_free (GdwHttpClients *clients);
