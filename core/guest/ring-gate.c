/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/guest/ring-gate.h"

#include <pthread.h>

struct GdwRingDoor {
  pthread_mutex_t lock;
  pthread_cond_t served_or_open;
  /* Under the lock. */
  void (*ask) (gpointer data); /* NULL: nobody collects */
  gpointer ask_data;
  gboolean stops, open;
  guint64 times; /* served */
};

GdwRingDoor *
gdw_ring_door_new (void)
{
  GdwRingDoor *door = g_new0 (GdwRingDoor, 1);

  pthread_mutex_init (&door->lock, NULL);
  pthread_cond_init (&door->served_or_open, NULL);
  return door;
}

void
gdw_ring_door_free (GdwRingDoor *door)
{
  pthread_cond_destroy (&door->served_or_open);
  pthread_mutex_destroy (&door->lock);
  g_free (door);
}

static gboolean
is_shut (GdwRingDoor *door)
{
  return door->ask && !door->stops && !door->open;
}

void
gdw_ring_door_wait (GdwRingDoor *door)
{
  guint64 times;

  pthread_mutex_lock (&door->lock);
  times = door->times;
  if (door->ask && !door->stops)
    door->ask (door->ask_data);
  while (is_shut (door) && door->times == times)
    pthread_cond_wait (&door->served_or_open, &door->lock);
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_attach (GdwRingDoor *door, void (*ask) (gpointer data), gpointer data)
{
  pthread_mutex_lock (&door->lock);
  door->ask = ask;
  door->ask_data = data;
  pthread_mutex_unlock (&door->lock);
}

/* Under the lock. */
static void
wake (GdwRingDoor *door)
{
  pthread_cond_broadcast (&door->served_or_open);
}

void
gdw_ring_door_detach (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->ask = NULL;
  wake (door);
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_served (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->times++;
  wake (door);
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_guest_stops (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->stops = TRUE;
  wake (door);
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_guest_runs (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->stops = FALSE;
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_open (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->open = TRUE;
  wake (door);
  pthread_mutex_unlock (&door->lock);
}

void
gdw_ring_door_close (GdwRingDoor *door)
{
  pthread_mutex_lock (&door->lock);
  door->open = FALSE;
  pthread_mutex_unlock (&door->lock);
}
