/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* A small transport over UNIX sockets that the suite uses below a filter.  A program that
 * includes it with mistakes defines BUGGY, BugState and BUG_CALLS, a header with the
 * mistakes. */

#include <errno.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef BUGGY
#define BUGGY(name) 0
#endif

#ifndef LOCAL_NAME
#define LOCAL_NAME "local"
#endif

#define LOCAL_WAIT_MS 50

typedef struct {
  struct sockaddr_un name;
  int listener; /* or -1 */
  gboolean bound;
} Local;

typedef struct {
  int fd;
  char *peer;
#ifdef BUG_CALLS
  BugState bug;
#endif
} LocalLink;

#ifdef BUG_CALLS
#include BUG_CALLS
#endif

static gboolean
local_fail (const char *what, int why, GCancellable *cancellable, GError **error)
{
  if (why == ECANCELED && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (BUGGY (FAILS_WITHOUT_AN_ERROR))
    return FALSE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO, "%s%s failed: %s; look at the peer",
               BUGGY (ERRORS_WITHOUT_A_NAME) ? "" : "transport '" LOCAL_NAME "': ", what,
               g_strerror (why));
  return FALSE;
}

/* Returns 0 once @events are ready, ECANCELED, or an errno. */
static int
local_wait (int fd, short events, GCancellable *cancellable)
{
  struct pollfd poller = { fd, events, 0 };

  for (;;) {
    int n;

    if (g_cancellable_is_cancelled (cancellable))
      return ECANCELED;
    if (BUGGY (BURNS_THE_CPU))
      return 0;
    n = poll (&poller, 1, LOCAL_WAIT_MS);
    if (n < 0 && (errno != EINTR || BUGGY (EINTR_IS_AN_ERROR)))
      return errno;
    if (n > 0)
      return 0;
  }
}

static gpointer
local_open (const GdwTransportConfig *config, GError **error)
{
  Local *self;

  if (!*config->address || strlen (config->address) >= sizeof self->name.sun_path) {
    local_fail ("open: a path has 1 to 107 bytes, else it", EINVAL, NULL, error);
    return NULL;
  }
  self = g_new0 (Local, 1);
  self->listener = -1;
  self->name.sun_family = AF_UNIX;
  strcpy (self->name.sun_path, config->address);
  return self;
}

static void
local_close (gpointer data)
{
  Local *self = data;

  if (self->bound && !BUGGY (LEAVES_A_FILE))
    unlink (self->name.sun_path);
  if (self->listener >= 0)
    close (self->listener);
  g_free (self);
}

static gboolean
local_listen (gpointer data, GCancellable *cancellable, GError **error)
{
  Local *self = data;

  if (BUGGY (STEALS_A_LISTENER))
    unlink (self->name.sun_path);
  self->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  self->bound = self->listener >= 0 &&
                bind (self->listener, (struct sockaddr *) &self->name, sizeof self->name) == 0;
  if (self->bound && listen (self->listener, 64) == 0)
    return TRUE;
  return local_fail ("listen", errno, cancellable, error);
}

static gpointer
local_link_new (const Local *self, int fd)
{
  LocalLink *link = g_new0 (LocalLink, 1);

  link->fd = fd;
  link->peer = g_strdup (self->name.sun_path);
#ifdef BUG_CALLS
  bug_link_new (link);
#endif
  return link;
}

