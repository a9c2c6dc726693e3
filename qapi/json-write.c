/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"

#include "qapi/number.h"

#include <math.h>
#include <string.h>

static void write_node (GString *out, JsonNode *node);

static void
write_characters (GString *out, const char *text, gssize length)
{
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  g_autofree char *valid = g_utf8_make_valid (text, length);
  for (const char *p = valid; *p; p++) {
    const char *known = strchr (from, *p);
    if (known)
      g_string_append_printf (out, "\\%c", to[known - from]);
    else if ((guchar) *p < ' ' || *p == 0x7f)
      g_string_append_printf (out, "\\u%04x", (guint) *p);
    else
      g_string_append_c (out, *p);
  }
}

static void
write_string (GString *out, const char *text)
{
  const char *nul;
  g_string_append_c (out, '"');
  for (; (nul = strstr (text, GDW_STRING_NUL)); text = nul + strlen (GDW_STRING_NUL)) {
    write_characters (out, text, nul - text);
    g_string_append (out, "\\u0000");
  }
  write_characters (out, text, -1);
  g_string_append_c (out, '"');
}

/* The shortest digits that read back as the same number; JSON has no infinity. */
static void
write_double (GString *out, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_ascii_formatd (text, sizeof text, formats[i], isfinite (value) ? value : 0);
    if (g_ascii_strtod (text, NULL) == value)
      break;
  }
  g_string_append (out, text);
}

static void
write_scalar (GString *out, JsonNode *node)
{
  const char *digits = gdw_number_digits (node);
  switch (json_node_get_value_type (node)) {
  case G_TYPE_BOOLEAN:
    g_string_append (out, json_node_get_boolean (node) ? "true" : "false");
    break;
  case G_TYPE_INT64:
    g_string_append_printf (out, "%" G_GINT64_FORMAT, json_node_get_int (node));
    break;
  case G_TYPE_DOUBLE:
    write_double (out, json_node_get_double (node));
    break;
  default:
    if (digits)
      g_string_append (out, digits);
    else
      write_string (out, json_node_get_string (node));
  }
}

static void
write_object (GString *out, JsonObject *object)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;
  g_string_append_c (out, '{');
  json_object_iter_init_ordered (&iter, object);
  for (gboolean first = TRUE; json_object_iter_next_ordered (&iter, &name, &value);
       first = FALSE) {
    if (!first)
      g_string_append_c (out, ',');
    write_string (out, name);
    g_string_append_c (out, ':');
    write_node (out, value);
  }
  g_string_append_c (out, '}');
}

static void
write_array (GString *out, JsonArray *array)
{
  g_string_append_c (out, '[');
  for (guint i = 0; i < json_array_get_length (array); i++) {
    if (i)
      g_string_append_c (out, ',');
    write_node (out, json_array_get_element (array, i));
  }
  g_string_append_c (out, ']');
}

static void
write_node (GString *out, JsonNode *node)
{
  switch (json_node_get_node_type (node)) {
  case JSON_NODE_OBJECT:
    write_object (out, json_node_get_object (node));
    break;
  case JSON_NODE_ARRAY:
    write_array (out, json_node_get_array (node));
    break;
  case JSON_NODE_VALUE:
    write_scalar (out, node);
    break;
  default:
    g_string_append (out, "null");
  }
}

char *
gdw_json_write (JsonNode *node)
{
  GString *out = g_string_new (NULL);
  write_node (out, node);
  return g_string_free (out, FALSE);
}
