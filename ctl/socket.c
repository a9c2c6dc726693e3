/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "connection.h"

#include "error.h"
#include "json.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A VMM on a busy host may greet late; a server of another kind never does. */
#define GREETING_S 10
/* Larger than any answer. */
#define LINE_MAX_BYTES (64u << 20)

typedef struct {
  Connection base;
  GSocket *socket;
  GSource *reading;
  GByteArray *unread;
  GQueue answers; /* of char *: the greeting, then one for each command */
  guint owed;     /* answers to drop when they arrive */
  gboolean late;
} Socket;

static void
take_line (Socket *s, char *line)
{
  g_autoptr (JsonNode) node = json_parse (line, NULL);
  JsonObject *object = node ? json_node_get_object (node) : NULL;

  if (!object)
    connection_lose (&s->base, "it sent something that is not QMP");
  else if (json_object_has_member (object, "event"))
    g_queue_push_tail (&s->base.events, g_strdup (line));
  else if (s->owed)
    s->owed--;
  else
    g_queue_push_tail (&s->answers, g_strdup (line));
}

static void
split (Socket *s)
{
  guint8 *end;

  while (!s->base.lost && (end = memchr (s->unread->data, '\n', s->unread->len))) {
    guint size = end - s->unread->data;
    g_autofree char *line = g_strndup ((char *) s->unread->data, size);

    g_byte_array_remove_range (s->unread, 0, size + 1);
    json_strip_controls (line);
    g_strstrip (line);
    if (*line)
      take_line (s, line);
  }
  if (s->unread->len > LINE_MAX_BYTES)
    connection_lose (&s->base, "it sent a line without an end, which is not QMP");
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer data)
{
  Socket *s = data;
  char buffer[65536];
  g_autoptr (GError) why = NULL;
  gssize n = g_socket_receive (socket, buffer, sizeof buffer, NULL, &why);

  if (n > 0) {
    g_byte_array_append (s->unread, (guint8 *) buffer, n);
    split (s);
  } else if (n == 0 || g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)) {
    connection_lose (&s->base, "the server closed it");
  } else if (!g_error_matches (why, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
    connection_lose (&s->base, why->message);
  }
  return !s->base.lost;
}

static char *
next_answer (Socket *s, GError **error)
{
  g_autoptr (GError) why = NULL;

  while (!s->answers.length && connection_wait (&s->base, &why))
    ;
  if (!s->answers.length) {
    g_propagate_error (error, g_steal_pointer (&why));
    return NULL;
  }
  return g_queue_pop_head (&s->answers);
}

static gboolean
send_all (Socket *s, const char *text, gsize size, GError **error)
{
  g_autoptr (GError) why = NULL;

  while (size > 0 && !why) {
    gssize n = g_socket_send_with_blocking (s->socket, text, size, TRUE, NULL, &why);

    if (n > 0) {
      text += n;
      size -= n;
    }
  }
  if (!why)
    return TRUE;
  connection_lose (&s->base, why->message);
  return connection_wait (&s->base, error);
}

static char *
exchange (Connection *connection, const char *request, GError **error)
{
  Socket *s = (Socket *) connection;
  g_autofree char *line = g_strconcat (request, "\n", NULL);
  g_autoptr (GError) why = NULL;
  char *answer;

  if (!send_all (s, line, strlen (line), error))
    return NULL;
  answer = next_answer (s, &why);
  if (g_error_matches (why, CTL_ERROR, CTL_ERROR_INTERRUPTED))
    s->owed++;
  if (why)
    g_propagate_error (error, g_steal_pointer (&why));
  return answer;
}

static gboolean
listen_for_events (Connection *connection, GError **error)
{
  return TRUE;
}

static void
free_socket (Connection *connection)
{
  Socket *s = (Socket *) connection;

  g_source_destroy (s->reading);
  g_source_unref (s->reading);
  g_object_unref (s->socket);
  g_byte_array_unref (s->unread);
  g_queue_clear_full (&s->answers, g_free);
  connection_clear (connection);
  g_free (s);
}

