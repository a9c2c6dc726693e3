/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/silence.h"

static gboolean
is_silent (GdwChannel *channel, gint64 now, gint64 limit_us)
{
  return now - gdw_channel_last_received_us (channel) >= limit_us;
}

static GError *
make_error (GdwChannel *channel, gint64 now)
{
  gint64 us = now - gdw_channel_last_received_us (channel);

  return g_error_new (GDW_ERROR, GDW_ERROR_TIMEOUT,
                      "link %u: the other side was silent for %" G_GINT64_FORMAT
                      " ms: it is dead or out of reach; check the network, or raise "
                      "x-peer-timeout",
                      gdw_channel_index (channel), us / 1000);
}

GError *
gdw_silence_check (GdwChannel *const *channels, guint n, gboolean together, gint64 limit_us)
{
  gint64 now = g_get_monotonic_time ();
  GdwChannel *first = NULL;
  guint n_silent = 0;

  for (guint i = 0; i < n; i++) {
    if (!is_silent (channels[i], now, limit_us))
      continue;
    first = n_silent++ ? first : channels[i];
  }
  if (n_silent && (together || n_silent == n))
    return make_error (first, now);
  for (guint i = 0; n_silent && i < n; i++)
    if (is_silent (channels[i], now, limit_us))
      gdw_channel_fail (channels[i], make_error (channels[i], now));
  return NULL;
}
