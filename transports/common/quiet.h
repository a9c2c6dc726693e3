/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <signal.h>
#include <sys/uio.h>

/* For calls that the system answers with a signal, too: a pipe without a reader with SIGPIPE, a
 * file beyond the limit of its size with SIGXFSZ.  Between the two no such signal comes, and
 * one that was sent before is left for whom it was meant.  On one thread, errno is kept. */
typedef struct {
  sigset_t before, ours;
} Quiet;

void quiet_begin (Quiet *quiet);
void quiet_end (Quiet *quiet);

gssize quiet_writev (int fd, const struct iovec *iov, guint n);
