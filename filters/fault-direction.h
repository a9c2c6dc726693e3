/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

/* One direction of a link of filter fault: where it is between the units that a fault can be
 * at.  A unit is a frame, or the one byte where a count is full. */

/* The header as far as the type and the length of a frame need it. */
#define WAY_HEAD_BYTES 12
#define WAY_NO_END G_MAXUINT64

typedef enum {
  FAULT_RESET,
  FAULT_STALL,
  FAULT_SHORT,
  FAULT_FLIP,
  FAULT_DROP,
  FAULT_DUPLICATE
} FaultKind;

typedef enum {
  WAY_PASS, /* what is kept, then the rest of the unit, passes */
  WAY_HEAD, /* the head of a frame is gathered */
  WAY_UNIT, /* the unit to be altered is gathered */
} WayPhase;

/* Used by one thread at a time. */
typedef struct {
  gboolean frames; /* the units are frames */
  WayPhase phase;
  GByteArray *kept;  /* gathered, and to be passed before all else once in WAY_PASS */
  gsize passed;      /* of it */
  gsize wanted;      /* bytes of kept until WAY_HEAD or WAY_UNIT is complete */
  guint64 left;      /* to pass after kept, before the next boundary */
  gboolean ends;     /* the link ends after kept */
  GCancellable *cut; /* under the lock of the link: of the call below */
} Way;

/* @step: a boundary each so many bytes where units are no frames; 0: none. */
void way_init (Way *way, gboolean frames, guint64 step);

/* Kept bytes that have not passed. */
gsize way_kept (const Way *way);

/* As the gathered head says. */
guint64 way_payload_bytes (const Way *way);

/* What is gathered cannot be the head of a frame: other bytes travel here. */
gboolean way_is_no_frame (const Way *way);

/* The whole unit is kept: do to it what was asked for. */
void way_alter (Way *way, FaultKind kind, guint64 seed);

/* Hand kept bytes to a reader; gives their number. */
gssize way_give (Way *way, const struct iovec *iov, guint n);

/* Bytes of the unit have passed. */
void way_advance (Way *way, gsize count);

/* Add to @part, which has @used of IOV_MAX vectors, at most @most bytes of @iov from @skip on;
 * gives the vectors used. */
guint way_cut (const struct iovec *iov, guint n, gsize skip, guint64 most, struct iovec *part,
               guint used);
gsize way_total (const struct iovec *iov, guint n);
