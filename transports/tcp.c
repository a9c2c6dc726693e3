/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <errno.h>
#include <fcntl.h>
#include <godwit/error.h>
#include <godwit/transport.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "socket.h"

enum { OPTION_SNDBUF, OPTION_RCVBUF, OPTION_CONGESTION };

typedef struct {
  const GdwValue *options;
  char *address; /* as typed */
  char *host;    /* NULL: any */
  guint16 port;
  int listener; /* or -1 */
} Tcp;

static void
tcp_close (gpointer self)
{
  Tcp *tcp = self;

  if (tcp->listener >= 0)
    close (tcp->listener);
  g_free (tcp->host);
  g_free (tcp->address);
  g_free (tcp);
}

static gboolean
is_ipv6 (const char *host)
{
  g_autofree char *plain = g_strndup (host, strcspn (host, "%"));
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (plain);

  return address && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
}

/* NULL, or what is wrong with the address. */
static const char *
parse (Tcp *tcp)
{
  const char *colon = strrchr (tcp->address, ':');
  const char *start = tcp->address;
  gsize length;
  guint64 port;

  if (!colon)
    return "there is no port; write HOST:PORT";
  if (!g_ascii_string_to_unsigned (colon + 1, 10, 0, G_MAXUINT16, &port, NULL))
    return "the port is no number from 0 to 65535";
  tcp->port = (guint16) port;
  length = (gsize) (colon - start);
  if (length == 0)
    return NULL;
  if (length >= 2 && start[0] == '[' && start[length - 1] == ']') {
    tcp->host = g_strndup (start + 1, length - 2);
    return is_ipv6 (tcp->host) ? NULL : "there is no IPv6 address between the brackets";
  }
  if (memchr (start, ':', length))
    return "an IPv6 address needs brackets; write [ADDRESS]:PORT";
  tcp->host = g_strndup (start, length);
  return NULL;
}

static gpointer
tcp_open (const GdwTransportConfig *config, GError **error)
{
  Tcp *tcp = g_new0 (Tcp, 1);
  const char *why;

  tcp->listener = -1;
  tcp->options = config->options;
  tcp->address = g_strdup (config->address);
  why = parse (tcp);
  if (!why)
    return tcp;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "transport 'tcp': open of address '%s' failed: %s", tcp->address, why);
  tcp_close (tcp);
  return NULL;
}

static gboolean
fail (Tcp *tcp, const char *what, int why, const char *hint, GCancellable *cancellable,
      GError **error)
{
  g_autofree char *text = g_strdup_printf ("%s '%s'", what, tcp->address);

  return socket_fail ("tcp", text, why, hint, cancellable, error);
}

static gboolean
set_size (Tcp *tcp, int fd, guint index, int name, GError **error)
{
  int size = (int) MIN (tcp->options[index].number, INT_MAX);

  if (size == 0 || setsockopt (fd, SOL_SOCKET, name, &size, sizeof size) == 0)
    return TRUE;
  return socket_fail ("tcp", name == SO_SNDBUF ? "option 'sndbuf'" : "option 'rcvbuf'", errno,
                      "leave it out", NULL, error);
}

/* Before connect and listen: only then the size of the buffers reaches the window. */
static gboolean
apply_options (Tcp *tcp, int fd, GError **error)
{
  const char *congestion = tcp->options[OPTION_CONGESTION].string;

  if (!set_size (tcp, fd, OPTION_SNDBUF, SO_SNDBUF, error) ||
      !set_size (tcp, fd, OPTION_RCVBUF, SO_RCVBUF, error))
    return FALSE;
  if (congestion && *congestion &&
      setsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t) strlen (congestion)))
    return socket_fail ("tcp", "option 'congestion'", errno,
                        "see /proc/sys/net/ipv4/tcp_allowed_congestion_control", NULL, error);
  return TRUE;
}

