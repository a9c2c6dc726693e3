/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/control.h>
#include <godwit/error.h>

#include <libsoup/soup.h>
#include <string.h>

#include "control/address.h"
#include "control/http/answer.h"
#include "control/acceptor.h"
#include "control/http/check.h"
#include "control/http/client.h"
#include "control/http/page.h"
#include "control/http/qmp.h"
#include "control/http/watch.h"
#include "control/http/websocket.h"
#include "control/metrics.h"
#include "control/unix-listener.h"

#define TOKEN_MIN 16

struct GdwControlHttp {
  gatomicrefcount references;
  GdwControl *control;
  SoupServer *server;
  GdwControlSocket *unix_socket; /* NULL with TCP */
  GSocket *inet_socket;
  GdwControlAcceptor *acceptor;
  char *token; /* or NULL */
  GdwHttpClients *clients;
  GdwHttpCalls *calls;
  GdwHttpWatchers *watchers;
};

static GdwControlHttp *
reference (GdwControlHttp *http)
{
  g_atomic_ref_count_inc (&http->references);
  return http;
}

G_DEFINE_BOXED_TYPE (GdwControlHttp, gdw_control_http, reference, gdw_control_http_free)

static void
on_qmp (GdwControlHttp *http, SoupServerMessage *msg)
{
  gdw_http_calls_execute (http->calls, msg);
}

static void
on_websocket (SoupServerMessage *msg, SoupWebsocketConnection *websocket, gpointer data)
{
  GdwControlHttp *http = data;

  gdw_http_watchers_add_websocket (http->watchers, websocket,
                                   gdw_http_clients_release (http->clients, msg));
}

static void
on_events (GdwControlHttp *http, SoupServerMessage *msg)
{
  if (!gdw_http_watchers_have_room (http->watchers, msg))
    return;
  if (gdw_http_websocket_is_asked_for (msg))
    gdw_http_websocket_open (msg, on_websocket, http);
  else
    gdw_http_watchers_add (http->watchers, msg, gdw_http_clients_release (http->clients, msg));
}

static void
on_metrics (GdwControlHttp *http, SoupServerMessage *msg)
{
  char *text = gdw_control_metrics (http->control);

  soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (msg, "text/plain; version=0.0.4; charset=utf-8",
                                    SOUP_MEMORY_TAKE, text, strlen (text));
}

static void
on_schema (GdwControlHttp *http, SoupServerMessage *msg)
{
  gdw_http_answer_static (msg, "application/json", gdw_qapi_schema, strlen (gdw_qapi_schema));
}

static void
on_health (GdwControlHttp *http, SoupServerMessage *msg)
{
  static const char answer[] = "{\"status\":\"ok\"}";

  gdw_http_answer_static (msg, "application/json", answer, strlen (answer));
}

typedef struct {
  const char *path, *method;
  void (*answer) (GdwControlHttp *http, SoupServerMessage *msg);
} Route;

static const Route routes[] = { { "/qmp", "POST", on_qmp },
                                { "/events", "GET", on_events },
                                { "/metrics", "GET", on_metrics },
                                { "/schema", "GET", on_schema },
                                { "/healthz", "GET", on_health } };

static const Route *
find_route (const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (strcmp (routes[i].path, path) == 0)
      return &routes[i];
  return NULL;
}

/* Routes that HEAD may ask for: libsoup omits the body, and a stream that never ends has no
 * length. */
static gboolean
may_head (const Route *route)
{
  return !route || (strcmp (route->method, "GET") == 0 && route->answer != on_events);
}

static void
on_request (SoupServer *server, SoupServerMessage *msg, const char *path, GHashTable *query,
            gpointer data)
{
  const Route *route = find_route (path);
  int page = route ? -1 : gdw_http_page_find (path);
  const char *method = route ? route->method : "GET";
  const char *allowed = may_head (route) ? "GET, HEAD" : method;
  const char *given = soup_server_message_get_method (msg);

  if (!route && page < 0) {
    gdw_http_refuse (msg, SOUP_STATUS_NOT_FOUND,
                     "http: the request is refused: there is no '%s'; use /, /qmp, /events, "
                     "/metrics, /schema or /healthz",
                     path);
  } else if (strcmp (given, method) != 0 &&
             !(may_head (route) && strcmp (given, "HEAD") == 0)) {
    soup_message_headers_replace (soup_server_message_get_response_headers (msg), "Allow",
                                  allowed);
    gdw_http_refuse (msg, SOUP_STATUS_METHOD_NOT_ALLOWED,
                     "http: the request is refused: '%s' has no method %s; use %s", path, given,
                     method);
  } else if (page >= 0) {
    gdw_http_page_answer (page, msg);
  } else {
    route->answer (data, msg);
  }
}

/* Runs before the body is read.  If it sets a status, that is the answer. */
static void
on_headers (SoupServerMessage *msg, gpointer data)
{
  GdwControlHttp *http = data;
  const GdwHttpTrust trust = { http->token, http->unix_socket != NULL };
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  const char *path = g_uri_get_path (soup_server_message_get_uri (msg));

  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  /* libsoup would accept any number and any bounds of ranges. */
  soup_message_headers_remove (soup_server_message_get_request_headers (msg), "Range");
  /* A browser has no token until it has loaded the page. */
  gdw_http_check (&trust, msg, gdw_http_page_find (path) >= 0);
}

static void
on_chunk (SoupServerMessage *msg, GBytes *chunk, gpointer data)
{
  gdw_http_clients_count (((GdwControlHttp *) data)->clients, msg, g_bytes_get_size (chunk));
}

