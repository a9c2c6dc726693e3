/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* A UNIX socket that listens at a path, for its owner alone. */
typedef struct GdwControlSocket GdwControlSocket;

/* Replaces a socket at @path that nobody listens on, and no other file.  @who, in errors:
 * "qmp". */
GdwControlSocket *gdw_control_socket_new (const char *who, const char *path, GError **error);

/* Borrowed; does not block. */
GSocket *gdw_control_socket_get (GdwControlSocket *socket);

/* Removes the file, unless it is another by now. */
void gdw_control_socket_free (GdwControlSocket *socket);
