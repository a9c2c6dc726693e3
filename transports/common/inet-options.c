/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "inet.h"
#include "socket.h"

#define DEAD_AFTER_MAX_MS 3600000

const GdwOption inet_options[] = {
  [INET_SNDBUF] = { .name = "sndbuf",
                    .type = GDW_OPTION_SIZE,
                    .default_value = "0",
                    .max = INT_MAX,
                    .help = "bytes of the send buffer, 0 = the system decides" },
  [INET_RCVBUF] = { .name = "rcvbuf",
                    .type = GDW_OPTION_SIZE,
                    .default_value = "0",
                    .max = INT_MAX,
                    .help = "bytes of the receive buffer, 0 = the system decides" },
  [INET_CONGESTION] = { .name = "congestion",
                        .type = GDW_OPTION_STRING,
                        .help = "congestion control, such as bbr; default: the system's" },
  [INET_DEAD_AFTER] = { .name = "dead-after",
                        .type = GDW_OPTION_UINT,
                        .default_value = "30000",
                        .max = DEAD_AFTER_MAX_MS,
                        .help = "ms without a sign of the peer's system until the socket "
                                "fails, 0 = the system decides" },
  [INET_IPV4] = { .name = "ipv4",
                  .type = GDW_OPTION_BOOL,
                  .default_value = "on",
                  .help = "use IPv4" },
  [INET_IPV6] = { .name = "ipv6",
                  .type = GDW_OPTION_BOOL,
                  .default_value = "on",
                  .help = "use IPv6" },
  [INET_HOST] = { .name = "host",
                  .type = GDW_OPTION_STRING,
                  .help = "with port, in place of HOST:PORT: the host, without brackets" },
  [INET_PORT] = { .name = "port",
                  .type = GDW_OPTION_STRING,
                  .help = "the port, in place of the one in HOST:PORT" },
  { 0 },
};

typedef struct {
  int level, name, value;
} Setting;

static gboolean
apply (const char *transport, guint option, int fd, const Setting *settings, guint n,
       GError **error)
{
  g_autofree char *what = g_strdup_printf ("option '%s'", inet_options[option].name);

  for (guint i = 0; i < n; i++)
    if (setsockopt (fd, settings[i].level, settings[i].name, &settings[i].value,
                    sizeof settings[i].value) != 0)
      return socket_fail (transport, what, errno, "leave it out", NULL, error);
  return TRUE;
}

static gboolean
apply_size (const char *transport, const GdwValue *options, guint option, int name, int fd,
            GError **error)
{
  const Setting size = { SOL_SOCKET, name, (int) MIN (options[option].number, INT_MAX) };

  return size.value == 0 || apply (transport, option, fd, &size, 1, error);
}

/* The user timeout ends a connection whose bytes nobody acknowledges.  Three probes, from half
 * of the time on, end an idle one. */
static gboolean
apply_dead_after (const char *transport, const GdwValue *options, int fd, GError **error)
{
  int ms = (int) MIN (options[INET_DEAD_AFTER].number, DEAD_AFTER_MAX_MS);
  const Setting settings[] = {
    { SOL_SOCKET, SO_KEEPALIVE, 1 },
    { IPPROTO_TCP, TCP_USER_TIMEOUT, ms },
    { IPPROTO_TCP, TCP_KEEPIDLE, MAX (1, ms / 2000) },
    { IPPROTO_TCP, TCP_KEEPINTVL, MAX (1, ms / 6000) },
    { IPPROTO_TCP, TCP_KEEPCNT, 3 },
  };

  return apply (transport, INET_DEAD_AFTER, fd, settings, ms == 0 ? 1 : G_N_ELEMENTS (settings),
                error);
}

gboolean
inet_apply_options (const char *transport, const GdwValue *options, int fd, GError **error)
{
  const char *congestion = options[INET_CONGESTION].string;
  int on = 1;

  /* Frames are written whole, so a small one must not wait for the next. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!apply_size (transport, options, INET_SNDBUF, SO_SNDBUF, fd, error) ||
      !apply_size (transport, options, INET_RCVBUF, SO_RCVBUF, fd, error) ||
      !apply_dead_after (transport, options, fd, error))
    return FALSE;
  if (congestion && *congestion &&
      setsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t) strlen (congestion)))
    return socket_fail (transport, "option 'congestion'", errno,
                        "see /proc/sys/net/ipv4/tcp_allowed_congestion_control", NULL, error);
  return TRUE;
}
