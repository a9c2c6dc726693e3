/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/frame.h"

#include <string.h>

/* Leaves @out as it is if too few bytes are left. */
static void
get_into (GdwReader *in, guint8 *out, gsize size)
{
  const guint8 *at = gdw_get_bytes (in, size);

  if (at)
    memcpy (out, at, size);
}

static void
encode_region (const GdwRegionInfo *region, GByteArray *out)
{
  gdw_put_string (out, region->name);
  gdw_put_u64 (out, region->guest_addr);
  gdw_put_u64 (out, region->size);
  gdw_put_u32 (out, region->page_size);
}

void
gdw_hello_encode (const GdwHello *hello, GByteArray *out)
{
  gdw_put_u16 (out, hello->version_min);
  gdw_put_u16 (out, hello->version_max);
  gdw_put_u64 (out, hello->offered);
  gdw_put_u64 (out, hello->required);
  gdw_put_bytes (out, hello->id, sizeof hello->id);
  gdw_put_bytes (out, hello->token, sizeof hello->token);
  gdw_put_u16 (out, hello->n_links);
  gdw_put_u16 (out, hello->n_regions);
  gdw_put_text (out, hello->package, GDW_TEXT_MAX);
  gdw_put_text (out, hello->vm_name, GDW_TEXT_MAX);
  gdw_put_text (out, hello->uuid, GDW_TEXT_MAX);
  for (guint i = 0; i < hello->n_regions; i++)
    encode_region (&hello->regions[i], out);
  if (hello->version_max >= GDW_STREAM_VERSION_MACHINE)
    gdw_put_text (out, hello->machine, GDW_MACHINE_DIGEST_MAX);
}

static gboolean
check_hello (const GdwHello *hello, GError **error)
{
  if (hello->version_min == 0 || hello->version_min > hello->version_max)
    return gdw_frame_refuse (error, "HELLO", "versions %u to %u are no range",
                             hello->version_min, hello->version_max);
  if (hello->required & ~hello->offered)
    return gdw_frame_refuse (error, "HELLO",
                             "features 0x%" G_GINT64_MODIFIER "x are required and not offered",
                             hello->required & ~hello->offered);
  if (hello->n_links == 0 || hello->n_links > GDW_LINKS_MAX)
    return gdw_frame_refuse (error, "HELLO", "%u links, but 1 to %u is allowed", hello->n_links,
                             GDW_LINKS_MAX);
  if (hello->n_regions == 0 || hello->n_regions > GDW_REGIONS_MAX)
    return gdw_frame_refuse (error, "HELLO", "%u regions, but 1 to %u is allowed",
                             hello->n_regions, GDW_REGIONS_MAX);
  return TRUE;
}

static gboolean
check_region (const GdwRegionInfo *region, guint i, GError **error)
{
  guint64 end;

  if (region->name[0] == '\0' || strlen (region->name) > GDW_NAME_MAX)
    return gdw_frame_refuse (error, "HELLO",
                             "the name of region %u has %" G_GSIZE_FORMAT
                             " bytes, but 1 to %u is allowed",
                             i, strlen (region->name), GDW_NAME_MAX);
  if (region->page_size < GDW_PAGE_SIZE || region->page_size > GDW_PAGE_SIZE_MAX ||
      (region->page_size & (region->page_size - 1)) != 0)
    return gdw_frame_refuse (error, "HELLO", "region %u '%s' has pages of %u bytes", i,
                             region->name, region->page_size);
  if (region->size == 0 || region->size % region->page_size != 0 ||
      !g_uint64_checked_add (&end, region->guest_addr, region->size))
    return gdw_frame_refuse (error, "HELLO",
                             "region %u '%s' has 0x%" G_GINT64_MODIFIER
                             "x bytes at 0x%" G_GINT64_MODIFIER "x in pages of 0x%x",
                             i, region->name, region->size, region->guest_addr,
                             region->page_size);
  return TRUE;
}

static gboolean
read_regions (GdwReader *in, GdwHello *hello, GError **error)
{
  hello->regions = g_new0 (GdwRegionInfo, hello->n_regions);
  for (guint i = 0; i < hello->n_regions; i++) {
    GdwRegionInfo *region = &hello->regions[i];

    region->name = gdw_get_string (in);
    region->guest_addr = gdw_get_u64 (in);
    region->size = gdw_get_u64 (in);
    region->page_size = gdw_get_u32 (in);
    if (in->bad)
      return gdw_frame_check_end (in, "HELLO", error);
    if (!check_region (region, i, error))
      return FALSE;
  }
  return TRUE;
}

