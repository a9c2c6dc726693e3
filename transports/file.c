/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Writes a guest into a file, and reads it back.  The writer renames PATH.partial to PATH when
 * all of it is on the disk. */

#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transports/common/quiet.h"
#include "transports/common/regular.h"
#include "transports/common/stored.h"
#include "transports/common/wait.h"

#define COPY_BYTES (1u << 20)
#define SUFFIX ".partial"
/* As many symbolic links as the system follows. */
#define LINKS_MAX 40
/* How often another process may remove a partial file between our open and our lock. */
#define OPEN_TRIES 100

enum { OPTION_OFFSET };

typedef struct {
  char *path;
  guint64 offset;
  int reader; /* of a listener: the file for the first accept; -1: none, or already given */
} File;

static void
file_close (gpointer self)
{
  File *file = self;

  if (file->reader >= 0)
    close (file->reader);
  g_free (file->path);
  g_free (file);
}

/* The name of an unfinished guest belongs to its writer. */
static gboolean
check_name (const char *path, GError **error)
{
  if (!g_str_has_suffix (path, SUFFIX))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "transport 'file': open of '%s' failed: a name that ends in '" SUFFIX
               "' is that "
               "of a guest whose writer has not finished; use another",
               path);
  return FALSE;
}

static gpointer
file_open (const GdwTransportConfig *config, GError **error)
{
  File *file;

  if (*config->address == '\0' || g_str_has_suffix (config->address, "/")) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "transport 'file': open of address '%s' failed: it names no file; write "
                 "file:PATH",
                 config->address);
    return NULL;
  }
  if (!check_name (config->address, error))
    return NULL;
  file = g_new0 (File, 1);
  file->path = g_strdup (config->address);
  file->offset = config->options[OPTION_OFFSET].number;
  file->reader = -1;
  return file;
}

static gboolean G_GNUC_PRINTF (4, 5)
    fail (const char *path, const char *what, GError **error, const char *why, ...)
{
  g_autofree char *text = NULL;
  va_list values;

  va_start (values, why);
  text = g_strdup_vprintf (why, values);
  va_end (values);
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO, "transport 'file': %s '%s' failed: %s", what,
               path, text);
  return FALSE;
}

/* What @path leads to through symbolic links, there or not: that file is read, or replaced.
 * NULL with an error. */
static char *
resolve (const char *path, const char *what, GError **error)
{
  g_autofree char *at = g_strdup (path);

  for (guint i = 0; i < LINKS_MAX; i++) {
    g_autofree char *to = g_file_read_link (at, NULL);
    g_autofree char *folder = g_path_get_dirname (at);

    if (!to)
      return check_name (at, error) ? g_steal_pointer (&at) : NULL;
    g_free (at);
    at = g_path_is_absolute (to) ? g_steal_pointer (&to) : g_build_filename (folder, to, NULL);
  }
  fail (path, what, error, "%s; check the path", g_strerror (ELOOP));
  return NULL;
}

/* The destination's side */

static gboolean
check_readable (File *file, int fd, GError **error)
{
  struct stat stat;

  if (fstat (fd, &stat) != 0)
    return fail (file->path, "reading", error, "%s; check the disk", g_strerror (errno));
  if ((guint64) stat.st_size <= file->offset)
    return fail (file->path, "reading", error,
                 "it has %" G_GUINT64_FORMAT
                 " bytes, and the guest should begin at %" G_GUINT64_FORMAT
                 "; give the offset that it was saved with",
                 (guint64) stat.st_size, file->offset);
  return lseek (fd, (off_t) file->offset, SEEK_SET) >= 0 ||
         fail (file->path, "reading", error, "%s; check the offset", g_strerror (errno));
}

static int
open_reader (File *file, GError **error)
{
  g_autofree char *path = resolve (file->path, "reading", error);
  g_autofree char *partial = g_strconcat (path ? path : "", SUFFIX, NULL);
  int fd = path ? regular_open (path, O_RDONLY, 0) : -1;
  int why = errno;

  if (path && fd < 0)
    fail (file->path, "reading", error,
          why != ENOENT                 ? "%s; check the path, or use fd: for a pipe"
          : access (partial, F_OK) == 0 ? "%s, but '" SUFFIX
                                          "': its writer has not finished; save the guest again"
                                        : "%s; check the path",
          regular_strerror (why));
  return fd;
}

static gboolean
file_listen (gpointer self, GCancellable *cancellable, GError **error)
{
  File *file = self;
  int fd = open_reader (file, error);

  if (fd < 0)
    return FALSE;
  if (!check_readable (file, fd, error)) {
    close (fd);
    return FALSE;
  }
  posix_fadvise (fd, (off_t) file->offset, 0, POSIX_FADV_SEQUENTIAL);
  file->reader = fd;
  return TRUE;
}

