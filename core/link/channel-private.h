/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <pthread.h>

#include "core/link/channel.h"

/* A control frame on its way out. */
typedef struct {
  guint8 type;
  guint32 round;
  gboolean commit, settle;
  GByteArray *meta;
} GdwOut;

struct GdwChannel {
  /* Set at creation. */
  const GdwChannelConfig *config;
  GCancellable *cancellable;
  gint64 created_us;
  pthread_t writer, reader;

  gint refs;     /* atomic: one of the owner, one for each call posted to the main thread */
  gboolean gone; /* main thread: tell the owner nothing more */

  /* The writer thread sets it before the reader starts; then it is fixed. */
  GdwLink *link;

  /* Writer thread only. */
  guint64 tx_seq;
  GdwMemOut out;
  guint8 *copy; /* one-way: copies of the pages of @out, since nobody can ask for them again */
  guint8 tx_meta[GDW_MEM_META_MAX];
  gint64 last_tx_us;
  gint64 asked_us;    /* when a MEM asked for an acknowledgement last */
  gboolean idle;      /* the last fill found nothing to send */
  guint64 kicks_seen; /* the value of kicks at that fill */

  /* Reader thread only. */
  guint64 rx_seq;
  GByteArray *rx_meta;
  GdwMem mem;
  gboolean rx_commit; /* one-way: the trailer was read */
  gboolean rx_failed; /* a read of the link did, so what it brought is not to blame */

  pthread_mutex_t lock;
  pthread_cond_t wake;      /* for the writer */
  pthread_cond_t delivered; /* for the reader */
  /* Under the lock. */
  guint index;
  GQueue outbox; /* of GdwOut */
  gboolean finishing, stopped, open, joined_reader;
  gboolean joined; /* both threads; main only */
  gboolean commit_begun, published, in_doubt;
  char *remark;         /* of the transport, on what was published; or NULL */
  guint running;        /* threads */
  GError *error;        /* the first */
  gboolean link_failed; /* it is the link's */
  guint64 kicks;        /* counts gdw_channel_kick */
  GQueue sent;          /* of GdwSent, oldest first */
  guint64 unacked_bytes, unacked_pages, window_bytes, window_pages;
  gboolean ack_asked; /* the last MEM carried ACK-NOW */
  GdwAck applied;     /* destination: the frames that were taken */
  GdwAck acked;       /* destination: the part of them that was acknowledged */
  gboolean ack_due;
  gboolean probe;    /* measure the round trip before anything is under way */
  guint64 echo_us;   /* the heartbeat to answer, or 0 */
  guint undelivered; /* control frames */
  guint64 last_mem, sent_bytes;
  guint rtt_us; /* the shortest round trip */
};

GdwChannel *gdw_channel_ref (GdwChannel *channel);
void gdw_channel_unref (gpointer channel);
/* Any thread; takes @error.  The link works, but the peer broke a rule or this side cannot go
 * on: tells the peer why, then ends with that error. */
void gdw_channel_break (GdwChannel *channel, GError *error);
/* channel-read.c < channel-write.c < channel-life.c: the writer connects, then starts the
 * reader. */
gboolean gdw_channel_start_reader (GdwChannel *channel, GError **error);
gboolean gdw_channel_start_writer (GdwChannel *channel, GError **error);
/* Tells the meter. */
void gdw_channel_note_acked (GdwChannel *channel, const GdwSent *sent);
/* The reader posts it to the main thread when it begins. */
void gdw_channel_report_connected (gpointer channel);
/* Each thread calls it at its end; the last one reports to the owner. */
void gdw_channel_thread_ends (GdwChannel *channel);
