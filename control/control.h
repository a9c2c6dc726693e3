/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/control.h>
#include <godwit/query.h>

#include "qapi-commands.h"

/* What the ways in (a QMP socket, HTTP) share: the state behind the commands,
 * and the events.  All on the thread of the migration. */

/* A whole event as one line of JSON without an end of line. */
typedef void (*GdwControlSink) (gpointer data, const char *event);

typedef struct GdwControlFds GdwControlFds;
/* What has been, for /metrics. */
#define GDW_BLACKOUT_BUCKETS 11
typedef struct {
  guint64 completed, failed, cancelled; /* attempts */
  guint64 buckets[GDW_BLACKOUT_BUCKETS + 1];
  double blackout_seconds; /* of all completed as source */
} GdwTally;

struct GdwControl {
  gatomicrefcount references;
  GPtrArray *monitors;    /* of GdwControlFds, borrowed */
  GdwControlFds *monitor; /* whose command is executed now; NULL: nobody's who can send any */
  GdwMigration *migration;
  GArray *servers;   /* freed with the control */
  GArray *sinks;     /* who gets the events */
  GSource *quitting; /* a quit that was answered, or is about to be */
  guint quit_turns;
  GdwQShutdownCause quit_cause;
  GdwRunState run_state; /* the last that was told */
  gboolean exit_on_error;
  GdwTally tally;
  guint64 precopy_bytes; /* sent before the guest was paused; until then the maximum */
};

/* For who needs it until his own gdw_control_free(). */
GdwControl *gdw_control_ref (GdwControl *control);

/* From now until the removal @sink gets every event; order of adding. */
void gdw_control_add_sink (GdwControl *control, GdwControlSink sink, gpointer data);
void gdw_control_remove_sink (GdwControl *control, GdwControlSink sink, gpointer data);

/* @server serves until the control is freed, and is freed first, with @free. */
void gdw_control_add_server (GdwControl *control, gpointer server, GDestroyNotify free);

/* End the process once what is under way on this turn of the main loop is answered. */
gboolean gdw_control_quit (GdwControl *control, GdwQShutdownCause cause, GError **error);
