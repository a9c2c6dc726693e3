/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "json.h"

#include "error.h"

#include <string.h>

#define DEPTH_MAX 64

/* The end of a string that begins at @at, behind its quote; NULL: it has none. */
static const char *
skip_string (const char *at)
{
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && !*++at)
      return NULL;
  return *at ? at + 1 : NULL;
}

static gboolean
is_shallow (const char *text)
{
  int depth = 0;

  while (text && *text) {
    if (*text == '"') {
      text = skip_string (text);
      continue;
    }
    depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
    if (depth > DEPTH_MAX)
      return FALSE;
    text++;
  }
  return TRUE;
}

JsonNode *
json_parse (const char *text, GError **error)
{
  g_autoptr (GError) why = NULL;
  JsonNode *node = is_shallow (text) ? json_from_string (text, &why) : NULL;

  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return node;
  g_clear_pointer (&node, json_node_unref);
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "%s",
               why ? why->message : "it is not an object, or is nested too deep");
  return NULL;
}

void
json_strip_controls (char *text)
{
  for (; *text; text++)
    if ((guchar) *text < ' ')
      *text = ' ';
}

static const char *
skip_space (const char *at)
{
  while (g_ascii_isspace (*at))
    at++;
  return at;
}

/* The end of a value. */
static const char *
skip_value (const char *at)
{
  int depth = 0;

  while (at && *at) {
    if (*at == '"') {
      at = skip_string (at);
      continue;
    }
    if (depth == 0 && strchr (",}]", *at))
      break;
    depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    at++;
  }
  return at;
}

char *
json_slice (const char *text, const char *name)
{
  g_autofree char *quoted = g_strdup_printf ("\"%s\"", name);
  const char *at = strchr (text, '{');

  while (at && *at && *at != '}') {
    const char *key = skip_space (at + 1), *value, *end;

    value = *key == '"' ? skip_string (key) : NULL;
    if (!value || *(value = skip_space (value)) != ':')
      return NULL;
    value = skip_space (value + 1);
    end = skip_value (value);
    if (end && g_str_has_prefix (key, quoted))
      return g_strchomp (g_strndup (value, end - value));
    at = end;
  }
  return NULL;
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
  JsonNode *node = member (object, name, JSON_NODE_VALUE);

  return node ? (guint64) json_node_get_int (node) : 0;
}

double
json_number (JsonObject *object, const char *name)
{
  JsonNode *node = member (object, name, JSON_NODE_VALUE);

  return node ? json_node_get_double (node) : 0;
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
  JsonNode *node = member (object, name, JSON_NODE_VALUE);

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
                                                                  : NULL;
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
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_VALUE);

  json_node_set_string (node, text);
  return json_to_string (node, FALSE);
}

static void
append_line (GString *out, int depth)
{
  g_string_append_printf (out, "\n%*s", 2 * depth, "");
}

char *
json_pretty (const char *text)
{
  GString *out = g_string_new (NULL);
  int depth = 0;

  while (*text) {
    const char *end = *text == '"' ? skip_string (text) : text + 1;
    gboolean opens = *text == '{' || *text == '[', closes = *text == '}' || *text == ']';
    const char *next = end ? skip_space (end) : NULL;

    if (!next)
      break;
    depth -= closes;
    if (closes && !g_str_has_suffix (out->str, "{") && !g_str_has_suffix (out->str, "["))
      append_line (out, depth);
    if (!g_ascii_isspace (*text))
      g_string_append_len (out, text, end - text);
    depth += opens;
    if ((opens && *next != '}' && *next != ']') || *text == ',')
      append_line (out, depth);
    else if (*text == ':')
      g_string_append_c (out, ' ');
    text = next;
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
