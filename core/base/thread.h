/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/query.h>
#include <pthread.h>

/* The threads that work for one VM.  Any thread. */
typedef struct GdwThreads GdwThreads;

GdwThreads *gdw_threads_new (void);
/* When all of them have ended. */
void gdw_threads_free (GdwThreads *threads);

/* Of GdwThreadInfo, in the order in which they began to work. */
GArray *gdw_threads_list (GdwThreads *threads);

/* Start a thread that is one of @threads (or NULL) until @function returns.  @name is for the
 * list, for the message, and, cut to 15 bytes, for top -H.  It takes no signals but faults. */
gboolean gdw_thread_start (pthread_t *thread, GdwThreads *threads, const char *name,
                           void *(*function) (void *data), void *data, GError **error);

/* A condition whose timed waits follow the monotonic clock. */
void gdw_cond_init (pthread_cond_t *cond);
/* Until signalled or g_get_monotonic_time() reaches @until_us. */
void gdw_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us);
