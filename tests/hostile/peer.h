/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/frame.h"
#include "tests/engine/wait.h"

/* One end of a link that speaks frames by hand, over a unix socket, in the main loop of the
 * test: whatever waits here lets the loop run. */

typedef struct {
  int fd;
  guint64 tx_seq, rx_seq;
  GByteArray *in; /* read and not taken yet */
  gboolean ended; /* the other side has closed */
  gboolean deaf;  /* does not read while it sends */
} Peer;

/* A frame as it was received. */
typedef struct {
  GdwFrame frame;
  GByteArray *meta;
  GByteArray *data; /* the pages of MEM */
} Heard;

Peer *peer_connect (const char *path);
void peer_free (Peer *peer);
void peer_half_close (Peer *peer);

/* Where a source connects to. */
int peer_listen (const char *path);
Peer *peer_accept (int listener);
gboolean peer_is_waiting (int listener);

/* A whole frame of the next sequence number; takes @meta; NULL is empty. */
GByteArray *peer_frame (Peer *peer, guint type, guint16 flags, GByteArray *meta);
/* Bytes as they are; FALSE if the other side has closed meanwhile. */
gboolean peer_send_bytes (Peer *peer, const guint8 *data, gsize size);
/* A frame of peer_frame; takes it. */
gboolean peer_send_frame (Peer *peer, GByteArray *frame);
gboolean peer_send (Peer *peer, guint type, GByteArray *meta);
/* Sends a frame whose payload is only an id. */
gboolean peer_send_id (Peer *peer, guint type, const guint8 id[GDW_ID_BYTES]);
/* ERROR or ABORT. */
gboolean peer_send_error (Peer *peer, guint type, const char *text);
/* New checksums, of the header as it is and of what there is of the meta part. */
void peer_seal (GByteArray *frame);

/* Reads what there is, without waiting; FALSE at the end. */
gboolean peer_read (Peer *peer);
/* The next frame, or NULL if there is none yet. */
Heard *peer_next (Peer *peer);
void peer_heard_free (Heard *heard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Heard, peer_heard_free)

/* Waits for a frame of @type; others of the kinds that mean nothing here (ACK, NAK,
 * HEARTBEAT, ROUND-END) are passed over, and any other one is a failure. */
Heard *peer_expect (Peer *peer, guint type);
/* Waits for the end, or for an ERROR or ABORT: its text, to be freed, or NULL. */
char *peer_last_words (Peer *peer);
