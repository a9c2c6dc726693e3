/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Writes a line for each call on a link.  A line that cannot be written at once is lost: the
 * filter never delays the links that it watches. */

#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/filter.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transports/common/quiet.h"

enum { OPTION_FILE };

typedef struct {
  int fd;       /* of the file, or STDERR_FILENO */
  int n_links;  /* opened so far; two threads open links */
  int n_losses; /* lost lines, counted on any thread */
} Log;

/* The sum of one direction, whose calls come one at a time. */
typedef struct {
  guint64 calls, bytes;
} Sum;

typedef struct {
  Log *log;
  int number;
  Sum reads, writes;
} LogLink;

static gboolean
write_line (int fd, const char *line, gsize length)
{
  gboolean ok;
  Quiet quiet;

  quiet_begin (&quiet);
  ok = write (fd, line, length) == (gssize) length;
  quiet_end (&quiet);
  return ok;
}

/* Each line is one write, so that the lines of several threads do not mix.  A pipe that is
 * ready takes up to PIPE_BUF bytes without a wait. */
static void G_GNUC_PRINTF (2, 3) say (Log *log, const char *format, ...)
{
  struct pollfd ready = { log->fd, POLLOUT, 0 };
  char line[PIPE_BUF];
  va_list args;
  gsize length;

  va_start (args, format);
  g_vsnprintf (line, sizeof line - 1, format, args);
  va_end (args);
  g_strdelimit (line, "\n", ' ');
  length = strlen (line);
  line[length++] = '\n';
  if (poll (&ready, 1, 0) != 1 || !write_line (log->fd, line, length))
    g_atomic_int_inc (&log->n_losses);
}

static gpointer
log_open (const GdwFilterConfig *config, GError **error)
{
  const char *path = config->options[OPTION_FILE].string;
  int fd = path ? open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                        0600)
                : STDERR_FILENO;
  Log *log;

  if (fd < 0) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
                 "filter 'log': open of '%s' failed: %s; give a file that can be written to",
                 path, g_strerror (errno));
    return NULL;
  }
  log = g_new0 (Log, 1);
  log->fd = fd;
  return log;
}

static void
log_close (gpointer data)
{
  Log *log = data;
  int losses = g_atomic_int_get (&log->n_losses);

  if (losses > 0)
    say (log, "%d lines are missing", losses);
  if (log->fd != STDERR_FILENO)
    close (log->fd);
  g_free (log);
}

static gpointer
log_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  LogLink *link = g_new0 (LogLink, 1);

  link->log = self;
  link->number = g_atomic_int_add (&link->log->n_links, 1);
  say (link->log, "link %d: opened, %s", link->number, incoming ? "incoming" : "outgoing");
  return link;
}

static void
log_link_close (gpointer data)
{
  LogLink *link = data;

  say (link->log,
       "link %d: closed, %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT
       " reads, %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT " writes",
       link->number, link->reads.bytes, link->reads.calls, link->writes.bytes,
       link->writes.calls);
  g_free (link);
}

static void
say_failed (const LogLink *link, const char *call, gint64 start_us, const GError *why)
{
  say (link->log, "link %d: %s failed after %" G_GINT64_FORMAT " us: %s", link->number, call,
       g_get_monotonic_time () - start_us, why->message);
}

/* Writes the line of a read or write that returned @count. */
static gssize
say_count (const LogLink *link, Sum *sum, const char *call, gssize count,
           const struct iovec *iov, guint n, gint64 start_us)
{
  gint64 us = g_get_monotonic_time () - start_us;
  guint64 offered = 0;

  for (guint i = 0; i < n; i++)
    offered += iov[i].iov_len;
  sum->calls++;
  sum->bytes += (guint64) count;
  say (link->log,
       "link %d: %s %" G_GSSIZE_FORMAT " of %" G_GUINT64_FORMAT
       " bytes, %u vectors, %" G_GINT64_FORMAT " us",
       link->number, call, count, offered, n, us);
  return count;
}

static gssize
log_read (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
          GCancellable *cancellable, GError **error)
{
  LogLink *link = data;
  GError *why = NULL;
  gint64 start_us = g_get_monotonic_time ();
  gssize count = next->read (next, iov, n, cancellable, &why);

  if (count >= 0)
    return say_count (link, &link->reads, "read", count, iov, n, start_us);
  say_failed (link, "read", start_us, why);
  g_propagate_error (error, why);
  return -1;
}

static gssize
log_write (gpointer data, const GdwNext *next, const struct iovec *iov, guint n,
           GCancellable *cancellable, GError **error)
{
  LogLink *link = data;
  GError *why = NULL;
  gint64 start_us = g_get_monotonic_time ();
  gssize count = next->write (next, iov, n, cancellable, &why);

  if (count >= 0)
    return say_count (link, &link->writes, "wrote", count, iov, n, start_us);
  say_failed (link, "write", start_us, why);
  g_propagate_error (error, why);
  return -1;
}

static gboolean
log_shutdown (gpointer data, const GdwNext *next, GError **error)
{
  LogLink *link = data;
  GError *why = NULL;
  gint64 start_us = g_get_monotonic_time ();
  gboolean ok = next->shutdown (next, &why);

  if (ok) {
    say (link->log, "link %d: shut down, %" G_GINT64_FORMAT " us", link->number,
         g_get_monotonic_time () - start_us);
    return TRUE;
  }
  say_failed (link, "shutdown", start_us, why);
  g_propagate_error (error, why);
  return FALSE;
}

static const GdwOption log_options[] = {
  [OPTION_FILE] = { .name = "file",
                    .type = GDW_OPTION_STRING,
                    .help = "the file to append to; stderr by default" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = "log",
                   .plugin.summary = "writes a line for each call on a link",
                   .plugin.options = log_options, .open = log_open, .close = log_close,
                   .link_open = log_link_open, .link_close = log_link_close, .read = log_read,
                   .write = log_write, .shutdown = log_shutdown);
