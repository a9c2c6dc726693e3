/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "inet.h"

#include <errno.h>
#include <godwit/error.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "socket.h"
#include "wait.h"

/* The longest lookup of a listener, which runs on the thread that answers the user. */
#define LISTEN_LOOKUP_MS 5000

typedef struct {
  const char *transport;
  const GdwValue *options;
  char *address; /* HOST:PORT, for people */
  char *host;    /* NULL: any */
  guint16 port;
  int listener, wake; /* of the listener; or -1 */
} Inet;

void
inet_close (gpointer self)
{
  Inet *inet = self;

  if (inet->listener >= 0)
    close (inet->listener);
  if (inet->wake >= 0)
    close (inet->wake);
  g_free (inet->host);
  g_free (inet->address);
  g_free (inet);
}

static GSocketFamily
literal_family (const char *host)
{
  g_autofree char *plain = g_strndup (host, strcspn (host, "%"));
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (plain);

  return address ? g_inet_address_get_family (address) : G_SOCKET_FAMILY_INVALID;
}

/* The parsers return NULL, or what is wrong with the address. */

static const char *
parse_port (Inet *inet, const char *text)
{
  guint64 port;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT16, &port, NULL))
    return "the port is not a number from 0 to 65535";
  inet->port = (guint16) port;
  return NULL;
}

/* Takes the host and the port from the options, literally. */
static const char *
parse_parts (Inet *inet, const char *text)
{
  const char *host = inet->options[INET_HOST].string, *port = inet->options[INET_PORT].string;

  inet->address = g_strdup_printf (host && strchr (host, ':') ? "[%s]:%s" : "%s:%s",
                                   host ? host : "", port ? port : "");
  if (*text)
    return "it is given twice; write HOST:PORT, or host and port";
  if (!port)
    return "there is no port; add port=N";
  if (host && *host)
    inet->host = g_strdup (host);
  if (inet->host && strchr (host, ':') && literal_family (host) != G_SOCKET_FAMILY_IPV6)
    return "the host has a ':' and is not an IPv6 address";
  return parse_port (inet, port);
}

static const char *
parse (Inet *inet, const char *start)
{
  const char *colon = strrchr (start, ':'), *why;
  gsize length;

  if (inet->options[INET_HOST].set || inet->options[INET_PORT].set)
    return parse_parts (inet, start);
  inet->address = g_strdup (start);
  if (!colon)
    return "there is no port; write HOST:PORT";
  why = parse_port (inet, colon + 1);
  if (why)
    return why;
  length = (gsize) (colon - start);
  if (length == 0)
    return NULL;
  if (length >= 2 && start[0] == '[' && start[length - 1] == ']') {
    inet->host = g_strndup (start + 1, length - 2);
    return literal_family (inet->host) == G_SOCKET_FAMILY_IPV6
               ? NULL
               : "there is no IPv6 address between the brackets";
  }
  if (memchr (start, ':', length))
    return "an IPv6 address needs brackets; write [ADDRESS]:PORT";
  inet->host = g_strndup (start, length);
  return NULL;
}

static const char *
check_families (const Inet *inet)
{
  gboolean ipv4 = inet->options[INET_IPV4].number, ipv6 = inet->options[INET_IPV6].number;
  GSocketFamily family = inet->host ? literal_family (inet->host) : G_SOCKET_FAMILY_INVALID;

  if (!ipv4 && !ipv6)
    return "ipv4 and ipv6 are both off; leave one on";
  if (family == G_SOCKET_FAMILY_IPV4 && !ipv4)
    return "it is an IPv4 address and ipv4 is off; leave it on";
  if (family == G_SOCKET_FAMILY_IPV6 && !ipv6)
    return "it is an IPv6 address and ipv6 is off; leave it on";
  return NULL;
}

