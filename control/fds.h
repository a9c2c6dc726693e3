/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "control/passed.h"
#include "control/control.h"
#include "plugins/address.h"

/* The file descriptors of one monitor: those that came along with its command under execution,
 * and those that getfd has named.  No other monitor can use them. */
GdwControlFds *gdw_control_fds_new (GdwControl *control);
void gdw_control_fds_free (GdwControlFds *fds);

/* The monitor is gone: close all.  @fds lives on, without its control. */
void gdw_control_fds_leave (GdwControlFds *fds);

/* Between these two a command of the monitor is executed, which @passed came along with: it is
 * taken, and what the command leaves of it is closed. */
void gdw_control_fds_begin (GdwControlFds *fds, GdwControlPassed *passed);
void gdw_control_fds_end (GdwControlFds *fds);

/* What a command asks for itself, whose monitor has such or not (HTTP). */

/* Put the number of the descriptor into @address in place of its name, if it has one.  @fd: the
 * descriptor, or -1.  FALSE: it is another monitor's. */
gboolean gdw_control_fds_resolve (GdwControl *control, GdwAddress *address, int *fd,
                                  GError **error);

/* A migration has begun with it, and has its own copy: close @fd, forget its name; -1: nothing.
 */
void gdw_control_fds_used (GdwControl *control, int fd);