static gpointer
local_accept (gpointer data, GCancellable *cancellable, GError **error)
{
  Local *self = data;
  int fd, why = 0;

  while ((fd = accept4 (self->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
    if (errno == EAGAIN)
      why = local_wait (self->listener, POLLIN,
                        BUGGY (ACCEPT_CANNOT_BE_CANCELLED) ? NULL : cancellable);
    else if (errno != EINTR)
      why = errno;
    if (why != 0) {
      local_fail ("accept", why, cancellable, error);
      return NULL;
    }
  }
#ifdef BUG_CALLS
  bug_accepted (error);
#endif
  return local_link_new (self, fd);
}

static gpointer
local_connect (gpointer data, GCancellable *cancellable, GError **error)
{
  Local *self = data;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), why = 0;

  while (why == 0 && connect (fd, (struct sockaddr *) &self->name, sizeof self->name) != 0) {
    if (errno == EAGAIN || (errno == ECONNREFUSED && BUGGY (WAITS_FOR_A_LISTENER)))
      why = local_wait (-1, 0, cancellable);
    else if (errno == ENOENT && BUGGY (WAITS_FOR_A_LISTENER))
      g_usleep (1000);
    else if (errno != EINTR)
      why = errno;
  }
  if (why == 0)
    return local_link_new (self, BUGGY (LEAKS_AN_FD) ? dup (fd) : fd);
  close (fd);
  local_fail ("connect", why, cancellable, error);
  return NULL;
}

static gssize
local_read (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
            GError **error)
{
  LocalLink *link = data;

  for (;;) {
#ifdef BUG_CALLS
    gssize count = bug_readv (link, iov, n, cancellable);
#else
    gssize count = readv (link->fd, iov, (int) n);
#endif
    int why = 0;

    if (count >= 0)
      return count;
    if (errno == EAGAIN)
      why = local_wait (link->fd, POLLIN,
                        BUGGY (READ_CANNOT_BE_CANCELLED) ? NULL : cancellable);
    else if (errno != EINTR || BUGGY (EINTR_IS_AN_ERROR))
      why = errno;
    if (why != 0) {
      local_fail ("read", why, cancellable, error);
      return BUGGY (ERROR_WITHOUT_MINUS_1) ? 0 : -1;
    }
  }
}

static gssize
local_sendv (LocalLink *link, const struct iovec *iov, guint n)
{
  struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = n };

  return sendmsg (link->fd, &message, BUGGY (RAISES_SIGPIPE) ? 0 : MSG_NOSIGNAL);
}

static gssize
local_write (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
             GError **error)
{
  LocalLink *link = data;

  for (;;) {
#ifdef BUG_CALLS
    gssize count = bug_sendv (link, iov, n, local_sendv);
#else
    gssize count = local_sendv (link, iov, n);
#endif
    int why = 0;

    if (count >= 0)
      return count;
    if (errno == EAGAIN && BUGGY (GIVES_0_INSTEAD_OF_WAITING))
      return 0;
    if (errno == EAGAIN || (errno == EPIPE && BUGGY (RETRIES_A_DEAD_PEER)))
      why = local_wait (link->fd, POLLOUT,
                        BUGGY (WRITE_CANNOT_BE_CANCELLED) ? NULL : cancellable);
    else if (errno != EINTR || BUGGY (EINTR_IS_AN_ERROR))
      why = errno;
    if (why != 0) {
      local_fail ("write", why, cancellable, error);
      return -1;
    }
  }
}

static gboolean
local_shutdown (gpointer data, GError **error)
{
  LocalLink *link = data;

#ifdef BUG_CALLS
  bug_flush (link, BUG_AT_SHUTDOWN, local_sendv);
#endif
  if (shutdown (link->fd, BUGGY (SHUTS_BOTH_WAYS) ? SHUT_RDWR : SHUT_WR) == 0 ||
      errno == ENOTCONN)
    return TRUE;
  return local_fail ("shutdown", errno, NULL, error);
}

static void
local_close_link (gpointer data)
{
  LocalLink *link = data;

#ifdef BUG_CALLS
  bug_flush (link, BUG_AT_CLOSE, local_sendv);
#endif
  close (link->fd);
  if (!BUGGY (LEAKS_MEMORY))
    g_free (link->peer);
  g_free (link);
}

static char *
local_local_address (gpointer data)
{
  Local *self = data;

  if (BUGGY (GIVES_AN_UNREAL_ADDRESS))
    return g_path_get_dirname (self->name.sun_path);
  return g_strdup (self->name.sun_path);
}

#define LOCAL_CALLBACKS                                                                        \
  .traits = GDW_TRANSPORT_TWO_WAY | GDW_TRANSPORT_SAME_HOST, .max_links = 255,                 \
  .open = local_open, .close = local_close, .listen = local_listen, .accept = local_accept,    \
  .connect = local_connect, .read = local_read, .write = local_write,                          \
  .close_link = local_close_link, .shutdown = local_shutdown,                                  \
  .local_address = local_local_address
