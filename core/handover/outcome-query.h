/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/frame.h"
#include "core/base/thread.h"
#include "plugins/stack.h"

/* The source's question, asked over new links until one is answered or @window_ms has
 * passed. */
typedef struct GdwQuery GdwQuery;

/* Main thread, once.  @answer NULL: nobody answered, @error says why. */
typedef void (*GdwQueryDone) (const GdwOutcomeMsg *answer, const GError *error, gpointer data);

GdwQuery *gdw_query_new (GdwStack *stack, GdwThreads *threads, const guint8 id[GDW_ID_BYTES],
                         const guint8 token[GDW_TOKEN_BYTES], guint window_ms,
                         GMainContext *context, GdwQueryDone done, gpointer data);
/* After done. */
void gdw_query_free (GdwQuery *query);
