/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/query.h>

#include "core/guest/guest.h"
#include "core/base/thread.h"
#include "plugins/loader.h"
#include "plugins/stack.h"
#include "parameters.h"

/* Input and output of an attempt to migrate, in either direction. */

typedef struct {
  void (*status) (GdwStatus status, gpointer data);
  void (*round) (guint64 number, gpointer data);
  /* Source: no thread may call gdw_source_mark from now on. */
  void (*detach) (gpointer data);
  /* After the last status: all threads, links and host callbacks are gone, but for those that
   * ask or answer where the guest is. */
  void (*over) (gpointer data);
  /* Source, after over, if its outcome was unknown: the destination has answered. */
  void (*resolved) (GdwOutcome outcome, gpointer data);
} GdwAttemptOps;

/* What the last switchover cost besides the pages, however it ended; all 0: unknown. */
typedef struct {
  guint64 pause_us, save_us, state_bytes;
} GdwSwitchCost;

typedef struct {
  GdwGuest *guest;
  GdwPlugins *plugins;
  GdwThreads *threads;
  GMainContext *context;
  const GdwParameters *parameters; /* in force: the attempt follows their changes */
  GdwCapabilities capabilities;
  GdwSwitchCost *cost; /* of the source; outlives the attempt */
  const GdwAttemptOps *ops;
  gpointer data;
} GdwAttempt;

/* The cause of the end of a link may still be on its way on another link: an attempt waits this
 * long for it. */
#define GDW_REASON_MS 50

static inline GdwStack *
gdw_attempt_open_stack (const GdwAttempt *attempt, const GdwAddress *address, GError **error)
{
  return gdw_stack_open (attempt->plugins, address, attempt->capabilities.multifd, error);
}

/* Adds the warnings of the search for plugins to x-warnings. */
static inline void
gdw_attempt_warn_of_plugins (const GdwAttempt *attempt, GPtrArray *warnings)
{
  const GPtrArray *texts = gdw_plugins_warnings (attempt->plugins);

  for (guint i = 0; i < texts->len; i++)
    g_ptr_array_add (warnings, g_strdup (texts->pdata[i]));
}
