/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "client.h"

#include "connection.h"
#include "error.h"

struct Client {
  Connection *connection;
  char *text; /* of the last answer */
  gboolean waiting;
};

/* Returns the first line of the file. */
static char *
read_token (const char *file, GError **error)
{
  g_autoptr (GError) why = NULL;
  char *text = NULL, *end;

  /* The open of a FIFO would wait for its other end. */
  if (g_file_test (file, G_FILE_TEST_EXISTS) && !g_file_test (file, G_FILE_TEST_IS_REGULAR))
    g_set_error_literal (&why, CTL_ERROR, CTL_ERROR_USAGE, "it is not a regular file");
  else if (g_file_get_contents (file, &text, NULL, &why)) {
    if ((end = strpbrk (text, "\r\n")))
      *end = '\0';
    g_strstrip (text);
    if (*text && g_str_is_ascii (text))
      return text;
  }
  g_free (text);
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
               "token '%s': cannot be read: %s; write the server's token into its first line",
               file, why ? why->message : "there is no text in its first line");
  return NULL;
}

Client *
client_new (const char *address, const char *token_file, GError **error)
{
  gboolean http = g_str_has_prefix (address, "http://");
  g_autofree char *token = NULL;
  Connection *connection;
  Client *client;

  if (token_file && !http) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "token '%s': cannot be used: server '%s' is a socket, which needs none; "
                 "leave --token out, or give -s http://HOST:PORT",
                 token_file, address);
    return NULL;
  }
  if (token_file && !(token = read_token (token_file, error)))
    return NULL;
  connection = http ? connection_new_http (address, token, error)
                    : connection_new_socket (address, error);
  if (!connection)
    return NULL;
  client = g_new0 (Client, 1);
  client->connection = connection;
  return client;
}

void
client_free (Client *client)
{
  client->connection->free (client->connection);
  g_free (client->text);
  g_free (client);
}

char *
client_exchange (Client *client, const char *request, GError **error)
{
  char *answer;

  client->connection->interrupted = FALSE;
  client->waiting = TRUE;
  answer = client->connection->exchange (client->connection, request, error);
  client->waiting = FALSE;
  return answer;
}

gboolean
client_is_refusal (const char *command, const char *answer, GError **error)
{
  g_autoptr (JsonNode) node = json_parse (answer, NULL);
  JsonObject *object = node ? json_node_get_object (node) : NULL;
  g_autofree char *desc = NULL;

  if (object && json_object_has_member (object, "return"))
    return FALSE;
  desc = json_text (json_object (object, "error"), "desc");
  g_set_error (error, CTL_ERROR, CTL_ERROR_REFUSED, "%s: refused: %s", command,
               *desc ? desc : "the server does not say why; see what it said last");
  return TRUE;
}

JsonNode *
client_execute (Client *client, const char *command, const char *arguments, GError **error)
{
  g_autofree char *request = json_request (command, arguments);
  g_autofree char *answer = client_exchange (client, request, error);
  g_autoptr (JsonNode) node = NULL;

  if (!answer || client_is_refusal (command, answer, error))
    return NULL;
  node = json_parse (answer, error);
  g_free (client->text);
  client->text = json_slice (answer, "return");
  return json_object_dup_member (json_node_get_object (node), "return");
}

const char *
client_last_text (Client *client)
{
  return client->text;
}

gboolean
client_listen (Client *client, GError **error)
{
  gboolean ok;

  client->connection->interrupted = FALSE;
  client->waiting = TRUE;
  ok = client->connection->listen (client->connection, error);
  client->waiting = FALSE;
  return ok;
}

char *
client_next_event (Client *client)
{
  return g_queue_pop_head (&client->connection->events);
}

gboolean
client_is_there (Client *client, GError **error)
{
  if (client->connection->lost && error && !*error)
    *error = g_error_copy (client->connection->lost);
  return !client->connection->lost;
}

void
client_interrupt (Client *client)
{
  if (client->waiting)
    client->connection->interrupted = TRUE;
}
