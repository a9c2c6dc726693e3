/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "over.h"

#include <stdlib.h>

#include "local-transport.h"
#include "plugins/loader.h"
#include "plugins/options.h"
#include "runner.h"

static const GdwTransport local = { GDW_PLUGIN_HEAD (GdwTransport, GDW_PLUGIN_TRANSPORT),
                                    .plugin.name = LOCAL_NAME,
                                    .plugin.summary = "UNIX sockets, for the suite",
                                    LOCAL_CALLBACKS };

static void G_GNUC_NORETURN
wrong (const char *uri, const char *why)
{
  skip ("address '%s': %s; write NAME:ADDRESS[,key=value...]", uri, why);
}

/* { NAME, ADDRESS, options or NULL } */
static char **
parts_of (const char *uri)
{
  const char *colon = strchr (uri, ':'), *at = colon + 1;
  GPtrArray *parts = g_ptr_array_new ();

  if (!colon)
    wrong (uri, "there is no ':'");
  g_ptr_array_add (parts, g_strndup (uri, colon - uri));
  g_ptr_array_add (parts, gdw_text_read (&at, ","));
  g_ptr_array_add (parts, *at ? g_strdup (at + 1) : NULL);
  g_ptr_array_add (parts, NULL);
  return (char **) g_ptr_array_free (parts, FALSE);
}

void
over_load (Subject *subject)
{
  const char *uri = subject->settings->over;
  g_auto (GStrv) parts = uri ? parts_of (uri) : NULL;
  g_autoptr (GError) error = NULL;

  subject->over = &local;
  if (uri)
    subject->over = (const GdwTransport *) gdw_plugins_find (
        gdw_plugins_new (NULL), GDW_PLUGIN_TRANSPORT, parts[0], &error);
  if (subject->over)
    subject->over_values = gdw_options_parse (&subject->over->plugin, parts ? parts[2] : NULL,
                                              &error);
  if (!subject->over_values)
    wrong (uri, error->message);
}

char *
over_address (const Subject *subject)
{
  gboolean filter = subject->plugin->kind == GDW_PLUGIN_FILTER;
  const char *uri = filter ? subject->settings->over : subject->settings->uri;
  g_auto (GStrv) parts = uri ? parts_of (uri) : NULL;

  return parts ? g_strdup (parts[1]) : NULL;
}

char *
over_options (const Settings *settings, const GdwPlugin *plugin)
{
  g_autofree char *given = settings->options && *settings->options
                               ? g_strjoinv (",", settings->options)
                               : NULL;
  g_auto (GStrv) parts = NULL;

  if (plugin->kind != GDW_PLUGIN_TRANSPORT || !settings->uri)
    return g_steal_pointer (&given);
  parts = parts_of (settings->uri);
  if (strcmp (parts[0], plugin->name) != 0)
    wrong (settings->uri, "it names another transport than the one under test");
  if (given && parts[2])
    return g_strconcat (given, ",", parts[2], NULL);
  return given ? g_steal_pointer (&given) : g_strdup (parts[2]);
}
