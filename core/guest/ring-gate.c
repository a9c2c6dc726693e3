/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/guest/ring-gate.h"

#include <pthread.h>

struct GdwRingGate {
  pthread_mutex_t lock;
  pthread_cond_t served_or_open;
  /* Under the lock. */
  void (*ask) (gpointer data); /* NULL: nobody collects */
  gpointer ask_data;
  gboolean stops, open;
  guint64 times; /* served */
};

GdwRingGate *
gdw_ring_gate_new (void)
{
  GdwRingGate *gate = g_new0 (GdwRingGate, 1);

  pthread_mutex_init (&gate->lock, NULL);
  pthread_cond_init (&gate->served_or_open, NULL);
  return gate;
}

void
gdw_ring_gate_free (GdwRingGate *gate)
{
  pthread_cond_destroy (&gate->served_or_open);
  pthread_mutex_destroy (&gate->lock);
  g_free (gate);
}

static gboolean
is_shut (GdwRingGate *gate)
{
  return gate->ask && !gate->stops && !gate->open;
}

void
gdw_ring_gate_wait (GdwRingGate *gate)
{
  guint64 times;

  pthread_mutex_lock (&gate->lock);
  times = gate->times;
  if (gate->ask && !gate->stops)
    gate->ask (gate->ask_data);
  while (is_shut (gate) && gate->times == times)
    pthread_cond_wait (&gate->served_or_open, &gate->lock);
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_attach (GdwRingGate *gate, void (*ask) (gpointer data), gpointer data)
{
  pthread_mutex_lock (&gate->lock);
  gate->ask = ask;
  gate->ask_data = data;
  pthread_mutex_unlock (&gate->lock);
}

/* Under the lock. */
static void
wake (GdwRingGate *gate)
{
  pthread_cond_broadcast (&gate->served_or_open);
}

void
gdw_ring_gate_detach (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->ask = NULL;
  wake (gate);
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_served (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->times++;
  wake (gate);
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_guest_stops (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->stops = TRUE;
  wake (gate);
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_guest_runs (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->stops = FALSE;
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_open (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->open = TRUE;
  wake (gate);
  pthread_mutex_unlock (&gate->lock);
}

void
gdw_ring_gate_close (GdwRingGate *gate)
{
  pthread_mutex_lock (&gate->lock);
  gate->open = FALSE;
  pthread_mutex_unlock (&gate->lock);
}
