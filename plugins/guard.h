/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* What every call through a plugin's pointers checks.  Only tracking.c, stack.c and link.c make
 * such calls. */

/* TRUE exactly if a callback said @ok and set no @failure, which is taken over; all else is
 * an error, and where the plugin broke the rule one that names it. */
gboolean gdw_guard_result (const GdwPlugin *plugin, const char *what, gboolean ok,
                           GError *failure, GError **error);

/* Enter a callback that runs one at a time; *busy is 0 or 1.  FALSE with an error if
 * another call is inside.  Leave by setting it to 0 with g_atomic_int_set. */
gboolean gdw_guard_enter (const GdwPlugin *plugin, const char *what, gint *busy,
                          GError **error);
