/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "run-log.h"

#include "place.h"

#include <godwit/godwit.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* A line has at most 66 bytes.  Other processes may write theirs into the room taken here: it
 * holds some 200 lines, and more where the disk has more. */
#define ROOM 16384
#define PLENTY (4 * ROOM)

static gboolean
fail (const RunLog *log, const char *what, int err, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "run log '%s': %s failed: %s; %s", log->path,
               what, g_strerror (err),
               err == EFBIG ? "raise ulimit -f" : "make room on its disk");
  return FALSE;
}

/* 0, or an errno. */
static int
reserve (int fd, off_t from, off_t bytes)
{
  int err;

  do
    err = fallocate (fd, FALLOC_FL_KEEP_SIZE, from, bytes) < 0 ? errno : 0;
  while (err == EINTR);
  return err;
}

/* For a file system that reserves nothing: is there room now?  Some file systems do not know
 * their size. */
static int
look_for_room (int fd)
{
  struct statvfs st;

  if (fstatvfs (fd, &st) < 0)
    return errno;
  return st.f_blocks == 0 || st.f_bavail >= ROOM / MAX (st.f_frsize, 1) + 1 ? 0 : ENOSPC;
}

static int
take_room_at (int fd, off_t end)
{
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
  int err;

  getrlimit (RLIMIT_FSIZE, &limit); /* fallocate beyond the end ignores it */
  if (limit.rlim_cur != RLIM_INFINITY && (rlim_t) end + ROOM > limit.rlim_cur)
    return EFBIG;
  err = reserve (fd, end, PLENTY);
  if (err && err != EOPNOTSUPP)
    err = reserve (fd, end, ROOM);
  return err == EOPNOTSUPP ? look_for_room (fd) : err;
}

static gboolean
take_room (const RunLog *log, GError **error)
{
  struct stat st;
  int err;

  if (!log->regular)
    return TRUE;
  err = fstat (log->fd, &st) < 0 ? errno : take_room_at (log->fd, st.st_size);
  return err == 0 || fail (log, "reserving room for its lines", err, error);
}

gboolean
run_log_open (RunLog *log, const char *path, GError **error)
{
  g_autoptr (GError) why = NULL;
  struct stat st;

  *log = (RunLog){ .fd = -1 };
  if (!path)
    return TRUE;
  log->path = g_strdup (path);
  log->fd = place_open (path, O_APPEND, &why);
  if (log->fd >= 0) {
    log->regular = fstat (log->fd, &st) == 0 && S_ISREG (st.st_mode);
    return take_room (log, error);
  }
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "run log '%s': cannot be opened: %s; give --run-log a file in a folder that "
               "can be written",
               path, why->message);
  return FALSE;
}

void
run_log_close (RunLog *log)
{
  if (log->fd >= 0)
    close (log->fd);
  log->fd = -1;
  g_clear_pointer (&log->path, g_free);
}

/* Never writes the rest of a cut line later: a part of a line says more than none, and another
 * process may have written since. */
static gboolean
add_line (RunLog *log, const char *id, gboolean run, GError **error)
{
  g_autofree char *line = NULL;
  struct timespec t;
  gssize size, n;

  clock_gettime (CLOCK_MONOTONIC, &t);
  line = g_strdup_printf ("%s%" G_GINT64_FORMAT " %s %s\n", log->cut ? "\n" : "",
                          (gint64) t.tv_sec * 1000000000 + t.tv_nsec, id ? id : "-",
                          run ? "run" : "stop");
  size = strlen (line);
  do
    n = write (log->fd, line, size);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    log->cut = n < size;
  if (n < size)
    return fail (log, n > 0 ? "writing more than a part of a line" : "writing a line",
                 n < 0 ? errno : ENOSPC, error);
  log->running = run;
  return TRUE;
}

gboolean
run_log_stop (RunLog *log, const char *id, GError **error)
{
  if (log->fd < 0)
    return TRUE;
  return take_room (log, error) && (!log->running || add_line (log, id, FALSE, error));
}

void
run_log_run (RunLog *log, const char *id)
{
  g_autoptr (GError) error = NULL;

  if (log->fd >= 0 && !log->running && !add_line (log, id, TRUE, &error))
    run_log_complain (error);
}

void
run_log_complain (const GError *error)
{
  g_printerr ("godwit-vmm: %s; a line is missing\n", error->message);
}
