/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/attempt.h"

/* One incoming attempt, from listen to completed or failed.  The steps stand in
 * the order of source.h.  Main thread only. */
typedef struct GdwDestination GdwDestination;

/* Listens at @address; nobody is let in before begin.  @trust_zero: memory that the host calls
 * zero is (it was never loaded into).  @attempt is copied. */
GdwDestination *gdw_destination_new (const GdwAttempt *attempt, const GdwAddress *address,
                                     gboolean trust_zero, GError **error);

/* The host's memory is ready: accept.  FALSE: its region table is bad. */
gboolean gdw_destination_begin (GdwDestination *destination, GError **error);

gboolean gdw_destination_has_begun (GdwDestination *destination);
/* Returns whether COMMIT has come. */
gboolean gdw_destination_has_guest (GdwDestination *destination);

/* Fail, unless COMMIT came, and stop listening as soon as the source needs no
 * answer any more; told by over. */
void gdw_destination_quit (GdwDestination *destination);

/* Fail, unless COMMIT came, whatever the links are at. */
void gdw_destination_yank (GdwDestination *destination);

/* Done or not begun: the listener and every link end at once.  TRUE: something was written into
 * guest memory. */
gboolean gdw_destination_free (GdwDestination *destination);

/* Is nothing left to do but to answer questions about the outcome?  Then, and only then, it may
 * be freed before over. */
gboolean gdw_destination_is_done (GdwDestination *destination);

void gdw_destination_info (GdwDestination *destination, GdwInfo *info);
const GError *gdw_destination_error (GdwDestination *destination);
const char *gdw_destination_id (GdwDestination *destination);