static void
on_finished (SoupServerMessage *msg, gpointer data)
{
  g_autoptr (GSocket)
      socket = gdw_http_clients_release (((GdwControlHttp *) data)->clients, msg);
}

static void
on_started (SoupServer *server, SoupServerMessage *msg, gpointer data)
{
  g_signal_connect (msg, "got-headers", G_CALLBACK (on_headers), data);
  g_signal_connect (msg, "got-chunk", G_CALLBACK (on_chunk), data);
  g_signal_connect (msg, "finished", G_CALLBACK (on_finished), data);
}

static void
on_accepted (GSocket *client, gpointer data)
{
  GdwControlHttp *http = data;

  gdw_http_clients_take (http->clients, client, http->server);
}

static gboolean
fail (GError **error, const char *address, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID, "http '%s': cannot listen: %s", address,
               why);
  return FALSE;
}

static gboolean
bind_failed (GError **error, const char *address, const GError *why)
{
  g_autofree char *text = NULL;

  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    return fail (error, address, "another process does; use another port, or 0 for a free one");
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return fail (error, address, "only root may use this port; use one from 1024 on");
  text = g_strconcat (why->message, "; use an address of this host", NULL);
  return fail (error, address, text);
}

static gboolean
listen_inet (GdwControlHttp *http, const char *text, GError **error)
{
  g_autoptr (GSocketAddress) address = gdw_control_address_inet (text);
  g_autoptr (GError) why = NULL;
  GInetAddress *host;

  if (!address)
    return fail (error, text,
                 "it is not an address; write 127.0.0.1:8080, [::1]:8080 or unix:PATH");
  host = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  if (!http->token && !g_inet_address_get_is_loopback (host))
    return fail (error, text,
                 "other hosts could reach it, and there is no token; give a token, or use "
                 "127.0.0.1");
  http->inet_socket = g_socket_new (g_inet_address_get_family (host), G_SOCKET_TYPE_STREAM, 0,
                                    &why);
  return (http->inet_socket && g_socket_bind (http->inet_socket, address, TRUE, &why) &&
          g_socket_listen (http->inet_socket, &why)) ||
         bind_failed (error, text, why);
}

/* A token must fit into a header and be hard to guess. */
static gboolean
check_token (const char *address, const char *token, GError **error)
{
  gsize n = 0;

  if (!token)
    return TRUE;
  for (; token[n]; n++)
    if (!g_ascii_isgraph (token[n]))
      return fail (error, address,
                   "the token has characters that are not visible ASCII; write a new one");
  return n >= TOKEN_MIN ||
         fail (error, address,
               "the token has fewer than 16 characters; make one with: head -c 32 "
               "/dev/urandom | base64");
}

static gboolean
start_listening (GdwControlHttp *http, const char *address, GError **error)
{
  const char *path = gdw_control_address_path (address);
  GSocket *socket;

  if (!path) {
    if (!listen_inet (http, address, error))
      return FALSE;
    socket = http->inet_socket;
  } else {
    http->unix_socket = gdw_control_socket_new ("http", path, error);
    if (!http->unix_socket)
      return FALSE;
    socket = gdw_control_socket_get (http->unix_socket);
  }
  g_socket_set_blocking (socket, FALSE);
  http->acceptor = gdw_control_acceptor_new (
      socket, gdw_migration_context (http->control->migration), on_accepted, http);
  return TRUE;
}

GdwControlHttp *
gdw_control_http_new (GdwControl *control, const char *address, const char *token,
                      GError **error)
{
  GMainContext *context = gdw_migration_context (control->migration);
  GdwControlHttp *http = g_new0 (GdwControlHttp, 1);

  g_atomic_ref_count_init (&http->references);
  http->control = gdw_control_ref (control);
  http->token = g_strdup (token);
  g_main_context_push_thread_default (context);
  http->server = soup_server_new ("server-header", "godwit", NULL);
  g_main_context_pop_thread_default (context);
  http->clients = gdw_http_clients_new (context);
  http->calls = gdw_http_calls_new (control, http->clients);
  http->watchers = gdw_http_watchers_new (control);
  soup_server_add_handler (http->server, NULL, on_request, http, NULL);
  g_signal_connect (http->server, "request-started", G_CALLBACK (on_started), http);
  if (check_token (address, token, error) && start_listening (http, address, error))
    return http;
  gdw_control_http_free (http);
  return NULL;
}

char *
gdw_control_http_get_address (GdwControlHttp *http)
{
  g_autoptr (GSocketAddress) address = NULL;
  g_autofree char *text = NULL;

  if (http->inet_socket)
    address = g_socket_get_local_address (http->inet_socket, NULL);
  if (!address)
    return NULL;
  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));
  return g_strdup_printf ("http://%s/", text);
}

void
gdw_control_http_free (GdwControlHttp *http)
{
  if (!g_atomic_ref_count_dec (&http->references))
    return;
  g_clear_pointer (&http->acceptor, gdw_control_acceptor_free);
  gdw_http_calls_free (http->calls);
  gdw_http_watchers_free (http->watchers);
  soup_server_disconnect (http->server);
  g_object_unref (http->server);
  gdw_http_clients_free (http->clients);
  g_clear_object (&http->inet_socket);
  g_clear_pointer (&http->unix_socket, gdw_control_socket_free);
  g_free (http->token);
  gdw_control_free (http->control);
  g_free (http);
}
