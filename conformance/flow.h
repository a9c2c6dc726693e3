/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "call.h"

/* Bytes that know their place: a counter, mixed with the tag of the flow. */
typedef struct {
  End *end;
  guint64 tag;
  guint64 size;         /* bytes in all; of a reader that reads to the end: at most */
  gsize chunk;          /* in one call; 0: 1 MiB */
  guint vectors;        /* of a call, at most; 0: one */
  guint64 seed;         /* of the cuts between them */
  gboolean to_end;      /* read until 0 */
  gboolean until_error; /* an error ends it, and is kept */
  GCancellable *cancellable;
  Promise blame; /* what a flow that fails or stops has broken; none: order */

  guint64 done; /* atomic */
  GError *error;
  Call call;
} Flow;

void flow_fill (guint8 *bytes, gsize size, guint64 tag, guint64 at);

/* On this thread. */
void flow_write (gpointer flow);
void flow_read (gpointer flow);

/* On another. */
void flow_start (Flow *flow, void (*function) (gpointer flow));
void flow_end (Flow *flow);
guint64 flow_done (Flow *flow);

/* @size bytes there, one flow. */
void flow_through (End *from, End *to, guint64 tag, guint64 size);