/* The fields that version 2 added, and what newer versions append. */
static gboolean
read_tail (GdwReader *in, GdwHello *hello, GError **error)
{
  if (hello->version_max < GDW_STREAM_VERSION_MACHINE)
    hello->machine = g_strdup ("");
  else
    hello->machine = gdw_get_string (in);
  if (strlen (hello->machine) > GDW_MACHINE_DIGEST_MAX)
    return gdw_frame_refuse (error, "HELLO",
                             "the digest of the machine has %" G_GSIZE_FORMAT
                             " bytes, but at most %u is allowed",
                             strlen (hello->machine), GDW_MACHINE_DIGEST_MAX);
  if (!in->bad && hello->version_max > GDW_STREAM_VERSION_MAX)
    return TRUE;
  return gdw_frame_check_end (in, "HELLO", error);
}

gboolean
gdw_hello_decode (const guint8 *meta, gsize size, GdwHello *hello, GError **error)
{
  GdwReader in = gdw_reader (meta, size);
  gboolean ok;

  memset (hello, 0, sizeof *hello);
  hello->version_min = gdw_get_u16 (&in);
  hello->version_max = gdw_get_u16 (&in);
  hello->offered = gdw_get_u64 (&in);
  hello->required = gdw_get_u64 (&in);
  get_into (&in, hello->id, sizeof hello->id);
  get_into (&in, hello->token, sizeof hello->token);
  hello->n_links = gdw_get_u16 (&in);
  hello->n_regions = gdw_get_u16 (&in);
  hello->package = gdw_get_string (&in);
  hello->vm_name = gdw_get_string (&in);
  hello->uuid = gdw_get_string (&in);
  if (in.bad)
    ok = gdw_frame_check_end (&in, "HELLO", error);
  else
    ok = check_hello (hello, error) && read_regions (&in, hello, error) &&
         read_tail (&in, hello, error);
  if (!ok)
    gdw_hello_clear (hello);
  return ok;
}

void
gdw_hello_clear (GdwHello *hello)
{
  for (guint i = 0; hello->regions && i < hello->n_regions; i++)
    g_free (hello->regions[i].name);
  g_free (hello->regions);
  g_free (hello->package);
  g_free (hello->vm_name);
  g_free (hello->uuid);
  g_free (hello->machine);
  memset (hello, 0, sizeof *hello);
}

void
gdw_hello_ack_encode (const GdwHelloAck *ack, GByteArray *out)
{
  gdw_put_u16 (out, ack->version);
  gdw_put_u64 (out, ack->features);
  gdw_put_u64 (out, ack->window_bytes);
  gdw_put_u64 (out, ack->window_pages);
}

gboolean
gdw_hello_ack_decode (const guint8 *meta, gsize size, GdwHelloAck *ack, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  ack->version = gdw_get_u16 (&in);
  ack->features = gdw_get_u64 (&in);
  ack->window_bytes = gdw_get_u64 (&in);
  ack->window_pages = gdw_get_u64 (&in);
  if (!gdw_frame_check_end (&in, "HELLO-ACK", error))
    return FALSE;
  if (ack->version == 0 || ack->window_bytes == 0 || ack->window_pages == 0)
    return gdw_frame_refuse (error, "HELLO-ACK",
                             "version %u with a credit of %" G_GUINT64_FORMAT
                             " bytes and %" G_GUINT64_FORMAT " pages: none of them may be 0",
                             ack->version, ack->window_bytes, ack->window_pages);
  return TRUE;
}

void
gdw_query_encode (const GdwJoin *query, GByteArray *out)
{
  gdw_put_bytes (out, query->id, sizeof query->id);
  gdw_put_bytes (out, query->token, sizeof query->token);
}

gboolean
gdw_query_decode (const guint8 *meta, gsize size, GdwJoin *query, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  memset (query, 0, sizeof *query);
  get_into (&in, query->id, sizeof query->id);
  get_into (&in, query->token, sizeof query->token);
  return gdw_frame_check_end (&in, "QUERY-OUTCOME", error);
}

void
gdw_join_encode (const GdwJoin *join, GByteArray *out)
{
  gdw_query_encode (join, out);
  gdw_put_u16 (out, join->link);
}

