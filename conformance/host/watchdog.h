/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Ends the process when the suite can't go on: it is in a callback that does not return. */
typedef struct Watchdog Watchdog;

Watchdog *watchdog_new (guint patience_s);
void watchdog_free (Watchdog *watchdog);

/* Something else begins, of which it is told again before its patience ends.  @callback is a
 * literal, NULL: the suite is in none. */
void watchdog_feed (Watchdog *watchdog, const char *callback);
