/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* max-bandwidth: all channel threads of a migration draw from one bucket of bytes.  It holds at
 * most 10 ms of the rate.  A thread that finds no debt may send a frame of any size at once,
 * and leaves the debt to the next one.  So a frame passes at any rate, and at most
 * rate x (t + 10 ms) and one frame a thread pass in t seconds.
 *
 * Nothing here blocks, since channels wait for other things as well.  Calls on any thread at
 * any time, except free. */
typedef struct GdwRate GdwRate;

/* 0: unlimited. */
GdwRate *gdw_rate_new (guint64 bytes_per_s);
void gdw_rate_free (GdwRate *rate);

/* Takes effect at once.  The caller wakes the threads that wait. */
void gdw_rate_set (GdwRate *rate, guint64 bytes_per_s);

/* TRUE lifts the limit until FALSE, while the guest is paused and saving bandwidth is worth
 * nothing.  The rate stays set. */
void gdw_rate_open (GdwRate *rate, gboolean open);

/* Microseconds until something may be sent, at most 1000 s; 0: now. */
gint64 gdw_rate_wait_us (GdwRate *rate);
/* Counts what is sent. */
void gdw_rate_spend (GdwRate *rate, guint64 bytes);
