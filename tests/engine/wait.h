/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <check.h>
#include <glib.h>

/* Waiting in the main loop, for what happens there and elsewhere.  The deadline is for
 * deadlocks alone. */
#define DEADLOCK_S 30

static inline gboolean
wait_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

#define WAIT_UNTIL(condition)                                                                  \
  do {                                                                                         \
    gint64 wait_end = g_get_monotonic_time () + DEADLOCK_S * G_USEC_PER_SEC;                   \
    guint wait_source = g_timeout_add (1, wait_tick, NULL);                                    \
    while (!(condition)) {                                                                     \
      ck_assert_msg (g_get_monotonic_time () < wait_end, "it never happened: %s", #condition); \
      g_main_context_iteration (NULL, TRUE);                                                   \
    }                                                                                          \
    g_source_remove (wait_source);                                                             \
  } while (0)
