/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/frame.h"

#include "core/link/crc32c.h"

/* The sizes that the meta part of a type may have, so that a receiver never makes room for more
 * than its decoder would take.  Unknown types: up to the cap of the payload. */
typedef struct {
  guint32 min, max;
} Bounds;

#define TEXT_BYTES (2 + GDW_TEXT_MAX)

static const Bounds meta_bounds[] = {
  [GDW_FRAME_HELLO] = { 85, GDW_HELLO_META_MAX },
  [GDW_FRAME_HELLO_ACK] = { 26, 26 },
  [GDW_FRAME_JOIN] = { 34, 34 },
  [GDW_FRAME_JOIN_ACK] = { GDW_ID_BYTES, GDW_ID_BYTES },
  [GDW_FRAME_MEM] = { 32, GDW_MEM_META_MAX },
  [GDW_FRAME_ACK] = { 24, 24 },
  [GDW_FRAME_NAK] = { 16, 8 + 8 * GDW_MEM_RAW_MAX },
  [GDW_FRAME_ROUND_END] = { 16, 16 },
  [GDW_FRAME_LINK_DEAD] = { 4, 4 },
  [GDW_FRAME_LINK_DRAINED] = { 4, 4 },
  [GDW_FRAME_STATE] = { 27, 26 + GDW_NAME_MAX + GDW_STATE_CHUNK_MAX },
  [GDW_FRAME_PREPARE] = { 15, 7 + 8 * GDW_LINKS_MAX },
  [GDW_FRAME_PREPARED] = { GDW_ID_BYTES, GDW_ID_BYTES },
  [GDW_FRAME_COMMIT] = { GDW_ID_BYTES, GDW_ID_BYTES },
  [GDW_FRAME_COMMITTED] = { 11, 9 + TEXT_BYTES },
  [GDW_FRAME_CONFIRM] = { GDW_ID_BYTES, GDW_ID_BYTES },
  [GDW_FRAME_ABORT] = { 12, 8 + 2 * TEXT_BYTES },
  [GDW_FRAME_QUERY_OUTCOME] = { 32, 32 },
  [GDW_FRAME_OUTCOME] = { 11, 9 + TEXT_BYTES },
  [GDW_FRAME_HEARTBEAT] = { 16, 16 },
  [GDW_FRAME_ERROR] = { 12, 8 + 2 * TEXT_BYTES },
};

static const char *
label (guint type)
{
  const char *name = gdw_frame_name (type);

  return name ? name : "of unknown type";
}

gboolean
gdw_frame_refuse (GError **error, const char *frame, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list arguments;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_PROTOCOL,
      "frame '%s': %s: damaged on the way, or the peer breaks the rules of the stream; "
      "try again, with the same godwit on both sides",
      frame, what);
  return FALSE;
}

gboolean
gdw_frame_check_end (const GdwReader *in, const char *frame, GError **error)
{
  if (in->bad)
    return gdw_frame_refuse (error, frame, "it ends within a field, or a text is not UTF-8");
  if (in->at != in->end)
    return gdw_frame_refuse (error, frame, "%" G_GSIZE_FORMAT " bytes follow its last field",
                             (gsize) (in->end - in->at));
  return TRUE;
}

void
gdw_frame_encode (const GdwFrame *frame, const guint8 *meta,
                  guint8 head[GDW_FRAME_HEADER_BYTES])
{
  gdw_store_u32 (head, GDW_FRAME_MAGIC);
  head[4] = GDW_FRAME_HEADER_BYTES;
  head[5] = frame->type;
  gdw_store_u16 (head + 6, frame->flags);
  gdw_store_u32 (head + 8, frame->payload_len);
  gdw_store_u32 (head + 12, frame->meta_len);
  gdw_store_u64 (head + 16, frame->seq);
  gdw_store_u32 (head + 24, frame->round);
  gdw_store_u32 (head + 28, gdw_crc32c (0, meta, frame->meta_len));
  gdw_store_u32 (head + 32, 0);
  gdw_store_u32 (head + 36, gdw_crc32c (0, head, 36));
}

static gboolean
check_head (const guint8 *head, GError **error)
{
  guint32 magic = gdw_load_u32 (head), crc = gdw_crc32c (0, head, 36);

  if (magic != GDW_FRAME_MAGIC) {
    g_set_error (
        error, GDW_ERROR, GDW_ERROR_PROTOCOL,
        "frame 'header': it begins with 0x%08x and not with 0x%08x: the peer does not speak "
        "godwit, or bytes were lost on the way; check the address",
        magic, GDW_FRAME_MAGIC);
    return FALSE;
  }
  if (head[4] != GDW_FRAME_HEADER_BYTES)
    return gdw_frame_refuse (error, "header", "it has %u bytes and not %u", head[4],
                             GDW_FRAME_HEADER_BYTES);
  if (gdw_load_u32 (head + 36) != crc)
    return gdw_frame_refuse (error, "header", "its CRC32C is 0x%08x and not 0x%08x", crc,
                             gdw_load_u32 (head + 36));
  if (gdw_load_u32 (head + 32) != 0)
    return gdw_frame_refuse (error, "header", "its reserved field is 0x%08x and not 0",
                             gdw_load_u32 (head + 32));
  return TRUE;
}

