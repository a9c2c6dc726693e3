/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

gboolean gdw_http_websocket_is_asked_for (SoupServerMessage *msg);

/* The handshake.  Once it is over @opened gets the WebSocket, which it refs; libsoup's own
 * handler would read as much as a client sends, and keep what it sends in fragments. */
typedef void (*GdwHttpWebsocketOpened) (SoupServerMessage *msg,
                                        SoupWebsocketConnection *websocket, gpointer data);
void gdw_http_websocket_open (SoupServerMessage *msg, GdwHttpWebsocketOpened opened,
                              gpointer data);
