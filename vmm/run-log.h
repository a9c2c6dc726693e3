/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* When this process ran the guest: a line of CLOCK_MONOTONIC nanoseconds, migration id
 * and "run" or "stop" for each change, in one write to a file that several
 * processes may share. */
typedef struct {
  int fd; /* -1: no log */
  gboolean running;
} RunLog;

/* PATH may be NULL. */
gboolean run_log_open (RunLog *log, const char *path, GError **error);
void run_log_close (RunLog *log);

/* Before the guest runs, after it has stopped; what the log says already is not said
 * twice.  ID may be NULL. */
void run_log_write (RunLog *log, const char *id, gboolean run);
