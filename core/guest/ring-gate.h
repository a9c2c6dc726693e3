/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A vCPU whose dirty ring is full waits here for the dirty sync thread.  The gate is shut only
 * while somebody collects and the guest is to run, so no vCPU waits for a thread that is gone,
 * and none keeps the guest from standing still. */
typedef struct GdwRingGate GdwRingGate;

GdwRingGate *gdw_ring_gate_new (void);
void gdw_ring_gate_free (GdwRingGate *gate); /* nobody waits */

/* vCPU threads.  Asks for a sync, and waits for room if the gate is shut. */
void gdw_ring_gate_wait (GdwRingGate *gate);

/* Called by the dirty sync thread, which collects from attach to detach when @ask is called.
 * @ask runs on any thread, under the gate's lock.  A detached gate is open. */
void gdw_ring_gate_attach (GdwRingGate *gate, void (*ask) (gpointer data), gpointer data);
void gdw_ring_gate_detach (GdwRingGate *gate); /* also if it is not attached */
/* There is room: the vCPUs that wait go on. */
void gdw_ring_gate_served (GdwRingGate *gate);

/* Any thread.  Stops: the guest is about to be paused, so the gate opens and a full ring asks
 * for no dirty sync.  Runs: the guest is about to run. */
void gdw_ring_gate_guest_stops (GdwRingGate *gate);
void gdw_ring_gate_guest_runs (GdwRingGate *gate);

/* Any thread.  At an open gate no vCPU waits, but full rings ask for dirty syncs as before.  It
 * stays open until it is closed for the next attempt. */
void gdw_ring_gate_open (GdwRingGate *gate);
void gdw_ring_gate_close (GdwRingGate *gate);
