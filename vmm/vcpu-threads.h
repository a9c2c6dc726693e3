/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <pthread.h>

/* The threads that can write guest memory, vCPUs and devices: all of them run,
 * or all stand still.  Calls on any thread unless they say otherwise. */
typedef struct Crew Crew;

/* One member.  run is left soon after crew_running() became FALSE. */
typedef struct {
  void (*begin) (gpointer self); /* under the crew's lock: run is next */
  void (*run) (gpointer self);   /* on the member's thread */
  /* Optional */
  void (*kick) (gpointer self, pthread_t thread); /* under the crew's lock: get it out of run */
} CrewOps;

Crew *crew_new (void);

/* Before the first crew_resume only. */
gboolean crew_add (Crew *crew, const CrewOps *ops, gpointer self, const char *name,
                   GError **error);

/* Stops, ends and joins the threads.  NULL is fine. */
void crew_free (Crew *crew);

void crew_resume (Crew *crew);

/* Calls STILL once, when nobody runs: on the thread that came last, under no
 * lock, or here and now. */
void crew_pause (Crew *crew, void (*still) (gpointer), gpointer data);

gboolean crew_running (Crew *crew);

/* For members: sleep, but not past a pause or a crew_poke(). @pokes is the
 * member's own count, so that a poke before the sleep is not missed. */
void crew_sleep (Crew *crew, guint64 ns, guint64 *pokes);

/* There may be something to do for those who sleep. */
void crew_poke (Crew *crew);
