/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

#include "core/migration/migration.h"
#include "tests/engine/wait.h"

/* A real GdwMigration over a host of two small regions, each between inaccessible pages, so
 * that a byte written outside of them ends the test.  Main thread, but for the dirty log. */

#define VICTIM_REGIONS 2u
#define RAM_PAGES 1024u
#define ROM_PAGES 16u

typedef struct Victim Victim;

struct Victim {
  GdwMigration *migration;
  GdwHost host;
  GdwDirtyLog log;
  GdwRegion regions[VICTIM_REGIONS];
  char *folder, *uri;
  guint descriptors, threads; /* of the process, before it was opened */

  guint pauses, resumes, saves, loads;
  gboolean runs;
  GString *loaded; /* NAME:VERSION:SIZE of each section, a blank before each */
  GString *statuses;
  guint ended;
  gboolean holds; /* load_state is answered by victim_release */
  GdwReply *held;
  gint rewrites; /* atomic: page 7 of ram is dirty at each harvest of the paused guest */
};

/* At the listening end: waits for a source at uri.  Else: a guest that runs, whose memory is
 * victim_fill_page. */
Victim *victim_new (gboolean incoming);
/* Before its migration begins. */
void victim_set (Victim *victim, const char *parameter, const char *value);
void victim_listen (Victim *victim);
/* Migrates to @path. */
void victim_migrate (Victim *victim, const char *path, guint links);

/* Ends what is under way; no thread and no descriptor is left behind. */
void victim_free (Victim *victim);
void victim_release (Victim *victim);

GdwStatus victim_status (Victim *victim);
const char *victim_error (Victim *victim); /* or "" */
GdwInfo victim_info (Victim *victim);
guint8 *victim_page (Victim *victim, guint region, guint64 page);

/* Writes the content of page @page of @region: every fourth is zero. */
void victim_fill_page (guint region, guint64 page, guint8 *data);

/* Has all of its attempt ended; then: it has not begun to run what it did not get, and says why
 * with a text that contains @text. */
void victim_expect_failed (Victim *victim, const char *text);

/* A test program of one suite. */
int hostile_main (const char *name, void (*add) (TCase *tests));
