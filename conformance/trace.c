/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "trace.h"

#include <string.h>

#include "promise.h"

#define BEFORE 8
#define AFTER 16

typedef struct {
  int actor;
  const char *what;
  guint region;
  guint64 page;
} Event;

struct Trace {
  GMutex lock;
  GArray *events; /* Event */
  guint channels;
};

Trace *
trace_new (guint channels)
{
  Trace *trace = g_new0 (Trace, 1);

  g_mutex_init (&trace->lock);
  trace->events = g_array_new (FALSE, FALSE, sizeof (Event));
  trace->channels = channels;
  return trace;
}

void
trace_free (Trace *trace)
{
  g_array_unref (trace->events);
  g_mutex_clear (&trace->lock);
  g_free (trace);
}

void
trace_add (Trace *trace, int actor, const char *what, guint region, guint64 page)
{
  Event event = { actor, what, region, page };

  g_mutex_lock (&trace->lock);
  g_array_append_val (trace->events, event);
  g_mutex_unlock (&trace->lock);
}

static gboolean
concerns (const Event *event, guint region, guint64 page)
{
  if (event->page == TRACE_NO_PAGE)
    return TRUE;
  return event->region == region &&
         (event->page == page ||
          (strstr (event->what, "the word of") && event->page == page / 64 * 64));
}

static void
print_event (const Trace *trace, const Event *event)
{
  guint actor = (guint) event->actor;
  g_autofree char *who = actor == 0 ? g_strdup ("harvest")
                         : actor <= trace->channels
                             ? g_strdup_printf ("channel %u", actor)
                             : g_strdup_printf ("vCPU %u", actor - trace->channels - 1);

  if (event->page == TRACE_NO_PAGE)
    note ("  %s %s", who, event->what);
  else
    note ("  %s %s page %" G_GUINT64_FORMAT " of region %u", who, event->what, event->page,
          event->region);
}

void
trace_print (Trace *trace, guint region, guint64 page)
{
  g_autoptr (GPtrArray) about = g_ptr_array_new ();
  guint last = 0;

  for (guint i = 0; i < trace->events->len; i++) {
    Event *event = &g_array_index (trace->events, Event, i);

    if (!concerns (event, region, page))
      continue;
    if (strcmp (event->what, "stores") == 0)
      last = about->len;
    g_ptr_array_add (about, event);
  }
  note ("around the last store:");
  for (guint i = last > BEFORE ? last - BEFORE : 0; i < about->len && i < last + AFTER; i++)
    print_event (trace, about->pdata[i]);
}
