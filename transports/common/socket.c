/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "socket.h"

#include <errno.h>
#include <godwit/error.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "wait.h"

/* Poll cannot wait for room in the queue of a UNIX listener. */
#define CONNECT_RETRY_MS 10

static gboolean
is_exhausted (int why)
{
  return why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS;
}

gboolean
socket_fail (const char *transport, const char *what, int why, const char *hint,
             GCancellable *cancellable, GError **error)
{
  if (why == ECANCELED && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (why == EMFILE || why == ENFILE)
    hint = "raise the limit of open files";
  else if (is_exhausted (why))
    hint = "free some memory";
  g_set_error (error, GDW_ERROR, is_exhausted (why) ? GDW_ERROR_EXHAUSTED : GDW_ERROR_IO,
               "transport '%s': %s failed: %s; %s", transport, what, g_strerror (why), hint);
  return FALSE;
}

int
socket_connect (int fd, int wake, const struct sockaddr *address, socklen_t length,
                int timeout_ms, GCancellable *cancellable)
{
  int why = 0;
  socklen_t size = sizeof why;

  while (connect (fd, address, length) != 0) {
    if (errno == EAGAIN)
      why = wait_sleep (CONNECT_RETRY_MS, cancellable);
    else if (errno == EINPROGRESS || errno == EINTR)
      break;
    else
      why = errno;
    if (why != 0)
      return why;
  }
  why = wait_for (wake, fd, POLLOUT, timeout_ms, cancellable);
  if (why == 0 && getsockopt (fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0)
    why = errno;
  return why;
}

/* The errors of one peer that went away, as accept(2) lists them. */
static gboolean
is_transient (int why)
{
  switch (why) {
  case EINTR:
  case ECONNABORTED:
  case ENETDOWN:
  case EPROTO:
  case ENOPROTOOPT:
  case EHOSTDOWN:
  case ENONET:
  case EHOSTUNREACH:
  case ENETUNREACH:
    return TRUE;
  default:
    return FALSE;
  }
}

/* Make the link's wake descriptor first: a peer for which there is none stays in the backlog.
 */
static int
accept_one (int listener, int *fd, int *wake)
{
  if (*wake < 0)
    *wake = wait_open ();
  if (*wake < 0)
    return errno;
  *fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return *fd < 0 ? errno : 0;
}

int
socket_accept (int listener, int listener_wake, GCancellable *cancellable, int *fd, int *wake)
{
  *wake = -1;
  for (;;) {
    int why = wait_for (listener_wake, listener, POLLIN, -1, cancellable);

    if (why == 0)
      why = accept_one (listener, fd, wake);
    if (why == 0)
      return 0;
    if (why == EAGAIN || is_transient (why))
      continue;
    if (*wake >= 0)
      close (*wake);
    return why;
  }
}

Socket *
socket_link_new (const char *transport, int fd, int wake, char *peer)
{
  Socket *link = g_new0 (Socket, 1);

  link->transport = transport;
  link->fd = fd;
  link->wake = wake;
  link->peer = peer;
  pthread_mutex_init (&link->lock, NULL);
  return link;
}

static gssize
fail (const Socket *link, const char *what, int why, const char *hint,
      GCancellable *cancellable, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%s '%s'", what, link->peer);

  socket_fail (link->transport, text, why, hint, cancellable, error);
  return -1;
}

/* The system reports only once why a connection broke: if a write got the error, a read
 * finds an end.  After the peer has ended the connection a write gets EPIPE, and the end is
 * genuine. */
static int
why_ended (Socket *link)
{
  int why;

  pthread_mutex_lock (&link->lock);
  why = link->why == EPIPE ? 0 : link->why;
  pthread_mutex_unlock (&link->lock);
  return why;
}

static gssize
try_write (Socket *link, const struct msghdr *message, int *why)
{
  gssize count;

  pthread_mutex_lock (&link->lock);
  /* sendmsg, not writev, which raises SIGPIPE in a VMM that may not expect it. */
  count = sendmsg (link->fd, message, MSG_NOSIGNAL);
  *why = count < 0 ? errno : 0;
  if (*why != 0 && *why != EAGAIN && *why != EINTR)
    link->why = *why;
  pthread_mutex_unlock (&link->lock);
  return count;
}

gssize
socket_read (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
             GError **error)
{
  Socket *link = data;

  for (;;) {
    gssize count = readv (link->fd, iov, (int) MIN (n, IOV_MAX));
    int why = count < 0 ? errno : count == 0 ? why_ended (link) : 0;

    if (why == 0)
      return count;
    if (why == EAGAIN)
      why = wait_for (link->wake, link->fd, POLLIN, -1, cancellable);
    if (why != 0 && why != EINTR)
      return fail (link, "read from", why, "the peer died or the network is down", cancellable,
                   error);
  }
}

gssize
socket_write (gpointer data, const struct iovec *iov, guint n, GCancellable *cancellable,
              GError **error)
{
  Socket *link = data;
  struct msghdr message = { .msg_iov = (struct iovec *) iov, .msg_iovlen = MIN (n, IOV_MAX) };

  for (;;) {
    int why;
    gssize count = try_write (link, &message, &why);

    if (count >= 0)
      return count;
    if (why == EAGAIN)
      why = wait_for (link->wake, link->fd, POLLOUT, -1, cancellable);
    if (why != 0 && why != EINTR)
      return fail (link, "write to", why, "the peer died or the network is down", cancellable,
                   error);
  }
}

gboolean
socket_shutdown (gpointer data, GError **error)
{
  Socket *link = data;

  if (shutdown (link->fd, SHUT_WR) == 0 || errno == ENOTCONN)
    return TRUE;
  fail (link, "shutdown of", errno, "close the link", NULL, error);
  return FALSE;
}

void
socket_close_link (gpointer data)
{
  Socket *link = data;

  close (link->fd);
  close (link->wake);
  pthread_mutex_destroy (&link->lock);
  g_free (link->peer);
  g_free (link);
}
