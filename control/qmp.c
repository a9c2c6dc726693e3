/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/acceptor.h"
#include "control/control.h"
#include "control/fds.h"
#include "control/request.h"
#include "control/unix-listener.h"
#include "qapi/json.h"

#include <errno.h>
#include <string.h>

/* A client is dropped when it leaves more than this unread. */
#define OUTPUT_MAX (4 * 1024 * 1024)

/* A QMP server on a UNIX socket, and its clients. */
typedef struct {
  GdwControl *control;
  GdwControlSocket *socket;
  GdwControlAcceptor *acceptor;
  GPtrArray *clients;
} Server;

typedef struct Request Request;

/* Input that waits for its turn: a value or an error, and the descriptors passed with it. */
typedef struct {
  JsonNode *node;
  GError *error; /* the input is not JSON */
  GdwControlPassed passed;
} Input;

/* How many in-band requests may wait beside the running one; then reading stops, as in QEMU. */
#define WAITING_MAX 8u

/* Referenced by the server, by each running request, and while it is being worked on. */
typedef struct {
  Server *server; /* NULL once dropped */
  GSocket *socket;
  GSource *reading, *writing; /* or NULL */
  GdwJsonSplitter *input;
  GdwControlPassed passed; /* passed with the message that is arriving */
  gboolean near;           /* descriptors come with a byte that has arrived */
  GdwControlFds *fds;
  GString *output;  /* bytes that the kernel has not taken yet */
  Request *request; /* running in band; the next one waits for its answer */
  guint n_oob;      /* running out of band */
  GQueue waiting;   /* of Input, in band; only with oob */
  gboolean negotiated, working;
  gboolean oob;      /* the client has switched it on */
  gboolean ended;    /* the client has shut down its side */
  gboolean finished; /* and the client has all answers */
} Client;

struct Request {
  GdwCall call;
  Client *client;
  JsonNode *id; /* or NULL */
  gboolean oob, negotiates, wants_oob;
};

static void work (Client *client);

static void
free_input (gpointer data)
{
  Input *input = data;

  g_clear_pointer (&input->node, json_node_unref);
  g_clear_error (&input->error);
  gdw_control_passed_close (&input->passed);
  g_free (input);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Input, free_input)

static void
finalize_client (gpointer data)
{
  Client *client = data;

  gdw_control_fds_free (client->fds);
  gdw_json_splitter_free (client->input);
  g_string_free (client->output, TRUE);
  g_object_unref (client->socket);
}

static void
unref_client (Client *client)
{
  g_rc_box_release_full (client, finalize_client);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Client, unref_client)

static void
stop_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
start_source (Client *client, GSource **source, GIOCondition condition, GSourceFunc function)
{
  if (*source)
    return;
  *source = g_socket_create_source (client->socket, condition, NULL);
  g_source_set_callback (*source, function, client, NULL);
  g_source_attach (*source, gdw_migration_context (client->server->control->migration));
}

static void
drop (Client *client)
{
  Server *server = client->server;

  if (!server)
    return;
  client->server = NULL;
  stop_source (&client->reading);
  stop_source (&client->writing);
  g_socket_close (client->socket, NULL);
  g_queue_clear_full (&client->waiting, free_input);
  gdw_control_passed_close (&client->passed);
  gdw_control_fds_leave (client->fds);
  g_ptr_array_remove (server->clients, client);
}

static gboolean write_more (GSocket *socket, GIOCondition condition, gpointer data);

/* Gives the kernel as many bytes as it takes; the rest waits.  May drop the client. */
static void
flush (Client *client)
{
  while (client->output->len) {
    g_autoptr (GError) error = NULL;
    gssize n = g_socket_send_with_blocking (client->socket, client->output->str,
                                            client->output->len, FALSE, NULL, &error);

    if (n > 0) {
      g_string_erase (client->output, 0, n);
      continue;
    }
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) &&
        client->output->len <= OUTPUT_MAX)
      start_source (client, &client->writing, G_IO_OUT, G_SOURCE_FUNC (write_more));
    else
      drop (client);
    return;
  }
  stop_source (&client->writing);
  if (client->finished)
    drop (client);
}

static gboolean
write_more (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (Client) client = g_rc_box_acquire (data);

  flush (client);
  return G_SOURCE_CONTINUE;
}

static void
send_line (Client *client, const char *line)
{
  if (!client->server)
    return;
  g_string_append (client->output, line);
  g_string_append (client->output, "\r\n");
  flush (client);
}

/* Takes @message. */
static void
send_message (Client *client, JsonNode *message)
{
  g_autofree char *line = gdw_json_write (message);

  json_node_unref (message);
  send_line (client, line);
}

/* Takes @ret, not @id. */
static void
send_answer (Client *client, JsonNode *id, JsonNode *ret, const GError *error)
{
  send_message (client, gdw_control_answer (id, ret, error));
}

