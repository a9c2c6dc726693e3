/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* Addresses as tests write them. */

#include "plugins/address-private.h"
#include "plugins/stack.h"

static inline GdwStack *
open_text (GdwPlugins *plugins, const char *uri, gboolean many, GError **error)
{
  g_autoptr (GdwAddress) address = gdw_address_parse (uri, error);

  return address ? gdw_stack_open (plugins, address, many, error) : NULL;
}

/* Where it listens, as text; free with g_free. */
static inline char *
local_text (GdwStack *stack)
{
  g_autoptr (GdwAddress) address = gdw_stack_local_address (stack);

  return address ? gdw_address_to_string (address) : NULL;
}

static inline gboolean
pairs_equal (const GPtrArray *a, const GPtrArray *b)
{
  gboolean same = a->len == b->len;

  for (guint i = 0; same && i < a->len; i++) {
    const GdwPair *x = a->pdata[i], *y = b->pdata[i];

    same = g_str_equal (x->key, y->key) && g_strcmp0 (x->value, y->value) == 0;
  }
  return same;
}

static inline gboolean
address_equal (const GdwAddress *a, const GdwAddress *b)
{
  gboolean same = g_str_equal (a->transport, b->transport) &&
                  g_str_equal (a->location, b->location) &&
                  pairs_equal (a->options, b->options) && a->filters->len == b->filters->len;

  for (guint i = 0; same && i < a->filters->len; i++) {
    const GdwAddressFilter *x = a->filters->pdata[i], *y = b->filters->pdata[i];

    same = g_str_equal (x->name, y->name) && pairs_equal (x->options, y->options);
  }
  return same;
}
