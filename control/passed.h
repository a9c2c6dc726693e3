/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

#define GDW_CONTROL_PASSED_MAX 16u

/* The descriptors passed with one message of a client (SCM_RIGHTS).  The value is moved by
 * copying; empty is all zero. */
typedef struct {
  int fds[GDW_CONTROL_PASSED_MAX];
  guint n;
  const char *lost; /* why descriptors were lost, or NULL; then @n is 0 */
} GdwControlPassed;

/* Receives from the non-blocking @socket into @bytes like recv, and stops before a byte that
 * carries descriptors.  Such a byte comes alone, and its descriptors are added to @passed.  Set
 * @near to FALSE before the first call and keep it between calls.  Returns the number of bytes,
 * 0 at the end, or -1 with errno. */
gssize gdw_control_passed_receive (GdwControlPassed *passed, gboolean *near, int socket,
                                   char *bytes, gsize size);

/* Returns the oldest descriptor, now the caller's, or -1. */
int gdw_control_passed_take (GdwControlPassed *passed);

/* Closes all that are left and empties @passed. */
void gdw_control_passed_close (GdwControlPassed *passed);
