/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

#include "plugins/address.h"

/* gdw_migration_start and gdw_migration_incoming at an address that is parsed already.  Main
 * thread only. */
gboolean gdw_migration_start_at (GdwMigration *migration, const GdwAddress *address,
                                 GError **error);
gboolean gdw_migration_incoming_at (GdwMigration *migration, const GdwAddress *address,
                                    GError **error);
