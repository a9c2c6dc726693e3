/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/websocket.h"

#include "control/http/answer.h"
#include "control/http/limited-stream.h"

/* Limits on all input and on one frame: clients only send a ping now and then, and the
 * close. */
#define INCOMING_MAX 65536
#define FRAME_MAX 4096

typedef struct {
  GdwHttpWebsocketOpened opened;
  gpointer data;
} Opening;

gboolean
gdw_http_websocket_is_asked_for (SoupServerMessage *msg)
{
  const char *upgrade = soup_message_headers_get_one (
      soup_server_message_get_request_headers (msg), "Upgrade");

  return upgrade && g_ascii_strcasecmp (upgrade, "websocket") == 0;
}

static void
on_wrote_informational (SoupServerMessage *msg, gpointer data)
{
  const Opening *opening = data;
  g_autoptr (SoupServerMessage) kept = g_object_ref (msg);
  g_autoptr (GIOStream) connection = soup_server_message_steal_connection (msg);
  g_autoptr (GIOStream) stream = gdw_limited_stream_new (connection, INCOMING_MAX);
  g_autoptr (SoupWebsocketConnection) websocket = soup_websocket_connection_new (
      stream, soup_server_message_get_uri (msg), SOUP_WEBSOCKET_CONNECTION_SERVER, NULL, NULL,
      NULL);

  soup_websocket_connection_set_max_incoming_payload_size (websocket, FRAME_MAX);
  opening->opened (msg, websocket, opening->data);
}

static void
free_opening (gpointer opening, GClosure *closure)
{
  g_free (opening);
}

void
gdw_http_websocket_open (SoupServerMessage *msg, GdwHttpWebsocketOpened opened, gpointer data)
{
  Opening *opening;

  if (!soup_websocket_server_process_handshake (msg, NULL, NULL, NULL, NULL)) {
    gdw_http_refuse (msg, SOUP_STATUS_BAD_REQUEST,
                     "http: the request is refused: it is no WebSocket handshake of version "
                     "13; send Sec-WebSocket-Key and Sec-WebSocket-Version");
    return;
  }
  opening = g_new (Opening, 1);
  *opening = (Opening){ opened, data };
  g_signal_connect_data (msg, "wrote-informational", G_CALLBACK (on_wrote_informational),
                         opening, free_opening, 0);
}
