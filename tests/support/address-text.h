/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* Addresses as tests write them. */

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
