/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "number.h"

/* Never valid UTF-8, hence never the start of a string that came from JSON. */
#define MARK '\xff'

static gboolean
holds (JsonNode *node, GType type)
{
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

JsonNode *
gdw_number_new (guint64 value)
{
  if (value <= G_MAXINT64)
    return json_node_init_int (json_node_alloc (), (gint64) value);
  g_autofree char *text = g_strdup_printf ("%c%" G_GUINT64_FORMAT, MARK, value);
  return json_node_init_string (json_node_alloc (), text);
}

const char *
gdw_number_digits (JsonNode *node)
{
  const char *text = holds (node, G_TYPE_STRING) ? json_node_get_string (node) : NULL;
  return text && text[0] == MARK ? text + 1 : NULL;
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
  const char *digits = gdw_number_digits (node);
  gint64 number;
  if (digits)
    return g_ascii_string_to_unsigned (digits, 10, 0, G_MAXUINT64, value, NULL);
  if (!gdw_number_get_int (node, &number) || number < 0)
    return FALSE;
  *value = (guint64) number;
  return TRUE;
}

gboolean
gdw_number_get_double (JsonNode *node, double *value)
{
  guint64 number;
  if (gdw_number_get_uint (node, &number))
    *value = (double) number;
  else if (holds (node, G_TYPE_DOUBLE) || holds (node, G_TYPE_INT64))
    *value = json_node_get_double (node);
  else
    return FALSE;
  return TRUE;
}

const char *
gdw_number_get_string (JsonNode *node)
{
  if (!holds (node, G_TYPE_STRING) || gdw_number_digits (node))
    return NULL;
  return json_node_get_string (node);
}