gboolean
gdw_join_decode (const guint8 *meta, gsize size, GdwJoin *join, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  memset (join, 0, sizeof *join);
  get_into (&in, join->id, sizeof join->id);
  get_into (&in, join->token, sizeof join->token);
  join->link = gdw_get_u16 (&in);
  if (!gdw_frame_check_end (&in, "JOIN", error))
    return FALSE;
  if (join->link == 0 || join->link >= GDW_LINKS_MAX)
    return gdw_frame_refuse (error, "JOIN", "link %u, but 1 to %u is allowed", join->link,
                             GDW_LINKS_MAX - 1);
  return TRUE;
}

void
gdw_state_encode (const GdwStateChunk *chunk, GByteArray *out)
{
  gdw_put_string (out, chunk->name);
  gdw_put_u32 (out, chunk->version);
  gdw_put_u64 (out, chunk->total);
  gdw_put_u64 (out, chunk->offset);
  gdw_put_u32 (out, chunk->size);
  gdw_put_bytes (out, chunk->data, chunk->size);
}

static gboolean
check_state (const GdwStateChunk *chunk, GError **error)
{
  if (chunk->name[0] == '\0' || strlen (chunk->name) > GDW_NAME_MAX)
    return gdw_frame_refuse (error, "STATE",
                             "the name of its section has %" G_GSIZE_FORMAT
                             " bytes, but 1 to %u is allowed",
                             strlen (chunk->name), GDW_NAME_MAX);
  if (chunk->total > GDW_STATE_SECTION_MAX)
    return gdw_frame_refuse (error, "STATE",
                             "section '%s' has %" G_GUINT64_FORMAT
                             " bytes, but at most %u is allowed",
                             chunk->name, chunk->total, GDW_STATE_SECTION_MAX);
  if (chunk->size > GDW_STATE_CHUNK_MAX || chunk->offset > chunk->total ||
      chunk->size > chunk->total - chunk->offset || (chunk->size == 0 && chunk->total > 0))
    return gdw_frame_refuse (error, "STATE",
                             "section '%s' of %" G_GUINT64_FORMAT
                             " bytes cannot have a piece of %" G_GSIZE_FORMAT
                             " bytes at %" G_GUINT64_FORMAT,
                             chunk->name, chunk->total, chunk->size, chunk->offset);
  return TRUE;
}

gboolean
gdw_state_decode (const guint8 *meta, gsize size, GdwStateChunk *chunk, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  chunk->name = gdw_get_string (&in);
  chunk->version = gdw_get_u32 (&in);
  chunk->total = gdw_get_u64 (&in);
  chunk->offset = gdw_get_u64 (&in);
  chunk->size = gdw_get_u32 (&in);
  chunk->data = gdw_get_bytes (&in, chunk->size);
  if (gdw_frame_check_end (&in, "STATE", error) && check_state (chunk, error))
    return TRUE;
  gdw_state_clear (chunk);
  return FALSE;
}

void
gdw_state_clear (GdwStateChunk *chunk)
{
  g_free (chunk->name);
  memset (chunk, 0, sizeof *chunk);
}

void
gdw_prepare_encode (const GdwPrepare *prepare, GByteArray *out)
{
  g_assert (prepare->n_links <= GDW_LINKS_MAX);
  gdw_put_u8 (out, prepare->running ? 1 : 0);
  gdw_put_u32 (out, prepare->n_sections);
  gdw_put_u16 (out, prepare->n_links);
  for (guint i = 0; i < prepare->n_links; i++)
    gdw_put_u64 (out, prepare->last_seq[i]);
}

gboolean
gdw_prepare_decode (const guint8 *meta, gsize size, GdwPrepare *prepare, GError **error)
{
  GdwReader in = gdw_reader (meta, size);
  guint8 running;

  memset (prepare, 0, sizeof *prepare);
  running = gdw_get_u8 (&in);
  prepare->running = running != 0;
  prepare->n_sections = gdw_get_u32 (&in);
  prepare->n_links = gdw_get_u16 (&in);
  if (running > 1)
    return gdw_frame_refuse (error, "PREPARE", "the run state is %u, but 0 or 1 is allowed",
                             running);
  if (prepare->n_links == 0 || prepare->n_links > GDW_LINKS_MAX)
    return gdw_frame_refuse (error, "PREPARE", "%u links, but 1 to %u is allowed",
                             prepare->n_links, GDW_LINKS_MAX);
  for (guint i = 0; i < prepare->n_links; i++)
    prepare->last_seq[i] = gdw_get_u64 (&in);
  return gdw_frame_check_end (&in, "PREPARE", error);
}

