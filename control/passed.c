/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/passed.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's SCM_MAX_FD: the most descriptors in one message. */
#define KERNEL_MAX 253

/* Without room for descriptors the kernel reports that there are some, and keeps them. */
static gssize
peek (int socket, char *bytes, gsize size, gboolean *carries)
{
  struct iovec iov = { bytes, size };
  struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
  gssize n = recvmsg (socket, &msg, MSG_PEEK | MSG_DONTWAIT);

  *carries = n > 0 && (msg.msg_flags & MSG_CTRUNC);
  return n;
}

static void
lose (GdwControlPassed *passed, const char *why)
{
  gdw_control_passed_close (passed);
  passed->lost = why;
}

static void
add (GdwControlPassed *passed, int fd)
{
  if (!passed->lost && passed->n < GDW_CONTROL_PASSED_MAX) {
    passed->fds[passed->n++] = fd;
    return;
  }
  close (fd);
  if (!passed->lost)
    lose (passed, "qmp: the command is refused: more than 16 descriptors came along with it; "
                  "send fewer");
}

/* Returns FALSE if there were none. */
static gboolean
add_all (GdwControlPassed *passed, struct msghdr *msg)
{
  gboolean any = msg->msg_flags & MSG_CTRUNC;

  for (struct cmsghdr *c = CMSG_FIRSTHDR (msg); c; c = CMSG_NXTHDR (msg, c)) {
    gsize n = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);

    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    for (gsize i = 0; i < n; i++) {
      int fd;

      memcpy (&fd, CMSG_DATA (c) + i * sizeof fd, sizeof fd);
      add (passed, fd);
      any = TRUE;
    }
  }
  if (msg->msg_flags & MSG_CTRUNC)
    lose (passed, "qmp: the command is refused: a descriptor that came along with it is lost: "
                  "this process has too many open; close some, or raise its limit (ulimit -n)");
  return any;
}

/* The kernel joins messages without descriptors with the next one that has some, and does not
 * say where it begins: bytes are received singly up to that point. */
gssize
gdw_control_passed_receive (GdwControlPassed *passed, gboolean *near, int socket, char *bytes,
                            gsize size)
{
  _Alignas(struct cmsghdr) char control[CMSG_SPACE (KERNEL_MAX * sizeof (int))];
  struct iovec iov = { bytes, 1 };
  struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
  gssize n = *near ? 1 : peek (socket, bytes, size, near);

  if (n <= 0)
    return n;
  if (!*near)
    return recv (socket, bytes, (gsize) n, MSG_DONTWAIT);
  msg.msg_control = control;
  msg.msg_controllen = sizeof control;
  n = recvmsg (socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  *near = n > 0 && !add_all (passed, &msg);
  return n;
}

int
gdw_control_passed_take (GdwControlPassed *passed)
{
  int fd;

  if (!passed->n)
    return -1;
  fd = passed->fds[0];
  memmove (passed->fds, passed->fds + 1, --passed->n * sizeof fd);
  return fd;
}

void
gdw_control_passed_close (GdwControlPassed *passed)
{
  for (guint i = 0; i < passed->n; i++)
    close (passed->fds[i]);
  *passed = (GdwControlPassed){ 0 };
}
