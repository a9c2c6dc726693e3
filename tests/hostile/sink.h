/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "peer.h"
#include "victim.h"

/* A destination that speaks by hand, and the real source that migrates to it. */

typedef struct {
  Victim *victim; /* the source */
  int listener;   /* -1: closed */
  char *path;
  Peer *peer; /* link 0; NULL: ended */
  GdwAck ack; /* what was received on it */
  guint8 id[GDW_ID_BYTES], token[GDW_TOKEN_BYTES];
  Heard *heard; /* the last frame that was waited for */
} Sink;

/* The frame that was heard last and is not answered yet. */
typedef enum { HEARD_HELLO, HEARD_MEM, HEARD_STATE, HEARD_PREPARE, HEARD_COMMIT } SinkStep;

/* A migration over @links begins; link 0 has said HELLO. */
Sink *sink_new (guint links);
/* The same, of @victim. */
Sink *sink_new_for (Victim *victim, guint links);
void sink_free (Sink *sink);

gboolean sink_welcome (Sink *sink, const GdwHelloAck *ack);
/* Says what a good destination says until this is heard. */
void sink_reach (Sink *sink, SinkStep step);
/* Reads on, acknowledging, until a frame of @type. */
void sink_serve (Sink *sink, guint type);
/* The same, without: to be done by sink_acknowledge. */
void sink_wait (Sink *sink, guint type);
/* The next frame, whatever it is; gives its type. */
guint sink_next (Sink *sink);
void sink_acknowledge (Sink *sink);
/* @round: of the frame that it is about. */
void sink_nak (Sink *sink, guint32 round, guint region, guint64 page);
/* The next link to the listener, and what it asks. */
Peer *sink_question (Sink *sink);
gboolean sink_answer (Peer *peer, guint type, guint answer, const char *text);
void sink_close (Sink *sink);          /* link 0 */
void sink_close_listener (Sink *sink); /* nobody can connect any more */

/* It failed with a text that contains @text, its guest runs again, and link 0 was told the
 * same, if @told. */
void sink_expect_kept (Sink *sink, const char *text, gboolean told);
/* Expects that the guest stays paused here until an operator says otherwise. */
void sink_expect_unknown (Sink *sink);
void sink_expect_gone (Sink *sink);
