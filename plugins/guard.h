/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "plugins/tracking.h"

/* What the parts of the guarded door share. */

/* TRUE exactly if a callback said @ok and set no @failure, which is taken over; all else is
 * an error, and where the plugin broke the rule one that names it. */
gboolean gdw_door_result (const GdwPlugin *plugin, const char *what, gboolean ok,
                          GError *failure, GError **error);

/* Enter a callback that runs one at a time; *busy is 0 or 1.  FALSE with an error if
 * another call is inside.  Leave by setting it to 0 with g_atomic_int_set. */
gboolean gdw_door_enter (const GdwPlugin *plugin, const char *what, gint *busy, GError **error);

/* One filter of an address. */
typedef struct {
  const GdwFilter *filter;
  gpointer self;
  GdwValue *values;
} GdwStackFilter;

struct GdwStack {
  const GdwTransport *transport;
  gpointer self;
  char *address;
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
