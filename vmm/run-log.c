/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "run-log.h"

#include <godwit/godwit.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

gboolean
run_log_open (RunLog *log, const char *path, GError **error)
{
  *log = (RunLog){ .fd = -1 };
  if (!path)
    return TRUE;
  log->fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log->fd >= 0)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "run log '%s': cannot be opened: %s; give --run-log a file in a folder that "
               "can be written",
               path, g_strerror (errno));
  return FALSE;
}

void
run_log_close (RunLog *log)
{
  if (log->fd >= 0)
    close (log->fd);
  log->fd = -1;
}

void
run_log_write (RunLog *log, const char *id, gboolean run)
{
  g_autofree char *line = NULL;
  struct timespec t;

  if (log->fd < 0 || log->running == run)
    return;
  log->running = run;
  clock_gettime (CLOCK_MONOTONIC, &t);
  line = g_strdup_printf ("%" G_GINT64_FORMAT " %s %s\n",
                          (gint64) t.tv_sec * 1000000000 + t.tv_nsec, id ? id : "-",
                          run ? "run" : "stop");
  if (write (log->fd, line, strlen (line)) < 0)
    g_warning ("run log: a line is lost: %s; is the disk full?", g_strerror (errno));
}
