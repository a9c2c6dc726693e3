/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/filter.h>
#include <godwit/query.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>

#include "plugins/options.h"

/* Finds, checks and keeps plugins by kind and name.  Main thread only. */
typedef struct GdwPlugins GdwPlugins;

/* @path: folders separated by colons, searched first, before GODWIT_PLUGIN_PATH and the
 * installed folder.  Loads nothing yet. */
GdwPlugins *gdw_plugins_new (const char *path);
void gdw_plugins_free (GdwPlugins *plugins);

/* Loads the plugin at its first use; it stays valid until the free.  The result begins with a
 * GdwPlugin and is a GdwTracker, GdwTransport or GdwFilter, filled from the module and zero
 * beyond it.  An error names the file and why it cannot be loaded. */
const GdwPlugin *gdw_plugins_find (GdwPlugins *plugins, guint kind, const char *name,
                                   GError **error);

/* Loads the module @file, whose name has the form of one in the search path, so that its
 * kind and name find it from now on.  Fails if another file has that name already.  Free the
 * result. */
GdwPluginInfo *gdw_plugins_load (GdwPlugins *plugins, const char *file, GError **error);

/* Returns GdwPluginInfo elements, sorted by kind and name, or NULL with an error if no
 * descriptor is left to look with. */
GPtrArray *gdw_plugins_list (GdwPlugins *plugins, GError **error);

/* Returns messages for the operator (a module that another one hides), oldest first. */
const GPtrArray *gdw_plugins_warnings (GdwPlugins *plugins);