static gboolean
check_lengths (const GdwFrame *frame, GError **error)
{
  gboolean known = gdw_frame_name (frame->type) != NULL;
  const char *name = label (frame->type);
  Bounds bounds = known ? meta_bounds[frame->type] : (Bounds){ 0, GDW_FRAME_PAYLOAD_MAX };

  if (frame->payload_len > GDW_FRAME_PAYLOAD_MAX)
    return gdw_frame_refuse (error, name, "its payload has %u bytes, but at most %u is allowed",
                             frame->payload_len, GDW_FRAME_PAYLOAD_MAX);
  if (frame->meta_len > frame->payload_len)
    return gdw_frame_refuse (error, name, "its meta part has %u bytes in a payload of %u",
                             frame->meta_len, frame->payload_len);
  if (frame->meta_len < bounds.min || frame->meta_len > bounds.max)
    return gdw_frame_refuse (error, name, "its meta part has %u bytes, but %u to %u is allowed",
                             frame->meta_len, bounds.min, bounds.max);
  if (frame->type == GDW_FRAME_MEM &&
      frame->payload_len - frame->meta_len > GDW_MEM_RAW_MAX * GDW_PAGE_SIZE)
    return gdw_frame_refuse (
        error, name, "%u bytes of pages follow, but at most %" G_GUINT64_FORMAT " is allowed",
        frame->payload_len - frame->meta_len, GDW_MEM_RAW_MAX * GDW_PAGE_SIZE);
  if (known && frame->type != GDW_FRAME_MEM && frame->meta_len != frame->payload_len)
    return gdw_frame_refuse (error, name, "%u bytes follow its meta part, but none may",
                             frame->payload_len - frame->meta_len);
  return TRUE;
}

gboolean
gdw_frame_decode (const guint8 head[GDW_FRAME_HEADER_BYTES], GdwFrame *frame, GError **error)
{
  if (!check_head (head, error))
    return FALSE;
  *frame = (GdwFrame){
    .type = head[5],
    .flags = gdw_load_u16 (head + 6),
    .payload_len = gdw_load_u32 (head + 8),
    .meta_len = gdw_load_u32 (head + 12),
    .seq = gdw_load_u64 (head + 16),
    .round = gdw_load_u32 (head + 24),
    .meta_crc = gdw_load_u32 (head + 28),
  };
  return check_lengths (frame, error);
}

gboolean
gdw_frame_check_meta (const GdwFrame *frame, const guint8 *meta, GError **error)
{
  guint32 crc = gdw_crc32c (0, meta, frame->meta_len);

  if (crc == frame->meta_crc)
    return TRUE;
  return gdw_frame_refuse (error, label (frame->type),
                           "the CRC32C of its meta part is 0x%08x and not 0x%08x", crc,
                           frame->meta_crc);
}

gsize
gdw_mem_encode (const GdwMem *mem, guint8 *out)
{
  guint8 *at = out;

  g_assert (mem->n_runs <= GDW_MEM_RUNS_MAX && mem->n_raw <= GDW_MEM_RAW_MAX);
  gdw_store_u32 (at, mem->region);
  gdw_store_u32 (at + 4, mem->n_runs);
  gdw_store_u32 (at + 8, mem->n_raw);
  gdw_store_u32 (at + 12, 0);
  at += 16;
  for (guint i = 0; i < mem->n_runs; i++, at += 16) {
    gdw_store_u64 (at, mem->runs[i].first);
    gdw_store_u32 (at + 8, mem->runs[i].count);
    gdw_store_u32 (at + 12, mem->runs[i].kind);
  }
  for (guint i = 0; i < mem->n_raw; i++, at += 4)
    gdw_store_u32 (at, mem->crcs[i]);
  return at - out;
}

/* The run lies within @pages pages, at or after page @from. */
static gboolean
check_run (const GdwMem *mem, guint i, guint64 from, guint64 pages, GError **error)
{
  const GdwRun *run = &mem->runs[i];
  guint32 most = run->kind == GDW_RUN_RAW ? GDW_MEM_RAW_MAX : GDW_MEM_ZERO_RUN_MAX;
  guint64 end;

  if (run->kind != GDW_RUN_RAW && run->kind != GDW_RUN_ZERO)
    return gdw_frame_refuse (error, "MEM", "run %u is of the unknown kind %u", i, run->kind);
  if (run->count == 0 || run->count > most)
    return gdw_frame_refuse (error, "MEM", "run %u has %u pages, but 1 to %u is allowed", i,
                             run->count, most);
  if (!g_uint64_checked_add (&end, run->first, run->count) || end > pages)
    return gdw_frame_refuse (error, "MEM",
                             "run %u of %u pages from page %" G_GUINT64_FORMAT
                             " ends past page %" G_GUINT64_FORMAT " of region %u",
                             i, run->count, run->first, pages, mem->region);
  if (run->first < from)
    return gdw_frame_refuse (error, "MEM",
                             "run %u begins at page %" G_GUINT64_FORMAT
                             ", before page %" G_GUINT64_FORMAT " where the last one ended",
                             i, run->first, from);
  return TRUE;
}

