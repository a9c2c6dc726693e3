/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <pthread.h>

#include "core/migration/blockers.h"
#include "core/destination/destination.h"
#include "core/migration/log.h"
#include "core/migration/migration.h"
#include "core/source/source.h"
#include "core/migration/status.h"

/* An incoming attempt that does not listen yet. */
typedef struct GdwOpening GdwOpening;

struct _GdwMigration {
  GObject parent;

  GdwHost host;
  char *host_name, *host_uuid;
  GMainContext *context;
  GdwPlugins *plugins;
  GdwThreads *threads;
  GdwGuest *guest;
  GdwState state;
  GdwParameters parameters;
  GdwCapabilities capabilities;
  GdwOutcome outcome;
  GdwSwitchCost switch_cost;
  GdwInfo info; /* the last answer of gdw_migration_info */
  GdwBlockers *blockers;
  GdwLog *log;
  GError *error; /* when there was no attempt to keep it */

  GdwSource *source;           /* the last outgoing attempt, or NULL */
  GdwDestination *destination; /* the last incoming one, or NULL */
  GdwOpening *opening;         /* what will be the next one, or NULL */
  gboolean incoming;           /* the last attempt was */
  gboolean touched;            /* an incoming one wrote into memory */

  gboolean kept_alive; /* by the attempt that is under way */
  GdwDone close_done;  /* close was asked for, and not answered yet */
  gpointer close_data;

  pthread_mutex_t mark_lock; /* protects mark_target */
  GdwSource *mark_target;
};

/* operator.c */
/* The destination has answered while the outcome was unknown. */
void gdw_migration_answered (GdwMigration *migration, gboolean here);
