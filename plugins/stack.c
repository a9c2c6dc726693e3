/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>

#include "plugins/address-private.h"
#include "plugins/guard.h"
#include "plugins/options.h"
#include <godwit/query.h>
#include "plugins/stack-private.h"

static const GdwTransport *
find_transport (GdwPlugins *plugins, const char *name, gboolean many, GError **error)
{
  const GdwTransport *transport = (const GdwTransport *) gdw_plugins_find (
      plugins, GDW_PLUGIN_TRANSPORT, name, error);

  if (transport && many && transport->many_links)
    return find_transport (plugins, transport->many_links, FALSE, error);
  return transport;
}

static gboolean
open_transport (GdwStack *stack, GdwPlugins *plugins, gboolean many, GError **error)
{
  GdwTransportConfig config = { .size = sizeof config, .address = stack->address->location };
  GError *failure = NULL;

  stack->transport = find_transport (plugins, stack->address->transport, many, error);
  if (!stack->transport)
    return FALSE;
  stack->values = gdw_options_take (&stack->transport->plugin, stack->address->options, error);
  if (!stack->values)
    return FALSE;
  config.options = stack->values;
  stack->self = stack->transport->open (&config, &failure);
  return gdw_guard_result (&stack->transport->plugin, "open", stack->self != NULL, failure,
                           error);
}

static gboolean
open_filter (GdwStackFilter *use, GdwPlugins *plugins, const GdwAddressFilter *named,
             GError **error)
{
  GdwFilterConfig config = { .size = sizeof config };
  GError *failure = NULL;

  use->filter = (const GdwFilter *) gdw_plugins_find (plugins, GDW_PLUGIN_FILTER, named->name,
                                                      error);
  if (!use->filter)
    return FALSE;
  use->values = gdw_options_take (&use->filter->plugin, named->options, error);
  if (!use->values)
    return FALSE;
  config.options = use->values;
  use->self = use->filter->open (&config, &failure);
  return gdw_guard_result (&use->filter->plugin, "open", use->self != NULL, failure, error);
}

/* Without a way back nobody answers a handshake, and no filter may hold bytes when they get
 * their name. */
static gboolean
check_one_way (GdwStack *stack, const GdwFilter *filter, GError **error)
{
  const char *name = filter->plugin.name, *transport = stack->transport->plugin.name;

  if (filter->handshake)
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "filter '%s': handshake failed: transport '%s' is one-way here, so nobody "
                 "answers; use a two-way transport",
                 name, transport);
  else if (filter->keeps_bytes)
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "filter '%s': it cannot be used with transport '%s': it holds back "
                 "written bytes; leave it out",
                 name, transport);
  return !filter->handshake && !filter->keeps_bytes;
}

static gboolean
check_filters (GdwStack *stack, GError **error)
{
  gboolean ok = TRUE;

  if (gdw_stack_traits (stack) & GDW_TRANSPORT_TWO_WAY)
    return TRUE;
  for (guint i = 0; ok && i < stack->n_filters; i++)
    ok = check_one_way (stack, stack->filters[i].filter, error);
  return ok;
}

GdwStack *
gdw_stack_open (GdwPlugins *plugins, const GdwAddress *address, gboolean many, GError **error)
{
  const GPtrArray *filters = address->filters;
  GdwStack *stack = g_new0 (GdwStack, 1);
  gboolean ok;

  stack->address = gdw_address_copy (address);
  stack->filters = g_new0 (GdwStackFilter, filters->len + 1);
  ok = open_transport (stack, plugins, many, error);
  for (guint i = 0; ok && i < filters->len; i++)
    ok = open_filter (&stack->filters[stack->n_filters++], plugins, filters->pdata[i], error);
  ok = ok && check_filters (stack, error);
  if (ok)
    return stack;
  gdw_stack_close (stack);
  return NULL;
}

