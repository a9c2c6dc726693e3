/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* The checks on every call through a plugin's pointers.  Only tracking.c, stack.c and link.c
 * make such calls. */

/* Returns TRUE only if the callback returned @ok and set no @failure, which is taken.
 * Otherwise sets @error, which names the plugin if it broke the rule. */
gboolean gdw_guard_result (const GdwPlugin *plugin, const char *what, gboolean ok,
                           GError *failure, GError **error);

/* Enters a callback that runs one at a time; *busy is 0 or 1.  Returns FALSE with an error if
 * another call is inside.  To leave, set it to 0 with g_atomic_int_set. */
gboolean gdw_guard_enter (const GdwPlugin *plugin, const char *what, gint *busy,
                          GError **error);
