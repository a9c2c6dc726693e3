/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "plugins/stack.h"

/* What stack.c and link.c share. */

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
  gint links;                 /* open ones, atomic */
};

/* A link of @stack without its lowest layer, the filters opened.  Used by stack.c only. */
GdwLink *gdw_link_new (GdwStack *stack);
gboolean gdw_link_open_filters (GdwLink *link, gboolean incoming, GCancellable *cancellable,
                                GError **error);
void gdw_link_set_transport (GdwLink *link, gpointer transport_link);
