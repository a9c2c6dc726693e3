/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/rate.h"
#include "core/link/frame.h"
#include "core/link/meter.h"
#include "core/base/thread.h"
#include "plugins/stack.h"

/* A link with its two threads: one only reads, one only writes, so reading never waits for
 * writing.  Both sides have the same type: the source's channels fill MEM frames, the
 * destination's take them.
 *
 * The channel looks after sequence, credit and acknowledgement by itself.  Control frames
 * arrive on the main thread, in order. */
typedef struct GdwChannel GdwChannel;

/* A MEM frame to be written. */
typedef struct {
  GdwMem mem;
  struct iovec iov[GDW_MEM_RUNS_MAX]; /* of the raw runs, in guest memory */
  guint n_iov;
  guint32 round;
  gboolean last; /* nothing more to send for now: ask for an acknowledgement */
} GdwMemOut;

/* A MEM frame that was written and is not acknowledged yet. */
typedef struct {
  guint64 seq;
  gint64 sent_us; /* before its first byte was written */
  guint64 bytes;  /* on the wire */
  guint64 pages;  /* of all runs */
  guint32 round, region, n_runs;
  GdwRun runs[];
} GdwSent;

typedef struct {
  /* Writer thread, source.  Fill @out and return TRUE. Return FALSE without an error if there
   * is nothing to send now (gdw_channel_kick when there is), or FALSE with an error. */
  gboolean (*fill) (GdwChannel *channel, GdwMemOut *out, gpointer data, GError **error);

  /* Reader thread, source. */
  void (*acked) (GdwChannel *channel, const GdwSent *sent, gpointer data);
  /* @round: of the frame that brought the damaged pages. */
  gboolean (*nak) (GdwChannel *channel, const GdwNak *nak, guint32 round, gpointer data,
                   GError **error);

  /* Reader thread, destination.  The raw pages are next on the link: read them with
   * gdw_channel_read. */
  gboolean (*mem) (GdwChannel *channel, const GdwFrame *frame, const GdwMem *mem, gpointer data,
                   GError **error);

  /* Main thread. */
  void (*connected) (GdwChannel *channel, gpointer data);
  void (*frame) (GdwChannel *channel, const GdwFrame *frame, const guint8 *meta, gpointer data);
  /* gdw_channel_settle has done its work. */
  void (*settled) (GdwChannel *channel, gpointer data);
  /* The channel will end with this error, as soon as it has told the peer, if the peer listens.
   */
  void (*broken) (GdwChannel *channel, const GError *error, gpointer data);
  /* Both threads have ended.  @error is NULL after gdw_channel_finish, in good order. */
  void (*closed) (GdwChannel *channel, const GError *error, gpointer data);
} GdwChannelOps;

/* All channels of one attempt share this. */
typedef struct {
  const GdwChannelOps *ops;
  gpointer data;
  GdwThreads *threads; /* the channels' threads belong to it, or NULL */
  GMainContext *context;
  GdwStack *stack;
  const guint64 *region_pages; /* sizes, for MEM and NAK */
  guint n_regions;
  GdwRate *rate;      /* source; NULL: unlimited */
  GdwMeter *meter;    /* source; hears of MEM frames and acknowledgements; or NULL */
  guint heartbeat_ms; /* longest silence */
  gboolean one_way;   /* nobody answers: a frame counts as taken once it is written */
} GdwChannelConfig;

/* Takes @link; with NULL the channel connects.  The handshakes of the filters run on the
 * writer's thread, before the reader starts and the first frame goes out.  @config must outlive
 * the channel.  Both threads start at once.  NULL with an error if they cannot start. */
GdwChannel *gdw_channel_new (const GdwChannelConfig *config, guint index, GdwLink *link,
                             GError **error);

/* End the channel at once if it has not closed, and wait for its threads.  No callback comes
 * after the call. */
void gdw_channel_free (GdwChannel *channel);

/* After closed.  Waits for the threads, which gives their resources back to the system. */
void gdw_channel_join (GdwChannel *channel);

guint gdw_channel_index (const GdwChannel *channel);
void gdw_channel_set_index (GdwChannel *channel, guint index);

/* Main thread.  Append a control frame; takes @meta. */
void gdw_channel_send (GdwChannel *channel, GdwFrameType type, GByteArray *meta);
/* The same for COMMIT; the channel remembers whether it called write(). */
void gdw_channel_send_commit (GdwChannel *channel, GByteArray *meta);
/* Returns whether COMMIT was handed to write().  Valid after closed. */
gboolean gdw_channel_commit_begun (GdwChannel *channel);

/* Main thread, one-way.  Append a control frame and make all that was written durable; with
 * COMMIT also give it its name. */
void gdw_channel_settle (GdwChannel *channel, GdwFrameType type, GByteArray *meta);
/* Returns whether the stream has got its name.  Valid after closed. */
gboolean gdw_channel_published (GdwChannel *channel);
/* Valid after closed: may it have got its name, or not? */
gboolean gdw_channel_is_in_doubt (GdwChannel *channel);
/* After that, or after settled: what the transport has to say about it, or NULL. */
const char *gdw_channel_remark (GdwChannel *channel);

/* Source: let MEM frames flow, with this credit.  Destination: take them.  A MEM frame before
 * that is an error. */
void gdw_channel_open (GdwChannel *channel, guint64 window_bytes, guint64 window_pages);

/* Any thread.  There may be something to send again. */
void gdw_channel_kick (GdwChannel *channel);

/* Write what is queued, half-close, and wait for the peer to do the same. */
void gdw_channel_finish (GdwChannel *channel);

/* End at once, whatever it is blocked in. */
void gdw_channel_stop (GdwChannel *channel);

/* Any thread; takes @error.  The same because the link failed, with this error unless there was
 * one before. */
void gdw_channel_fail (GdwChannel *channel, GError *error);
/* Valid after closed with an error: did the link fail?  Then another link may carry on, or know
 * why.  Else the error is of the peer or of this side, whatever its code. */
gboolean gdw_channel_link_failed (GdwChannel *channel);

/* After closed, source.  Returns the oldest MEM frame that was not acknowledged, or NULL; free
 * it with g_free. */
GdwSent *gdw_channel_take_unacked (GdwChannel *channel);

/* Reader thread. */
gboolean gdw_channel_read (GdwChannel *channel, struct iovec *iov, guint n, GError **error);
/* Any thread.  @round: the round of the frame that brought these pages. */
void gdw_channel_send_nak (GdwChannel *channel, const GdwNak *nak, guint32 round);
guint64 gdw_channel_sent_bytes (GdwChannel *channel); /* all frames */
guint64
gdw_channel_last_mem (GdwChannel *channel); /* sequence of the last MEM written, or applied */
/* Source: measure the way there and back; opening does so, too. */
void gdw_channel_probe (GdwChannel *channel);
guint gdw_channel_rtt_us (GdwChannel *channel); /* the shortest; 0: unknown */
gint64 gdw_channel_last_received_us (
    GdwChannel *channel); /* monotonic; the channel's start if nothing came yet */
