/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* How fast the links carry, from what is acknowledged.  Acknowledgements come in lumps, so only
 * a window of 0.1 s or 16 MiB says something, from one acknowledgement to another.  A window in
 * which there was nothing to send at times, or mostly pages that are zero, says that the links
 * carry so much at least.  Each window moves the estimate by what it weighs beside 0.1 s.  All
 * calls on any thread. */
typedef struct GdwMeter GdwMeter;

GdwMeter *gdw_meter_new (void);
void gdw_meter_free (GdwMeter *meter);

/* The links may carry from now on. */
void gdw_meter_begin (GdwMeter *meter, gint64 now_us);
/* A link looked for something to send. */
void gdw_meter_looked (GdwMeter *meter, gboolean found);
/* @bytes of the links, which stood for so much guest memory. */
void gdw_meter_acked (GdwMeter *meter, guint64 bytes, guint64 memory_bytes, gint64 now_us);

/* Bytes/s, 0: unknown.  Before the first window ends it is the mean until now, which is no more
 * than the links carry; and it falls while acknowledgements do not come. */
guint64 gdw_meter_rate (GdwMeter *meter, gint64 now_us);