/* The source's side */

/* Is it the file that still has the name @partial, and no other name? */
static gboolean
is_alone (int fd, const char *partial, nlink_t *names)
{
  struct stat ours, there;
  gboolean same = fstat (fd, &ours) == 0 && lstat (partial, &there) == 0 &&
                  ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;

  *names = same ? ours.st_nlink : 0;
  return *names == 1;
}

/* Opens the partial file, empty and only ours.  Its lock shows that its writer lives.  After a
 * crash it may be a second name of a published guest, which must not change. */
static int
open_partial (const char *partial, GError **error)
{
  for (guint i = 0; i < OPEN_TRIES; i++) {
    int fd = regular_open (partial, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
    nlink_t names;

    if (fd < 0) {
      fail (partial, "writing", error, "%s; check the folder and its rights",
            regular_strerror (errno));
      return -1;
    }
    if (flock (fd, LOCK_EX | LOCK_NB) != 0) {
      close (fd);
      fail (partial, "writing", error,
            "another process is writing it; use another path, or wait");
      return -1;
    }
    if (is_alone (fd, partial, &names) && ftruncate (fd, 0) == 0 && fchmod (fd, 0600) == 0)
      return fd;
    if (names > 1)
      unlink (partial);
    close (fd);
  }
  fail (partial, "writing", error, "others replace it all the time; use another path");
  return -1;
}

static gboolean
copy_bytes (int from, int to, guint64 left)
{
  g_autofree char *buffer = g_malloc (COPY_BYTES);
  gssize n = 1;

  while (from >= 0 && left > 0 && n > 0) {
    n = read (from, buffer, MIN (left, COPY_BYTES));
    if (n > 0 && write (to, buffer, (gsize) n) != n)
      n = -1;
    left -= n > 0 ? (guint64) n : 0;
  }
  return n >= 0;
}

/* Copies the bytes before the guest from a file that exists already. */
static gboolean
copy_head (const char *path, guint64 offset, int to, GError **error)
{
  int from = regular_open (path, O_RDONLY, 0);
  gboolean ok;
  Quiet quiet;

  quiet_begin (&quiet);
  ok = (from >= 0 || errno == ENOENT) && copy_bytes (from, to, offset) &&
       ftruncate (to, (off_t) offset) == 0 && lseek (to, (off_t) offset, SEEK_SET) >= 0;
  quiet_end (&quiet);
  if (!ok)
    fail (path, "writing", error,
          "the bytes before the guest could not be copied: %s; make room", g_strerror (errno));
  if (from >= 0)
    close (from);
  return ok;
}

static gpointer
file_connect (gpointer self, GCancellable *cancellable, GError **error)
{
  File *file = self;
  g_autofree char *path = resolve (file->path, "writing", error);
  g_autofree char *partial = g_strconcat (path ? path : "", SUFFIX, NULL);
  struct stat there;
  Stored *link;
  int fd;

  if (!path)
    return NULL;
  if (stat (path, &there) == 0 && !S_ISREG (there.st_mode)) {
    fail (file->path, "writing", error,
          "it exists and is not a regular file; use another path");
    return NULL;
  }
  fd = open_partial (partial, error);
  if (fd < 0)
    return NULL;
  link = stored_new ("file", fd, partial);
  link->path = g_steal_pointer (&path);
  link->partial = g_steal_pointer (&partial);
  if (!file->offset || copy_head (link->path, file->offset, fd, error))
    return link;
  stored_close (link);
  return NULL;
}

/* Returns the only link; there is no peer to wait for. */
static gpointer
file_accept (gpointer self, GCancellable *cancellable, GError **error)
{
  File *file = self;
  int fd = file->reader;

  file->reader = -1;
  if (fd >= 0)
    return stored_new ("file", fd, file->path);
  wait_sleep (-1, cancellable);
  g_cancellable_set_error_if_cancelled (cancellable, error);
  return NULL;
}

static const GdwOption file_options[] = {
  [OPTION_OFFSET] = { .name = "offset",
                      .type = GDW_OPTION_SIZE,
                      .default_value = "0",
                      .max = G_MAXINT64,
                      .help = "bytes before the guest, which are kept" },
  { 0 },
};

GDW_DEFINE_TRANSPORT (.plugin.name = "file",
                      .plugin.summary = "a file to save to and load from",
                      .plugin.options = file_options, .traits = GDW_TRANSPORT_SAME_HOST,
                      .max_links = 1, .open = file_open, .close = file_close,
                      .listen = file_listen, .accept = file_accept, .connect = file_connect,
                      .read = stored_read, .write = stored_write, .close_link = stored_close,
                      .sync = stored_sync, .publish = stored_publish, .remark = stored_remark);
