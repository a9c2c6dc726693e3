/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* When this process ran the guest: a line of CLOCK_MONOTONIC nanoseconds, migration id
 * and "run" or "stop" for each change, in one write to a file that several
 * processes may share.  It never denies that the guest runs: it says "stop" only where it
 * has room to say "run" again. */
typedef struct {
  int fd; /* -1: no log */
  char *path;
  gboolean regular; /* a file with room to take; a pipe or a terminal keeps nothing */
  gboolean running; /* as the log says */
  gboolean cut;     /* its last line has no end */
} RunLog;

/* PATH may be NULL.  Fails, too, where there is no room for the first lines. */
gboolean run_log_open (RunLog *log, const char *path, GError **error);
void run_log_close (RunLog *log);

/* The guest stands still.  What the log says already is not said twice, but the room for
 * the next line is looked after.  After a failure the log goes on saying that it runs.
 * ID may be NULL. */
gboolean run_log_stop (RunLog *log, const char *id, GError **error);

/* Before the guest runs; the line has its place since run_log_open or run_log_stop. */
void run_log_run (RunLog *log, const char *id);

/* Tell the user of a line that is missing where nobody else does. */
void run_log_complain (const GError *error);
