/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/link/frame.h"

/* Decodes the payload of any frame and, if it is well-formed, encodes it again. */

/* The guest that the golden streams are about. */
#define ANY_REGIONS 2u
static const guint64 any_pages[ANY_REGIONS] = { 65536, 1024 };

static inline gboolean
any_hello (const guint8 *meta, gsize size, GByteArray *again, GError **error)
{
  GdwHello hello;

  if (!gdw_hello_decode (meta, size, &hello, error))
    return FALSE;
  gdw_hello_encode (&hello, again);
  /* A newer version may append fields that are not known here. */
  if (hello.version_max > GDW_STREAM_VERSION_MAX && again->len < size)
    gdw_put_bytes (again, meta + again->len, size - again->len);
  gdw_hello_clear (&hello);
  return TRUE;
}

static inline gboolean
any_mem (const guint8 *meta, gsize size, guint32 payload_len, GByteArray *again, GError **error)
{
  g_autofree GdwMem *mem = g_new (GdwMem, 1);

  if (!gdw_mem_decode (meta, size, payload_len, any_pages, ANY_REGIONS, mem, error))
    return FALSE;
  g_byte_array_set_size (again, GDW_MEM_META_MAX);
  g_byte_array_set_size (again, gdw_mem_encode (mem, again->data));
  return TRUE;
}

static inline gboolean
any_nak (const guint8 *meta, gsize size, GByteArray *again, GError **error)
{
  GdwNak nak;

  if (!gdw_nak_decode (meta, size, any_pages, ANY_REGIONS, &nak, error))
    return FALSE;
  gdw_nak_encode (&nak, again);
  return TRUE;
}

/* The destination ignores the payload, so the library has no decoder for it. */
static inline gboolean
any_round_end_decode (const guint8 *meta, gsize size, GdwRoundEnd *end, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  end->pages = gdw_get_u64 (&in);
  end->bytes = gdw_get_u64 (&in);
  return gdw_frame_check_end (&in, "ROUND-END", error);
}

static inline gboolean
any_round_end (const guint8 *meta, gsize size, GByteArray *again, GError **error)
{
  GdwRoundEnd end;

  if (!any_round_end_decode (meta, size, &end, error))
    return FALSE;
  gdw_round_end_encode (&end, again);
  return TRUE;
}

#define ANY_SIMPLE(name, Type, clear)                                                          \
  static inline gboolean any_##name (const guint8 *meta, gsize size, GByteArray *again,        \
                                     GError **error)                                           \
  {                                                                                            \
    Type value;                                                                                \
                                                                                               \
    if (!gdw_##name##_decode (meta, size, &value, error))                                      \
      return FALSE;                                                                            \
    gdw_##name##_encode (&value, again);                                                       \
    clear (&value);                                                                            \
    return TRUE;                                                                               \
  }
#define ANY_KEEP(value)
ANY_SIMPLE (hello_ack, GdwHelloAck, ANY_KEEP)
ANY_SIMPLE (join, GdwJoin, ANY_KEEP)
ANY_SIMPLE (query, GdwJoin, ANY_KEEP)
ANY_SIMPLE (ack, GdwAck, ANY_KEEP)
ANY_SIMPLE (state, GdwStateChunk, gdw_state_clear)
ANY_SIMPLE (prepare, GdwPrepare, ANY_KEEP)
ANY_SIMPLE (outcome, GdwOutcomeMsg, gdw_outcome_clear)
ANY_SIMPLE (heartbeat, GdwHeartbeat, ANY_KEEP)
ANY_SIMPLE (error, GdwErrorMsg, gdw_error_clear)

static inline gboolean
any_link_number (const guint8 *meta, gsize size, GByteArray *again, GError **error)
{
  guint32 link;

  if (!gdw_link_number_decode (meta, size, &link, error))
    return FALSE;
  gdw_link_number_encode (link, again);
  return TRUE;
}

static inline gboolean
any_id (const guint8 *meta, gsize size, GByteArray *again, GError **error)
{
  guint8 id[GDW_ID_BYTES];

  if (!gdw_id_decode (meta, size, id, error))
    return FALSE;
  gdw_id_encode (id, again);
  return TRUE;
}

/* @type is a known one; @meta has @size bytes and the payload @payload_len. */
static inline gboolean
any_frame_again (guint8 type, const guint8 *meta, gsize size, guint32 payload_len,
                 GByteArray *again, GError **error)
{
  switch ((GdwFrameType) type) {
  case GDW_FRAME_HELLO:
    return any_hello (meta, size, again, error);
  case GDW_FRAME_HELLO_ACK:
    return any_hello_ack (meta, size, again, error);
  case GDW_FRAME_JOIN:
    return any_join (meta, size, again, error);
  case GDW_FRAME_MEM:
    return any_mem (meta, size, payload_len, again, error);
  case GDW_FRAME_ACK:
    return any_ack (meta, size, again, error);
  case GDW_FRAME_NAK:
    return any_nak (meta, size, again, error);
  case GDW_FRAME_ROUND_END:
    return any_round_end (meta, size, again, error);
  case GDW_FRAME_LINK_DEAD:
  case GDW_FRAME_LINK_DRAINED:
    return any_link_number (meta, size, again, error);
  case GDW_FRAME_STATE:
    return any_state (meta, size, again, error);
  case GDW_FRAME_PREPARE:
    return any_prepare (meta, size, again, error);
  case GDW_FRAME_QUERY_OUTCOME:
    return any_query (meta, size, again, error);
  case GDW_FRAME_COMMITTED:
  case GDW_FRAME_OUTCOME:
    return any_outcome (meta, size, again, error);
  case GDW_FRAME_HEARTBEAT:
    return any_heartbeat (meta, size, again, error);
  case GDW_FRAME_ABORT:
  case GDW_FRAME_ERROR:
    return any_error (meta, size, again, error);
  case GDW_FRAME_JOIN_ACK:
  case GDW_FRAME_PREPARED:
  case GDW_FRAME_COMMIT:
  case GDW_FRAME_CONFIRM:
    return any_id (meta, size, again, error);
  }
  g_assert_not_reached ();
}
