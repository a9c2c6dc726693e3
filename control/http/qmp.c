/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/qmp.h"

#include "control/http/answer.h"
#include "control/request.h"
#include "qapi/json.h"

#include <string.h>

struct GdwHttpCalls {
  GdwControl *control;
  GdwHttpClients *clients;
  GPtrArray *list; /* of Call */
};

typedef struct {
  GdwCall call;
  GdwHttpCalls *calls; /* NULL after the calls were freed */
  SoupServerMessage *msg;
  JsonNode *node; /* the request */
} Call;

static guint
status_of (const GError *error)
{
  if (!error)
    return SOUP_STATUS_OK;
  return g_error_matches (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_COMMAND_NOT_FOUND)
             ? SOUP_STATUS_NOT_FOUND
             : SOUP_STATUS_BAD_REQUEST;
}

static void
answer_call (GdwCall *base, JsonNode *ret, GError *error)
{
  Call *call = (Call *) base;
  JsonNode *id = json_object_get_member (json_node_get_object (call->node), "id");
  JsonNode *answer = gdw_control_answer (id, ret, error);

  if (call->calls) {
    gdw_http_answer (call->msg, status_of (error), answer);
    gdw_http_clients_set_deadline (call->calls->clients, call->msg, TRUE);
    g_ptr_array_remove_fast (call->calls->list, call);
    soup_server_message_unpause (call->msg);
  } else {
    json_node_unref (answer);
  }
  g_object_unref (call->msg);
  json_node_unref (call->node);
  g_clear_error (&error);
  g_free (call);
}

static void
execute (GdwHttpCalls *calls, SoupServerMessage *msg, JsonNode *node)
{
  JsonObject *object = json_node_get_object (node);
  const char *name = json_object_get_string_member (object, "execute");
  const GdwCommand *command = gdw_command_find (name);
  Call *call = g_new0 (Call, 1);

  gdw_call_init (&call->call, gdw_migration_context (calls->control->migration), answer_call);
  call->calls = calls;
  call->msg = g_object_ref (msg);
  call->node = json_node_ref (node);
  g_ptr_array_add (calls->list, call);
  gdw_http_clients_set_deadline (calls->clients, msg, FALSE);
  soup_server_message_pause (msg);
  if (command)
    gdw_command_run (command, calls->control, json_object_get_member (object, "arguments"),
                     &call->call);
  else
    gdw_call_complete (&call->call, NULL,
                       g_error_new (GDW_VISIT_ERROR, GDW_VISIT_ERROR_COMMAND_NOT_FOUND,
                                    "The command %s has not been found", name));
}

static gboolean
is_json (SoupServerMessage *msg)
{
  const char *type = soup_message_headers_get_content_type (
      soup_server_message_get_request_headers (msg), NULL);

  return type && g_ascii_strcasecmp (type, "application/json") == 0;
}

void
gdw_http_calls_execute (GdwHttpCalls *calls, SoupServerMessage *msg)
{
  SoupMessageBody *body = soup_server_message_get_request_body (msg);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (!is_json (msg)) {
    /* A form of another site can send other types without asking first. */
    gdw_http_refuse (msg, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                     "http: the request is refused: its Content-Type is not application/json; "
                     "send it");
    return;
  }
  node = gdw_json_parse (body->data ? body->data : "", g_bytes_get_size (bytes), &error);
  if (!node || !gdw_control_check_request (node, &error))
    gdw_http_answer (msg, SOUP_STATUS_BAD_REQUEST, gdw_control_answer (NULL, NULL, error));
  else
    execute (calls, msg, node);
}

GdwHttpCalls *
gdw_http_calls_new (GdwControl *control, GdwHttpClients *clients)
{
  GdwHttpCalls *calls = g_new0 (GdwHttpCalls, 1);

  calls->control = control;
  calls->clients = clients;
  calls->list = g_ptr_array_new ();
  return calls;
}

void
gdw_http_calls_free (GdwHttpCalls *calls)
{
  for (guint i = 0; i < calls->list->len; i++)
    ((Call *) calls->list->pdata[i])->calls = NULL;
  g_ptr_array_unref (calls->list);
  g_free (calls);
}
