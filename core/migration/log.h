/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

/* What a migration does, as structured log entries of GLib (g_log_structured), domain "godwit",
 * as much as the environment variable GODWIT_LOG asks for: debug, info or warning; without it
 * nothing.  The fields are in docs/usage.md.  Main thread only. */
typedef struct GdwLog GdwLog;

/* Listens to the signals of @migration, which frees it with itself. */
GdwLog *gdw_log_new (GdwMigration *migration);
void gdw_log_free (GdwLog *log);
