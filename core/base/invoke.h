/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Any thread.  Runs @function (@data) once on the thread of @context, in the order of the
 * calls.  @destroy (or NULL) frees @data there afterwards. */
void gdw_invoke (GMainContext *context, void (*function) (gpointer data), gpointer data,
                 GDestroyNotify destroy);

/* Starts a timer on @context, in place of the one that @timer may hold.  @function returns
 * G_SOURCE_REMOVE after gdw_timer_clear, or G_SOURCE_CONTINUE. */
void gdw_timer_set (GSource **timer, GMainContext *context, guint ms, GSourceFunc function,
                    gpointer data);
void gdw_timer_clear (GSource **timer);