static void
answer_request (GdwCall *call, JsonNode *ret, GError *error)
{
  Request *request = (Request *) call;
  g_autoptr (Client) client = request->client;

  if (request->oob)
    client->n_oob--;
  else
    client->request = NULL;
  client->negotiated = client->negotiated || (request->negotiates && !error);
  client->oob = client->oob || (request->wants_oob && !error);
  send_answer (client, request->id, ret, error);
  g_clear_pointer (&request->id, json_node_unref);
  g_clear_error (&error);
  g_free (request);
  work (client);
}

G_GNUC_PRINTF (3, 4)
static const GdwCommand *
refuse (GError **error, GdwVisitError code, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, GDW_VISIT_ERROR, (int) code, text);
  return NULL;
}

/* Returns the command @name if it may be executed now. */
static const GdwCommand *
find_command (Client *client, const char *name, gboolean oob, GError **error)
{
  gboolean negotiates = strcmp (name, "qmp_capabilities") == 0;
  const GdwCommand *command = gdw_command_find (name);

  if (!client->negotiated && !negotiates)
    return refuse (error, GDW_VISIT_ERROR_COMMAND_NOT_FOUND,
                   "Expecting capabilities negotiation with 'qmp_capabilities'");
  if (!command)
    return refuse (error, GDW_VISIT_ERROR_COMMAND_NOT_FOUND,
                   "The command %s has not been found", name);
  if (oob && !(command->flags & GDW_COMMAND_OOB))
    return refuse (error, GDW_VISIT_ERROR_GENERIC, "The command %s does not support OOB", name);
  if (client->negotiated && negotiates)
    return refuse (error, GDW_VISIT_ERROR_COMMAND_NOT_FOUND,
                   "Capabilities negotiation is already complete, command ignored");
  return command;
}

/* Tells whether the request enables a capability.  There is one; the command checks its
 * name. */
static gboolean
enables (JsonObject *object)
{
  JsonNode *args = json_object_get_member (object, "arguments");
  JsonNode *list = args ? json_object_get_member (json_node_get_object (args), "enable") : NULL;

  return list && JSON_NODE_HOLDS_ARRAY (list) &&
         json_array_get_length (json_node_get_array (list));
}

static void
execute (Client *client, Input *input)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = input->node;
  gboolean oob = FALSE;
  gboolean good = client->oob ? gdw_control_check_request_oob (node, &oob, &error)
                              : gdw_control_check_request (node, &error);
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *id = object ? json_object_get_member (object, "id") : NULL;
  const char *name = good ? json_object_get_string_member (object, oob ? "exec-oob" : "execute")
                          : NULL;
  const GdwCommand *command = good ? find_command (client, name, oob, &error) : NULL;
  Request *request;

  if (command && input->passed.lost)
    command = refuse (&error, GDW_VISIT_ERROR_GENERIC, "%s", input->passed.lost);
  if (!command) {
    gdw_control_passed_close (&input->passed);
    send_answer (client, id, NULL, error);
    return;
  }
  request = g_new0 (Request, 1);
  gdw_call_init (&request->call, gdw_migration_context (client->server->control->migration),
                 answer_request);
  request->client = g_rc_box_acquire (client);
  request->id = id ? json_node_copy (id) : NULL;
  request->oob = oob;
  request->negotiates = !client->negotiated;
  request->wants_oob = request->negotiates && enables (object);
  if (oob)
    client->n_oob++;
  else
    client->request = request;
  gdw_control_fds_begin (client->fds, &input->passed);
  gdw_command_run (command, client->server->control,
                   json_object_get_member (object, "arguments"), &request->call);
  gdw_control_fds_end (client->fds);
}

/* More input may be parsed while a request runs only if the client has switched oob on. */
static gboolean
may_look (const Client *client)
{
  return !client->request ||
         (client->oob && g_queue_get_length ((GQueue *) &client->waiting) < WAITING_MAX);
}

/* Executes or queues the next input.  Returns FALSE if nothing has arrived. */
static gboolean
take_input (Client *client)
{
  g_autoptr (Input) input = g_new0 (Input, 1);

  if (gdw_json_splitter_next (client->input, &input->node, &input->error) == GDW_JSON_NOTHING)
    return FALSE;
  if (input->node)
    input->passed = client->passed;
  else
    gdw_control_passed_close (&client->passed);
  client->passed = (GdwControlPassed){ 0 };
  if (input->node && gdw_control_is_oob (input->node))
    execute (client, input);
  else
    g_queue_push_tail (&client->waiting, g_steal_pointer (&input));
  return TRUE;
}

/* Executes the next waiting request.  Returns FALSE if none waits, or one is running. */
static gboolean
take_turn (Client *client)
{
  g_autoptr (Input) input = client->request ? NULL : g_queue_pop_head (&client->waiting);

  if (!input)
    return FALSE;
  if (input->node)
    execute (client, input);
  else
    send_answer (client, NULL, NULL, input->error);
  return TRUE;
}

