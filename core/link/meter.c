/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/meter.h"

#include <pthread.h>

#define WINDOW_US 100000
#define WINDOW_BYTES (16u << 20)

struct GdwMeter {
  pthread_mutex_t lock;
  /* Under the lock. */
  gint64 begin_us; /* start of the window; 0: the links do not carry yet */
  guint64 bytes;   /* bytes acknowledged in it */
  guint64 memory;  /* guest memory that those bytes stood for */
  gboolean idle;   /* there was nothing to send when a link looked last */
  gboolean dry;    /* or at any time in the window */
  double rate;     /* bytes/s; 0: no window has ended */
};

GdwMeter *
gdw_meter_new (void)
{
  GdwMeter *meter = g_new0 (GdwMeter, 1);

  pthread_mutex_init (&meter->lock, NULL);
  return meter;
}

void
gdw_meter_free (GdwMeter *meter)
{
  if (!meter)
    return;
  pthread_mutex_destroy (&meter->lock);
  g_free (meter);
}

void
gdw_meter_begin (GdwMeter *meter, gint64 now_us)
{
  pthread_mutex_lock (&meter->lock);
  meter->begin_us = now_us;
  pthread_mutex_unlock (&meter->lock);
}

void
gdw_meter_looked (GdwMeter *meter, gboolean found)
{
  pthread_mutex_lock (&meter->lock);
  meter->idle = !found;
  meter->dry |= !found;
  pthread_mutex_unlock (&meter->lock);
}

static double
per_second (guint64 bytes, gint64 us)
{
  return (double) bytes * G_USEC_PER_SEC / (double) MAX (us, 1);
}

/* Under the lock. */
static void
end_window (GdwMeter *meter, gint64 now_us)
{
  gint64 us = now_us - meter->begin_us;
  double seen = per_second (meter->bytes, us);

  if (meter->rate == 0)
    meter->rate = seen;
  else if (seen > meter->rate || !(meter->dry || meter->bytes < meter->memory / 2))
    meter->rate += (seen - meter->rate) * (double) us / (double) (us + WINDOW_US);
  meter->begin_us = now_us;
  meter->bytes = meter->memory = 0;
  meter->dry = meter->idle;
}

void
gdw_meter_acked (GdwMeter *meter, guint64 bytes, guint64 memory_bytes, gint64 now_us)
{
  pthread_mutex_lock (&meter->lock);
  meter->bytes += bytes;
  meter->memory += memory_bytes;
  if (now_us - meter->begin_us >= WINDOW_US || meter->bytes >= WINDOW_BYTES)
    end_window (meter, now_us);
  pthread_mutex_unlock (&meter->lock);
}

guint64
gdw_meter_rate (GdwMeter *meter, gint64 now_us)
{
  double rate = 0;

  pthread_mutex_lock (&meter->lock);
  if (meter->rate == 0 && meter->begin_us)
    rate = per_second (meter->bytes, now_us - meter->begin_us);
  else if (meter->dry)
    rate = meter->rate;
  else /* a lump of acknowledgements may be on its way */
    rate = MIN (meter->rate,
                per_second (meter->bytes + WINDOW_BYTES, now_us - meter->begin_us));
  pthread_mutex_unlock (&meter->lock);
  return (guint64) rate;
}
