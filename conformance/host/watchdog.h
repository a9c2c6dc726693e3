/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Ends the process when the suite hangs in a callback that does not return. */
typedef struct Watchdog Watchdog;

Watchdog *watchdog_new (guint patience_s);
void watchdog_free (Watchdog *watchdog);

/* Restarts the watchdog, which must be fed again before its patience ends.  @callback is a
 * literal, or NULL if the suite is in none. */
void watchdog_feed (Watchdog *watchdog, const char *callback);
