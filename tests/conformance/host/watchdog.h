/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Ends the process when a test can't: it is in a callback that does not return. */
typedef struct Watchdog Watchdog;

Watchdog *watchdog_new (void);
void watchdog_free (Watchdog *watchdog);

/* A test begins, and has to end before @end_us (monotonic); NULL: none is under way. */
void watchdog_set (Watchdog *watchdog, const char *test, gint64 end_us);
