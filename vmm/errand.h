/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Something that takes long, on a thread of its own.  Where no thread is left that is its
 * error; GTask would leave it waiting, or end the process. */

/* On the thread. */
typedef gboolean (*ErrandWork) (gpointer data, GError **error);

/* Later, on @context; takes @error, which is NULL after success. */
typedef void (*ErrandDone) (gpointer data, GError *error);

void errand_run (GMainContext *context, ErrandWork work, ErrandDone done, gpointer data);
