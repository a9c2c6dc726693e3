/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Estimates how fast the links carry, from the acknowledgements.  These come in lumps, so only
 * a window of 0.1 s or 16 MiB, from one acknowledgement to another, says something.  A window
 * in which there was nothing to send at times, or mostly zero pages, gives a lower bound only.
 * Each window moves the estimate by its weight against 0.1 s.  Calls on any thread. */
typedef struct GdwMeter GdwMeter;

GdwMeter *gdw_meter_new (void);
void gdw_meter_free (GdwMeter *meter);

/* The links may carry from now on. */
void gdw_meter_begin (GdwMeter *meter, gint64 now_us);
/* A link looked for something to send. */
void gdw_meter_looked (GdwMeter *meter, gboolean found);
/* The peer acknowledged @bytes of the links, which stood for so much guest memory. */
void gdw_meter_acked (GdwMeter *meter, guint64 bytes, guint64 memory_bytes, gint64 now_us);

/* Bytes/s, 0: unknown.  Before the first window ends it is the mean until now, which is never
 * more than the links carry, and falls while no acknowledgements come. */
guint64 gdw_meter_rate (GdwMeter *meter, gint64 now_us);
