/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

#define GDW_CONTROL_PASSED_MAX 16u

/* The descriptors that came along with one message of a client (SCM_RIGHTS); a value that is
 * moved by copying.  Empty: all zero. */
typedef struct {
  int fds[GDW_CONTROL_PASSED_MAX];
  guint n;
  const char *lost; /* why those that came are not here, or NULL; then there are none */
} GdwControlPassed;

/* As recv of a @socket that does not block, into @bytes, but never up to a byte that
 * descriptors came along with: that one comes alone, and they are added to @passed.  @near:
 * kept from one call to the next, FALSE at first.  Bytes, 0 at the end, or -1 with errno. */
gssize gdw_control_passed_receive (GdwControlPassed *passed, gboolean *near, int socket,
                                   char *bytes, gsize size);

/* The oldest, now the caller's, or -1. */
int gdw_control_passed_take (GdwControlPassed *passed);

/* Close what is left; it is empty then. */
void gdw_control_passed_close (GdwControlPassed *passed);
