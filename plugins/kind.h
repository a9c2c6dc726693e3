/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/plugin.h>

/* Names of the traits of a loaded plugin, NULL-terminated; free with g_free. */
const char **gdw_plugin_traits (const GdwPlugin *plugin);

/* "tracker", "transport" or "filter", as in messages and file names; NULL for another kind. */
const char *gdw_plugin_kind (guint kind);
