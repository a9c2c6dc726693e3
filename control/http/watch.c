/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/watch.h"

#include "control/http/answer.h"
#include "qapi/json.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#define WATCHERS_MAX 64u
/* A watcher is dropped when more than this is unread. */
#define UNREAD_MAX (1u << 20)
/* A socket accepts more while the kernel holds less than this. */
#define KERNEL_BYTES 4096
#define STATISTICS_MS 200

struct GdwHttpWatchers {
  GdwControl *control;
  GPtrArray *list;  /* of Watcher */
  GSource *ticking; /* while there are watchers */
};

/* Receives server-sent events (@msg) or uses a @websocket. */
typedef struct {
  GdwHttpWatchers *watchers;
  SoupServerMessage *msg;
  SoupWebsocketConnection *websocket;
  GSocket *socket; /* or NULL */
  gsize unread;    /* sent, but not in the kernel yet */
} Watcher;

static void
stop_ticking (GdwHttpWatchers *watchers)
{
  if (watchers->ticking)
    g_source_destroy (watchers->ticking);
  g_clear_pointer (&watchers->ticking, g_source_unref);
}

static void
free_watcher (gpointer data)
{
  Watcher *watcher = data;

  if (watcher->msg)
    g_signal_handlers_disconnect_by_data (watcher->msg, watcher);
  if (watcher->websocket)
    g_signal_handlers_disconnect_by_data (watcher->websocket, watcher);
  g_clear_object (&watcher->msg);
  g_clear_object (&watcher->websocket);
  g_clear_object (&watcher->socket);
  g_free (watcher);
}

static void
remove_watcher (Watcher *watcher)
{
  GdwHttpWatchers *watchers = watcher->watchers;

  g_ptr_array_remove (watchers->list, watcher);
  if (!watchers->list->len)
    stop_ticking (watchers);
}

/* The watcher does not read, so drop it without waiting. */
static void
drop_watcher (Watcher *watcher)
{
  if (watcher->socket)
    g_socket_close (watcher->socket, NULL);
  remove_watcher (watcher);
}

/* libsoup does not report what a WebSocket has yet to write, but while the kernel accepts more
 * there is nothing left. */
static gboolean
is_written (Watcher *watcher)
{
  int left = 0;

  return !watcher->socket || (ioctl (g_socket_get_fd (watcher->socket), SIOCOUTQ, &left) == 0 &&
                              left < KERNEL_BYTES);
}

