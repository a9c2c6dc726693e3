/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* Exit statuses of a test's process.  A plugin will not exit with them by itself: a test that a
 * plugin ends has not passed. */
#define RUN_PASSED 113
#define RUN_FAILED 114
#define RUN_SKIPPED 115

/* A plugin that takes longer to load counts as hung. */
#define LOAD_DEADLINE_S 10

/* Begins a line of a failed test that has the seed, other than its own, that shows the failure
 * at once. */
#define RUN_SEED "seed "

typedef struct {
  guint n, failed;
} Tally;

/* Runs all tests that fit the plugin in @file, and prints TAP.  Returns FALSE if @file is not a
 * plugin, or lacks what the command line asks for; both are reported. */
gboolean runner_run (const Settings *settings, const char *file, Tally *tally);

/* Runs @function in its own process, and collects its output in @said.  Returns NULL if it
 * ended with RUN_PASSED or RUN_SKIPPED (*skipped), else a description of its end; free with
 * g_free. */
char *runner_isolate (void (*function) (gconstpointer data), gconstpointer data,
                      guint deadline_s, GString *said, gboolean *skipped);

/* Returns the kind and name in a file name; 0 if it has none. */
guint32 runner_kind (const char *file, char **name);
