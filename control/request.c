/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/request.h"

#include "qapi/number.h"

#include <string.h>

G_GNUC_PRINTF (2, 3)
static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC, text);
  return FALSE;
}

/* @key: the member that names the command, once found. */
static gboolean
check_member (const char *name, JsonNode *value, gboolean may_oob, const char **key,
              GError **error)
{
  if (strcmp (name, "execute") == 0 || (may_oob && strcmp (name, "exec-oob") == 0)) {
    if (!gdw_number_get_string (value))
      return refuse (error, "QMP input member '%s' must be a string", name);
    if (*key)
      return refuse (error, "QMP input member '%s' clashes with '%s'", name, *key);
    *key = name;
    return TRUE;
  }
  if (strcmp (name, "arguments") == 0)
    return JSON_NODE_HOLDS_OBJECT (value) ||
           refuse (error, "QMP input member 'arguments' must be an object");
  return strcmp (name, "id") == 0 ||
         refuse (error, "QMP input member '%s' is unexpected", name);
}

static const char *
check (JsonNode *node, gboolean may_oob, GError **error)
{
  JsonObjectIter iter;
  const char *name, *key = NULL;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    refuse (error, "QMP input must be a JSON object");
    return NULL;
  }
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &value))
    if (!check_member (name, value, may_oob, &key, error))
      return NULL;
  if (!key)
    refuse (error, "QMP input lacks member 'execute'");
  return key;
}

gboolean
gdw_control_check_request (JsonNode *node, GError **error)
{
  return check (node, FALSE, error) != NULL;
}

gboolean
gdw_control_check_request_oob (JsonNode *node, gboolean *oob, GError **error)
{
  const char *key = check (node, TRUE, error);

  *oob = key && strcmp (key, "exec-oob") == 0;
  return key != NULL;
}

gboolean
gdw_control_is_oob (JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  return object && json_object_has_member (object, "exec-oob") &&
         !json_object_has_member (object, "execute");
}

/* {"class": ..., "desc": ...} */
static JsonNode *
write_error (const GError *error)
{
  static const char *const classes[] = { "GenericError", "CommandNotFound", "DeviceNotFound" };
  int class = error->domain == GDW_VISIT_ERROR ? error->code : GDW_VISIT_ERROR_GENERIC;
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (node, object);
  json_object_set_string_member (object, "class", classes[class]);
  json_object_set_string_member (object, "desc", error->message);
  return node;
}

JsonNode *
gdw_control_answer (JsonNode *id, JsonNode *ret, const GError *error)
{
  JsonNode *message = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (message, object);
  if (error)
    json_object_set_member (object, "error", write_error (error));
  else if (ret)
    json_object_set_member (object, "return", ret);
  else
    json_object_set_object_member (object, "return", json_object_new ());
  if (id)
    json_object_set_member (object, "id", json_node_copy (id));
  return message;
}
