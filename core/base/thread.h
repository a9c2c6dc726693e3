/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/query.h>
#include <pthread.h>

/* The threads that work for one VM. Calls on any thread. */
typedef struct GdwThreads GdwThreads;

GdwThreads *gdw_threads_new (void);
/* Call it when all of them have ended. */
void gdw_threads_free (GdwThreads *threads);

/* Gives GdwThreadInfo, in the order in which the threads began. */
GArray *gdw_threads_list (GdwThreads *threads);

/* Starts a thread that belongs to @threads (or NULL) until @function returns.  The list and the
 * message show @name; top -H shows its first 15 bytes.  The thread takes no signals but faults.
 */
gboolean gdw_thread_start (pthread_t *thread, GdwThreads *threads, const char *name,
                           void *(*function) (void *data), void *data, GError **error);

/* Its timed waits follow the monotonic clock. */
void gdw_cond_init (pthread_cond_t *cond);
/* Waits until it is signalled or g_get_monotonic_time() reaches @until_us. */
void gdw_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us);
