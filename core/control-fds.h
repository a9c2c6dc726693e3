/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/control.h"

/* File descriptors that clients have sent, by the names that getfd gave them. */
GdwControlFds *gdw_control_fds_new (void);
void gdw_control_fds_free (GdwControlFds *fds); /* closes all */

/* A client has sent @fd along, takes it: the next getfd names it; at most 16 wait. */
void gdw_control_fds_receive (GdwControlFds *fds, int fd);

/* The address with the number of the descriptor that its name stands for, or as it is; free
 * with g_free.  @fd: the descriptor, or -1. */
char *gdw_control_fds_resolve (GdwControlFds *fds, const char *uri, int *fd);

/* A migration has begun with it, and has its own copy: close @fd, forget its name; -1: nothing.
 */
void gdw_control_fds_used (GdwControlFds *fds, int fd);
