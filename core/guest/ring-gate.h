/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Where a vCPU whose dirty ring is full waits for the dirty sync thread.  It is shut only while
 * somebody collects and the guest is to run: nobody waits for a thread that is gone, or keeps
 * the guest from standing still. */
typedef struct GdwRingGate GdwRingGate;

GdwRingGate *gdw_ring_gate_new (void);
void gdw_ring_gate_free (GdwRingGate *gate); /* nobody waits */

/* vCPU threads: asks for a sync, and waits for room if the gate is shut. */
void gdw_ring_gate_wait (GdwRingGate *gate);

/* The dirty sync thread: from attach to detach it collects when @ask is called, on any thread
 * and under the gate's lock.  Detached, the gate is open. */
void gdw_ring_gate_attach (GdwRingGate *gate, void (*ask) (gpointer data), gpointer data);
void gdw_ring_gate_detach (GdwRingGate *gate); /* also if it is not attached */
/* There is room: who waits goes on. */
void gdw_ring_gate_served (GdwRingGate *gate);

/* Any thread.  The guest is about to be paused: open, and no dirty sync for it.  It is about to
 * run. */
void gdw_ring_gate_guest_stops (GdwRingGate *gate);
void gdw_ring_gate_guest_runs (GdwRingGate *gate);

/* Any thread.  Open: nobody waits, though dirty syncs are asked for as before.  So it is until
 * it is closed again, for the next attempt. */
void gdw_ring_gate_open (GdwRingGate *gate);
void gdw_ring_gate_close (GdwRingGate *gate);
