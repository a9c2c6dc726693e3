/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* max-bandwidth: one bucket of bytes that all channel threads of a migration
 * draw from.  It holds at most 10 ms worth of the rate; who finds it not in debt
 * may send at once, whatever the size, and leaves the debt to the next one.  So a
 * frame passes at any rate, and in t seconds no more than rate x (t + 10 ms) and one
 * frame a thread go.
 *
 * Nothing here blocks: channels wait for other things as well.  All calls on any
 * thread at any time, but free. */
typedef struct GdwRate GdwRate;

/* 0: unlimited. */
GdwRate *gdw_rate_new (guint64 bytes_per_s);
void gdw_rate_free (GdwRate *rate);

/* Takes effect at once; wake those who wait. */
void gdw_rate_set (GdwRate *rate, guint64 bytes_per_s);

/* TRUE lifts the limit until FALSE (the guest is paused: nothing is worth saving
 * bandwidth for); the rate that was set stays set. */
void gdw_rate_open (GdwRate *rate, gboolean open);

/* How long until something may go, 0: now, at most 1000 s. */
gint64 gdw_rate_wait_us (GdwRate *rate);
/* Count what goes. */
void gdw_rate_spend (GdwRate *rate, guint64 bytes);