static gboolean read_more (GSocket *socket, GIOCondition condition, gpointer data);

/* Executes the input, one request after another, as far as answers allow. While it cannot, it
 * reads nothing, so input that a client sends ahead stays in the kernel. */
static void
work (Client *client)
{
  gboolean more = TRUE;

  if (client->working)
    return;
  client->working = TRUE;
  while (client->server && more)
    more = take_turn (client) || (may_look (client) && take_input (client));
  client->working = FALSE;
  if (!client->server)
    return;
  client->finished = client->ended && !client->request && !client->n_oob;
  if (client->ended || !may_look (client))
    stop_source (&client->reading);
  else
    start_source (client, &client->reading, G_IO_IN, G_SOURCE_FUNC (read_more));
  if (client->finished)
    flush (client);
}

/* All earlier input was parsed, except the beginning of a message: new descriptors belong to
 * that message, or to the next one. */
static gboolean
read_more (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (Client) client = g_rc_box_acquire (data);
  char bytes[16384];
  gssize n = gdw_control_passed_receive (&client->passed, &client->near,
                                         g_socket_get_fd (socket), bytes, sizeof bytes);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  /* Their message was refused already. */
  if (gdw_json_splitter_is_skipping (client->input))
    gdw_control_passed_close (&client->passed);
  if (n < 0) {
    drop (client);
    return G_SOURCE_CONTINUE;
  }
  if (n == 0) {
    client->ended = TRUE;
    gdw_json_splitter_end (client->input);
  }
  gdw_json_splitter_feed (client->input, bytes, (gsize) n);
  work (client);
  return G_SOURCE_CONTINUE;
}

static void
greet (Client *client)
{
  GdwQVersionInfo *version = gdw_cmd_query_version (client->server->control, NULL);
  JsonObject *qmp = json_object_new ();
  JsonArray *capabilities;
  JsonNode *message;

  json_object_set_member (qmp, "version", gdw_q_version_info_write (version));
  capabilities = json_array_new ();
  for (int i = 0; i < GDW_Q_QMP_CAPABILITY__N; i++)
    json_array_add_string_element (capabilities,
                                   gdw_q_qmp_capability_name ((GdwQQMPCapability) i));
  json_object_set_array_member (qmp, "capabilities", capabilities);
  gdw_q_version_info_free (version);
  message = json_node_new (JSON_NODE_OBJECT);
  json_node_take_object (message, json_object_new ());
  json_object_set_object_member (json_node_get_object (message), "QMP", qmp);
  send_message (client, message);
}

static void
accept_client (GSocket *accepted, gpointer data)
{
  Server *server = data;
  g_autoptr (Client) client = g_rc_box_new0 (Client);

  client->server = server;
  g_socket_set_blocking (accepted, FALSE);
  client->socket = g_object_ref (accepted);
  client->input = gdw_json_splitter_new ();
  client->fds = gdw_control_fds_new (server->control);
  g_queue_init (&client->waiting);
  client->output = g_string_new (NULL);
  g_ptr_array_add (server->clients, g_rc_box_acquire (client));
  greet (client);
  work (client);
}

/* Iterates backwards because a dropped client leaves the array. */
static void
send_event (gpointer data, const char *event)
{
  Server *server = data;

  for (guint i = server->clients->len; i-- > 0;) {
    g_autoptr (Client) client = g_rc_box_acquire (g_ptr_array_index (server->clients, i));

    if (client->negotiated)
      send_line (client, event);
  }
}

/* Replaces a stale socket at @path, but no other file. */
static Server *
new_server (GdwControl *control, const char *path, GError **error)
{
  GdwControlSocket *socket = gdw_control_socket_new ("qmp", path, error);
  Server *server;

  if (!socket)
    return NULL;
  server = g_new0 (Server, 1);
  server->control = control;
  server->socket = socket;
  server->clients = g_ptr_array_new_with_free_func ((GDestroyNotify) unref_client);
  server->acceptor = gdw_control_acceptor_new (gdw_control_socket_get (socket),
                                               gdw_migration_context (control->migration),
                                               accept_client, server);
  gdw_control_add_sink (control, send_event, server);
  return server;
}

/* Drops the clients and removes the socket. */
static void
free_server (gpointer data)
{
  Server *server = data;

  gdw_control_remove_sink (server->control, send_event, server);
  gdw_control_acceptor_free (server->acceptor);
  while (server->clients->len)
    drop (g_ptr_array_index (server->clients, 0));
  g_ptr_array_unref (server->clients);
  gdw_control_socket_free (server->socket);
  g_free (server);
}

gboolean
gdw_control_listen_qmp (GdwControl *control, const char *path, GError **error)
{
  Server *server = new_server (control, path, error);

  if (server)
    gdw_control_add_server (control, server, free_server);
  return server != NULL;
}
