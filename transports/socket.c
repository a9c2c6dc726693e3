/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "socket.h"

#include <errno.h>
#include <godwit/error.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* Where there is no fd left to be woken by. */
#define WAIT_SLICE_MS 50
/* A full queue of a UNIX listener cannot be polled for. */
#define CONNECT_RETRY_MS 10

gboolean
socket_fail (const char *transport, const char *what, int why, const char *hint,
             GCancellable *cancellable, GError **error)
{
  if (why == ECANCELED && g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_IO, "transport '%s': %s failed: %s; %s", transport,
               what, g_strerror (why), hint);
  return FALSE;
}

int
socket_wait (int fd, short events, int timeout_ms, GCancellable *cancellable)
{
  GPollFD fds[2] = { { .fd = fd, .events = (gushort) events } };
  gboolean wakes = cancellable && g_cancellable_make_pollfd (cancellable, &fds[1]);
  gint64 end = g_get_monotonic_time () + timeout_ms * (gint64) 1000;
  int result = -1;

  while (result == -1) {
    int left = timeout_ms < 0 ? -1
                              : (int) MAX (0, (end - g_get_monotonic_time () + 999) / 1000);
    int slice = cancellable && !wakes && (left < 0 || left > WAIT_SLICE_MS) ? WAIT_SLICE_MS
                                                                            : left;

    if (g_cancellable_is_cancelled (cancellable))
      result = ECANCELED;
    else if (g_poll (fds, wakes ? 2 : 1, slice) < 0)
      result = errno == EINTR ? -1 : errno;
    else if (fds[0].revents != 0)
      result = 0;
    else if (timeout_ms >= 0 && g_get_monotonic_time () >= end)
      result = ETIMEDOUT;
  }
  if (wakes)
    g_cancellable_release_fd (cancellable);
  return result;
}

int
socket_sleep (int ms, GCancellable *cancellable)
{
  int why = socket_wait (-1, 0, ms, cancellable);

  return why == ETIMEDOUT ? 0 : why;
}

int
socket_connect (int fd, const struct sockaddr *address, socklen_t length, int timeout_ms,
                GCancellable *cancellable)
{
  int why = 0;
  socklen_t size = sizeof why;

  while (connect (fd, address, length) != 0) {
    if (errno == EAGAIN)
      why = socket_sleep (CONNECT_RETRY_MS, cancellable);
    else if (errno == EINPROGRESS || errno == EINTR)
      break;
    else
      why = errno;
    if (why != 0)
      return why;
  }
  why = socket_wait (fd, POLLOUT, timeout_ms, cancellable);
  if (why == 0 && getsockopt (fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0)
    why = errno;
  return why;
}

/* Errors of one peer that went away, as accept(2) lists them. */
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

int
socket_accept (int listener, GCancellable *cancellable, int *fd)
{
  for (;;) {
    int why = 0;

    *fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd >= 0)
      return 0;
    if (errno == EAGAIN)
      why = socket_wait (listener, POLLIN, -1, cancellable);
    else if (!is_transient (errno))
      why = errno;
    if (why != 0)
      return why;
  }
}

Socket *
socket_link_new (const char *transport, int fd, char *peer)
{
  Socket *link = g_new0 (Socket, 1);

  link->transport = transport;
  link->fd = fd;
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

/* The system says only once why a connection broke: where a write was told, a read finds an
 * end.  After the peer has ended the connection a write is told EPIPE, and the end is true. */
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
  /* Not writev: it raises SIGPIPE in a VMM that may not expect it. */
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
      why = socket_wait (link->fd, POLLIN, -1, cancellable);
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
      why = socket_wait (link->fd, POLLOUT, -1, cancellable);
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
  pthread_mutex_destroy (&link->lock);
  g_free (link->peer);
  g_free (link);
}
