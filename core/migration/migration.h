/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/query.h>

#include "core/attempt.h"

/* Calls between the files of a migration.  Main thread only; nothing blocks. */

/* As gdw_migration_info(), into a struct of the caller. */
void gdw_migration_get_info (GdwMigration *migration, GdwInfo *info);

/* Returns whether an attempt is under way, at either side. */
gboolean gdw_migration_is_running (GdwMigration *migration);
