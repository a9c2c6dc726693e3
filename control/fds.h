/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/address.h>

#include "control/passed.h"
#include "control/control.h"

/* The file descriptors of one monitor: those passed with the running command, and those named
 * by getfd.  No other monitor can use them. */
GdwControlFds *gdw_control_fds_new (GdwControl *control);
void gdw_control_fds_free (GdwControlFds *fds);

/* Closes all descriptors because the monitor is gone.  @fds lives on, without its control. */
void gdw_control_fds_leave (GdwControlFds *fds);

/* Bracket one command of the monitor.  begin takes @passed, the descriptors that came with the
 * command; end closes those that the command left. */
void gdw_control_fds_begin (GdwControlFds *fds, GdwControlPassed *passed);
void gdw_control_fds_end (GdwControlFds *fds);

/* For the running command, on any monitor: HTTP has no descriptors. */

/* If @address names a descriptor, replaces the name by its number and sets @fd to it; otherwise
 * sets @fd to -1.  Returns FALSE if the descriptor belongs to another monitor. */
gboolean gdw_control_fds_resolve (GdwControl *control, GdwAddress *address, int *fd,
                                  GError **error);

/* A migration has started with its own copy of @fd: closes @fd and forgets its name.  -1 does
 * nothing. */
void gdw_control_fds_used (GdwControl *control, int fd);
