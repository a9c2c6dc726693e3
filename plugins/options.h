/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* Parse "key=value,key=value" (or NULL) against the declared options.  Gives one
 * GdwValue for each declared option, in order. */
GdwValue *gdw_options_parse (const GdwPlugin *plugin, const char *text, GError **error);
void gdw_options_free (const GdwPlugin *plugin, GdwValue *values);

/* What a plugin declares makes sense: types, defaults, choices. */
gboolean gdw_options_check (const GdwPlugin *plugin, GError **error);

/* Cut @text at each @separator that has no backslash before it; escapes stay.  At most
 * @max pieces, 0 = as many as there are.  Free with g_strfreev. */
char **gdw_options_split (const char *text, char separator, guint max);
/* Without the backslashes of "\|" and "\,"; any other backslash stands for itself. */
char *gdw_options_unescape (const char *text);
char *gdw_options_escape (const char *text);
