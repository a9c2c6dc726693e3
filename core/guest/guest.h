/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/migration.h>

#include "core/guest/reply.h"
#include "core/guest/ring-gate.h"

/* The guest's right to run: the run state, and the only calls of the host's pause and resume.
 * Orders are carried out one after the other.  Each is answered on the main thread, never
 * before the call returns. */
typedef struct GdwGuest GdwGuest;

typedef void (*GdwGuestDone) (const GError *error, gpointer data);

/* @changed is called at each change of the run state. */
GdwGuest *gdw_guest_new (const GdwHost *host, GMainContext *context, gboolean incoming,
                         void (*changed) (GdwRunState state, gpointer data), gpointer data);
void gdw_guest_free (GdwGuest *guest);

const GdwHost *gdw_guest_host (GdwGuest *guest);
/* Asks the host for the digest of its machine: "" if it offers none.  NULL with an error: the
 * host broke its contract. */
char *gdw_guest_machine (GdwGuest *guest, GError **error);
GdwRunState gdw_guest_state (GdwGuest *guest);

/* The gate at which its vCPUs wait.  The guest owns it, opens it before pause and shuts it
 * before resume. */
GdwRingGate *gdw_guest_ring_gate (GdwGuest *guest);

/* The operator's orders.  It is no error if the guest already runs or is paused. */
void gdw_guest_run (GdwGuest *guest, GdwGuestDone done, gpointer data);
void gdw_guest_pause (GdwGuest *guest, GdwGuestDone done, gpointer data);

/* The switchover: pause (if it runs) and become finish-migrate. */
void gdw_guest_hand_over (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done,
                          gpointer data);
/* The host's fence: give up what must not be held twice. */
void gdw_guest_fence (GdwGuest *guest, GCancellable *cancellable, GdwGuestDone done,
                      gpointer data);
/* Returns whether the guest ran when hand_over began and shall run afterwards. */
gboolean gdw_guest_was_running (GdwGuest *guest);
/* The operator's stop while it is finish-migrate. */
void gdw_guest_stay_paused (GdwGuest *guest);
/* Undo fence and hand_over: the guest is as it was before.  Harmless if neither was ordered. */
void gdw_guest_reclaim (GdwGuest *guest, GdwGuestDone done, gpointer data);
/* Nobody knows which side has the guest: it stays paused until gone or reclaim. */
void gdw_guest_in_doubt (GdwGuest *guest);
/* The destination has the guest.  Reclaim still works, on the operator's word. */
void gdw_guest_gone (GdwGuest *guest);

/* Destination: the guest starts after COMMIT unless the operator says stop. */
void gdw_guest_set_autostart (GdwGuest *guest, gboolean autostart);
gboolean gdw_guest_autostart (GdwGuest *guest);
/* Destination, after COMMIT: run the guest or leave it paused. */
void gdw_guest_arrived (GdwGuest *guest, gboolean run, GdwGuestDone done, gpointer data);
/* Wait for an incoming migration (after host reset). */
void gdw_guest_await (GdwGuest *guest);
