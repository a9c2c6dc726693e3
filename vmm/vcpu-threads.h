/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <pthread.h>

/* The threads that can write guest memory, vCPUs and devices: all of them run, or all stand
 * still.  Calls may come on any thread unless they say otherwise. */
typedef struct VcpuThreads VcpuThreads;

/* One member.  run is left soon after vcpu_threads_running() became FALSE. */
typedef struct {
  void (*begin) (gpointer self); /* called under the lock of the threads, before run */
  void (*run) (gpointer self);   /* runs on the member's thread */
  /* Optional */
  void (*kick) (
      gpointer self,
      pthread_t thread); /* called under the lock of the threads: get the member out of run */
} VcpuThreadsOps;

VcpuThreads *vcpu_threads_new (void);

/* Call it only before the first vcpu_threads_resume. */
gboolean vcpu_threads_add (VcpuThreads *threads, const VcpuThreadsOps *ops, gpointer self,
                           const char *name, GError **error);

/* Stops, ends and joins the threads.  NULL is fine. */
void vcpu_threads_free (VcpuThreads *threads);

void vcpu_threads_resume (VcpuThreads *threads);

/* Calls STILL once when no member runs: under no lock, on the thread that stopped last, or at
 * once. */
void vcpu_threads_pause (VcpuThreads *threads, void (*still) (gpointer), gpointer data);

gboolean vcpu_threads_running (VcpuThreads *threads);

/* For members: sleeps, but not beyond a pause or a vcpu_threads_poke(). @pokes is the member's
 * own count, so that a poke before the sleep is not missed. */
void vcpu_threads_sleep (VcpuThreads *threads, guint64 ns, guint64 *pokes);

/* Wakes the members that sleep: there may be something to do. */
void vcpu_threads_poke (VcpuThreads *threads);
