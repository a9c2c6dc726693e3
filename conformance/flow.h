/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "call.h"

/* A flow of bytes whose values show their position: a counter, mixed with the tag of the
 * flow. */
typedef struct {
  End *end;
  guint64 tag;
  guint64 size;         /* bytes in all; for a reader that reads to the end, the maximum */
  gsize chunk;          /* bytes in one call; 0: 1 MiB */
  guint vectors;        /* maximum in one call; 0: one */
  guint64 seed;         /* chooses the cuts between them */
  gboolean to_end;      /* read until 0 */
  gboolean until_error; /* keep an error, which ends the flow, instead of failing the test */
  GCancellable *cancellable;
  Promise blame; /* the promise broken by a flow that fails or stops; empty: order */

  guint64 done; /* atomic */
  GError *error;
  Call call;
} Flow;

void flow_fill (guint8 *bytes, gsize size, guint64 tag, guint64 at);

/* Run on this thread. */
void flow_write (gpointer flow);
void flow_read (gpointer flow);

/* Run on another thread. */
void flow_start (Flow *flow, void (*function) (gpointer flow));
void flow_end (Flow *flow);
guint64 flow_done (Flow *flow);

/* Sends one flow of @size bytes. */
void flow_through (End *from, End *to, guint64 tag, guint64 size);
