/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

/* The status of a migration: one table of allowed moves, one function that
 * makes them.  docs/states.md is generated from the table. */
typedef struct {
  GdwStatus status;
} GdwState;

gboolean gdw_state_allows (GdwStatus from, GdwStatus to);

/* Returns FALSE with an error that names both, and changes nothing, if the move is not allowed.
 */
gboolean gdw_state_set (GdwState *state, GdwStatus to, GError **error);
