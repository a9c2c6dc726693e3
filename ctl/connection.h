/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Carries commands to a server, and answers and events back.  Nothing happens in the
 * background: a connection collects input while the default main context runs, and the caller
 * looks at it.  Only one command runs at a time. */
typedef struct Connection Connection;

struct Connection {
  char *address;
  GQueue events; /* of char *: JSON, oldest first */
  GError *lost;  /* why the server is gone, or NULL */
  gboolean interrupted;

  /* Sends a command, a line of JSON, and runs the main context until the answer arrives, or
   * @lost or @interrupted is set; then a later answer is dropped.  Returns the JSON unchanged;
   * it may be an error. */
  char *(*exchange) (Connection *connection, const char *request, GError **error);
  /* Asks for events from now on. */
  gboolean (*listen) (Connection *connection, GError **error);
  void (*free) (Connection *connection);
};

/* @path: of a UNIX socket that speaks QMP; '@' begins an abstract name. */
Connection *connection_new_socket (const char *path, GError **error);
/* @url: http://HOST:PORT; @token: sent with each request, or NULL. */
Connection *connection_new_http (const char *url, const char *token, GError **error);

/* For the implementations: start, end, and record a loss, once. */
void connection_init (Connection *connection, const char *address);
void connection_clear (Connection *connection);
void connection_lose (Connection *connection, const char *why);
/* Runs the main context once.  Returns FALSE and @error if @lost or @interrupted is set. */
gboolean connection_wait (Connection *connection, GError **error);
