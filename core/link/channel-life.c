/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* How a channel begins and ends. */
#include "core/link/channel-private.h"

#include "core/base/thread.h"

GdwChannel *
gdw_channel_new (const GdwChannelConfig *config, guint index, GdwLink *link, GError **error)
{
  GdwChannel *channel = g_new0 (GdwChannel, 1);

  channel->config = config;
  channel->index = index;
  channel->link = link;
  channel->cancellable = g_cancellable_new ();
  channel->created_us = g_get_monotonic_time ();
  channel->rx_meta = g_byte_array_new ();
  g_queue_init (&channel->outbox);
  g_queue_init (&channel->sent);
  pthread_mutex_init (&channel->lock, NULL);
  gdw_cond_init (&channel->wake);
  gdw_cond_init (&channel->delivered);
  channel->running = 1;
  channel->refs = 1;
  if (gdw_channel_start_writer (channel, error))
    return channel;
  if (link)
    gdw_link_close (link);
  gdw_channel_unref (channel);
  return NULL;
}

void
gdw_channel_join (GdwChannel *channel)
{
  if (channel->joined)
    return;
  channel->joined = TRUE;
  pthread_join (channel->writer, NULL);
  if (channel->joined_reader)
    pthread_join (channel->reader, NULL);
}

void
gdw_channel_free (GdwChannel *channel)
{
  gdw_channel_stop (channel);
  gdw_channel_join (channel);
  channel->gone = TRUE;
  gdw_channel_unref (channel);
}
