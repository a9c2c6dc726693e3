/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <pthread.h>

/* The threads that can write guest memory, vCPUs and devices: all of them run,
 * or all stand still.  Calls on any thread unless they say otherwise. */
typedef struct VcpuThreads VcpuThreads;

/* One member.  run is left soon after vcpu_threads_running() became FALSE. */
typedef struct {
  void (*begin) (gpointer self); /* under the lock of the threads: run is next */
  void (*run) (gpointer self);   /* on the member's thread */
  /* Optional */
  void (*kick) (gpointer self,
                pthread_t thread); /* under the lock of the threads: get it out of run */
} VcpuThreadsOps;

VcpuThreads *vcpu_threads_new (void);

/* Before the first vcpu_threads_resume only. */
gboolean vcpu_threads_add (VcpuThreads *threads, const VcpuThreadsOps *ops, gpointer self,
                           const char *name, GError **error);

/* Stops, ends and joins the threads.  NULL is fine. */
void vcpu_threads_free (VcpuThreads *threads);

void vcpu_threads_resume (VcpuThreads *threads);

/* Calls STILL once, when nobody runs: on the thread that came last, under no
 * lock, or here and now. */
void vcpu_threads_pause (VcpuThreads *threads, void (*still) (gpointer), gpointer data);

gboolean vcpu_threads_running (VcpuThreads *threads);

/* For members: sleep, but not past a pause or a vcpu_threads_poke(). @pokes is the
 * member's own count, so that a poke before the sleep is not missed. */
void vcpu_threads_sleep (VcpuThreads *threads, guint64 ns, guint64 *pokes);

/* There may be something to do for those who sleep. */
void vcpu_threads_poke (VcpuThreads *threads);
