/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"
#include "qapi/number.h"
#include "schema.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define SET_PARAMETERS "migrate-set-parameters"
#define SET_CAPABILITIES "migrate-set-capabilities"

static void
print_parameter (JsonObject *object, const char *name, JsonNode *node, gpointer data)
{
  g_autofree char *text = NULL;
  guint64 number;

  if (gdw_number_get_uint (node, &number))
    text = human_value (number, unit_of (name));
  else
    text = json_text (object, name);
  printf ("%s=%s\n", name, text);
}

static int
show (Session *session, GError **error)
{
  g_autoptr (JsonNode) parameters = NULL, capabilities = NULL;
  JsonArray *array;

  parameters = client_execute (session->client, "query-migrate-parameters", NULL, error);
  if (!parameters)
    return EXIT_FAILED;
  if (session->json)
    printf ("%s\n", client_last_text (session->client));
  capabilities = client_execute (session->client, "query-migrate-capabilities", NULL, error);
  if (!capabilities)
    return EXIT_FAILED;
  if (session->json) {
    printf ("%s\n", client_last_text (session->client));
    return EXIT_DONE;
  }
  if (JSON_NODE_HOLDS_OBJECT (parameters))
    json_object_foreach_member (json_node_get_object (parameters), print_parameter, NULL);
  array = JSON_NODE_HOLDS_ARRAY (capabilities) ? json_node_get_array (capabilities) : NULL;
  for (guint i = 0; i < json_length (array); i++) {
    JsonObject *one = json_element (array, i);
    g_autofree char *name = json_text (one, "capability");

    printf ("%s=%s\n", name, json_bool (one, "state") ? "on" : "off");
  }
  return EXIT_DONE;
}

typedef struct {
  GPtrArray *parameters; /* "K=V", NULL-terminated */
  GString *capabilities; /* JSON, without the brackets */
  GString *as_before;    /* the same, with their present states */
} Wishes;

static void
append_capability (GString *list, const char *name, gboolean state)
{
  g_string_append_printf (list, "%s{\"capability\": \"%s\", \"state\": %s}",
                          list->len ? ", " : "", name, state ? "true" : "false");
}

static gboolean
is_on (JsonNode *capabilities, const char *name)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (capabilities) ? json_node_get_array (capabilities)
                                                          : NULL;

  for (guint i = 0; i < json_length (array); i++)
    if (g_strcmp0 (json_string (json_element (array, i), "capability"), name) == 0)
      return json_bool (json_element (array, i), "state");
  return FALSE;
}

static gboolean
wish_capability (Wishes *wishes, JsonNode *now, const char *name, const char *value,
                 GError **error)
{
  if (strcmp (value, "on") && strcmp (value, "off")) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "%s: '%s': it is not a switch; write on or off", name, value);
    return FALSE;
  }
  append_capability (wishes->capabilities, name, strcmp (value, "on") == 0);
  append_capability (wishes->as_before, name, is_on (now, name));
  return TRUE;
}

static gboolean
has_word (GPtrArray *words, const char *word)
{
  return g_ptr_array_find_with_equal_func (words, word, g_str_equal, NULL);
}

static gboolean
unknown_name (const char *name, GPtrArray *parameters, GPtrArray *capabilities, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < parameters->len + capabilities->len; i++)
    g_string_append_printf (list, "%s%s", i ? ", " : "",
                            (char *) (i < parameters->len
                                          ? parameters->pdata[i]
                                          : capabilities->pdata[i - parameters->len]));
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "%s: there is no such name; write %s", name,
               list->str);
  return FALSE;
}

/* Sorts each K=V into parameters or capabilities. */
static gboolean
sort (Wishes *wishes, Schema *schema, JsonNode *now, char **args, GError **error)
{
  g_autoptr (GPtrArray)
      names = schema_element_words (schema, SET_CAPABILITIES, "capabilities", "capability");
  g_autoptr (GPtrArray) parameters = schema_arguments (schema, SET_PARAMETERS);

  for (; *args; args++) {
    g_auto (GStrv) pair = g_strsplit (*args, "=", 2);

    if (!pair[0] || !pair[1] || !has_word (names, pair[0])) {
      if (pair[0] && pair[1] && !has_word (parameters, pair[0]))
        return unknown_name (pair[0], parameters, names, error);
      g_ptr_array_add (wishes->parameters, *args);
    } else if (!wish_capability (wishes, now, pair[0], pair[1], error))
      return FALSE;
  }
  g_ptr_array_add (wishes->parameters, NULL);
  return TRUE;
}

static gboolean
set_capabilities (Session *session, GString *list, GError **error)
{
  g_autofree char *arguments = g_strdup_printf ("{\"capabilities\": [%s]}", list->str);
  g_autoptr (JsonNode) node = NULL;

  if (!list->len)
    return TRUE;
  node = client_execute (session->client, SET_CAPABILITIES, arguments, error);
  return node != NULL;
}

/* Sets all of them or none. */
static gboolean
set_all (Session *session, Wishes *wishes, const char *parameters, GError **error)
{
  g_autoptr (JsonNode) node = NULL;

  if (!set_capabilities (session, wishes->capabilities, error))
    return FALSE;
  if (wishes->parameters->len == 1)
    return TRUE;
  node = client_execute (session->client, SET_PARAMETERS, parameters, error);
  if (!node)
    set_capabilities (session, wishes->as_before, NULL);
  return node != NULL;
}

static int
set (Session *session, Wishes *wishes, char **args, GError **error)
{
  g_autoptr (Schema) schema = schema_load (session->client, error);
  g_autoptr (JsonNode) now = NULL;
  g_autofree char *parameters = NULL;

  if (!schema)
    return EXIT_FAILED;
  now = client_execute (session->client, "query-migrate-capabilities", NULL, error);
  if (!now || !sort (wishes, schema, now, args, error))
    return EXIT_FAILED;
  parameters = schema_convert_all (schema, SET_PARAMETERS, (char **) wishes->parameters->pdata,
                                   error);
  if (!parameters || !set_all (session, wishes, parameters, error))
    return EXIT_FAILED;
  if (session->json)
    printf ("%s\n", client_last_text (session->client));
  return EXIT_DONE;
}

int
command_set (Session *session, char **args, GError **error)
{
  Wishes wishes = { g_ptr_array_new (), g_string_new (NULL), g_string_new (NULL) };
  int status = *args ? set (session, &wishes, args, error) : show (session, error);

  g_ptr_array_unref (wishes.parameters);
  g_string_free (wishes.capabilities, TRUE);
  g_string_free (wishes.as_before, TRUE);
  return status;
}
