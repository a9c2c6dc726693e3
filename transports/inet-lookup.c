/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "inet.h"

typedef struct {
  GCancellable *stop; /* of the lookup itself */
  gboolean ended, late;
  GList *addresses; /* GInetAddress */
  GError *error;
} Lookup;

static void
on_result (GObject *resolver, GAsyncResult *result, gpointer data)
{
  Lookup *lookup = data;

  lookup->addresses = g_resolver_lookup_by_name_with_flags_finish (G_RESOLVER (resolver),
                                                                   result, &lookup->error);
  lookup->ended = TRUE;
}

static gboolean
on_late (gpointer data)
{
  Lookup *lookup = data;

  lookup->late = TRUE;
  g_cancellable_cancel (lookup->stop);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer data)
{
  Lookup *lookup = data;

  g_cancellable_cancel (lookup->stop);
  return G_SOURCE_REMOVE;
}

static GSource *
attach (GSource *source, GSourceFunc callback, Lookup *lookup, GMainContext *context)
{
  g_source_set_callback (source, callback, lookup, NULL);
  g_source_attach (source, context);
  return source;
}

static void
detach (GSource *source)
{
  if (!source)
    return;
  g_source_destroy (source);
  g_source_unref (source);
}

/* The system's resolver can be neither interrupted nor given a time: it runs on another thread,
 * which is left to itself when nobody waits for it any more. */
static void
run (Lookup *lookup, const char *host, GResolverNameLookupFlags flags, guint timeout_ms,
     GCancellable *cancellable)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autoptr (GMainContext) context = g_main_context_new ();
  GSource *late = NULL, *cancelled = NULL;

  if (timeout_ms > 0)
    late = attach (g_timeout_source_new (timeout_ms), on_late, lookup, context);
  if (cancellable)
    cancelled = attach (g_cancellable_source_new (cancellable), G_SOURCE_FUNC (on_cancelled),
                        lookup, context);
  g_main_context_push_thread_default (context);
  g_resolver_lookup_by_name_with_flags_async (resolver, host, flags, lookup->stop, on_result,
                                              lookup);
  while (!lookup->ended)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  detach (cancelled);
  detach (late);
}

GList *
inet_lookup (const char *host, guint16 port, const GdwValue *options, guint timeout_ms,
             GCancellable *cancellable, GError **error)
{
  GSocketAddress *literal = g_inet_socket_address_new_from_string (host, port);
  GResolverNameLookupFlags flags = G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT;
  Lookup lookup = { 0 };
  GList *list = NULL;

  if (literal)
    return g_list_prepend (NULL, literal);
  if (!options[INET_IPV6].number)
    flags = G_RESOLVER_NAME_LOOKUP_FLAGS_IPV4_ONLY;
  else if (!options[INET_IPV4].number)
    flags = G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY;
  lookup.stop = g_cancellable_new ();
  run (&lookup, host, flags, timeout_ms, cancellable);
  g_object_unref (lookup.stop);
  for (GList *l = lookup.addresses; l; l = l->next)
    list = g_list_append (list, g_inet_socket_address_new (l->data, port));
  g_resolver_free_addresses (lookup.addresses);
  if (!lookup.late || list) {
    if (lookup.error)
      g_propagate_error (error, lookup.error);
    return list;
  }
  g_clear_error (&lookup.error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "the resolver gave no answer in %u ms",
               timeout_ms);
  return NULL;
}
