/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <pthread.h>
#include <sys/uio.h>

/* The delayed bytes of one direction of the filter delay.  One thread puts, one takes. */

/* The most bytes in a queue; beyond this the putter waits. */
#define QUEUE_BYTES (64u << 20)
/* The most vectors that queue_peek() returns. */
#define QUEUE_BATCH 64

typedef struct {
  gint64 due_us; /* monotonic time when the chunk may pass */
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

/* Takes @chunk. */
void queue_put (Queue *queue, Chunk *chunk);

/* Nothing more will be put.  The other side then gets @error, which the queue takes. */
void queue_end (Queue *queue, GError *error);

/* Waits for room.  Returns FALSE with an error when cancelled or when the other side failed. */
gboolean queue_wait_room (Queue *queue, GCancellable *cancellable, GError **error);

/* Waits until a chunk is due, or until the queue has ended and is empty. */
gboolean queue_wait_due (Queue *queue, GCancellable *cancellable, GError **error);

/* Returns the due chunks as vectors; none at the end.  They stay in the queue, and only this
 * side removes them. */
guint queue_peek (Queue *queue, struct iovec *iov);
void queue_drop (Queue *queue, gsize count);

/* No more bytes will be taken. */
void queue_is_drained (Queue *queue);

/* Waits until the queue is empty, as long as something is taken within every @patience_ms. */
void queue_flush (Queue *queue, int patience_ms);
