/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "client.h"

#define PROGRESS_PARTS 6

typedef struct {
  guint64 pages, bytes, ms, dirty_pages;
} Round;

typedef struct {
  guint64 id, bytes;
  gboolean lost;
} Link;

/* An answer of query-migrate. */
typedef struct {
  const char *status;  /* interned; "none" before the first migration */
  const char *outcome; /* interned, or NULL */
  char *error, *tracker, *transport;
  char *address; /* the address where a destination listens, or NULL */
  guint links;
  gboolean has_memory; /* the fields of the next four lines are set */
  guint64 sent, remaining, total;
  guint64 rate, dirty_rate; /* bytes per second */
  guint64 rounds, zero_pages, normal_pages;
  guint64 expected_us; /* of the downtime, or 0 */
  guint64 total_ms, setup_ms, downtime_ms;
  gboolean has_blackout;
  guint64 blackout_us[PROGRESS_PARTS];
  GArray *round; /* of Round */
  GArray *link;  /* of Link; empty if the server does not report links */
  GPtrArray *warnings;
} Progress;

extern const char *const progress_parts[PROGRESS_PARTS];

/* Returns NULL on an error. */
Progress *progress_query (Client *client, GError **error);
void progress_free (Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Progress, progress_free)

gboolean progress_is (const Progress *progress, const char *status);
/* Returns the status, or says that the outcome is unknown. */
const char *progress_word (const Progress *progress);
/* Returns TRUE if nothing will change any more. */
gboolean progress_has_ended (const Progress *progress);
/* Returns the exit status for how the migration ended. */
int progress_exit (const Progress *progress);
/* Sets an error with the cause and the remedy, unless the migration has completed. */
void progress_set_error (const Progress *progress, GError **error);
/* Returns the share of memory that is the same on both sides, 0 to 1. */
double progress_fraction (const Progress *progress);
