/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* How the process of a test ends.  Nothing that a plugin might call by itself: one that ends
 * the process has not passed. */
#define RUN_PASSED 113
#define RUN_FAILED 114
#define RUN_SKIPPED 115

/* A plugin that takes longer to load hangs. */
#define LOAD_DEADLINE_S 10

/* A line of a test that fails: the seed, other than its own, that shows it at once. */
#define RUN_SEED "seed "

typedef struct {
  guint n, failed;
} Tally;

/* All tests that fit the plugin in @file, in TAP.  FALSE: @file is no plugin, or does not have
 * what the command line asks for, and which was said. */
gboolean runner_run (const Settings *settings, const char *file, Tally *tally);

/* Run @function in a process of its own, with all that it prints in @said.  NULL if it ended
 * with RUN_PASSED or RUN_SKIPPED (*skipped), else what became of it; free with g_free. */
char *runner_isolate (void (*function) (gconstpointer data), gconstpointer data,
                      guint deadline_s, GString *said, gboolean *skipped);

/* The kind and name that a file name says; 0 if it says none. */
guint32 runner_kind (const char *file, char **name);
