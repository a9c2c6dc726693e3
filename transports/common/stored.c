/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "stored.h"

#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "quiet.h"

Stored *
stored_new (const char *transport, int fd, const char *name)
{
  Stored *link = g_new0 (Stored, 1);

  link->transport = transport;
  link->fd = fd;
  link->name = g_strdup (name);
  return link;
}

static gboolean
fail (const Stored *link, const char *what, int why, const char *hint, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
               "transport '%s': %s '%s' failed after %" G_GUINT64_FORMAT " bytes: %s; %s",
               link->transport, what, link->name, link->bytes, g_strerror (why), hint);
  return FALSE;
}

gssize
stored_read (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
             GError **error)
{
  Stored *link = data;
  gssize got;

  do {
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return -1;
    got = readv (link->fd, iov, (int) n);
  } while (got < 0 && errno == EINTR);
  if (got < 0)
    fail (link, "reading", errno, "check the disk", error);
  else
    link->bytes += (guint64) got;
  return got;
}

gssize
stored_write (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
              GError **error)
{
  Stored *link = data;
  gssize put;

  do {
    if (g_cancellable_set_error_if_cancelled (cancellable, error))
      return -1;
    put = quiet_writev (link->fd, iov, n);
  } while (put < 0 && errno == EINTR);
  if (put > 0) {
    link->bytes += (guint64) put;
    return put;
  }
  fail (link, "writing", put == 0 ? ENOSPC : errno,
        put < 0 && errno == EFBIG ? "raise the limit of a file's size, or use another place"
                                  : "make room, or use another place",
        error);
  return -1;
}

gboolean
stored_sync (gpointer data, GCancellable *cancellable, GError **error)
{
  Stored *link = data;

  /* A descriptor without a disk behind it has nothing to sync. */
  return fsync (link->fd) == 0 || errno == EINVAL || errno == EROFS ||
         fail (link, "writing", errno, "check the disk, or use another place", error);
}

static gboolean
sync_folder (const Stored *link)
{
  g_autofree char *folder = g_path_get_dirname (link->path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync (fd) == 0;
  int why = errno;

  if (fd >= 0)
    close (fd);
  errno = why;
  return ok;
}

/* Is @name still the file that we write? */
static gboolean
is_ours (const Stored *link, const char *name)
{
  struct stat ours, there;

  return fstat (link->fd, &ours) == 0 && lstat (name, &there) == 0 &&
         ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* The name may or may not survive a crash, so remove it. */
static gboolean
take_back (const Stored *link, int why, GError **error)
{
  gboolean gone = is_ours (link, link->path) && unlink (link->path) == 0 && sync_folder (link);

  g_set_error (error, GDW_ERROR, gone ? GDW_ERROR_IO : GDW_ERROR_IN_DOUBT,
               "transport '%s': writing '%s' failed: its name did not reach the disk: %s; %s",
               link->transport, link->path, g_strerror (why),
               gone ? "use another disk" : "check whether it is there");
  return FALSE;
}

static gboolean
is_not_ours (const Stored *link, const char *name, const char *what, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
               "transport '%s': publishing '%s' failed: another process has %s it; save the "
               "guest again, to a path of its own",
               link->transport, name, what);
  return FALSE;
}

/* Not a byte more or less than we wrote is published. */
static gboolean
check_partial (const Stored *link, GError **error)
{
  struct stat file;

  if (!is_ours (link, link->partial))
    return is_not_ours (link, link->partial, "replaced or removed", error);
  return (fstat (link->fd, &file) == 0 && file.st_size == lseek (link->fd, 0, SEEK_CUR)) ||
         is_not_ours (link, link->partial, "cut or extended", error);
}

/* Gives the file a second name, which nobody else knows.  NULL with errno where the system or
 * the disk cannot. */
static char *
link_by_descriptor (const Stored *link)
{
  g_autofree char *from = g_strdup_printf ("/proc/self/fd/%d", link->fd);

  for (;;) {
    g_autofree char *name = g_strdup_printf ("%s.%08x.partial", link->path, g_random_int ());

    if (linkat (AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
      return g_steal_pointer (&name);
    if (errno != EEXIST)
      return NULL;
  }
}

/* Removes our partial file, but not one that took its name since. */
static void
remove_partial (const Stored *link)
{
  if (is_ours (link, link->partial))
    unlink (link->partial);
}

/* The partial file may become another's between our look and the rename.  So the descriptor
 * gets a name of its own to rename, wherever that works. */
static gboolean
give_name (const Stored *link, GError **error)
{
  g_autofree char *own = link_by_descriptor (link);
  gboolean ok = rename (own ? own : link->partial, link->path) == 0;
  int why = errno;

  if (own)
    unlink (own); /* it is left where the rename failed */
  if (!ok)
    return fail (link, "renaming", why, "check the folder and its rights", error);
  if (!is_ours (link, link->path))
    return is_not_ours (link, link->path, "replaced", error);
  remove_partial (link);
  return TRUE;
}

gboolean
stored_publish (gpointer data, GCancellable *cancellable, GError **error)
{
  Stored *link = data;
  struct stat there;

  if (!stored_sync (link, cancellable, error))
    return FALSE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error) || !check_partial (link, error))
    return FALSE;
  link->replaced = lstat (link->path, &there) == 0;
  if (!give_name (link, error))
    return FALSE;
  g_clear_pointer (&link->partial, g_free);
  return sync_folder (link) || take_back (link, errno, error);
}

char *
stored_remark (gpointer data)
{
  Stored *link = data;

  return link->replaced ? g_strdup_printf ("transport '%s': the file '%s', which was there "
                                           "before, has been replaced",
                                           link->transport, link->path)
                        : NULL;
}

gboolean
stored_cut (Stored *link, GError **error)
{
  off_t end = lseek (link->fd, 0, SEEK_CUR);
  struct stat file;

  return (end >= 0 && fstat (link->fd, &file) == 0 &&
          (file.st_size <= end || ftruncate (link->fd, end) == 0)) ||
         fail (link, "cutting", errno, "give a file that may be made shorter", error);
}

void
stored_close (gpointer data)
{
  Stored *link = data;

  if (link->partial)
    remove_partial (link);
  close (link->fd);
  g_free (link->name);
  g_free (link->path);
  g_free (link->partial);
  g_free (link);
}
