/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "connection.h"

#include "error.h"
#include "json.h"

#include <libsoup/soup.h>
#include <string.h>

/* Larger than any answer. */
#define ANSWER_MAX_BYTES (64u << 20)

typedef struct {
  Connection base;
  SoupSession *session;
  char *token;           /* or NULL */
  GCancellable *all;     /* cancels all that runs */
  GDataInputStream *sse; /* GET /events, or NULL */
  GCancellable *ending;  /* cancels the reading of @sse */
  gboolean reading;
} Http;

/* A request and its answer. */
typedef struct {
  GBytes *body;
  GInputStream *stream;
  GError *why;
  GCancellable *all;
  gboolean done;
} Wait;

static SoupMessage *
make_message (Http *http, const char *method, const char *path)
{
  g_autofree char *url = g_strconcat (http->base.address, path, NULL);
  SoupMessage *msg = soup_message_new (method, url);
  g_autofree char *value = http->token ? g_strconcat ("Bearer ", http->token, NULL) : NULL;

  /* Only this server may see the token, not one that it redirects to. */
  if (msg)
    soup_message_add_flags (msg, SOUP_MESSAGE_NO_REDIRECT);
  if (msg && value)
    soup_message_headers_replace (soup_message_get_request_headers (msg), "Authorization",
                                  value);
  return msg;
}

/* Checks that @status came from a godwit server that accepts this client. */
static gboolean
check_status (Http *http, guint status, const char *text, GError **error)
{
  g_autoptr (JsonNode) node = text ? json_parse (text, NULL) : NULL;
  JsonObject *object = node ? json_node_get_object (node) : NULL;
  g_autofree char *desc = json_text (json_object (object, "error"), "desc");

  if (status == SOUP_STATUS_UNAUTHORIZED)
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
                 "server '%s': refuses: %s; give the file that holds its token with --token",
                 http->base.address, http->token ? "the token is wrong" : "it needs a token");
  else if (!object ||
           !(json_object_has_member (object, "return") || json_object (object, "error")))
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
                 "server '%s': cannot be used: it is not godwit: it answers with status %u and "
                 "no JSON of QMP; give the address of the VMM's --http",
                 http->base.address, status);
  else if (status == SOUP_STATUS_FORBIDDEN)
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER, "server '%s': refuses: %s",
                 http->base.address, desc);
  else
    return TRUE;
  return FALSE;
}

static void
on_body (GObject *output, GAsyncResult *result, gpointer data)
{
  Wait *wait = data;

  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (output), result, &wait->why) >= 0)
    wait->body = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (output));
  if (g_error_matches (wait->why, G_IO_ERROR, G_IO_ERROR_NO_SPACE)) {
    g_clear_error (&wait->why);
    wait->why = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                                     "its answer has no end, which is not QMP");
  }
  wait->done = TRUE;
}

static void
on_answer (GObject *session, GAsyncResult *result, gpointer data)
{
  Wait *wait = data;
  g_autoptr (GOutputStream) output = NULL;
  g_autoptr (GInputStream)
      input = soup_session_send_finish (SOUP_SESSION (session), result, &wait->why);

  wait->done = !input;
  if (!input)
    return;
  output = g_memory_output_stream_new (g_malloc (ANSWER_MAX_BYTES), ANSWER_MAX_BYTES, NULL,
                                       g_free);
  g_output_stream_splice_async (
      output, input, G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
      G_PRIORITY_DEFAULT, wait->all, on_body, wait);
}

/* Waits until @wait is done; an interruption cancels it. */
static gboolean
wait_for (Http *http, Wait *wait, GError **error)
{
  g_autoptr (GError) interrupted = NULL;

  while (!wait->done && !interrupted)
    if (!connection_wait (&http->base, &interrupted))
      break;
  if (!wait->done) {
    g_cancellable_cancel (http->all);
    while (!wait->done)
      g_main_context_iteration (NULL, TRUE);
    g_cancellable_reset (http->all);
    g_clear_error (&wait->why);
    g_propagate_error (error, g_steal_pointer (&interrupted));
    return FALSE;
  }
  if (!wait->why)
    return TRUE;
  g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
               "server '%s': cannot be asked: %s; see whether the VMM runs with --http and "
               "this address",
               http->base.address, wait->why->message);
  g_clear_error (&wait->why);
  return FALSE;
}

