/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "schema.h"

#include "error.h"
#include "qapi/number.h"
#include "unit.h"

#include <string.h>

struct Schema {
  JsonNode *node;
  GHashTable *entries; /* name: JsonObject, owned by @node */
};

Schema *
schema_load (Client *client, GError **error)
{
  JsonNode *node = client_execute (client, "query-qmp-schema", NULL, error);
  JsonArray *array;
  Schema *schema;

  if (!node)
    return NULL;
  schema = g_new0 (Schema, 1);
  schema->node = node;
  schema->entries = g_hash_table_new (g_str_hash, g_str_equal);
  array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  for (guint i = 0; i < json_length (array); i++) {
    JsonObject *entry = json_element (array, i);
    const char *name = json_string (entry, "name");

    if (name)
      g_hash_table_insert (schema->entries, (char *) name, entry);
  }
  return schema;
}

void
schema_free (Schema *schema)
{
  g_hash_table_unref (schema->entries);
  json_node_unref (schema->node);
  g_free (schema);
}

static JsonObject *
find (Schema *schema, const char *name)
{
  return name ? g_hash_table_lookup (schema->entries, name) : NULL;
}

static const char *
meta (JsonObject *entry)
{
  const char *type = json_string (entry, "meta-type");

  return type ? type : "";
}

gboolean
schema_has_command (Schema *schema, const char *name)
{
  return strcmp (meta (find (schema, name)), "command") == 0;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
schema_commands (Schema *schema)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, schema->entries);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (schema_has_command (schema, name))
      g_ptr_array_add (names, name);
  g_ptr_array_sort (names, compare);
  return names;
}

static JsonArray *
members_of (Schema *schema, const char *command)
{
  JsonObject *entry = find (schema, command);

  return json_array (find (schema, json_string (entry, "arg-type")), "members");
}

GPtrArray *
schema_arguments (Schema *schema, const char *command)
{
  JsonArray *members = members_of (schema, command);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < json_length (members); i++)
    g_ptr_array_add (names, (char *) json_string (json_element (members, i), "name"));
  return names;
}

/* Returns the type of the member @name. */
static JsonObject *
type_of (Schema *schema, JsonArray *members, const char *name)
{
  for (guint i = 0; i < json_length (members); i++)
    if (g_strcmp0 (json_string (json_element (members, i), "name"), name) == 0)
      return find (schema, json_string (json_element (members, i), "type"));
  return NULL;
}

static const char *
json_type (JsonObject *type)
{
  const char *name = json_string (type, "json-type");

  return name ? name : "";
}

static GPtrArray *
words_of (JsonObject *type)
{
  GPtrArray *words = g_ptr_array_new ();
  JsonArray *values = json_array (type, "values");

  if (strcmp (json_type (type), "boolean") == 0) {
    g_ptr_array_add (words, (char *) "off");
    g_ptr_array_add (words, (char *) "on");
  }
  for (guint i = 0; strcmp (meta (type), "enum") == 0 && i < json_length (values); i++)
    g_ptr_array_add (words,
                     (char *) gdw_number_get_string (json_array_get_element (values, i)));
  return words;
}

GPtrArray *
schema_words (Schema *schema, const char *command, const char *argument)
{
  return words_of (type_of (schema, members_of (schema, command), argument));
}

GPtrArray *
schema_element_words (Schema *schema, const char *command, const char *argument,
                      const char *member)
{
  JsonObject *list = type_of (schema, members_of (schema, command), argument);
  JsonObject *element = find (schema, json_string (list, "element-type"));

  return words_of (type_of (schema, json_array (element, "members"), member));
}

static const char *
join (GPtrArray *words, char **text)
{
  GPtrArray *copy = g_ptr_array_copy (words, NULL, NULL);

  g_ptr_array_add (copy, NULL);
  *text = g_strjoinv (", ", (char **) copy->pdata);
  g_ptr_array_unref (copy);
  return *text;
}

static char *
convert_bool (const char *text, GError **error)
{
  if (!strcmp (text, "on") || !strcmp (text, "true"))
    return g_strdup ("true");
  if (!strcmp (text, "off") || !strcmp (text, "false"))
    return g_strdup ("false");
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s': it is not a switch; write on or off",
               text);
  return NULL;
}

static char *
convert_word (JsonObject *type, const char *text, GError **error)
{
  g_autoptr (GPtrArray) words = words_of (type);
  g_autofree char *list = NULL;

  if (g_ptr_array_find_with_equal_func (words, text, g_str_equal, NULL))
    return json_quote (text);
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s': it is not one of the words; write %s",
               text, join (words, &list));
  return NULL;
}

static char *
convert_json (const char *text, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autofree char *wrapped = g_strdup_printf ("{\"v\": %s}", text);
  g_autoptr (JsonNode) node = json_parse (wrapped, &why);

  if (node)
    return g_strdup (text);
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s': it is not JSON: %s; write it as JSON",
               text, why->message);
  return NULL;
}

static char *
convert (JsonObject *type, const char *name, const char *text, GError **error)
{
  const char *json = json_type (type);
  guint64 n;

  if (strcmp (meta (type), "enum") == 0)
    return convert_word (type, text, error);
  if (strcmp (json, "string") == 0)
    return json_quote (text);
  if (strcmp (json, "boolean") == 0)
    return convert_bool (text, error);
  if (strcmp (json, "int") == 0)
    return human_parse (text, unit_of (name), &n, error)
               ? g_strdup_printf ("%" G_GUINT64_FORMAT, n)
               : NULL;
  return convert_json (text, error);
}

static char *
convert_argument (Schema *schema, const char *command, const char *argument, const char *text,
                  GError **error)
{
  JsonObject *type = type_of (schema, members_of (schema, command), argument);
  g_autoptr (GPtrArray) names = schema_arguments (schema, command);
  g_autofree char *list = NULL;
  char *json;

  if (type) {
    json = convert (type, argument, text, error);
    g_prefix_error (error, "%s: ", argument);
    return json;
  }
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "%s: there is no such name; write %s",
               argument, names->len ? join (names, &list) : "nothing");
  return NULL;
}

char *
schema_convert_all (Schema *schema, const char *command, char **pairs, GError **error)
{
  g_autoptr (GString) out = g_string_new ("{");

  for (char **pair = pairs; *pair; pair++) {
    const char *value = strchr (*pair, '=');
    g_autofree char *name = value ? g_strndup (*pair, value - *pair) : NULL;
    g_autofree char *quoted = name ? json_quote (name) : NULL;
    g_autofree char *json = NULL;

    if (!value) {
      g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "%s: it has no value; write %s=VALUE",
                   *pair, *pair);
      return NULL;
    }
    json = convert_argument (schema, command, name, value + 1, error);
    if (!json)
      return NULL;
    g_string_append_printf (out, "%s%s: %s", pair > pairs ? ", " : "", quoted, json);
  }
  g_string_append_c (out, '}');
  return g_string_free (g_steal_pointer (&out), FALSE);
}
