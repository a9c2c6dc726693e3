/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* The log says when this process ran the guest: for each change a line of CLOCK_MONOTONIC
 * nanoseconds, migration id and "run" or "stop", in one write to a file that several processes
 * may share.  It never denies that the guest runs: it says "stop" only if it has room to say
 * "run" again. */
typedef struct {
  int fd; /* -1: no log */
  char *path;
  gboolean regular; /* a file, in which room can be taken; a pipe or a terminal keeps nothing */
  gboolean running; /* as the log says */
  gboolean cut;     /* its last line has no end */
} RunLog;

/* PATH may be NULL. Also fails if there is no room for the first lines. */
gboolean run_log_open (RunLog *log, const char *path, GError **error);
void run_log_close (RunLog *log);

/* Call it when the guest stands still.  It does not repeat what the log says already, but takes
 * the room for the next line.  After a failure the log goes on saying that the guest runs.  ID
 * may be NULL. */
gboolean run_log_stop (RunLog *log, const char *id, GError **error);

/* Call it before the guest runs.  The line has its place since run_log_open or run_log_stop. */
void run_log_run (RunLog *log, const char *id);

/* Tells the user of a missing line if nobody else does. */
void run_log_complain (const GError *error);
