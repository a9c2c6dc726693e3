/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "transports/common/socket.h"
#include "transports/common/wait.h"

#define LOCK_RETRY_MS 10
#define LOCK_TRIES 100

enum { OPTION_PEER_UID, OPTION_LITERAL };

typedef struct {
  char *address;  /* as typed: the path, or @NAME */
  uid_t peer_uid; /* may be the peer besides this user and root */
  struct sockaddr_un name;
  socklen_t length;
  int listener, wake; /* or -1 */
  dev_t dev;          /* of the socket file that is ours, */
  ino_t ino;          /* or 0 */
} Unix;

static gboolean
is_abstract (const Unix *self)
{
  return self->address[0] == '@';
}

static gpointer
unix_open (const GdwTransportConfig *config, GError **error)
{
  gsize room = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1, length;
  gboolean marked = config->address[0] == '@';
  gboolean abstract = marked && !config->options[OPTION_LITERAL].number;
  const char *name = config->address + abstract;
  Unix *self;

  length = strlen (name);
  if (length < 1 || length > room) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "transport 'unix': open of address '%s' failed: a path has 1 to %zu "
                 "bytes, this one %zu; give PATH or @NAME",
                 config->address, room, length);
    return NULL;
  }
  self = g_new0 (Unix, 1);
  self->listener = self->wake = -1;
  self->address = g_strconcat (marked && !abstract ? "./" : "", config->address, NULL);
  self->peer_uid = (uid_t) config->options[OPTION_PEER_UID].number;
  self->name.sun_family = AF_UNIX;
  memcpy (self->name.sun_path + abstract, name, length);
  /* A path ends with a zero byte, an abstract name begins with one. */
  self->length = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length + 1);
  return self;
}

static gboolean
fail (Unix *self, const char *what, int why, const char *hint, GCancellable *cancellable,
      GError **error)
{
  g_autofree char *text = g_strdup_printf ("%s '%s'", what, self->address);

  return socket_fail ("unix", text, why, hint, cancellable, error);
}

static int
new_socket (void)
{
  return socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int
try_bind (Unix *self)
{
  return bind (self->listener, (struct sockaddr *) &self->name, self->length) == 0 ? 0 : errno;
}

/* Locks the folder, so that one of two listeners has the path and the other finds it taken. -1
 * with errno. */
static int
lock_folder (Unix *self, GCancellable *cancellable)
{
  g_autofree char *folder = g_path_get_dirname (self->address);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int why = 0;

  for (guint i = 0; fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0; i++) {
    why = i < LOCK_TRIES ? wait_sleep (LOCK_RETRY_MS, cancellable) : EWOULDBLOCK;
    if (why != 0) {
      close (fd);
      errno = why;
      return -1;
    }
  }
  return fd;
}

/* Only a socket that refuses connections counts as stale. */
static int
remove_stale (Unix *self)
{
  struct stat st;
  int probe, why = 0;

  if (lstat (self->address, &st) != 0)
    return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK (st.st_mode))
    return S_ISDIR (st.st_mode) ? EISDIR : EEXIST;
  probe = new_socket ();
  if (probe < 0)
    return errno;
  if (connect (probe, (struct sockaddr *) &self->name, self->length) == 0 || errno == EAGAIN)
    why = EADDRINUSE;
  else if (errno != ECONNREFUSED)
    why = errno;
  close (probe);
  if (why == 0 && unlink (self->address) != 0)
    why = errno;
  return why;
}

static int
bind_and_listen (Unix *self)
{
  int why = try_bind (self);
  struct stat st;

  if (why == EADDRINUSE && !is_abstract (self)) {
    why = remove_stale (self);
    if (why == 0)
      why = try_bind (self);
  }
  if (why == 0 && !is_abstract (self) && lstat (self->address, &st) == 0) {
    self->dev = st.st_dev;
    self->ino = st.st_ino;
  }
  if (why == 0 && listen (self->listener, SOMAXCONN) != 0)
    why = errno;
  return why;
}

/* A socket looks stale between bind and listen, too. */
static int
listen_locked (Unix *self, GCancellable *cancellable)
{
  int lock = lock_folder (self, cancellable);
  int why;

  if (lock < 0)
    return errno;
  why = bind_and_listen (self);
  close (lock);
  return why;
}

/* Returns the remedy for a failed listen. */
static const char *
listen_hint (int why)
{
  switch (why) {
  case EADDRINUSE:
    return "another process listens there";
  case EEXIST:
    return "the file is not a socket; choose another path";
  case EISDIR:
    return "give the path of a socket in this folder";
  case ENOENT:
  case ENOTDIR:
    return "make the folder first";
  case EACCES:
  case EPERM:
  case EROFS:
    return "this user must be allowed to read the folder and to write to it";
  case EWOULDBLOCK:
    return "another process holds the lock of the folder";
  default:
    return "choose another path";
  }
}

