/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The reasons of a VMM against a migration.  Main thread only. */
typedef struct GdwBlockers GdwBlockers;

GdwBlockers *gdw_blockers_new (void);
void gdw_blockers_free (GdwBlockers *blockers);

/* Returns its number, from 1 on; no number is used twice. */
guint gdw_blockers_add (GdwBlockers *blockers, const char *reason);
/* Does nothing if no blocker has that number. */
void gdw_blockers_remove (GdwBlockers *blockers, guint number);

/* The reasons, oldest first (of const char *, borrowed); unref the array. */
GPtrArray *gdw_blockers_reasons (GdwBlockers *blockers);
