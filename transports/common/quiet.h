/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <signal.h>
#include <sys/uio.h>

/* For calls that the system also answers with a signal: SIGPIPE for a pipe without a reader,
 * SIGXFSZ for a file beyond its size limit.  No such signal comes between begin and end, and
 * one that was sent before stays pending.  Call both on one thread; they keep errno. */
typedef struct {
  sigset_t before, ours;
} Quiet;

void quiet_begin (Quiet *quiet);
void quiet_end (Quiet *quiet);

gssize quiet_writev (int fd, const struct iovec *iov, guint n);