static const char *
connect_hint (int why)
{
  return why == EACCES || why == EPERM ? "run both sides as the same user or as root"
                                       : "check that the destination listens there";
}

static gboolean
unix_listen (gpointer data, GCancellable *cancellable, GError **error)
{
  Unix *self = data;
  int why;

  self->listener = new_socket ();
  if (self->listener >= 0)
    self->wake = wait_open ();
  if (self->wake < 0)
    return fail (self, "listen at", errno, "check the limits of this process", NULL, error);
  /* Linux makes the socket file with the mode of the socket, so it is never open to others.  Do
   * not use the umask: it belongs to the whole process. */
  if (fchmod (self->listener, 0600) != 0)
    why = errno;
  else if (is_abstract (self))
    why = bind_and_listen (self);
  else
    why = listen_locked (self, cancellable);
  if (why == 0)
    return TRUE;
  return fail (self, "listen at", why, listen_hint (why), cancellable, error);
}

static void
unix_close (gpointer data)
{
  Unix *self = data;
  struct stat st;

  if (self->ino != 0 && lstat (self->address, &st) == 0 && st.st_dev == self->dev &&
      st.st_ino == self->ino)
    unlink (self->address);
  if (self->listener >= 0)
    close (self->listener);
  if (self->wake >= 0)
    close (self->wake);
  g_free (self->address);
  g_free (self);
}

static gboolean
peer_is_trusted (const Unix *self, int fd, uid_t *uid)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  *uid = (uid_t) -1;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return FALSE;
  *uid = peer.uid;
  return peer.uid == 0 || peer.uid == geteuid () || peer.uid == self->peer_uid;
}

static gpointer
unix_accept (gpointer data, GCancellable *cancellable, GError **error)
{
  Unix *self = data;

  for (;;) {
    uid_t uid;
    int fd = -1, wake = -1;
    int why = socket_accept (self->listener, self->wake, cancellable, &fd, &wake);

    if (why != 0) {
      fail (self, "accept at", why, "check the limits of this process", cancellable, error);
      return NULL;
    }
    if (peer_is_trusted (self, fd, &uid))
      return socket_link_new ("unix", fd, wake, g_strdup (self->address));
    /* A refused peer costs only its own connection. */
    close (fd);
    close (wake);
  }
}

static gpointer
unix_connect (gpointer data, GCancellable *cancellable, GError **error)
{
  Unix *self = data;
  int fd = new_socket ();
  int wake = fd < 0 ? -1 : wait_open ();
  int why = wake < 0 ? errno
                     : socket_connect (fd, wake, (struct sockaddr *) &self->name, self->length,
                                       -1, cancellable);
  uid_t uid;

  if (why != 0) {
    fail (self, "connect to", why, connect_hint (why), cancellable, error);
  } else if (!peer_is_trusted (self, fd, &uid)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_PEER,
                 "transport 'unix': connect to '%s' failed: the process there runs as user %u; "
                 "run both sides as the same user or as root, or allow it with peer-uid",
                 self->address, (guint) uid);
  } else {
    return socket_link_new ("unix", fd, wake, g_strdup (self->address));
  }
  if (fd >= 0)
    close (fd);
  if (wake >= 0)
    close (wake);
  return NULL;
}

static char *
unix_local_address (gpointer data)
{
  Unix *self = data;

  return g_strdup (self->address);
}

static const GdwOption unix_options[] = {
  [OPTION_PEER_UID] = { .name = "peer-uid",
                        .type = GDW_OPTION_UINT,
                        .default_value = "0",
                        .max = G_MAXUINT32 - 1,
                        .help = "number of a user, besides this one and root, that may be the "
                                "peer" },
  [OPTION_LITERAL] = { .name = "literal",
                       .type = GDW_OPTION_BOOL,
                       .default_value = "off",
                       .help = "the address is a path, also where it begins with an @" },
  { 0 },
};

GDW_DEFINE_TRANSPORT (.plugin.name = "unix",
                      .plugin.summary = "UNIX sockets between processes of one host",
                      .plugin.options = unix_options,
                      .traits = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_SAME_HOST,
                      .max_links = 255, .open = unix_open, .close = unix_close,
                      .listen = unix_listen, .accept = unix_accept, .connect = unix_connect,
                      .read = socket_read, .write = socket_write,
                      .close_link = socket_close_link, .shutdown = socket_shutdown,
                      .local_address = unix_local_address);