static void
tell_websocket (Watcher *watcher, const char *event)
{
  if (is_written (watcher))
    watcher->unread = 0;
  watcher->unread += strlen (event);
  if (soup_websocket_connection_get_state (watcher->websocket) == SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_send_text (watcher->websocket, event);
}

static void
tell_message (Watcher *watcher, const char *event)
{
  char *text = g_strdup_printf ("data: %s\n\n", event);
  gsize size = strlen (text);

  watcher->unread += size;
  soup_message_body_append (soup_server_message_get_response_body (watcher->msg),
                            SOUP_MEMORY_TAKE, text, size);
  soup_server_message_unpause (watcher->msg);
}

static void
tell (Watcher *watcher, const char *event)
{
  if (watcher->unread > UNREAD_MAX)
    drop_watcher (watcher);
  else if (watcher->websocket)
    tell_websocket (watcher, event);
  else
    tell_message (watcher, event);
}

/* Iterates backwards because a dropped watcher leaves the array. */
static void
tell_all (gpointer data, const char *event)
{
  GdwHttpWatchers *watchers = data;

  for (guint i = watchers->list->len; i-- > 0;)
    tell (watchers->list->pdata[i], event);
}

static char *
statistics (GdwControl *control)
{
  GdwQMigrationInfo *info = gdw_cmd_query_migrate (control, NULL);
  g_autoptr (JsonNode) message = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (message, object);
  json_object_set_string_member (object, "event", "x-statistics");
  json_object_set_int_member (object, "time-ms", g_get_monotonic_time () / 1000);
  json_object_set_string_member (
      object, "run-state",
      gdw_run_state_name (gdw_migration_get_run_state (control->migration)));
  json_object_set_member (object, "data", gdw_q_migration_info_write (info));
  gdw_q_migration_info_free (info);
  return gdw_json_write (message);
}

static gboolean
on_tick (gpointer data)
{
  GdwHttpWatchers *watchers = data;
  g_autofree char *line = statistics (watchers->control);

  tell_all (watchers, line);
  return G_SOURCE_CONTINUE;
}

static Watcher *
add_watcher (GdwHttpWatchers *watchers)
{
  Watcher *watcher = g_new0 (Watcher, 1);

  watcher->watchers = watchers;
  g_ptr_array_add (watchers->list, watcher);
  if (watchers->ticking)
    return watcher;
  watchers->ticking = g_timeout_source_new (STATISTICS_MS);
  g_source_set_callback (watchers->ticking, on_tick, watchers, NULL);
  g_source_attach (watchers->ticking, gdw_migration_context (watchers->control->migration));
  return watcher;
}

static void
on_written (SoupServerMessage *msg, guint size, gpointer data)
{
  Watcher *watcher = data;

  watcher->unread -= MIN (size, watcher->unread);
}

static void
on_gone (GObject *object, gpointer data)
{
  remove_watcher (data);
}

static void
on_closed (SoupWebsocketConnection *websocket, gpointer data)
{
  drop_watcher (data);
}

gboolean
gdw_http_watchers_have_room (GdwHttpWatchers *watchers, SoupServerMessage *msg)
{
  if (watchers->list->len < WATCHERS_MAX)
    return TRUE;
  gdw_http_refuse (msg, SOUP_STATUS_SERVICE_UNAVAILABLE,
                   "http: the request is refused: %u clients watch already; close one",
                   WATCHERS_MAX);
  return FALSE;
}

void
gdw_http_watchers_add (GdwHttpWatchers *watchers, SoupServerMessage *msg, GSocket *socket)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  Watcher *watcher = add_watcher (watchers);

  watcher->msg = g_object_ref (msg);
  watcher->socket = socket;
  soup_message_headers_set_encoding (headers, SOUP_ENCODING_CHUNKED);
  soup_message_headers_replace (headers, "Content-Type", "text/event-stream");
  soup_message_body_set_accumulate (soup_server_message_get_response_body (msg), FALSE);
  soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
  g_signal_connect (msg, "wrote-body-data", G_CALLBACK (on_written), watcher);
  g_signal_connect (msg, "finished", G_CALLBACK (on_gone), watcher);
  g_signal_connect (msg, "disconnected", G_CALLBACK (on_gone), watcher);
  on_tick (watchers);
}

void
gdw_http_watchers_add_websocket (GdwHttpWatchers *watchers, SoupWebsocketConnection *websocket,
                                 GSocket *socket)
{
  Watcher *watcher = add_watcher (watchers);

  watcher->websocket = g_object_ref (websocket);
  watcher->socket = socket;
  g_signal_connect (websocket, "closed", G_CALLBACK (on_closed), watcher);
  on_tick (watchers);
}

GdwHttpWatchers *
gdw_http_watchers_new (GdwControl *control)
{
  GdwHttpWatchers *watchers = g_new0 (GdwHttpWatchers, 1);

  watchers->control = control;
  watchers->list = g_ptr_array_new_with_free_func (free_watcher);
  gdw_control_add_sink (control, tell_all, watchers);
  return watchers;
}

void
gdw_http_watchers_free (GdwHttpWatchers *watchers)
{
  gdw_control_remove_sink (watchers->control, tell_all, watchers);
  while (watchers->list->len)
    drop_watcher (watchers->list->pdata[0]);
  g_ptr_array_unref (watchers->list);
  g_free (watchers);
}
