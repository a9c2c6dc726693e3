/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

/* Runs something that takes long on its own thread.  If no thread is left, it fails with an
 * error; GTask would leave it waiting, or end the process. */

/* Runs on the thread. */
typedef gboolean (*ErrandWork) (gpointer data, GError **error);

/* Runs later on @context; takes @error, which is NULL after success. */
typedef void (*ErrandDone) (gpointer data, GError *error);

void errand_run (GMainContext *context, ErrandWork work, ErrandDone done, gpointer data);
