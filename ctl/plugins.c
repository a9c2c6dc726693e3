/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "error.h"

#include <stdio.h>
#include <string.h>

static void
print_option (JsonObject *option)
{
  g_autofree char *name = json_text (option, "name"), *type = json_text (option, "type");
  g_autofree char *preset = json_text (option, "default"), *help = json_text (option, "help");
  g_autofree char *left = g_strdup_printf ("%s=%s", name, type);

  printf ("    %-24s %s%s%s%s\n", left, help, *preset ? " (" : "", preset, *preset ? ")" : "");
}

static void
print_plugin (JsonObject *plugin)
{
  g_autofree char *kind = json_text (plugin, "kind"), *name = json_text (plugin, "name");
  g_autofree char *summary = json_text (plugin, "summary"), *why = json_text (plugin, "why");
  JsonArray *options = json_array (plugin, "options");

  printf ("%-9s %-16s %s\n", kind, name, summary);
  if (!json_bool (plugin, "usable"))
    printf ("    cannot be used: %s\n", why);
  for (guint i = 0; i < json_length (options); i++)
    print_option (json_element (options, i));
}

int
command_plugins (Session *session, char **args, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (session->client, "query-plugins", NULL, error);
  JsonArray *plugins;

  if (!node)
    return EXIT_FAILED;
  plugins = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  if (session->json)
    printf ("%s\n", client_last_text (session->client));
  else
    for (guint i = 0; i < json_length (plugins); i++)
      print_plugin (json_element (plugins, i));
  return EXIT_DONE;
}
