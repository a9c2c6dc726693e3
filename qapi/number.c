/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "number.h"

#include "qapi/json.h"

#include <math.h>
#include <string.h>

/* Never valid UTF-8, so no string from JSON begins with it. */
#define MARK "\xff"

static gboolean
holds (JsonNode *node, GType type)
{
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

static JsonNode *
new_marked (const char *digits)
{
  g_autofree char *text = g_strconcat (MARK, digits, NULL);

  return json_node_init_string (json_node_alloc (), text);
}

JsonNode *
gdw_number_new (guint64 value)
{
  g_autofree char *digits = g_strdup_printf ("%" G_GUINT64_FORMAT, value);

  return value <= G_MAXINT64 ? json_node_init_int (json_node_alloc (), (gint64) value)
                             : new_marked (digits);
}

JsonNode *
gdw_number_new_double (double value)
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_ascii_formatd (text, sizeof text, formats[i], isfinite (value) ? value : 0);
    if (g_ascii_strtod (text, NULL) == value)
      break;
  }
  return new_marked (text);
}

static const char *
marked_digits (JsonNode *node)
{
  const char *text = holds (node, G_TYPE_STRING) ? json_node_get_string (node) : NULL;

  return text && g_str_has_prefix (text, MARK) ? text + strlen (MARK) : NULL;
}

gboolean
gdw_number_get_int (JsonNode *node, gint64 *value)
{
  if (!holds (node, G_TYPE_INT64))
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

gboolean
gdw_number_get_uint (JsonNode *node, guint64 *value)
{
  const char *digits = marked_digits (node);
  gint64 number;

  if (digits)
    return g_ascii_string_to_unsigned (digits, 10, G_MAXINT64, G_MAXUINT64, value, NULL);
  if (!gdw_number_get_int (node, &number) || number < 0)
    return FALSE;
  *value = (guint64) number;
  return TRUE;
}

gboolean
gdw_number_get_double (JsonNode *node, double *value)
{
  const char *digits = marked_digits (node);

  if (!digits && !holds (node, G_TYPE_INT64))
    return FALSE;
  *value = digits ? g_ascii_strtod (digits, NULL) : (double) json_node_get_int (node);
  return TRUE;
}

const char *
gdw_number_get_string (JsonNode *node)
{
  return holds (node, G_TYPE_STRING) && !marked_digits (node) ? json_node_get_string (node)
                                                              : NULL;
}

/* json-glib writes a marked number as a string.  A quote after a backslash does not begin
 * one. */
char *
gdw_json_write (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, FALSE);
  g_autoptr (GString) out = g_string_new (NULL);
  const char *rest = text, *mark = text;

  while ((mark = strstr (mark, "\"" MARK))) {
    const char *digits = mark + strlen ("\"" MARK);

    if (mark > text && mark[-1] == '\\') {
      mark = digits;
      continue;
    }
    g_string_append_len (out, rest, mark - rest);
    mark = strchr (digits, '"');
    g_string_append_len (out, digits, mark - digits);
    rest = ++mark;
  }
  g_string_append (out, rest);
  g_string_replace (out, GDW_STRING_NUL, "\\u0000", 0);
  g_string_replace (out, "\x1f", "\\u001f", 0); /* json-glib does not escape it */
  return g_utf8_make_valid (out->str, (gssize) out->len);
}
