/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Lets one of several threads run at a time: at each point the seed chooses the next one.  A
 * thread that reaches no point for a while waits for a lock of another, so the others
 * continue. */
typedef struct Schedule Schedule;

/* Starts when @n threads have entered. */
Schedule *schedule_new (guint64 seed, guint n);
void schedule_free (Schedule *schedule);

/* On the thread of @actor, 0 .. n - 1.  If @schedule is NULL all threads run freely. */
void schedule_enter (Schedule *schedule, guint actor);
void schedule_leave (Schedule *schedule);

/* Another thread may run now; does nothing on a thread that did not enter. */
void schedule_point (Schedule *schedule);

/* Returns the number of the calling thread, or -1. */
int schedule_actor (Schedule *schedule);
