/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Blocking calls that a cancellable ends.  They make no descriptor: GLib's own
 * g_cancellable_make_pollfd makes one, and ends the process when none is left.
 *
 * These return 0, an errno, or ECANCELED after the cancellable fired. */

/* Returns a descriptor for wait_for, or -1 with errno.  Each link and each listener has one and
 * closes it. */
int wait_open (void);

/* Waits for @events on @fd; ETIMEDOUT after @timeout_ms (-1 = never).  Several threads may wait
 * on the same @wake at the same time. */
int wait_for (int wake, int fd, short events, int timeout_ms, GCancellable *cancellable);

/* Sleeps for @ms; -1 = until cancelled. */
int wait_sleep (int ms, GCancellable *cancellable);
