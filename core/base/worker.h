/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/base/thread.h"

/* Runs @work (@data), which may block, on a thread of its own, then @done (@data) on the thread
 * of @context, where the caller must be.  @name and @threads are those of gdw_thread_start.
 * FALSE with an error: no thread can start, and neither is called. */
gboolean gdw_worker_run (GdwThreads *threads, const char *name, GMainContext *context,
                         void (*work) (gpointer data), void (*done) (gpointer data),
                         gpointer data, GError **error);