/* Frames are written whole, and a small one must not wait for the next. */
static void
prepare_link (int fd)
{
  int on = 1;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Gives 0 or an errno; the new socket in @result.  -1: an option failed, with the error. */
static int
try_connect (Tcp *tcp, GSocketAddress *address, GCancellable *cancellable, int *result,
             GError **error)
{
  struct sockaddr_storage native;
  int fd, why;

  if (!g_socket_address_to_native (address, &native, sizeof native, NULL))
    return EAFNOSUPPORT;
  fd = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  why = apply_options (tcp, fd, error)
            ? socket_connect (fd, (struct sockaddr *) &native,
                              (socklen_t) g_socket_address_get_native_size (address),
                              cancellable)
            : -1;
  if (why == 0)
    *result = fd;
  else
    close (fd);
  return why;
}

/* Gives 0 or an errno; -1: an option failed, with the error. */
static int
try_listen (Tcp *tcp, GSocketAddress *address, GCancellable *cancellable, int *result,
            GError **error)
{
  struct sockaddr_storage native;
  int fd, why = 0, on = 1, off = 0;

  if (!g_socket_address_to_native (address, &native, sizeof native, NULL))
    return EAFNOSUPPORT;
  fd = socket (native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (native.ss_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (!apply_options (tcp, fd, error))
    why = -1;
  else if (bind (fd, (struct sockaddr *) &native,
                 (socklen_t) g_socket_address_get_native_size (address)) != 0 ||
           listen (fd, SOMAXCONN) != 0)
    why = errno;
  if (why == 0)
    *result = fd;
  else
    close (fd);
  return why;
}

typedef int (*Attempt) (Tcp *tcp, GSocketAddress *address, GCancellable *cancellable,
                        int *result, GError **error);

/* The first of the addresses of the name that works; -1 with the error of the last. */
static int
try_each (Tcp *tcp, const char *host, Attempt attempt, const char *what, const char *hint,
          GCancellable *cancellable, GError **error)
{
  g_autoptr (GSocketConnectable) name = g_network_address_new (host, tcp->port);
  g_autoptr (GSocketAddressEnumerator) addresses = g_socket_connectable_enumerate (name);
  g_autoptr (GError) lookup = NULL;
  int fd = -1, why = EADDRNOTAVAIL;

  while (why != 0 && why != -1 && why != ECANCELED) {
    g_autoptr (GSocketAddress)
        address = g_socket_address_enumerator_next (addresses, cancellable, &lookup);
    if (!address)
      break;
    why = attempt (tcp, address, cancellable, &fd, error);
  }
  if (why == 0)
    return fd;
  if (g_error_matches (lookup, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_propagate_error (error, g_steal_pointer (&lookup));
  else if (lookup)
    g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
                 "transport 'tcp': %s '%s' failed: %s; check the name of the host", what,
                 tcp->address, lookup->message);
  else if (why != -1)
    fail (tcp, what, why, hint, cancellable, error);
  return -1;
}

static gboolean
tcp_listen (gpointer self, GCancellable *cancellable, GError **error)
{
  Tcp *tcp = self;
  const char *hint = "choose another address or port";

  if (tcp->host) {
    tcp->listener = try_each (tcp, tcp->host, try_listen, "listen at", hint, cancellable,
                              error);
    return tcp->listener >= 0;
  }
  /* IPv6's "any" takes IPv4 peers too; a host may have no IPv6 at all. */
  tcp->listener = try_each (tcp, "::", try_listen, "listen at", hint, cancellable, NULL);
  if (tcp->listener < 0)
    tcp->listener = try_each (tcp, "0.0.0.0", try_listen, "listen at", hint, cancellable,
                              error);
  return tcp->listener >= 0;
}

static gpointer
tcp_connect (gpointer self, GCancellable *cancellable, GError **error)
{
  Tcp *tcp = self;
  int fd;

  if (!tcp->host || tcp->port == 0) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "transport 'tcp': connect to '%s' failed: there is no %s in it; give the "
                 "address of the destination",
                 tcp->address, tcp->host ? "port" : "host");
    return NULL;
  }
  fd = try_each (tcp, tcp->host, try_connect, "connect to",
                 "check that the destination listens there", cancellable, error);
  if (fd < 0)
    return NULL;
  prepare_link (fd);
  return socket_link_new ("tcp", fd, g_strdup (tcp->address));
}

/* The text of one end of @fd; free with g_free. */
static char *
end_name (int fd, int (*get) (int, struct sockaddr *, socklen_t *))
{
  struct sockaddr_storage native = { 0 };
  socklen_t length = sizeof native;
  g_autoptr (GSocketAddress) address = NULL;

  if (get (fd, (struct sockaddr *) &native, &length) == 0)
    address = g_socket_address_new_from_native (&native, length);
  return address ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address))
                 : g_strdup ("somebody");
}

static gpointer
tcp_accept (gpointer self, GCancellable *cancellable, GError **error)
{
  Tcp *tcp = self;
  int fd = -1;
  int why = socket_accept (tcp->listener, cancellable, &fd);

  if (why != 0) {
    fail (tcp, "accept at", why, "check the limits of this process", cancellable, error);
    return NULL;
  }
  prepare_link (fd);
  return socket_link_new ("tcp", fd, end_name (fd, getpeername));
}

static char *
tcp_local_address (gpointer self)
{
  Tcp *tcp = self;

  return end_name (tcp->listener, getsockname);
}

static const GdwOption tcp_options[] = {
  [OPTION_SNDBUF] = { .name = "sndbuf",
                      .type = GDW_OPTION_SIZE,
                      .default_value = "0",
                      .max = INT_MAX,
                      .help = "bytes of the send buffer, 0 = the system decides" },
  [OPTION_RCVBUF] = { .name = "rcvbuf",
                      .type = GDW_OPTION_SIZE,
                      .default_value = "0",
                      .max = INT_MAX,
                      .help = "bytes of the receive buffer, 0 = the system decides" },
  [OPTION_CONGESTION] = { .name = "congestion",
                          .type = GDW_OPTION_STRING,
                          .help = "congestion control, such as bbr; default: the system's" },
  { 0 },
};

GDW_DEFINE_TRANSPORT (.plugin.name = "tcp", .plugin.summary = "one TCP connection",
                      .plugin.options = tcp_options, .traits = GDW_TRANSPORT_TWO_WAY,
                      .max_links = 1, .open = tcp_open, .close = tcp_close,
                      .listen = tcp_listen, .accept = tcp_accept, .connect = tcp_connect,
                      .read = socket_read, .write = socket_write,
                      .close_link = socket_close_link, .shutdown = socket_shutdown,
                      .local_address = tcp_local_address);
