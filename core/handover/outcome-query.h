/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/frame.h"
#include "core/base/thread.h"
#include "plugins/stack.h"

/* The source's question, asked over new links: often at first, then slower and slower, until it
 * is answered or freed.  Main thread. */
typedef struct GdwQuery GdwQuery;

typedef struct {
  /* At most once, if nobody has answered within the window.  @why: what the last question met.
   * It is asked on. */
  void (*unanswered) (const GError *why, gpointer data);
  /* At most once: `committed` or `aborted`.  It is not asked any more. */
  void (*answered) (const GdwOutcomeMsg *answer, gpointer data);
} GdwQueryOps;

GdwQuery *gdw_query_new (GdwStack *stack, GdwThreads *threads, const guint8 id[GDW_ID_BYTES],
                         const guint8 token[GDW_TOKEN_BYTES], guint window_ms,
                         GMainContext *context, const GdwQueryOps *ops, gpointer data);
/* At any time; no callback comes after it. */
void gdw_query_free (GdwQuery *query);