gpointer
inet_open (const char *transport, const GdwTransportConfig *config, GError **error)
{
  Inet *inet = g_new0 (Inet, 1);
  const char *why;

  inet->transport = transport;
  inet->listener = inet->wake = -1;
  inet->options = config->options;
  why = parse (inet, config->address);
  if (!why)
    why = check_families (inet);
  if (!why)
    return inet;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "transport '%s': open of address '%s' failed: %s", transport, inet->address,
               why);
  inet_close (inet);
  return NULL;
}

/* Tries an address.  Returns 0 with the new socket in @result, an errno, or -1 with the error
 * set. */
typedef struct {
  Inet *inet;
  struct sockaddr_storage native;
  socklen_t length;
  guint timeout_ms; /* 0: the system decides */
  int wake;
  GCancellable *cancellable;
} Attempt;

typedef int (*AttemptFunc) (const Attempt *attempt, int fd, GError **error);

static int
try_connect (const Attempt *attempt, int fd, GError **error)
{
  if (!inet_apply_options (attempt->inet->transport, attempt->inet->options, fd, error))
    return -1;
  return socket_connect (fd, attempt->wake, (const struct sockaddr *) &attempt->native,
                         attempt->length, attempt->timeout_ms ? (int) attempt->timeout_ms : -1,
                         attempt->cancellable);
}

static int
try_listen (const Attempt *attempt, int fd, GError **error)
{
  const GdwValue *options = attempt->inet->options;
  int on = 1, only = !options[INET_IPV4].number;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (attempt->native.ss_family == AF_INET6 &&
      setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)
    return errno;
  if (!inet_apply_options (attempt->inet->transport, options, fd, error))
    return -1;
  if (bind (fd, (const struct sockaddr *) &attempt->native, attempt->length) != 0 ||
      listen (fd, SOMAXCONN) != 0)
    return errno;
  return 0;
}

static int
try_address (Attempt *attempt, GSocketAddress *address, AttemptFunc func, int *result,
             GError **error)
{
  int fd, why;

  if (!g_socket_address_to_native (address, &attempt->native, sizeof attempt->native, NULL))
    return EAFNOSUPPORT;
  attempt->length = (socklen_t) g_socket_address_get_native_size (address);
  fd = socket (attempt->native.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno;
  why = func (attempt, fd, error);
  if (why == 0)
    *result = fd;
  else
    close (fd);
  return why;
}

static gboolean
fail_at (const Inet *inet, const char *what, GSocketAddress *last, int why, const char *hint,
         GCancellable *cancellable, GError **error)
{
  g_autofree char *text = NULL;

  if (last && literal_family (inet->host ? inet->host : "::") == G_SOCKET_FAMILY_INVALID) {
    GInetAddress *address = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (last));
    g_autofree char *number = g_inet_address_to_string (address);

    text = g_strdup_printf ("%s '%s' at %s", what, inet->address, number);
  } else {
    text = g_strdup_printf ("%s '%s'", what, inet->address);
  }
  return socket_fail (inet->transport, text, why, hint, cancellable, error);
}

