/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

#include "plugins/pairs.h"

/* Checks @pairs against the declared options.  Returns one GdwValue for each of them, in
 * order. */
GdwValue *gdw_options_take (const GdwPlugin *plugin, const GPtrArray *pairs, GError **error);
/* Does the same for the text "key=value,key=value", or for NULL. */
GdwValue *gdw_options_parse (const GdwPlugin *plugin, const char *text, GError **error);
void gdw_options_free (const GdwPlugin *plugin, GdwValue *values);

/* Checks the types, defaults and choices that a plugin declares. */
gboolean gdw_options_check (const GdwPlugin *plugin, GError **error);
