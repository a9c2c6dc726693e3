/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/control.h>
#include <godwit/query.h>

#include "qapi-commands.h"

/* The state that the QMP socket and HTTP share: the data behind the commands, and the events.
 * All calls on the thread of the migration. */

/* Gets a whole event as one line of JSON without an end of line. */
typedef void (*GdwControlSink) (gpointer data, const char *event);

typedef struct GdwControlFds GdwControlFds;
/* Totals of past migrations, for /metrics. */
#define GDW_BLACKOUT_BUCKETS 11
typedef struct {
  guint64 completed, failed, cancelled; /* attempts */
  guint64 buckets[GDW_BLACKOUT_BUCKETS + 1];
  double blackout_seconds; /* of all migrations completed as source */
} GdwTally;

struct GdwControl {
  gatomicrefcount references;
  GPtrArray *monitors;    /* of GdwControlFds, borrowed */
  GdwControlFds *monitor; /* of the client whose command is running; NULL: that client cannot
                           * pass descriptors */
  GdwMigration *migration;
  GArray *servers;   /* freed with the control */
  GArray *sinks;     /* receivers of the events */
  GSource *quitting; /* set once a quit is accepted */
  guint quit_turns;
  GdwQShutdownCause quit_cause;
  GdwRunState run_state; /* the last one sent */
  gboolean exit_on_error;
  GdwTally tally;
  guint64 precopy_bytes; /* sent before the guest was paused; until then G_MAXUINT64 */
};

/* Keeps the control alive for a caller that outlives the owner; release it with
 * gdw_control_free(). */
GdwControl *gdw_control_ref (GdwControl *control);

/* Sends @sink every event until it is removed.  Sinks are called in the order they were
 * added. */
void gdw_control_add_sink (GdwControl *control, GdwControlSink sink, gpointer data);
void gdw_control_remove_sink (GdwControl *control, GdwControlSink sink, gpointer data);

/* Gives @server to the control, which frees it first, with @free, when it is freed itself. */
void gdw_control_add_server (GdwControl *control, gpointer server, GDestroyNotify free);

/* Ends the process after the requests of this turn of the main loop are answered. */
gboolean gdw_control_quit (GdwControl *control, GdwQShutdownCause cause, GError **error);
