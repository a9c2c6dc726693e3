/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

gboolean gdw_http_websocket_is_asked_for (SoupServerMessage *msg);

/* Does the handshake, then hands the WebSocket to @opened, which refs it.  libsoup's own
 * handler would read without limit and keep all fragments. */
typedef void (*GdwHttpWebsocketOpened) (SoupServerMessage *msg,
                                        SoupWebsocketConnection *websocket, gpointer data);
void gdw_http_websocket_open (SoupServerMessage *msg, GdwHttpWebsocketOpened opened,
                              gpointer data);
