/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <pthread.h>
#include <sys/uio.h>

/* The bytes under way in one direction of the filter delay.  One thread puts, one takes. */

/* The most bytes under way; with more the putter waits. */
#define QUEUE_BYTES (64u << 20)
/* Vectors of one look. */
#define QUEUE_BATCH 64

typedef struct {
  gint64 due_us; /* monotonic time from which on the chunk may pass */
  gsize length, passed;
  guint8 data[];
} Chunk;

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  GQueue chunks; /* Chunk; this and the next four under lock */
  gsize bytes;   /* of memory */
  gboolean ended, drained;
  GError *error;
} Queue;

void queue_init (Queue *queue);
void queue_clear (Queue *queue);

/* Free with g_free. */
Chunk *queue_chunk_new (gsize length);

/* Takes over @chunk. */
void queue_put (Queue *queue, Chunk *chunk);

/* Nothing more will be put.  The other side then sees @error, which the queue takes over. */
void queue_end (Queue *queue, GError *error);

/* Wait for room; FALSE with an error when cancelled or when the other side failed. */
gboolean queue_wait_room (Queue *queue, GCancellable *cancellable, GError **error);

/* Wait until a chunk is due, or the queue has ended empty. */
gboolean queue_wait_due (Queue *queue, GCancellable *cancellable, GError **error);

/* Gives the chunks that are due, as vectors; none at the end.  They stay in the queue, and only
 * this side removes them. */
guint queue_peek (Queue *queue, struct iovec *iov);
void queue_drop (Queue *queue, gsize count);

/* Nobody takes any more. */
void queue_is_drained (Queue *queue);

/* Wait until the queue is empty, as long as something is taken every @patience_ms. */
void queue_flush (Queue *queue, int patience_ms);