static gboolean
on_late (gpointer data)
{
  ((Socket *) data)->late = TRUE;
  return G_SOURCE_CONTINUE;
}

/* Waits for the greeting and negotiates, before the first command. */
static gboolean
negotiate (Socket *s, GError **error)
{
  guint timer = g_timeout_add_seconds (GREETING_S, on_late, s);
  g_autofree char *greeting = NULL, *answer = NULL;
  const char *why = NULL;

  while (!s->answers.length && !s->base.lost && !s->late)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (timer);
  greeting = g_queue_pop_head (&s->answers);
  if (greeting) {
    g_autoptr (JsonNode) node = json_parse (greeting, NULL);

    if (!json_object (json_node_get_object (node), "QMP"))
      why = "its greeting is something else";
  } else {
    why = s->late ? "it sends nothing" : "it closes the connection, or sends something else";
  }
  if (why) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
                 "server '%s': cannot be used: it is not a QMP server: %s; give the socket of "
                 "the VMM's --qmp",
                 s->base.address, why);
    return FALSE;
  }
  answer = exchange (&s->base, "{\"execute\": \"qmp_capabilities\"}", error);
  return answer != NULL;
}

/* GLib truncates a longer path, which could then name the socket of another VM. */
static gboolean
check_length (const char *path, GError **error)
{
  gsize most = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1;
  gboolean abstract = *path == '@';

  if (strlen (path + abstract) <= most)
    return TRUE;
  g_set_error (
      error, CTL_ERROR, CTL_ERROR_SERVER,
      "server '%s': cannot connect: it has %zu bytes, and the path of a socket has %zu "
      "at most; give it by a shorter path, or start the VMM with a shorter --qmp",
      path, strlen (path + abstract), most);
  return FALSE;
}

static GSocket *
connect_to (const char *path, GError **error)
{
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocket) socket = NULL;

  address = *path == '@' ? g_unix_socket_address_new_with_type (path + 1, -1,
                                                                G_UNIX_SOCKET_ADDRESS_ABSTRACT)
                         : g_unix_socket_address_new (path);
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, error);
  if (!socket || !g_socket_connect (socket, address, NULL, error))
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static void
set_error (const char *path, const char *why, GError **error)
{
  struct stat file;
  gboolean there = stat (path, &file) == 0;

  if (there && !S_ISSOCK (file.st_mode))
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_SERVER,
        "server '%s': cannot connect: it is not a socket; give the socket of the VMM's --qmp",
        path);
  else if (!there && strchr (path, ':'))
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_SERVER,
        "server '%s': cannot connect: %s; write http://HOST:PORT for HTTP, or give the "
        "socket of the VMM's --qmp",
        path, why);
  else
    g_set_error (error, CTL_ERROR, CTL_ERROR_SERVER,
                 "server '%s': cannot connect: %s; start the VMM with --qmp %s, or give "
                 "its socket with -s",
                 path, why, path);
}

Connection *
connection_new_socket (const char *path, GError **error)
{
  g_autoptr (GError) why = NULL;
  GSocket *socket;
  Socket *s;

  if (!check_length (path, error))
    return NULL;
  socket = connect_to (path, &why);
  if (!socket) {
    set_error (path, why->message, error);
    return NULL;
  }
  s = g_new0 (Socket, 1);
  connection_init (&s->base, path);
  s->base.exchange = exchange;
  s->base.listen = listen_for_events;
  s->base.free = free_socket;
  s->socket = socket;
  s->unread = g_byte_array_new ();
  g_queue_init (&s->answers);
  s->reading = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (s->reading, G_SOURCE_FUNC (on_readable), s, NULL);
  g_source_attach (s->reading, NULL);
  if (negotiate (s, error))
    return &s->base;
  free_socket (&s->base);
  return NULL;
}
