/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "describe.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "plugins/loader.h"
#include "plugins/module.h"
#include "runner.h"

typedef struct {
  gsize offset;
  const char *name;
} Optional;

#define OPTIONAL(type, member)                                                                 \
  {                                                                                            \
    G_STRUCT_OFFSET (type, member), #member                                                    \
  }

static const Optional tracker_optional[] = { OPTIONAL (GdwTracker, rearm), { 0, NULL } };
static const Optional transport_optional[] = { OPTIONAL (GdwTransport, shutdown),
                                               OPTIONAL (GdwTransport, local_address),
                                               { 0, NULL } };
static const Optional filter_optional[] = { OPTIONAL (GdwFilter, read),
                                            OPTIONAL (GdwFilter, write),
                                            OPTIONAL (GdwFilter, shutdown),
                                            { 0, NULL } };
static const Optional *const optional[] = { tracker_optional, transport_optional,
                                            filter_optional };

static const char *
type_name (guint32 type)
{
  static const char *const names[] = { "?", "string", "uint", "size", "bool", "enum" };

  return names[type < G_N_ELEMENTS (names) ? type : 0];
}

static void
add_string (JsonBuilder *to, const char *name, const char *value)
{
  json_builder_set_member_name (to, name);
  json_builder_add_string_value (to, value ? value : "");
}

static void
add_number (JsonBuilder *to, const char *name, guint64 value)
{
  json_builder_set_member_name (to, name);
  json_builder_add_int_value (to, (gint64) value);
}

static void
add_option (JsonBuilder *to, const GdwOption *option)
{
  json_builder_begin_object (to);
  add_string (to, "name", option->name);
  add_string (to, "type", type_name (option->type));
  if (option->default_value)
    add_string (to, "default", option->default_value);
  if (option->min || option->max) {
    add_number (to, "min", option->min);
    add_number (to, "max", option->max);
  }
  if (option->choices) {
    json_builder_set_member_name (to, "choices");
    json_builder_begin_array (to);
    for (guint i = 0; option->choices[i]; i++)
      json_builder_add_string_value (to, option->choices[i]);
    json_builder_end_array (to);
  }
  add_string (to, "help", option->help);
  json_builder_end_object (to);
}

static void
add_lists (JsonBuilder *to, const GdwPlugin *plugin)
{
  g_autofree const char **traits = gdw_plugin_traits (plugin);
  const guint8 *bytes = (const guint8 *) plugin;

  json_builder_set_member_name (to, "traits");
  json_builder_begin_array (to);
  for (guint i = 0; traits[i]; i++)
    json_builder_add_string_value (to, traits[i]);
  json_builder_end_array (to);
  json_builder_set_member_name (to, "callbacks");
  json_builder_begin_array (to);
  for (const Optional *o = optional[plugin->kind - 1]; o->name; o++)
    if (*(const gpointer *) (bytes + o->offset))
      json_builder_add_string_value (to, o->name);
  json_builder_end_array (to);
  json_builder_set_member_name (to, "options");
  json_builder_begin_array (to);
  for (const GdwOption *o = plugin->options; o && o->name; o++)
    add_option (to, o);
  json_builder_end_array (to);
}

static gboolean
add_plugin (JsonBuilder *to, const char *file)
{
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  guint32 kind = runner_kind (file, &name);
  GdwPlugin *plugin = kind ? gdw_module_load (file, kind, name, &error) : NULL;

  if (!plugin) {
    fprintf (stderr, "godwit-conformance: %s: %s\n", file,
             kind ? error->message : "its name says no kind; give gdw-KIND-NAME.so files");
    return FALSE;
  }
  json_builder_begin_object (to);
  add_string (to, "file", file);
  add_string (to, "kind", gdw_plugin_kind (kind));
  add_string (to, "name", name);
  add_string (to, "summary", plugin->summary);
  add_number (to, "abi", plugin->abi);
  add_number (to, "size", plugin->size);
  add_lists (to, plugin);
  json_builder_end_object (to);
  gdw_module_free (plugin);
  return TRUE;
}

static void
print_words (JsonObject *plugin, const char *member)
{
  JsonArray *words = json_object_get_array_member (plugin, member);

  printf ("  %-10s", member);
  for (guint i = 0; i < json_array_get_length (words); i++)
    printf (" %s", json_array_get_string_element (words, i));
  printf (json_array_get_length (words) ? "\n" : " none\n");
}

static void
print_option (JsonObject *option)
{
  const char *value = json_object_get_string_member_with_default (option, "default", NULL);

  printf ("  option     %s=%s", json_object_get_string_member (option, "name"),
          json_object_get_string_member (option, "type"));
  if (json_object_has_member (option, "max"))
    printf (" %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT,
            json_object_get_int_member (option, "min"),
            json_object_get_int_member (option, "max"));
  if (json_object_has_member (option, "choices")) {
    JsonArray *choices = json_object_get_array_member (option, "choices");

    for (guint i = 0; i < json_array_get_length (choices); i++)
      printf ("%c%s", i ? '|' : ' ', json_array_get_string_element (choices, i));
  }
  if (value)
    printf (", default %s", value);
  printf (": %s\n", json_object_get_string_member (option, "help"));
}

static void
print_plugin (JsonObject *plugin)
{
  JsonArray *options = json_object_get_array_member (plugin, "options");

  printf ("%s '%s': %s\n  file       %s\n  ABI        %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT
          " bytes\n",
          json_object_get_string_member (plugin, "kind"),
          json_object_get_string_member (plugin, "name"),
          json_object_get_string_member (plugin, "summary"),
          json_object_get_string_member (plugin, "file"),
          json_object_get_int_member (plugin, "abi"),
          json_object_get_int_member (plugin, "size"));
  print_words (plugin, "traits");
  print_words (plugin, "callbacks");
  for (guint i = 0; i < json_array_get_length (options); i++)
    print_option (json_array_get_object_element (options, i));
}

gboolean
describe_files (char **files, gboolean json)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  JsonArray *plugins;
  gboolean ok = TRUE;

  json_builder_begin_array (builder);
  for (char **file = files; *file; file++)
    ok &= add_plugin (builder, *file);
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  if (json) {
    g_autofree char *text = json_to_string (root, TRUE);

    printf ("%s\n", text);
    return ok;
  }
  plugins = json_node_get_array (root);
  for (guint i = 0; i < json_array_get_length (plugins); i++)
    print_plugin (json_array_get_object_element (plugins, i));
  return ok;
}
