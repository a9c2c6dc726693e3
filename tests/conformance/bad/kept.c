/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Transports of one way that make the mistake BUG and are right otherwise: PATH.new becomes
 * PATH when it is published. */
#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bugs.h"

typedef struct {
  int fd;
  char *path, *new; /* new: NULL when it is read, or published */
} Kept;

static gpointer
fail (GError **error, const char *what)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
               "transport '%s': %s failed: %s; look at the path", NAME, what,
               g_strerror (errno));
  return NULL;
}

static gpointer
kept_open (const GdwTransportConfig *config, GError **error)
{
  errno = EINVAL;
  return *config->address ? g_strdup (config->address) : fail (error, "open");
}

static gpointer
link_new (const char *path, gboolean write, GError **error)
{
  Kept *kept = g_new0 (Kept, 1);

  kept->path = g_strdup (path);
  kept->new = write ? g_strconcat (path, ".new", NULL) : NULL;
  kept->fd = open (write ? kept->new : path,
                   write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY | O_NONBLOCK, 0600);
  if (kept->fd >= 0)
    return kept;
  g_free (kept->path);
  g_free (kept->new);
  g_free (kept);
  return fail (error, "open of the file");
}

static gboolean
kept_listen (gpointer path, GCancellable *cancellable, GError **error)
{
  int fd = open (path, BUGGY (WAITS_FOR_A_WRITER) ? O_RDONLY : O_RDONLY | O_NONBLOCK);

  if (fd < 0)
    return fail (error, "listen") != NULL;
  close (fd);
  return TRUE;
}

static gpointer
kept_accept (gpointer path, GCancellable *cancellable, GError **error)
{
  return link_new (path, FALSE, error);
}

static gpointer
kept_connect (gpointer path, GCancellable *cancellable, GError **error)
{
  return link_new (path, TRUE, error);
}

static gssize
kept_read (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
           GError **error)
{
  gssize count = readv (((Kept *) link)->fd, iov, (int) n);

  if (count < 0)
    fail (error, "read");
  return count;
}

static gssize
kept_write (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  gssize count = writev (((Kept *) link)->fd, iov, (int) n);

  if (count < 0)
    fail (error, "write");
  return count;
}

static gboolean
kept_sync (gpointer link, GCancellable *cancellable, GError **error)
{
  return fdatasync (((Kept *) link)->fd) == 0 || fail (error, "sync");
}

static gboolean
is_in_its_place (const Kept *kept)
{
  struct stat ours, there;

  errno = ESTALE;
  return fstat (kept->fd, &ours) == 0 && lstat (kept->new, &there) == 0 &&
         ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static gboolean
kept_publish (gpointer link, GCancellable *cancellable, GError **error)
{
  Kept *kept = link;

  if (BUGGY (CUTS_AT_PUBLISH) &&
      ftruncate (kept->fd, lseek (kept->fd, 0, SEEK_CUR) & ~4095) != 0)
    return FALSE;
  if (!BUGGY (PUBLISHES_WHAT_IS_THERE) && !is_in_its_place (kept))
    return fail (error, "publish") != NULL;
  if (fsync (kept->fd) != 0 || rename (kept->new, kept->path) != 0)
    return fail (error, "publish") != NULL;
  g_clear_pointer (&kept->new, g_free);
  return TRUE;
}

static void
kept_close_link (gpointer link)
{
  Kept *kept = link;

  if (kept->new &&BUGGY (PUBLISHES_AT_CLOSE))
    kept_publish (kept, NULL, NULL);
  else if (kept->new && !BUGGY (LEAVES_WHAT_IT_BEGAN))
    unlink (kept->new);
  if (!BUGGY (LEAVES_A_FILE_OPEN))
    close (kept->fd);
  g_free (kept->path);
  g_free (kept->new);
  g_free (kept);
}

GDW_DEFINE_TRANSPORT (.plugin.name = NAME, .plugin.summary = "makes a mistake", .max_links = 1,
                      .open = kept_open, .close = g_free, .listen = kept_listen,
                      .accept = kept_accept, .connect = kept_connect, .read = kept_read,
                      .write = kept_write, .close_link = kept_close_link, .sync = kept_sync,
                      .publish = kept_publish);
