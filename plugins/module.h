/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* Load the module in @file, check it, and give a complete copy of its struct, of the
 * options too.  It must be the @kind and @name that its file name says. */
GdwPlugin *gdw_module_load (const char *file, guint kind, const char *name, GError **error);

/* The checks on the struct alone. */
gboolean gdw_module_check (const GdwPlugin *plugin, GError **error);

/* What gdw_module_load gave; the module itself stays. */
void gdw_module_free (GdwPlugin *plugin);