static gboolean
read_runs (const guint8 *at, guint64 pages, GdwMem *mem, GError **error)
{
  guint64 from = 0, raw = 0;

  for (guint i = 0; i < mem->n_runs; i++, at += 16) {
    GdwRun *run = &mem->runs[i];

    *run = (GdwRun){ gdw_load_u64 (at), gdw_load_u32 (at + 8), gdw_load_u32 (at + 12) };
    if (!check_run (mem, i, from, pages, error))
      return FALSE;
    from = run->first + run->count;
    raw += run->kind == GDW_RUN_RAW ? run->count : 0;
  }
  if (raw != mem->n_raw)
    return gdw_frame_refuse (
        error, "MEM", "its runs have %" G_GUINT64_FORMAT " raw pages and it announces %u", raw,
        mem->n_raw);
  return TRUE;
}

gboolean
gdw_mem_decode (const guint8 *meta, gsize size, guint32 payload_len, const guint64 *pages,
                guint n_regions, GdwMem *mem, GError **error)
{
  GdwReader in = gdw_reader (meta, size);
  guint32 zero;
  gsize right;

  mem->region = gdw_get_u32 (&in);
  mem->n_runs = gdw_get_u32 (&in);
  mem->n_raw = gdw_get_u32 (&in);
  zero = gdw_get_u32 (&in);
  if (in.bad || zero != 0)
    return gdw_frame_refuse (error, "MEM", "its first 16 bytes are not right");
  if (mem->region >= n_regions)
    return gdw_frame_refuse (error, "MEM", "region %u of %u", mem->region, n_regions);
  if (mem->n_runs == 0 || mem->n_runs > GDW_MEM_RUNS_MAX || mem->n_raw > GDW_MEM_RAW_MAX)
    return gdw_frame_refuse (error, "MEM",
                             "%u runs with %u raw pages, but 1 to %u with 0 to %u is allowed",
                             mem->n_runs, mem->n_raw, GDW_MEM_RUNS_MAX, GDW_MEM_RAW_MAX);
  right = 16 + 16 * mem->n_runs + 4 * mem->n_raw;
  if (size != right)
    return gdw_frame_refuse (error, "MEM",
                             "its meta part has %" G_GSIZE_FORMAT
                             " bytes and %u runs with %u raw pages need %" G_GSIZE_FORMAT,
                             size, mem->n_runs, mem->n_raw, right);
  if (payload_len != size + mem->n_raw * GDW_PAGE_SIZE)
    return gdw_frame_refuse (error, "MEM",
                             "its payload has %u bytes and %u raw pages need %" G_GSIZE_FORMAT,
                             payload_len, mem->n_raw, size + mem->n_raw * GDW_PAGE_SIZE);
  if (!read_runs (meta + 16, pages[mem->region], mem, error))
    return FALSE;
  for (guint i = 0; i < mem->n_raw; i++)
    mem->crcs[i] = gdw_load_u32 (meta + 16 + 16 * mem->n_runs + 4 * i);
  return TRUE;
}

void
gdw_ack_encode (const GdwAck *ack, GByteArray *out)
{
  gdw_put_u64 (out, ack->seq);
  gdw_put_u64 (out, ack->bytes);
  gdw_put_u64 (out, ack->pages);
}

gboolean
gdw_ack_decode (const guint8 *meta, gsize size, GdwAck *ack, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  ack->seq = gdw_get_u64 (&in);
  ack->bytes = gdw_get_u64 (&in);
  ack->pages = gdw_get_u64 (&in);
  return gdw_frame_check_end (&in, "ACK", error);
}

void
gdw_nak_encode (const GdwNak *nak, GByteArray *out)
{
  g_assert (nak->n_pages <= GDW_MEM_RAW_MAX);
  gdw_put_u32 (out, nak->region);
  gdw_put_u32 (out, nak->n_pages);
  for (guint i = 0; i < nak->n_pages; i++)
    gdw_put_u64 (out, nak->pages[i]);
}

gboolean
gdw_nak_decode (const guint8 *meta, gsize size, const guint64 *pages, guint n_regions,
                GdwNak *nak, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  nak->region = gdw_get_u32 (&in);
  nak->n_pages = gdw_get_u32 (&in);
  if (nak->region >= n_regions)
    return gdw_frame_refuse (error, "NAK", "region %u of %u", nak->region, n_regions);
  if (nak->n_pages == 0 || nak->n_pages > GDW_MEM_RAW_MAX)
    return gdw_frame_refuse (error, "NAK", "%u pages, but 1 to %u is allowed", nak->n_pages,
                             GDW_MEM_RAW_MAX);
  for (guint i = 0; i < nak->n_pages; i++) {
    nak->pages[i] = gdw_get_u64 (&in);
    if (nak->pages[i] >= pages[nak->region])
      return gdw_frame_refuse (
          error, "NAK", "page %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " of region %u",
          nak->pages[i], pages[nak->region], nak->region);
  }
  return gdw_frame_check_end (&in, "NAK", error);
}
