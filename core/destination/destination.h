/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/attempt.h"

/* One incoming attempt, from listen to completed or failed.  The steps stand in the order of
 * source.h.  Main thread only. */
typedef struct GdwDestination GdwDestination;

/* @trust_zero: memory that the host calls zero is zero, since nothing was loaded into it.
 * Copies @attempt. */
GdwDestination *gdw_destination_new (const GdwAttempt *attempt, const GdwAddress *address,
                                     gboolean trust_zero, GError **error);

/* Listens at the address, on a thread of its own: the resolver, a disk or another process may
 * keep it waiting.  @done gets NULL, or why it cannot; until then nothing else may be called
 * but stop_listening, which makes it give up soon.  FALSE with an error: no thread can start.
 */
typedef void (*GdwListening) (const GError *error, gpointer data);
gboolean gdw_destination_listen (GdwDestination *destination, GdwListening done, gpointer data,
                                 GError **error);
void gdw_destination_stop_listening (GdwDestination *destination);

/* Accepts: the host's memory is ready.  FALSE with an error: its region table is bad, or no
 * thread can start. */
gboolean gdw_destination_begin (GdwDestination *destination, GError **error);

gboolean gdw_destination_has_begun (GdwDestination *destination);
/* Returns whether COMMIT has come. */
gboolean gdw_destination_has_guest (GdwDestination *destination);

/* Fails unless COMMIT came, and stops listening as soon as the source needs no more answers;
 * then over is called. */
void gdw_destination_quit (GdwDestination *destination);

/* Fails unless COMMIT came, whatever the links are doing. */
void gdw_destination_yank (GdwDestination *destination);

/* Call it when done or not begun.  Ends the listener and every link at once.  TRUE: something
 * was written into guest memory. */
gboolean gdw_destination_free (GdwDestination *destination);

/* Returns whether only answers to questions about the outcome are left.  Then, and only then,
 * it may be freed before over. */
gboolean gdw_destination_is_done (GdwDestination *destination);

void gdw_destination_info (GdwDestination *destination, GdwInfo *info);
const GError *gdw_destination_error (GdwDestination *destination);
const char *gdw_destination_id (GdwDestination *destination);