void
gdw_outcome_encode (const GdwOutcomeMsg *outcome, GByteArray *out)
{
  gdw_put_u8 (out, outcome->answer);
  gdw_put_u64 (out, outcome->resume_us);
  gdw_put_text (out, outcome->text, GDW_TEXT_MAX);
}

gboolean
gdw_outcome_decode (const guint8 *meta, gsize size, GdwOutcomeMsg *outcome, GError **error)
{
  GdwReader in = gdw_reader (meta, size);
  gboolean ok;

  outcome->answer = gdw_get_u8 (&in);
  outcome->resume_us = gdw_get_u64 (&in);
  outcome->text = gdw_get_string (&in);
  ok = gdw_frame_check_end (&in, "OUTCOME", error);
  if (ok && (outcome->answer < GDW_ANSWER_COMMITTED || outcome->answer > GDW_ANSWER_UNKNOWN_ID))
    ok = gdw_frame_refuse (error, "OUTCOME", "its answer is %u, but 1 to %u is allowed",
                           outcome->answer, GDW_ANSWER_UNKNOWN_ID);
  if (!ok)
    gdw_outcome_clear (outcome);
  return ok;
}

void
gdw_outcome_clear (GdwOutcomeMsg *outcome)
{
  g_free (outcome->text);
  memset (outcome, 0, sizeof *outcome);
}

void
gdw_heartbeat_encode (const GdwHeartbeat *beat, GByteArray *out)
{
  gdw_put_u64 (out, beat->stamp_us);
  gdw_put_u64 (out, beat->echo_us);
}

gboolean
gdw_heartbeat_decode (const guint8 *meta, gsize size, GdwHeartbeat *beat, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  beat->stamp_us = gdw_get_u64 (&in);
  beat->echo_us = gdw_get_u64 (&in);
  if (!gdw_frame_check_end (&in, "HEARTBEAT", error))
    return FALSE;
  /* Two such heartbeats would answer each other for ever. */
  if (beat->stamp_us == 0 && beat->echo_us == 0)
    return gdw_frame_refuse (error, "HEARTBEAT", "it neither asks nor answers");
  return TRUE;
}

void
gdw_error_encode (const GdwErrorMsg *msg, GByteArray *out)
{
  gdw_put_u32 (out, msg->code);
  gdw_put_u32 (out, msg->os_errno);
  gdw_put_text (out, msg->phase, GDW_TEXT_MAX);
  gdw_put_text (out, msg->text, GDW_TEXT_MAX);
}

gboolean
gdw_error_decode (const guint8 *meta, gsize size, GdwErrorMsg *msg, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  msg->code = gdw_get_u32 (&in);
  msg->os_errno = gdw_get_u32 (&in);
  msg->phase = gdw_get_string (&in);
  msg->text = gdw_get_string (&in);
  if (gdw_frame_check_end (&in, "ERROR", error))
    return TRUE;
  gdw_error_clear (msg);
  return FALSE;
}

void
gdw_error_clear (GdwErrorMsg *msg)
{
  g_free (msg->phase);
  g_free (msg->text);
  memset (msg, 0, sizeof *msg);
}

void
gdw_round_end_encode (const GdwRoundEnd *end, GByteArray *out)
{
  gdw_put_u64 (out, end->pages);
  gdw_put_u64 (out, end->bytes);
}

void
gdw_link_number_encode (guint32 link, GByteArray *out)
{
  gdw_put_u32 (out, link);
}

gboolean
gdw_link_number_decode (const guint8 *meta, gsize size, guint32 *link, GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  *link = gdw_get_u32 (&in);
  if (*link < GDW_LINKS_MAX)
    return gdw_frame_check_end (&in, "LINK-DEAD", error);
  return gdw_frame_refuse (error, "LINK-DEAD", "there is no link %u", *link);
}

void
gdw_id_encode (const guint8 id[GDW_ID_BYTES], GByteArray *out)
{
  gdw_put_bytes (out, id, GDW_ID_BYTES);
}

gboolean
gdw_id_decode (const guint8 *meta, gsize size, guint8 id[GDW_ID_BYTES], GError **error)
{
  GdwReader in = gdw_reader (meta, size);

  get_into (&in, id, GDW_ID_BYTES);
  return gdw_frame_check_end (&in, "of a migration id", error);
}
