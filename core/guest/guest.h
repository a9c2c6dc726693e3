/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

#include "core/guest/reply.h"
#include "core/guest/ring-gate.h"

/* The guest's right to run: the run state, and the only calls of the host's
 * pause and resume.  Orders are carried out one after the other; each is
 * answered on the main thread, never before the call returns. */
typedef struct GdwGuest GdwGuest;

typedef void (*GdwGuestDone) (const GError *error, gpointer data);

/* @changed is called at each change of the run state. */
GdwGuest *gdw_guest_new (const GdwHost *host, GMainContext *context, gboolean incoming,
                         void (*changed) (GdwRunState state, gpointer data), gpointer data);
void gdw_guest_free (GdwGuest *guest);

const GdwHost *gdw_guest_host (GdwGuest *guest);
GdwRunState gdw_guest_state (GdwGuest *guest);

/* Where its vCPUs wait; of the guest, which opens it before pause and shuts it before resume.
 */
GdwRingGate *gdw_guest_ring_gate (GdwGuest *guest);

/* The operator: running or paused.  What is so already is no error. */
void gdw_guest_run (GdwGuest *guest, GdwGuestDone done, gpointer data);
void gdw_guest_pause (GdwGuest *guest, GdwGuestDone done, gpointer data);

/* The switchover: pause (if it runs) and become finish-migrate. */
void gdw_guest_hand_over (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done,
                          gpointer data);
/* Give up what must not be held twice: the host's fence. */
void gdw_guest_fence (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done,
                      gpointer data);
/* Did it run when hand_over began, and shall it run after? */
gboolean gdw_guest_was_running (GdwGuest *guest);
/* The operator's stop while it is finish-migrate. */
void gdw_guest_stay_paused (GdwGuest *guest);
/* Undo fence and hand_over: as it was.  Harmless if neither was ordered. */
void gdw_guest_reclaim (GdwGuest *guest, GdwGuestDone done, gpointer data);
/* Nobody knows who has it: it stays paused until gone or reclaim. */
void gdw_guest_in_doubt (GdwGuest *guest);
/* The destination has it; reclaim still works, on the operator's word. */
void gdw_guest_gone (GdwGuest *guest);

/* Destination: shall it start after COMMIT?  TRUE until the operator says stop. */
void gdw_guest_set_autostart (GdwGuest *guest, gboolean autostart);
gboolean gdw_guest_autostart (GdwGuest *guest);
/* Destination: after COMMIT, run it or leave it paused. */
void gdw_guest_arrived (GdwGuest *guest, gboolean run, GdwGuestDone done, gpointer data);
/* An incoming migration is awaited (after host reset). */
void gdw_guest_await (GdwGuest *guest);
