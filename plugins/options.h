/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

#include "plugins/pairs.h"

/* Check @pairs against the declared options.  Gives one GdwValue for each declared option, in
 * order. */
GdwValue *gdw_options_take (const GdwPlugin *plugin, const GPtrArray *pairs, GError **error);
/* The same of the text "key=value,key=value", or of NULL. */
GdwValue *gdw_options_parse (const GdwPlugin *plugin, const char *text, GError **error);
void gdw_options_free (const GdwPlugin *plugin, GdwValue *values);

/* What a plugin declares makes sense: types, defaults, choices. */
gboolean gdw_options_check (const GdwPlugin *plugin, GError **error);
