/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "inet.h"

#include <errno.h>
#include <godwit/error.h>
#include <netdb.h>
#include <pthread.h>
#include <time.h>

/* A question to the system's resolver.  GResolver would need a main context, and with it a
 * descriptor; if none is left, it ends the process. */
typedef struct {
  gint refs; /* atomic: one of the caller, one of the thread */
  char *host;
  char port[8];
  struct addrinfo hints;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  gboolean ended; /* under lock; once it is set, the next three are fixed */
  int code, why;
  struct addrinfo *found;
} Lookup;

static void
unref (Lookup *lookup)
{
  if (!g_atomic_int_dec_and_test (&lookup->refs))
    return;
  if (lookup->found)
    freeaddrinfo (lookup->found);
  pthread_cond_destroy (&lookup->changed);
  pthread_mutex_destroy (&lookup->lock);
  g_free (lookup->host);
  g_free (lookup);
}

static Lookup *
lookup_new (const char *host, guint16 port, const GdwValue *options)
{
  Lookup *lookup = g_new0 (Lookup, 1);
  pthread_condattr_t attr;

  lookup->refs = 1;
  lookup->host = g_hostname_to_ascii (host);
  if (!lookup->host)
    lookup->host = g_strdup (host);
  g_snprintf (lookup->port, sizeof lookup->port, "%u", port);
  lookup->hints = (struct addrinfo){ .ai_flags = AI_NUMERICSERV,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_family = !options[INET_IPV6].number   ? AF_INET
                                                  : !options[INET_IPV4].number ? AF_INET6
                                                                               : AF_UNSPEC };
  pthread_mutex_init (&lookup->lock, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&lookup->changed, &attr);
  pthread_condattr_destroy (&attr);
  return lookup;
}

static void *
ask (void *data)
{
  Lookup *lookup = data;
  struct addrinfo *found = NULL;
  int code, why;

  errno = 0;
  code = getaddrinfo (lookup->host, lookup->port, &lookup->hints, &found);
  why = errno;
  pthread_mutex_lock (&lookup->lock);
  lookup->code = code;
  lookup->why = why;
  lookup->found = code == 0 ? found : NULL;
  lookup->ended = TRUE;
  pthread_cond_signal (&lookup->changed);
  pthread_mutex_unlock (&lookup->lock);
  unref (lookup);
  return NULL;
}

/* The resolver can be neither interrupted nor given a time limit, so it has its own thread,
 * which runs on alone when nobody waits for it any more. */
static int
start (Lookup *lookup)
{
  pthread_attr_t attr;
  pthread_t thread;
  int why;

  pthread_attr_init (&attr);
  pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  g_atomic_int_inc (&lookup->refs);
  why = pthread_create (&thread, &attr, ask, lookup);
  pthread_attr_destroy (&attr);
  if (why != 0)
    unref (lookup);
  return why;
}

static void
wake_up (GCancellable *cancellable, gpointer data)
{
  Lookup *lookup = data;

  pthread_mutex_lock (&lookup->lock);
  pthread_cond_signal (&lookup->changed);
  pthread_mutex_unlock (&lookup->lock);
}

/* Returns FALSE if the lookup has not ended in time, or was cancelled. */
static gboolean
wait_for_answer (Lookup *lookup, guint timeout_ms, GCancellable *cancellable)
{
  gint64 until = g_get_monotonic_time () + timeout_ms * (gint64) 1000;
  struct timespec when = { until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };
  gulong handler = 0;
  gboolean ended;
  int why = 0;

  if (cancellable)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (wake_up), lookup, NULL);
  pthread_mutex_lock (&lookup->lock);
  while (!lookup->ended && why == 0 && !g_cancellable_is_cancelled (cancellable))
    why = timeout_ms > 0 ? pthread_cond_timedwait (&lookup->changed, &lookup->lock, &when)
                         : pthread_cond_wait (&lookup->changed, &lookup->lock);
  ended = lookup->ended;
  pthread_mutex_unlock (&lookup->lock);
  g_cancellable_disconnect (cancellable, handler);
  return ended;
}

static void
fail (const Lookup *lookup, GError **error)
{
  gboolean exhausted = lookup->code == EAI_MEMORY || lookup->why == EMFILE ||
                       lookup->why == ENFILE;
  const char *text = lookup->code == EAI_SYSTEM || exhausted ? g_strerror (lookup->why)
                                                             : gai_strerror (lookup->code);

  g_set_error (error, GDW_ERROR, exhausted ? GDW_ERROR_EXHAUSTED : GDW_ERROR_IO,
               "the name '%s' is not found: %s", lookup->host, text);
}

static GList *
addresses_of (const Lookup *lookup)
{
  GList *list = NULL;

  for (const struct addrinfo *at = lookup->found; at; at = at->ai_next) {
    GSocketAddress *address = g_socket_address_new_from_native (at->ai_addr, at->ai_addrlen);

    if (address)
      list = g_list_prepend (list, address);
  }
  return g_list_reverse (list);
}

static GList *
answer (Lookup *lookup, guint timeout_ms, GCancellable *cancellable, GError **error)
{
  int why = start (lookup);
  gboolean ended = why == 0 && wait_for_answer (lookup, timeout_ms, cancellable);

  if (why != 0)
    g_set_error (error, GDW_ERROR, GDW_ERROR_EXHAUSTED,
                 "a thread for the resolver cannot be started: %s", g_strerror (why));
  else if (ended && lookup->code == 0)
    return addresses_of (lookup);
  else if (ended)
    fail (lookup, error);
  else if (!g_cancellable_set_error_if_cancelled (cancellable, error))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "the resolver gave no answer in %u ms", timeout_ms);
  return NULL;
}

GList *
inet_lookup (const char *host, guint16 port, const GdwValue *options, guint timeout_ms,
             GCancellable *cancellable, GError **error)
{
  GSocketAddress *literal = g_inet_socket_address_new_from_string (host, port);
  Lookup *lookup;
  GList *list;

  if (literal)
    return g_list_prepend (NULL, literal);
  lookup = lookup_new (host, port, options);
  list = answer (lookup, timeout_ms, cancellable, error);
  unref (lookup);
  return list;
}
