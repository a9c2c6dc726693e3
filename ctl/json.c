/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "json.h"

#include "error.h"
#include "qapi/json.h"
#include "qapi/number.h"

#include <string.h>

JsonNode *
json_parse (const char *text, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (JsonNode) node = gdw_json_parse (text, -1, &why);

  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return g_steal_pointer (&node);
  g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE,
                       why ? why->message : "it is not an object");
  return NULL;
}

void
json_strip_controls (char *text)
{
  for (; *text; text++)
    if ((guchar) *text < ' ')
      *text = ' ';
}

char *
json_slice (const char *text, const char *name)
{
  return gdw_json_member_text (text, name);
}

static JsonNode *
member (JsonObject *object, const char *name, JsonNodeType type)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_TYPE (node) == type ? node : NULL;
}

guint64
json_uint (JsonObject *object, const char *name)
{
  guint64 value;

  return gdw_number_get_uint (member (object, name, JSON_NODE_VALUE), &value) ? value : 0;
}

double
json_number (JsonObject *object, const char *name)
{
  double value;

  return gdw_number_get_double (member (object, name, JSON_NODE_VALUE), &value) ? value : 0;
}

gboolean
json_bool (JsonObject *object, const char *name)
{
  JsonNode *node = member (object, name, JSON_NODE_VALUE);

  return node && json_node_get_boolean (node);
}

const char *
json_string (JsonObject *object, const char *name)
{
  return gdw_number_get_string (member (object, name, JSON_NODE_VALUE));
}

JsonObject *
json_object (JsonObject *object, const char *name)
{
  JsonNode *node = member (object, name, JSON_NODE_OBJECT);

  return node ? json_node_get_object (node) : NULL;
}

JsonArray *
json_array (JsonObject *object, const char *name)
{
  JsonNode *node = member (object, name, JSON_NODE_ARRAY);

  return node ? json_node_get_array (node) : NULL;
}

guint
json_length (JsonArray *array)
{
  return array ? json_array_get_length (array) : 0;
}

JsonObject *
json_element (JsonArray *array, guint i)
{
  JsonNode *node = json_array_get_element (array, i);

  return JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

char *
json_printable (const char *text)
{
  char *out = g_utf8_make_valid (text ? text : "", -1);

  for (char *at = out; *at; at++) {
    gboolean is_c1 = (guchar) at[0] == 0xC2 && (guchar) at[1] < 0xA0;

    if (is_c1)
      *at++ = ' ';
    if (is_c1 || g_ascii_iscntrl (*at))
      *at = ' ';
  }
  return out;
}

char *
json_text (JsonObject *object, const char *name)
{
  return json_printable (json_string (object, name));
}

char *
json_quote (const char *text)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), text);

  return gdw_json_write (node);
}

/* Keeps all bytes of a string, and drops white space elsewhere. */
char *
json_pretty (const char *text)
{
  GString *out = g_string_new (NULL);
  gboolean quoted = FALSE, opened = FALSE;
  int depth = 0;

  for (; *text; text++) {
    gboolean opens = *text == '{' || *text == '[', closes = *text == '}' || *text == ']';

    if (!quoted && g_ascii_isspace (*text))
      continue;
    depth -= !quoted && closes;
    if (!quoted && (opened ? !closes : closes))
      g_string_append_printf (out, "\n%*s", 2 * depth, "");
    g_string_append_c (out, *text);
    opened = !quoted && opens;
    depth += opened;
    if (quoted && *text == '\\' && text[1])
      g_string_append_c (out, *++text);
    else if (*text == '"')
      quoted = !quoted;
    else if (!quoted && *text == ',')
      g_string_append_printf (out, "\n%*s", 2 * depth, "");
    else if (!quoted && *text == ':')
      g_string_append_c (out, ' ');
  }
  return g_string_free (out, FALSE);
}

char *
json_request (const char *command, const char *arguments)
{
  g_autofree char *name = json_quote (command);

  return g_strdup_printf ("{\"execute\": %s%s%s}", name, arguments ? ", \"arguments\": " : "",
                          arguments ? arguments : "");
}
