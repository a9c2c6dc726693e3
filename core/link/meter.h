/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Estimates how fast each link carries, from the acknowledgements, and from that how much a
 * link may take.  Only the time counts in which a link has something under way: what
 * max-bandwidth holds back, and what the guest does not write, says nothing about the link.
 *
 * Acknowledgements come in lumps, so only a window of 0.1 s of that time or 16 MiB says
 * something, and nothing came faster than it was sent.  Each window moves the estimate by its
 * weight against 0.1 s.  A window of mostly zero pages, or of bursts of which the way there and
 * back takes a good part, gives a lower bound only, and one of short bursts says nothing. Calls
 * on any thread. */
typedef struct GdwMeter GdwMeter;

GdwMeter *gdw_meter_new (guint n_links);
void gdw_meter_free (GdwMeter *meter);

/* These bytes are under way from now on. */
void gdw_meter_sent (GdwMeter *meter, guint link, guint64 bytes, guint64 memory_bytes,
                     gint64 now_us);
/* The peer acknowledged @bytes of the link, which stood for so much guest memory. */
void gdw_meter_acked (GdwMeter *meter, guint link, guint64 bytes, guint64 memory_bytes,
                      gint64 sent_us, gint64 now_us);
/* The shortest way there and back that was seen. */
void gdw_meter_round_trip (GdwMeter *meter, guint link, guint us);
/* The link is dead. */
void gdw_meter_lost (GdwMeter *meter, guint link);

typedef struct {
  guint64 rate;         /* bytes/s of all links; 0: unknown */
  guint64 bytes;        /* under way on all links */
  guint64 memory_bytes; /* the guest memory of these */
  guint64 slowest_us;   /* until the slowest link has carried its part; G_MAXUINT64: unknown */
} GdwMeterReading;

/* Before the first window of a link ends its rate is the mean until now.  It falls while no
 * acknowledgements come. */
GdwMeterReading gdw_meter_read (GdwMeter *meter, gint64 now_us);

/* With several links a slow one must not have more under way than it carries in a moment, since
 * the guest would wait for it.  A single link has no limits: G_MAXUINT64. */
guint64 gdw_meter_window (GdwMeter *meter, guint link, gint64 now_us); /* bytes under way */
guint64 gdw_meter_frame (GdwMeter *meter, guint link, gint64 now_us);  /* bytes of a frame */
guint64 gdw_meter_claim (GdwMeter *meter, guint link, gint64 now_us);  /* bytes of a claim */
/* Bytes of @left, the last ones, that the link can carry by the time that all of it is carried.
 * 0: leave it to the others. */
guint64 gdw_meter_share (GdwMeter *meter, guint link, guint64 left, gint64 now_us);
