/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/client.h"

#include "control/http/answer.h"
#include "control/http/check.h"

/* Time limit for a client to send its request and to take the answer. */
#define CLIENT_MS 10000
#define CLIENTS_MAX 64u
/* Reads and drops this much of an oversized body so that the client gets to read the answer. */
#define DROPPED_MAX (8u * GDW_HTTP_BODY_MAX)

struct GdwHttpClients {
  GMainContext *context;
  GPtrArray *list; /* of Client */
};

typedef struct {
  GdwHttpClients *clients;
  GSocket *socket;
  GSocketAddress
      *remote;       /* unique to a connection: libsoup's message leads from it to the client */
  GSource *deadline; /* or NULL */
  gsize body;
} Client;

static void
clear_deadline (Client *client)
{
  if (client->deadline)
    g_source_destroy (client->deadline);
  g_clear_pointer (&client->deadline, g_source_unref);
}

static void
free_client (gpointer data)
{
  Client *client = data;

  clear_deadline (client);
  g_object_unref (client->socket);
  g_clear_object (&client->remote);
  g_free (client);
}

static gboolean
on_deadline (gpointer data)
{
  Client *client = data;

  g_socket_close (client->socket, NULL);
  g_ptr_array_remove_fast (client->clients->list, client);
  return G_SOURCE_REMOVE;
}

static void
start_deadline (Client *client)
{
  clear_deadline (client);
  client->deadline = g_timeout_source_new (CLIENT_MS);
  g_source_set_callback (client->deadline, on_deadline, client, NULL);
  g_source_attach (client->deadline, client->clients->context);
}

static Client *
find (GdwHttpClients *clients, SoupServerMessage *msg)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (msg);

  for (guint i = 0; i < clients->list->len; i++)
    if (((Client *) clients->list->pdata[i])->remote == remote)
      return clients->list->pdata[i];
  return NULL;
}

GdwHttpClients *
gdw_http_clients_new (GMainContext *context)
{
  GdwHttpClients *clients = g_new0 (GdwHttpClients, 1);

  clients->context = context;
  clients->list = g_ptr_array_new_with_free_func (free_client);
  return clients;
}

void
gdw_http_clients_take (GdwHttpClients *clients, GSocket *socket, SoupServer *server)
{
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSocketAddress) local = NULL;
  GSocketAddress *remote;
  Client *client;

  if (clients->list->len >= CLIENTS_MAX) {
    g_socket_close (socket, NULL);
    return;
  }
  local = g_socket_get_local_address (socket, NULL);
  remote = g_socket_get_remote_address (socket, NULL);
  if (!local || !remote) {
    /* The connection has ended already. */
    g_clear_object (&remote);
    return;
  }
  client = g_new0 (Client, 1);
  client->clients = clients;
  client->socket = g_object_ref (socket);
  client->remote = remote;
  g_ptr_array_add (clients->list, client);
  start_deadline (client);
  connection = g_socket_connection_factory_create_connection (socket);
  if (!soup_server_accept_iostream (server, G_IO_STREAM (connection), local, remote, NULL))
    on_deadline (client);
}

void
gdw_http_clients_count (GdwHttpClients *clients, SoupServerMessage *msg, gsize size)
{
  Client *client = find (clients, msg);

  if (!client)
    return;
  client->body += size;
  if (client->body > DROPPED_MAX)
    g_socket_close (client->socket, NULL);
  else if (client->body > GDW_HTTP_BODY_MAX && soup_server_message_get_status (msg) == 0)
    gdw_http_refuse (msg, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                     "http: the request is refused: its body is larger than %d bytes; send one "
                     "command",
                     GDW_HTTP_BODY_MAX);
}

void
gdw_http_clients_set_deadline (GdwHttpClients *clients, SoupServerMessage *msg, gboolean on)
{
  Client *client = find (clients, msg);

  if (client && on)
    start_deadline (client);
  else if (client)
    clear_deadline (client);
}

GSocket *
gdw_http_clients_release (GdwHttpClients *clients, SoupServerMessage *msg)
{
  Client *client = find (clients, msg);
  GSocket *socket = client ? g_object_ref (client->socket) : NULL;

  if (client)
    g_ptr_array_remove_fast (clients->list, client);
  return socket;
}

void
gdw_http_clients_free (GdwHttpClients *clients)
{
  while (clients->list->len)
    on_deadline (clients->list->pdata[0]);
  g_ptr_array_unref (clients->list);
  g_free (clients);
}
