/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>
#include <pthread.h>

/* Start a thread; @who for the message when the system has none to give. */
gboolean gdw_thread_start (pthread_t *thread, const char *who, void *(*function) (void *data),
                           void *data, GError **error);

/* A condition whose timed waits follow the monotonic clock. */
void gdw_cond_init (pthread_cond_t *cond);
/* Until signalled or g_get_monotonic_time() reaches @until_us. */
void gdw_cond_wait_until (pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us);
