/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Threads of which one runs at a time: at each point the seed chooses who goes on.  One that
 * reaches no point for a while waits for a lock that another holds; the others go on then. */
typedef struct Schedule Schedule;

/* It begins when @n threads have entered. */
Schedule *schedule_new (guint64 seed, guint n);
void schedule_free (Schedule *schedule);

/* On the thread of @actor, 0 .. n - 1.  NULL: there is none, all run freely. */
void schedule_enter (Schedule *schedule, guint actor);
void schedule_leave (Schedule *schedule);

/* Somebody else may run now; nothing happens on a thread that did not enter. */
void schedule_point (Schedule *schedule);

/* The number of the calling thread, or -1. */
int schedule_actor (Schedule *schedule);
