/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* How commands travel to a server, and answers and events back.  Nothing is done behind the
 * caller's back: a connection takes note of what came while the default main context runs, and
 * the caller looks.  One command is under way at a time. */
typedef struct Connection Connection;

struct Connection {
  char *address;
  GQueue events; /* of char *: JSON, oldest first */
  GError *lost;  /* why the server is gone, or NULL */
  gboolean interrupted;

  /* Sends a command, a line of JSON, and runs the main context until its answer has come, or
   * @lost or @interrupted is set; then the answer, when it comes, belongs to nobody.
   * The answer is JSON as it came; it may be an error. */
  char *(*exchange) (Connection *connection, const char *request, GError **error);
  /* Ask for events from now on. */
  gboolean (*listen) (Connection *connection, GError **error);
  void (*free) (Connection *connection);
};

/* @path: of a UNIX socket that speaks QMP; '@' begins an abstract name. */
Connection *connection_new_socket (const char *path, GError **error);
/* @url: http://HOST:PORT; @token: to send, or NULL. */
Connection *connection_new_http (const char *url, const char *token, GError **error);

/* For the implementations: to begin, to end, and to take note of a loss, once. */
void connection_init (Connection *connection, const char *address);
void connection_clear (Connection *connection);
void connection_lose (Connection *connection, const char *why);
/* Runs the main context once.  FALSE: @lost or @interrupted, told in @error. */
gboolean connection_wait (Connection *connection, GError **error);
