/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "plugins/stack.h"

/* Shared by stack.c and link.c. */

/* One filter of an address. */
typedef struct {
  const GdwFilter *filter;
  gpointer self;
  GdwValue *values;
} GdwStackFilter;

struct GdwStack {
  const GdwTransport *transport;
  gpointer self;
  GdwAddress *address;
  GdwValue *values;
  GdwStackFilter *filters; /* [0] is nearest the wire */
  guint n_filters;
  gboolean listening;
  gint accepting, connecting; /* busy flags */
  gint links;                 /* number of open links, atomic */
};

/* Creates a link of @stack without its lowest layer, and opens the filters on it.  stack.c uses
 * these. */
GdwLink *gdw_link_new (GdwStack *stack);
gboolean gdw_link_open_filters (GdwLink *link, gboolean incoming, GCancellable *cancellable,
                                GError **error);
void gdw_link_set_transport (GdwLink *link, gpointer transport_link);
