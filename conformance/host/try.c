/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "try.h"

static gboolean
fail (Try *t, Promise promise, const char *format, va_list values)
{
  if (!t->happened) {
    t->promise = promise;
    t->happened = g_strdup_vprintf (format, values);
  }
  return FALSE;
}

gboolean
try_broken (Try *t, Promise promise, const char *format, ...)
{
  va_list values;

  va_start (values, format);
  fail (t, promise, format, values);
  va_end (values);
  return FALSE;
}

gboolean
try_skip (Try *t, const char *format, ...)
{
  va_list values;

  va_start (values, format);
  fail (t, (Promise){ 0 }, format, values);
  va_end (values);
  return FALSE;
}

gboolean
try_result (Try *t, const char *callback, gboolean ok, GError *error)
{
  g_autoptr (GError) owned = error;
  Promise promise = PROMISE ("error.h",
                             "A callback that returns FALSE, NULL or -1 sets its GError; one "
                             "that succeeds leaves it alone");

  REQUIRE (t, !ok || !error, promise, "%s succeeded and set an error: %s", callback,
           error->message);
  REQUIRE (t, ok || error, promise, "%s failed and set no error", callback);
  return TRUE;
}

static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static void
iterate_for (Try *t, guint ms)
{
  g_autoptr (GSource) source = g_timeout_source_new (ms);

  watchdog_feed (t->watchdog, "a source of the main context");
  g_source_set_callback (source, tick, NULL, NULL);
  g_source_attach (source, t->context);
  g_main_context_iteration (t->context, TRUE);
  g_source_destroy (source);
}

void
try_extend (Try *t, gint64 begin_us)
{
  t->end_us += g_get_monotonic_time () - begin_us;
}

gboolean
try_iterate (Try *t)
{
  if (g_get_monotonic_time () > t->end_us)
    return FALSE;
  iterate_for (t, 1);
  return TRUE;
}

void
try_watch (Try *t, guint ms)
{
  gint64 end_us = g_get_monotonic_time () + ms * (gint64) 1000;

  while (g_get_monotonic_time () < end_us)
    iterate_for (t, 1);
}
