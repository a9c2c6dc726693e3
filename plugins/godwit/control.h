/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/migration.h>

G_BEGIN_DECLS

/* The QMP side of a migration: commands and events as JSON.  Calls on the thread of the
 * migration's GMainContext. */
typedef struct GdwControl GdwControl;

/* Holds a reference on @migration. */
GdwControl *gdw_control_new (GdwMigration *migration);

/* Serve QMP on a UNIX socket at @path (a stale socket there is replaced, another
 * file is not), as often as wanted.  Clients are served until the free. */
gboolean gdw_control_listen_qmp (GdwControl *control, const char *path, GError **error);

/* Drops the clients, removes the sockets. */
void gdw_control_free (GdwControl *control);

G_END_DECLS
