/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* How the process of a test ends. */
#define RUN_PASSED 0
#define RUN_FAILED 1
#define RUN_SKIPPED 77

typedef struct {
  guint n, failed;
} Tally;

/* All tests that fit the plugin in @file, in TAP.  FALSE: @file is no plugin, and why was said.
 */
gboolean runner_run (const Settings *settings, const char *file, Tally *tally);

/* The plugin of @file in this process, with its options; ends the process if it can't be. */
Subject *runner_load (const Settings *settings, const char *file);

/* The kind and name that a file name says; 0 if it says none. */
guint32 runner_kind (const char *file, char **name);
