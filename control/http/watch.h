/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "control/control.h"

/* The watchers of GET /events: they get QMP's events, and the statistics 5 times a second. */
typedef struct GdwHttpWatchers GdwHttpWatchers;

GdwHttpWatchers *gdw_http_watchers_new (GdwControl *control);

/* Returns FALSE if there is no room for another watcher; @msg is answered then. */
gboolean gdw_http_watchers_have_room (GdwHttpWatchers *watchers, SoupServerMessage *msg);

/* Adds a watcher by server-sent events or by WebSocket.  @socket: the one beneath it, taken; or
 * NULL. */
void gdw_http_watchers_add (GdwHttpWatchers *watchers, SoupServerMessage *msg, GSocket *socket);
void gdw_http_watchers_add_websocket (GdwHttpWatchers *watchers,
                                      SoupWebsocketConnection *websocket, GSocket *socket);

/* Hangs up on all watchers. */
void gdw_http_watchers_free (GdwHttpWatchers *watchers);
