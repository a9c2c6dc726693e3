/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

/* One direction of a link of the filter fault: its position among the units that a fault can
 * hit.  A unit is a frame, or the one byte where a count is full. */

/* The part of the header that has the type and the length of a frame. */
#define DIRECTION_HEAD_BYTES 12
#define DIRECTION_NO_END G_MAXUINT64

typedef enum {
  FAULT_RESET,
  FAULT_STALL,
  FAULT_SHORT,
  FAULT_FLIP,
  FAULT_DROP,
  FAULT_DUPLICATE
} FaultKind;

typedef enum {
  DIRECTION_PASS, /* kept bytes pass, then the rest of the unit */
  DIRECTION_HEAD, /* the head of a frame is gathered */
  DIRECTION_UNIT, /* the unit to be altered is gathered */
} WayPhase;

/* Used by one thread at a time. */
typedef struct {
  gboolean frames; /* the units are frames */
  WayPhase phase;
  GByteArray *kept;  /* the gathered bytes, which pass before all else once in DIRECTION_PASS */
  gsize passed;      /* of it */
  gsize wanted;      /* bytes of kept until DIRECTION_HEAD or DIRECTION_UNIT is complete */
  guint64 left;      /* to pass after kept, before the next boundary */
  gboolean ends;     /* the link ends after kept */
  GCancellable *cut; /* under the lock of the link: of the call below */
} Direction;

/* @step: a boundary after each @step bytes if the units are not frames; 0: none. */
void direction_init (Direction *direction, gboolean frames, guint64 step);

/* Returns the number of kept bytes that have not passed. */
gsize direction_kept (const Direction *direction);

/* Reads it from the gathered head. */
guint64 direction_payload_bytes (const Direction *direction);

/* Returns TRUE if the gathered bytes cannot be the head of a frame: other bytes travel here. */
gboolean direction_is_no_frame (const Direction *direction);

/* The whole unit is kept: applies the fault to it. */
void direction_alter (Direction *direction, FaultKind kind, guint64 seed);

/* Gives kept bytes to a reader.  Returns their number. */
gssize direction_give (Direction *direction, const struct iovec *iov, guint n);

/* Bytes of the unit have passed. */
void direction_advance (Direction *direction, gsize count);

/* Adds to @part, which uses @used of IOV_MAX vectors, at most @most bytes of @iov from @skip
 * on. Returns the number of used vectors. */
guint direction_cut (const struct iovec *iov, guint n, gsize skip, guint64 most,
                     struct iovec *part, guint used);
gsize direction_total (const struct iovec *iov, guint n);
