/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/guest/guest.h"
#include "core/base/thread.h"
#include "plugins/loader.h"
#include "plugins/stack.h"
#include "parameters.h"

/* What an attempt to migrate, in either direction, is given and gives back. */

/* A precopy round that has ended. */
typedef struct {
  guint64 pages, bytes, ms;
  guint64 dirty_pages; /* left when it ended */
} GdwRoundInfo;

typedef struct {
  void (*status) (GdwStatus status, gpointer data);
  void (*round) (guint64 number, gpointer data);
  /* Source: no gdw_source_mark from now on, on any thread. */
  void (*detach) (gpointer data);
  /* After the last status: all threads, links and host callbacks are gone. */
  void (*over) (gpointer data);
} GdwAttemptOps;

typedef struct {
  GdwGuest *guest;
  GdwPlugins *plugins;
  GdwThreads *threads;
  GMainContext *context;
  const GdwParameters *parameters; /* those in force, followed while it runs */
  GdwCapabilities capabilities;
  const GdwAttemptOps *ops;
  gpointer data;
} GdwAttempt;

/* A link that ended without a word may have been ended by a cause that is still on its
 * way on another link: so long it is waited for. */
#define GDW_REASON_MS 50

static inline gboolean
gdw_attempt_lacks_reason (const GError *error)
{
  return g_error_matches (error, GDW_ERROR, GDW_ERROR_PEER) ||
         g_error_matches (error, GDW_ERROR, GDW_ERROR_IO) ||
         g_error_matches (error, GDW_ERROR, GDW_ERROR_TIMEOUT);
}

static inline GdwStack *
gdw_attempt_open_stack (const GdwAttempt *attempt, const char *uri, GError **error)
{
  return attempt->capabilities.multifd ? gdw_stack_open_many (attempt->plugins, uri, error)
                                       : gdw_stack_open (attempt->plugins, uri, error);
}

/* Of a VM that was given none, as in QEMU. */
#define GDW_NO_UUID "00000000-0000-0000-0000-000000000000"

static inline const char *
gdw_host_uuid (const GdwHost *host)
{
  return host->uuid && *host->uuid ? host->uuid : GDW_NO_UUID;
}

/* What the search for plugins found strange goes into x-warnings. */
static inline void
gdw_attempt_warn_of_plugins (const GdwAttempt *attempt, GPtrArray *warnings)
{
  const GPtrArray *texts = gdw_plugins_warnings (attempt->plugins);

  for (guint i = 0; i < texts->len; i++)
    g_ptr_array_add (warnings, g_strdup (texts->pdata[i]));
}

/* A link of the source, also one that has ended. */
typedef struct {
  guint64 bytes; /* written, all frames */
  gboolean lost;
} GdwLinkInfo;

/* All of query-migrate, as of now.  What is not known is 0 or NULL. */
typedef struct {
  GdwStatus status;
  gboolean incoming;
  GdwOutcome outcome;
  const char *error_desc;    /* borrowed, like all pointers here */
  const char *tracker;       /* name */
  const char *transport;     /* name */
  const char *local_address; /* "tcp:127.0.0.1:4711" while listening */
  guint n_links;

  guint64 total_time_ms, setup_time_ms, downtime_ms;
  guint64 expected_downtime_us; /* the last estimate; 0: unknown */

  guint64 total_bytes; /* guest memory */
  guint64 remaining_bytes;
  guint64 transferred_bytes; /* on the wire, all frames */
  guint64 zero_pages, normal_pages;
  guint64 dirty_rate; /* pages/s */
  guint64 bandwidth;  /* bytes/s */
  guint64 rounds;     /* begun */

  guint64 pause_us, state_us, harvest_us, pages_us, handover_us, resume_us; /* the blackout */

  const GArray *round_list;  /* of GdwRoundInfo */
  const GArray *link_list;   /* of GdwLinkInfo */
  const GArray *vcpu_rates;  /* of guint64, pages/s of each vCPU */
  const GPtrArray *warnings; /* of char * */
} GdwInfo;