static gboolean
fail_lookup (const Inet *inet, const char *what, GError *lookup, GError **error)
{
  if (g_error_matches (lookup, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_propagate_error (error, lookup);
    return FALSE;
  }
  if (g_error_matches (lookup, GDW_ERROR, GDW_ERROR_EXHAUSTED))
    g_set_error (error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
                 "transport '%s': %s '%s' failed: %s; raise the limits of this process",
                 inet->transport, what, inet->address, lookup->message);
  else
    g_set_error (error, GDW_ERROR, GDW_ERROR_IO,
                 "transport '%s': %s '%s' failed: %s; check the name of the host",
                 inet->transport, what, inet->address, lookup->message);
  g_error_free (lookup);
  return FALSE;
}

static guint
limit_of_lookup (const Inet *inet, gboolean listens)
{
  guint ms = (guint) inet->options[INET_DEAD_AFTER].number;

  return listens && (ms == 0 || ms > LISTEN_LOOKUP_MS) ? LISTEN_LOOKUP_MS : ms;
}

/* Each address has its share of the time, so that a dead one does not use up the share of the
 * next. */
static guint
limit_of_each (const Inet *inet, GList *addresses)
{
  guint64 ms = inet->options[INET_DEAD_AFTER].number;

  return ms == 0 ? 0 : (guint) MAX (1, ms / g_list_length (addresses));
}

/* Returns the socket of the first address of @host that works, or -1 with the error of the
 * last. */
static int
try_each (Inet *inet, int wake, const char *host, gboolean listens, GCancellable *cancellable,
          GError **error)
{
  const char *what = listens ? "listen at" : "connect to";
  const char *hint = listens ? "choose another address or port"
                             : "check that the destination listens there";
  Attempt attempt = { .inet = inet, .wake = wake, .cancellable = cancellable };
  GError *lookup = NULL;
  GList *addresses = inet_lookup (host, inet->port, inet->options,
                                  limit_of_lookup (inet, listens), cancellable, &lookup);
  int fd = -1, why = EADDRNOTAVAIL;
  GSocketAddress *last = NULL;

  if (!addresses) {
    fail_lookup (inet, what, lookup, error);
    return -1;
  }
  attempt.timeout_ms = limit_of_each (inet, addresses);
  for (GList *l = addresses; l && why != 0 && why != -1 && why != ECANCELED; l = l->next) {
    last = l->data;
    why = try_address (&attempt, last, listens ? try_listen : try_connect, &fd, error);
  }
  if (why != 0 && why != -1)
    fail_at (inet, what, last, why, hint, cancellable, error);
  g_list_free_full (addresses, g_object_unref);
  return fd;
}

gboolean
inet_listen (gpointer self, GCancellable *cancellable, GError **error)
{
  Inet *inet = self;
  gboolean ipv4 = inet->options[INET_IPV4].number, ipv6 = inet->options[INET_IPV6].number;

  inet->wake = wait_open ();
  if (inet->wake < 0)
    return fail_at (inet, "listen at", NULL, errno, "", cancellable, error);
  if (inet->host)
    inet->listener = try_each (inet, -1, inet->host, TRUE, cancellable, error);
  else if (ipv6) /* takes IPv4 peers, too; a host may have no IPv6 at all */
    inet->listener = try_each (inet, -1, "::", TRUE, cancellable, ipv4 ? NULL : error);
  if (!inet->host && inet->listener < 0 && ipv4)
    inet->listener = try_each (inet, -1, "0.0.0.0", TRUE, cancellable, error);
  return inet->listener >= 0;
}

gpointer
inet_connect (gpointer self, GCancellable *cancellable, GError **error)
{
  Inet *inet = self;
  int fd, wake;

  if (!inet->host || inet->port == 0) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "transport '%s': connect to '%s' failed: there is no %s in it; give the "
                 "address of the destination",
                 inet->transport, inet->address, inet->host ? "port" : "host");
    return NULL;
  }
  wake = wait_open ();
  if (wake < 0) {
    fail_at (inet, "connect to", NULL, errno, "", cancellable, error);
    return NULL;
  }
  fd = try_each (inet, wake, inet->host, FALSE, cancellable, error);
  if (fd >= 0)
    return socket_link_new (inet->transport, fd, wake, g_strdup (inet->address));
  close (wake);
  return NULL;
}

/* Returns the name of one end of @fd; free with g_free. */
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

gpointer
inet_accept (gpointer self, GCancellable *cancellable, GError **error)
{
  Inet *inet = self;
  int fd = -1, wake = -1;
  int why = socket_accept (inet->listener, inet->wake, cancellable, &fd, &wake);

  if (why == 0)
    return socket_link_new (inet->transport, fd, wake, end_name (fd, getpeername));
  fail_at (inet, "accept at", NULL, why, "check the limits of this process", cancellable,
           error);
  return NULL;
}

char *
inet_local_address (gpointer self)
{
  Inet *inet = self;

  return end_name (inet->listener, getsockname);
}
