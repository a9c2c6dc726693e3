/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Where a vCPU whose dirty ring is full waits for the dirty sync thread.  It is shut only while
 * somebody collects and the guest is to run: nobody waits for a thread that is gone, or keeps
 * the guest from standing still. */
typedef struct GdwRingDoor GdwRingDoor;

GdwRingDoor *gdw_ring_door_new (void);
void gdw_ring_door_free (GdwRingDoor *door); /* nobody waits */

/* vCPU threads: asks for a sync, and waits for room if the door is shut. */
void gdw_ring_door_wait (GdwRingDoor *door);

/* The dirty sync thread: from attach to detach it collects when @ask is called, on any thread
 * and under the door's lock.  Detached, the door is open. */
void gdw_ring_door_attach (GdwRingDoor *door, void (*ask) (gpointer data), gpointer data);
void gdw_ring_door_detach (GdwRingDoor *door); /* also if it is not attached */
/* There is room: who waits goes on. */
void gdw_ring_door_served (GdwRingDoor *door);

/* Any thread.  The guest is about to be paused: open, and no dirty sync for it.  It is about to
 * run. */
void gdw_ring_door_guest_stops (GdwRingDoor *door);
void gdw_ring_door_guest_runs (GdwRingDoor *door);

/* Any thread.  Open: nobody waits, though dirty syncs are asked for as before.  So it is until
 * it is closed again, for the next attempt. */
void gdw_ring_door_open (GdwRingDoor *door);
void gdw_ring_door_close (GdwRingDoor *door);