void
gdw_stack_close (GdwStack *stack)
{
  if (!stack)
    return;
  if (g_atomic_int_get (&stack->links) > 0) {
    g_critical ("transport '%s': close failed: %d links are open; close them first",
                stack->transport->plugin.name, g_atomic_int_get (&stack->links));
    return;
  }
  for (guint i = stack->n_filters; i > 0; i--) {
    GdwStackFilter *use = &stack->filters[i - 1];

    if (use->self)
      use->filter->close (use->self);
    if (use->values)
      gdw_options_free (&use->filter->plugin, use->values);
  }
  if (stack->self)
    stack->transport->close (stack->self);
  if (stack->values)
    gdw_options_free (&stack->transport->plugin, stack->values);
  g_free (stack->filters);
  gdw_address_free (stack->address);
  g_free (stack);
}

const char *
gdw_stack_transport (GdwStack *stack)
{
  return stack->transport->plugin.name;
}

guint
gdw_stack_max_links (GdwStack *stack)
{
  return stack->transport->max_links;
}

guint32
gdw_stack_traits (GdwStack *stack)
{
  const GdwTransport *transport = stack->transport;

  return transport->address_traits ? transport->traits & transport->address_traits (stack->self)
                                   : transport->traits;
}

gboolean
gdw_stack_keeps (GdwStack *stack)
{
  return stack->transport->publish != NULL;
}

gboolean
gdw_stack_listen (GdwStack *stack, GCancellable *cancellable, GError **error)
{
  const GdwPlugin *plugin = &stack->transport->plugin;
  GError *failure = NULL;
  gboolean ok;

  if (stack->listening) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "transport '%s': listen failed: it listens already; open the address again",
                 plugin->name);
    return FALSE;
  }
  ok = stack->transport->listen (stack->self, cancellable, &failure);
  stack->listening = gdw_guard_result (plugin, "listen", ok, failure, error);
  return stack->listening;
}

GdwAddress *
gdw_stack_local_address (GdwStack *stack)
{
  g_autofree char *location = NULL;

  if (!stack->listening || !stack->transport->local_address)
    return NULL;
  location = stack->transport->local_address (stack->self);
  return location ? gdw_address_new (stack->transport->plugin.name, location) : NULL;
}

static gboolean
take_link (GdwStack *stack, GdwLink *link, const char *what, gpointer transport_link,
           GError *failure, GError **error)
{
  gdw_link_set_transport (link, transport_link);
  return gdw_guard_result (&stack->transport->plugin, what, transport_link != NULL, failure,
                           error);
}

GdwLink *
gdw_stack_accept (GdwStack *stack, GCancellable *cancellable, GError **error)
{
  const GdwPlugin *plugin = &stack->transport->plugin;
  GError *failure = NULL;
  gpointer accepted;
  GdwLink *link;

  if (!stack->listening) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "transport '%s': accept failed: it does not listen; listen first",
                 plugin->name);
    return NULL;
  }
  if (g_cancellable_set_error_if_cancelled (cancellable, error) ||
      !gdw_guard_enter (plugin, "accept", &stack->accepting, error))
    return NULL;
  link = gdw_link_new (stack);
  accepted = stack->transport->accept (stack->self, cancellable, &failure);
  g_atomic_int_set (&stack->accepting, 0);
  if (take_link (stack, link, "accept", accepted, failure, error) &&
      gdw_link_open_filters (link, TRUE, cancellable, error))
    return link;
  gdw_link_close (link);
  return NULL;
}

GdwLink *
gdw_stack_connect (GdwStack *stack, GCancellable *cancellable, GError **error)
{
  const GdwPlugin *plugin = &stack->transport->plugin;
  GError *failure = NULL;
  gpointer connected;
  GdwLink *link;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  link = gdw_link_new (stack);
  if (!gdw_link_open_filters (link, FALSE, cancellable, error) ||
      !gdw_guard_enter (plugin, "connect", &stack->connecting, error)) {
    gdw_link_close (link);
    return NULL;
  }
  connected = stack->transport->connect (stack->self, cancellable, &failure);
  g_atomic_int_set (&stack->connecting, 0);
  if (take_link (stack, link, "connect", connected, failure, error))
    return link;
  gdw_link_close (link);
  return NULL;
}
