/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* Loads and checks the module in @file.  Returns a complete copy of its struct, including the
 * options.  Its kind and name must match its file name. */
GdwPlugin *gdw_module_load (const char *file, guint kind, const char *name, GError **error);

/* Checks the struct alone. */
gboolean gdw_module_check (const GdwPlugin *plugin, GError **error);

/* Frees the result of gdw_module_load; the module stays loaded. */
void gdw_module_free (GdwPlugin *plugin);