static char *
exchange (Connection *connection, const char *request, GError **error)
{
  Http *http = (Http *) connection;
  g_autoptr (SoupMessage) msg = make_message (http, "POST", "/qmp");
  g_autoptr (GBytes) body = g_bytes_new (request, strlen (request));
  g_autoptr (GBytes) got = NULL;
  g_autofree char *text = NULL;
  Wait wait = { .all = http->all };
  gboolean ok;

  soup_message_set_request_body_from_bytes (msg, "application/json", body);
  soup_session_send_async (http->session, msg, G_PRIORITY_DEFAULT, http->all, on_answer, &wait);
  ok = wait_for (http, &wait, error);
  got = wait.body;
  if (!ok)
    return NULL;
  /* An empty body has NULL data. */
  text = g_strndup (g_bytes_get_size (got) ? g_bytes_get_data (got, NULL) : "",
                    g_bytes_get_size (got));
  json_strip_controls (text);
  if (!check_status (http, soup_message_get_status (msg), text, error))
    return NULL;
  return g_strchomp (g_steal_pointer (&text));
}

static void read_events (Http *http);

static void
on_line (GObject *stream, GAsyncResult *result, gpointer data)
{
  Http *http = data;
  g_autoptr (GError) why = NULL;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (stream),
                                                                result, NULL, &why);

  http->reading = FALSE;
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (!line) {
    connection_lose (&http->base, why ? why->message : "the server closed it");
    return;
  }
  json_strip_controls (line);
  if (g_str_has_prefix (line, "data:")) {
    g_autoptr (JsonNode) node = json_parse (line + strlen ("data:"), NULL);

    /* The client asks for statistics whenever it shows them. */
    if (node &&
        g_strcmp0 (json_string (json_node_get_object (node), "event"), "x-statistics") != 0)
      g_queue_push_tail (&http->base.events, g_strdup (line + strlen ("data:")));
  }
  read_events (http);
}

static void
read_events (Http *http)
{
  http->reading = TRUE;
  g_data_input_stream_read_line_async (http->sse, G_PRIORITY_DEFAULT, http->ending, on_line,
                                       http);
}

static void
on_events (GObject *session, GAsyncResult *result, gpointer data)
{
  Wait *wait = data;

  wait->stream = soup_session_send_finish (SOUP_SESSION (session), result, &wait->why);
  wait->done = TRUE;
}

static gboolean
listen_for_events (Connection *connection, GError **error)
{
  Http *http = (Http *) connection;
  g_autoptr (SoupMessage) msg = make_message (http, "GET", "/events");
  Wait wait = { 0 };

  if (http->sse)
    return TRUE;
  soup_session_send_async (http->session, msg, G_PRIORITY_DEFAULT, http->all, on_events, &wait);
  if (!wait_for (http, &wait, error)) {
    g_clear_object (&wait.stream);
    return FALSE;
  }
  if (soup_message_get_status (msg) != SOUP_STATUS_OK) {
    g_object_unref (wait.stream);
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
                 "server '%s': sends no events: status %u; too many others may watch already",
                 http->base.address, soup_message_get_status (msg));
    return FALSE;
  }
  http->sse = g_data_input_stream_new (wait.stream);
  g_data_input_stream_set_newline_type (http->sse, G_DATA_STREAM_NEWLINE_TYPE_ANY);
  g_object_unref (wait.stream);
  read_events (http);
  return TRUE;
}

static void
free_http (Connection *connection)
{
  Http *http = (Http *) connection;

  g_cancellable_cancel (http->ending);
  while (http->reading)
    g_main_context_iteration (NULL, TRUE);
  soup_session_abort (http->session);
  g_clear_object (&http->sse);
  g_object_unref (http->session);
  g_object_unref (http->all);
  g_object_unref (http->ending);
  g_free (http->token);
  connection_clear (connection);
  g_free (http);
}

Connection *
connection_new_http (const char *url, const char *token, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (GUri) uri = g_uri_parse (url, SOUP_HTTP_URI_FLAGS, &why);
  const char *path = uri ? g_uri_get_path (uri) : "";
  const char *host = uri ? g_uri_get_host (uri) : NULL;
  gboolean plain = host && *host && (*path == '\0' || strcmp (path, "/") == 0);
  Http *http;

  if (!uri || !plain || g_uri_get_query (uri) || g_uri_get_userinfo (uri)) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "server '%s': is not an address: %s; write http://HOST:PORT", url,
                 why ? why->message : "it has no host, or text after the port");
    return NULL;
  }
  http = g_new0 (Http, 1);
  connection_init (&http->base, url);
  if (g_str_has_suffix (http->base.address, "/"))
    http->base.address[strlen (url) - 1] = '\0';
  http->base.exchange = exchange;
  http->base.listen = listen_for_events;
  http->base.free = free_http;
  http->token = g_strdup (token);
  http->all = g_cancellable_new ();
  http->ending = g_cancellable_new ();
  /* Without a proxy: requests are for this server only. */
  http->session = soup_session_new_with_options ("proxy-resolver", NULL, "timeout", 0,
                                                 "idle-timeout", 0, NULL);
  return &http->base;
}
