/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/filter.h>
#include <godwit/query.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>

#include "plugins/options.h"

/* Finds plugins by kind and name, checks and keeps them.  Main thread only. */
typedef struct GdwPlugins GdwPlugins;

/* @path: folders separated by colons, searched first; then GODWIT_PLUGIN_PATH;
 * then the installed folder.  Nothing is loaded yet. */
GdwPlugins *gdw_plugins_new (const char *path);
void gdw_plugins_free (GdwPlugins *plugins);

/* The plugin, loaded at first use; valid until the free.  The result begins with
 * a GdwPlugin and is a GdwTracker, GdwTransport or GdwFilter, complete as far as
 * the module goes and zero after.  Every reason not to load is an error that
 * names the file. */
const GdwPlugin *gdw_plugins_find (GdwPlugins *plugins, guint kind, const char *name,
                                   GError **error);

/* Load the module @file, which is called as one in the search path is, and find it from now on
 * by its kind and name.  Refused if another file has that name already.  Free the result. */
GdwPluginInfo *gdw_plugins_load (GdwPlugins *plugins, const char *file, GError **error);

/* Elements are GdwPluginInfo, sorted by kind and name.  NULL with an error where there is no
 * descriptor to look with. */
GPtrArray *gdw_plugins_list (GdwPlugins *plugins, GError **error);

/* Texts for what the operator should know (a module hidden by another ...), oldest first. */
const GPtrArray *gdw_plugins_warnings (GdwPlugins *plugins);
