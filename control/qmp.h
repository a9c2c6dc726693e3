/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "control/control.h"

/* A QMP server on a UNIX socket, and its clients. */
typedef struct GdwControlQmp GdwControlQmp;

/* What a client may leave unread before it is dropped. */
#define GDW_CONTROL_QMP_OUTPUT_MAX (4 * 1024 * 1024)

/* Replaces a socket at @path that nobody listens on, and no other file. */
GdwControlQmp *gdw_control_qmp_new (GdwControl *control, const char *path, GError **error);

/* Drops the clients and removes the socket. */
void gdw_control_qmp_free (GdwControlQmp *server);
