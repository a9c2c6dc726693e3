/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The head of every frame on every link, little endian, for filters that must
 * know frames; docs/stream.md has the payloads.
 *
 *   0 u32 magic      4 u8 header length    5 u8 type      6 u16 flags
 *   8 u32 payload length (bytes after the header)
 *  12 u32 meta length (the first part of the payload, covered by the meta CRC)
 *  16 u64 sequence of this link and direction, from 1
 *  24 u32 round     28 u32 CRC32C of the meta part
 *  32 u32 reserved, 0                      36 u32 CRC32C of bytes 0..35 */
#define GDW_FRAME_MAGIC 0x46574447u /* "GDWF" */
#define GDW_FRAME_HEADER_BYTES 40u
#define GDW_FRAME_PAYLOAD_MAX (16u << 20)

#define GDW_FRAME_OFFSET_TYPE 5
#define GDW_FRAME_OFFSET_PAYLOAD 8

/* flags */
#define GDW_FRAME_OPTIONAL (1u << 0) /* a receiver that does not know the type skips it */
#define GDW_FRAME_ACK_NOW (1u << 1)  /* acknowledge at once */

/* X (number, name in C, name for people).  Numbers are never used again. */
#define GDW_FRAME_TYPES(X)                                                                     \
  X (1, HELLO, "HELLO")                                                                        \
  X (2, HELLO_ACK, "HELLO-ACK")                                                                \
  X (3, JOIN, "JOIN")                                                                          \
  X (4, JOIN_ACK, "JOIN-ACK")                                                                  \
  X (5, MEM, "MEM")                                                                            \
  X (6, ACK, "ACK")                                                                            \
  X (7, NAK, "NAK")                                                                            \
  X (8, ROUND_END, "ROUND-END")                                                                \
  X (9, STATE, "STATE")                                                                        \
  X (10, PREPARE, "PREPARE")                                                                   \
  X (11, PREPARED, "PREPARED")                                                                 \
  X (12, COMMIT, "COMMIT")                                                                     \
  X (13, COMMITTED, "COMMITTED")                                                               \
  X (14, CONFIRM, "CONFIRM")                                                                   \
  X (15, ABORT, "ABORT")                                                                       \
  X (16, QUERY_OUTCOME, "QUERY-OUTCOME")                                                       \
  X (17, OUTCOME, "OUTCOME")                                                                   \
  X (18, HEARTBEAT, "HEARTBEAT")                                                               \
  X (19, ERROR, "ERROR")                                                                       \
  X (20, LINK_DEAD, "LINK-DEAD")                                                               \
  X (21, LINK_DRAINED, "LINK-DRAINED")

typedef enum {
#define GDW_FRAME_ENUM(number, name, text) GDW_FRAME_##name = number,
  GDW_FRAME_TYPES (GDW_FRAME_ENUM)
#undef GDW_FRAME_ENUM
} GdwFrameType;

/* The name for people, or NULL for an unknown type. */
static inline const char *
gdw_frame_name (guint type)
{
  switch (type) {
#define GDW_FRAME_NAME(number, name, text)                                                     \
  case number:                                                                                 \
    return text;
    GDW_FRAME_TYPES (GDW_FRAME_NAME)
#undef GDW_FRAME_NAME
  default:
    return NULL;
  }
}

G_END_DECLS
