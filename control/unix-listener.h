/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* A UNIX socket that listens at a path and that only its owner can use. */
typedef struct GdwControlSocket GdwControlSocket;

/* Replaces a stale socket at @path, but no other file.  @who begins the error texts: "qmp". */
GdwControlSocket *gdw_control_socket_new (const char *who, const char *path, GError **error);

/* Borrowed, and non-blocking. */
GSocket *gdw_control_socket_get (GdwControlSocket *socket);

/* Removes the file, unless another one has taken its place. */
void gdw_control_socket_free (GdwControlSocket *socket);
