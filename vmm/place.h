/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Files that an option names.  None of these waits for somebody: a FIFO is refused, whose open
 * would wait for its other end. */

/* Opens a regular file, which is made if need be, or a character device, and may write to it.
 * @flags: more of open(2).  Returns -1 with an error that says why. */
int place_open (const char *path, int flags, GError **error);

/* Reads the first @most bytes of a regular file, and ends them with a zero.  Free with g_free.
 */
char *place_read (const char *path, gsize most, gsize *size, GError **error);
