/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

#include "control/control.h"

/* GET /events: who gets QMP's events, and the statistics 5 times a second. */
typedef struct GdwHttpWatchers GdwHttpWatchers;

GdwHttpWatchers *gdw_http_watchers_new (GdwControl *control);

/* FALSE: there is no room for one more, and @msg is answered. */
gboolean gdw_http_watchers_have_room (GdwHttpWatchers *watchers, SoupServerMessage *msg);

/* By server-sent events, or by a WebSocket.  @socket: beneath it, taken; or NULL. */
void gdw_http_watchers_add (GdwHttpWatchers *watchers, SoupServerMessage *msg, GSocket *socket);
void gdw_http_watchers_add_websocket (GdwHttpWatchers *watchers,
                                      SoupWebsocketConnection *websocket, GSocket *socket);

/* Hangs up on all. */
void gdw_http_watchers_free (GdwHttpWatchers *watchers);
