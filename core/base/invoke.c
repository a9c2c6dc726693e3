/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/base/invoke.h"

typedef struct {
  void (*function) (gpointer data);
  gpointer data;
  GDestroyNotify destroy;
  gint posted; /* atomic; orders both threads for ThreadSanitizer, which does not see GLib */
} Invocation;

static gboolean
run_invocation (gpointer data)
{
  Invocation *invocation = data;

  g_atomic_int_get (&invocation->posted);
  invocation->function (invocation->data);
  return G_SOURCE_REMOVE;
}

static void
free_invocation (gpointer data)
{
  Invocation *invocation = data;

  g_atomic_int_get (&invocation->posted);
  if (invocation->destroy)
    invocation->destroy (invocation->data);
  g_free (invocation);
}

void
gdw_invoke (GMainContext *context, void (*function) (gpointer data), gpointer data,
            GDestroyNotify destroy)
{
  Invocation *invocation = g_new (Invocation, 1);
  GSource *source = g_idle_source_new ();

  *invocation = (Invocation){ function, data, destroy, FALSE };
  /* That of sockets and timers: with a higher one, peers that send without end would keep the
   * VMM's monitor waiting. */
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, run_invocation, invocation, free_invocation);
  g_atomic_int_set (&invocation->posted, TRUE);
  g_source_attach (source, context);
  g_source_unref (source);
}

void
gdw_timer_set (GSource **timer, GMainContext *context, guint ms, GSourceFunc function,
               gpointer data)
{
  gdw_timer_clear (timer);
  *timer = g_timeout_source_new (ms);
  g_source_set_callback (*timer, function, data, NULL);
  g_source_attach (*timer, context);
}

void
gdw_timer_clear (GSource **timer)
{
  if (!*timer)
    return;
  g_source_destroy (*timer);
  g_clear_pointer (timer, g_source_unref);
}
