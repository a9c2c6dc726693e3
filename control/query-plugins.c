/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

static GdwQPluginOption *
make_option (const GdwOption *from)
{
  static const GdwQPluginOptionType types[] = {
    [GDW_OPTION_STRING] = GDW_Q_PLUGIN_OPTION_TYPE_STRING,
    [GDW_OPTION_UINT] = GDW_Q_PLUGIN_OPTION_TYPE_UINT,
    [GDW_OPTION_SIZE] = GDW_Q_PLUGIN_OPTION_TYPE_SIZE,
    [GDW_OPTION_BOOL] = GDW_Q_PLUGIN_OPTION_TYPE_BOOL,
    [GDW_OPTION_ENUM] = GDW_Q_PLUGIN_OPTION_TYPE_ENUM,
  };
  GdwQPluginOption *option = g_new0 (GdwQPluginOption, 1);
  g_autofree char *choices = from->choices ? g_strjoinv (", ", (char **) from->choices) : NULL;

  option->name = g_strdup (from->name);
  option->type = from->type < G_N_ELEMENTS (types) ? types[from->type] : types[0];
  option->q_default = g_strdup (from->default_value);
  option->help = choices ? g_strdup_printf ("%s: %s", from->help, choices)
                         : g_strdup (from->help);
  return option;
}

/* Returns "" if the VM can use the plugin, else the reason. */
static char *
why_not (GdwControl *control, const GdwPluginInfo *from)
{
  if (!from->plugin)
    return g_strdup (from->why ? from->why : "it does not load");
  if (from->kind == GDW_PLUGIN_TRACKER)
    return gdw_migration_why_not_tracker (control->migration, from->name);
  return g_strdup ("");
}

static GdwQPluginInfo *
make_plugin (GdwControl *control, const GdwPluginInfo *from)
{
  const GdwPlugin *plugin = from->plugin;
  GdwQPluginInfo *info = g_new0 (GdwQPluginInfo, 1);
  g_autofree const char **traits = NULL;

  info->kind = (GdwQPluginKind) gdw_visit_enum (&gdw_q_type_plugin_kind,
                                                gdw_plugin_kind (from->kind));
  info->name = g_strdup (from->name);
  info->file = g_strdup (from->file);
  info->why = why_not (control, from);
  info->usable = plugin && (!info->why || !*info->why);
  info->options = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_plugin_option_free);
  info->traits = g_ptr_array_new_with_free_func (g_free);
  if (!plugin)
    return info;
  info->summary = g_strdup (plugin->summary);
  info->abi = plugin->abi;
  for (const GdwOption *option = plugin->options; option && option->name; option++)
    g_ptr_array_add (info->options, make_option (option));
  traits = gdw_plugin_traits (plugin);
  for (guint i = 0; traits && traits[i]; i++)
    g_ptr_array_add (info->traits, g_strdup (traits[i]));
  return info;
}

GPtrArray *
gdw_cmd_query_plugins (GdwControl *control, GError **error)
{
  g_autoptr (GPtrArray) found = gdw_migration_list_plugins (control->migration, error);
  GPtrArray *list;

  if (!found)
    return NULL;
  list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_plugin_info_free);
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add (list, make_plugin (control, g_ptr_array_index (found, i)));
  return list;
}

GdwQPluginInfo *
gdw_cmd_plugin_load (GdwControl *control, const GdwQPluginLoadArgs *args, GError **error)
{
  g_autoptr (GdwPluginInfo)
      loaded = gdw_migration_load_plugin (control->migration, args->file, error);

  return loaded ? make_plugin (control, loaded) : NULL;
}
