/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* A blocked call that its cancellable ends.  It makes no descriptor: GLib's own way,
 * g_cancellable_make_pollfd, makes one, and ends the process when there is none left.
 *
 * These give 0, an errno, or ECANCELED after the cancellable fired. */

/* A descriptor for wait_for, to be closed: one for each link and each listener; -1 with errno.
 */
int wait_open (void);

/* Wait for @events on @fd; ETIMEDOUT after @timeout_ms (-1 = never).  Several threads may wait
 * by the same @wake at the same time. */
int wait_for (int wake, int fd, short events, int timeout_ms, GCancellable *cancellable);

/* Just wait, -1 = until it is cancelled. */
int wait_sleep (int ms, GCancellable *cancellable);
