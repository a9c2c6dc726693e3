/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* An open file descriptor: a connected or a listening socket, a pipe, a file. */

#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "transports/common/quiet.h"
#include "transports/common/socket.h"
#include "transports/common/stored.h"
#include "transports/common/wait.h"

typedef struct {
  int fd;   /* a copy of the descriptor that the address names; the owner closes that one */
  int wake; /* its wake descriptor; see wait.h */
  char *address;
  mode_t type;
  gboolean listens, used;
} Fd;

/* A link that is not a file on a disk. */
typedef struct {
  Stored stored; /* must be first */
  int wake;
  gboolean socket, file;
} FdLink;

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (const char *address, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list values;

  va_start (values, format);
  text = g_strdup_vprintf (format, values);
  va_end (values);
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "transport 'fd': open of address '%s' failed: %s", address, text);
  return FALSE;
}

static gboolean
check_type (Fd *self, GError **error)
{
  struct stat stat;
  int listens = 0;
  socklen_t size = sizeof listens;

  if (fstat (self->fd, &stat) != 0)
    return refuse (self->address, error, "%s; open it first, or send it with getfd",
                   g_strerror (errno));
  self->type = stat.st_mode & S_IFMT;
  if (self->type != S_IFSOCK && self->type != S_IFIFO && self->type != S_IFREG)
    return refuse (self->address, error, "it is not a socket, pipe or file; use one of them");
  if (fcntl (self->fd, F_GETFL) & O_DIRECT)
    return refuse (self->address, error, "it was opened with O_DIRECT; open it without");
  if (self->type == S_IFSOCK &&
      getsockopt (self->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0)
    self->listens = listens;
  return TRUE;
}

static void
fail_to_copy (const Fd *self, int why, GError **error)
{
  g_autofree char *what = g_strdup_printf ("open of address '%s'", self->address);

  socket_fail ("fd", what, why, "check the descriptor", NULL, error);
}

static gpointer
fd_open (const GdwTransportConfig *config, GError **error)
{
  Fd *self;
  guint64 number;

  if (!g_ascii_string_to_unsigned (config->address, 10, 0, G_MAXINT, &number, NULL)) {
    refuse (config->address, error,
            "there is no descriptor of that name; send it with getfd, or write its number");
    return NULL;
  }
  self = g_new0 (Fd, 1);
  self->fd = (int) number;
  self->address = g_strdup (config->address);
  if (check_type (self, error)) {
    self->fd = fcntl (self->fd, F_DUPFD_CLOEXEC, 0);
    self->wake = self->fd < 0 ? -1 : wait_open ();
    if (self->wake >= 0)
      return self;
    fail_to_copy (self, errno, error);
    if (self->fd >= 0)
      close (self->fd);
  }
  g_free (self->address);
  g_free (self);
  return NULL;
}

static void
fd_close (gpointer data)
{
  Fd *self = data;

  if (self->fd >= 0)
    close (self->fd);
  if (self->wake >= 0)
    close (self->wake);
  g_free (self->address);
  g_free (self);
}

static guint32
fd_address_traits (gpointer data)
{
  const Fd *self = data;

  return (self->type == S_IFSOCK ? GDW_TRANSPORT_TWO_WAY : 0) |
         (self->listens ? 0 : GDW_TRANSPORT_ONE_PEER);
}

/* @mode: the access that the link needs, O_RDONLY or O_WRONLY. */
static gboolean
check_direction (Fd *self, int mode, GError **error)
{
  int flags = fcntl (self->fd, F_GETFL);

  if (flags >= 0 && ((flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == mode))
    return TRUE;
  return refuse (self->address, error, "it cannot be %s; use the other end",
                 mode == O_RDONLY ? "read" : "written");
}

static FdLink *
link_new (Fd *self, int fd, int wake)
{
  FdLink *link = g_new0 (FdLink, 1);

  link->stored = (Stored){ .transport = "fd", .fd = fd, .name = g_strdup (self->address) };
  link->wake = wake;
  link->socket = self->type == S_IFSOCK;
  link->file = self->type == S_IFREG;
  if (!link->file)
    fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  return link;
}

/* The descriptor is one link; there is no second.  Keep no copy, or the other end would not see
 * that the link is closed. */
static gpointer
take (Fd *self)
{
  FdLink *link = link_new (self, self->fd, self->wake);

  self->fd = self->wake = -1;
  self->used = TRUE;
  return link;
}

static gboolean
fd_listen (gpointer data, GCancellable *cancellable, GError **error)
{
  return check_direction (data, O_RDONLY, error);
}

static gpointer
fd_accept (gpointer data, GCancellable *cancellable, GError **error)
{
  Fd *self = data;
  int fd = -1, wake = -1, why;

  if (!self->listens && !self->used)
    return take (self);
  if (!self->listens) {
    wait_sleep (-1, cancellable);
    g_cancellable_set_error_if_cancelled (cancellable, error);
    return NULL;
  }
  fcntl (self->fd, F_SETFL, fcntl (self->fd, F_GETFL) | O_NONBLOCK);
  why = socket_accept (self->fd, self->wake, cancellable, &fd, &wake);
  if (why == 0)
    return link_new (self, fd, wake);
  socket_fail ("fd", "accepting", why, "check the descriptor", cancellable, error);
  return NULL;
}

static gpointer
fd_connect (gpointer data, GCancellable *cancellable, GError **error)
{
  Fd *self = data;

  if (self->used || self->listens) {
    refuse (self->address, error,
            self->listens ? "it is a listening socket; give a connected one"
                          : "it is one link, which is in use; give another descriptor");
    return NULL;
  }
  return check_direction (self, O_WRONLY, error) ? take (self) : NULL;
}

/* Returns TRUE to try again, or FALSE with the error set. */
static gboolean
again (FdLink *link, short events, const char *what, GCancellable *cancellable, GError **error)
{
  int why = errno;

  if (why == EINTR)
    return TRUE;
  if (why == EAGAIN)
    why = wait_for (link->wake, link->stored.fd, events, -1, cancellable);
  return why == 0 || socket_fail ("fd", what, why, "look at the other end", cancellable, error);
}

static gssize
fd_read (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
         GError **error)
{
  FdLink *link = data;
  gssize got;

  if (link->file)
    return stored_read (link, iov, n, cancellable, error);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  while ((got = readv (link->stored.fd, iov, (int) n)) < 0)
    if (!again (link, POLLIN, "reading", cancellable, error))
      return -1;
  return got;
}

static gssize
put (FdLink *link, const struct iovec *iov, guint n)
{
  struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = n };

  return link->socket ? sendmsg (link->stored.fd, &message, MSG_NOSIGNAL)
                      : quiet_writev (link->stored.fd, iov, n);
}

static gssize
fd_write (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
          GError **error)
{
  FdLink *link = data;
  gssize done;

  if (link->file)
    return stored_write (link, iov, n, cancellable, error);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  while ((done = put (link, iov, n)) < 0)
    if (!again (link, POLLOUT, "writing", cancellable, error))
      return -1;
  return done;
}

static gboolean
fd_shutdown (gpointer data, GError **error)
{
  FdLink *link = data;

  if (link->socket)
    shutdown (link->stored.fd, SHUT_WR);
  return TRUE;
}

static void
fd_close_link (gpointer data)
{
  close (((FdLink *) data)->wake);
  stored_close (data);
}

static gboolean
fd_sync (gpointer data, GCancellable *cancellable, GError **error)
{
  FdLink *link = data;

  return !link->file ||
         (stored_cut (&link->stored, error) && stored_sync (data, cancellable, error));
}

GDW_DEFINE_TRANSPORT (.plugin.name = "fd", .plugin.summary = "an open socket, pipe or file",
                      .traits = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_ONE_PEER, .max_links = 1,
                      .open = fd_open, .close = fd_close, .listen = fd_listen,
                      .accept = fd_accept, .connect = fd_connect, .read = fd_read,
                      .write = fd_write, .close_link = fd_close_link, .shutdown = fd_shutdown,
                      .sync = fd_sync, .address_traits = fd_address_traits);
