/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A connected, non-blocking stream socket as the link of a transport. */
typedef struct {
  const char *transport; /* for messages: "tcp" */
  char *peer;            /* for messages: "127.0.0.1:7000" */
  int fd, wake;          /* see wait.h */
  pthread_mutex_t lock;  /* held during a write */
  int why; /* the error that broke the connection, as a write got it; under lock */
} Socket;

/* Takes @fd, @wake and @peer. */
Socket *socket_link_new (const char *transport, int fd, int wake, char *peer);

/* Callbacks of a transport. */
gssize socket_read (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                    GError **error);
gssize socket_write (gpointer link, const struct iovec *iov, guint n, GCancellable *cancellable,
                     GError **error);
gboolean socket_shutdown (gpointer link, GError **error);
void socket_close_link (gpointer link);

/* These return 0, an errno, or ECANCELED after the cancellable fired. */

/* Connects the non-blocking @fd; ETIMEDOUT after @timeout_ms (-1 = the system decides). */
int socket_connect (int fd, int wake, const struct sockaddr *address, socklen_t length,
                    int timeout_ms, GCancellable *cancellable);

/* Waits for a peer.  Returns its non-blocking socket and the wake descriptor of its link. */
int socket_accept (int listener, int listener_wake, GCancellable *cancellable, int *fd,
                   int *wake);

/* Returns FALSE with "transport 'x': WHAT failed: WHY; HINT", or the error of the cancellable.
 * If something has run out, the error is GDW_ERROR_EXHAUSTED, with its own hint. */
gboolean socket_fail (const char *transport, const char *what, int why, const char *hint,
                      GCancellable *cancellable, GError **error);
