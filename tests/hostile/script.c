/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "script.h"

#include <string.h>

#include "core/link/crc32c.h"

const guint8 script_id[GDW_ID_BYTES] = "a migration id 1";
const guint8 script_token[GDW_TOKEN_BYTES] = "a secret token 1";

#define CPU_BYTES 9u

GByteArray *
script_spoilt_hello (guint n_links, SpoilHello spoil)
{
  GByteArray *out = g_byte_array_new ();
  GdwRegionInfo regions[VICTIM_REGIONS] = {
    { (char *) "ram", 0, RAM_PAGES * GDW_PAGE_SIZE, GDW_PAGE_SIZE },
    { (char *) "rom", 0x80000000u, ROM_PAGES * GDW_PAGE_SIZE, GDW_PAGE_SIZE }
  };
  GdwHello hello = { .version_min = 1,
                     .version_max = 1,
                     .n_links = n_links,
                     .package = (char *) "attacker 1.0",
                     .vm_name = (char *) "",
                     .uuid = (char *) "",
                     .n_regions = VICTIM_REGIONS,
                     .regions = regions };

  memcpy (hello.id, script_id, sizeof hello.id);
  memcpy (hello.token, script_token, sizeof hello.token);
  if (spoil)
    spoil (&hello);
  gdw_hello_encode (&hello, out);
  return out;
}

GByteArray *
script_hello (guint n_links)
{
  return script_spoilt_hello (n_links, NULL);
}

GByteArray *
script_join (guint link)
{
  GByteArray *out = g_byte_array_new ();
  GdwJoin join = { .link = link };

  memcpy (join.id, script_id, sizeof join.id);
  memcpy (join.token, script_token, sizeof join.token);
  gdw_join_encode (&join, out);
  return out;
}

GByteArray *
script_query (const guint8 *id, const guint8 *token)
{
  GByteArray *out = g_byte_array_new ();
  GdwJoin query = { 0 };

  memcpy (query.id, id, sizeof query.id);
  memcpy (query.token, token, sizeof query.token);
  gdw_query_encode (&query, out);
  return out;
}

GByteArray *
script_state (const char *name, guint64 total, guint64 offset, gsize size)
{
  GByteArray *out = g_byte_array_new ();
  g_autofree guint8 *data = g_malloc0 (size + 1);
  GdwStateChunk chunk = { (char *) name, 1, total, offset, data, size };

  gdw_state_encode (&chunk, out);
  return out;
}

GByteArray *
script_prepare (guint n_sections, guint n_links, const guint64 *last_seq)
{
  GByteArray *out = g_byte_array_new ();
  g_autofree GdwPrepare *prepare = g_new0 (GdwPrepare, 1);

  prepare->running = TRUE;
  prepare->n_sections = n_sections;
  prepare->n_links = n_links;
  memcpy (prepare->last_seq, last_seq, n_links * sizeof *last_seq);
  gdw_prepare_encode (prepare, out);
  return out;
}

GByteArray *
script_heartbeat (guint64 stamp_us, guint64 echo_us)
{
  GByteArray *out = g_byte_array_new ();
  GdwHeartbeat beat = { stamp_us, echo_us };

  gdw_heartbeat_encode (&beat, out);
  return out;
}

GByteArray *
script_mem_of (Peer *peer, const GdwMem *mem, gsize n_data)
{
  GByteArray *out = g_byte_array_new ();
  guint8 head[GDW_FRAME_HEADER_BYTES], meta[GDW_MEM_META_MAX];
  gsize size = gdw_mem_encode (mem, meta);
  GdwFrame frame = { .type = GDW_FRAME_MEM,
                     .flags = GDW_FRAME_ACK_NOW,
                     .seq = ++peer->tx_seq,
                     .round = 1,
                     .payload_len = size + n_data,
                     .meta_len = size };

  gdw_frame_encode (&frame, meta, head);
  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, meta, size);
  g_byte_array_set_size (out, sizeof head + size + n_data);
  memset (out->data + sizeof head + size, 0, n_data);
  return out;
}

static void
add_page (GdwMem *mem, guint64 page, gboolean zero)
{
  guint32 kind = zero ? GDW_RUN_ZERO : GDW_RUN_RAW;
  GdwRun *last = mem->n_runs ? &mem->runs[mem->n_runs - 1] : NULL;

  if (last && last->kind == kind)
    last->count++;
  else
    mem->runs[mem->n_runs++] = (GdwRun){ page, 1, kind };
}

GByteArray *
script_mem (Peer *peer, guint region, guint64 first, guint n)
{
  g_autofree GdwMem *mem = g_new0 (GdwMem, 1);
  g_autofree guint8 *pages = g_malloc (n * GDW_PAGE_SIZE);
  GByteArray *frame;

  mem->region = region;
  for (guint64 page = first; page < first + n; page++) {
    guint8 *data = pages + mem->n_raw * GDW_PAGE_SIZE;

    victim_fill_page (region, page, data);
    add_page (mem, page, page % 4 == 3);
    if (page % 4 != 3)
      mem->crcs[mem->n_raw++] = gdw_crc32c (0, data, GDW_PAGE_SIZE);
  }
  frame = script_mem_of (peer, mem, mem->n_raw * GDW_PAGE_SIZE);
  memcpy (frame->data + frame->len - mem->n_raw * GDW_PAGE_SIZE, pages,
          mem->n_raw * GDW_PAGE_SIZE);
  return frame;
}

GByteArray *
script_zero (Peer *peer, guint region, guint64 first, guint32 n)
{
  g_autofree GdwMem *mem = g_new0 (GdwMem, 1);

  mem->region = region;
  mem->n_runs = 1;
  mem->runs[0] = (GdwRun){ first, n, GDW_RUN_ZERO };
  return script_mem_of (peer, mem, 0);
}

static GByteArray *
id_frame (Peer *peer, guint type)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_id_encode (script_id, meta);
  return peer_frame (peer, type, 0, meta);
}

GPtrArray *
script_new (Peer *peer)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);
  GByteArray *round_end = g_byte_array_new ();
  GdwRoundEnd totals = { RAM_PAGES + ROM_PAGES, 0 };
  guint64 last_seq;

  ck_assert_uint_eq (peer->tx_seq, 0);
  g_ptr_array_add (all, peer_frame (peer, GDW_FRAME_HELLO, 0, script_hello (1)));
  for (guint64 page = 0; page < RAM_PAGES; page += 256)
    g_ptr_array_add (all, script_mem (peer, 0, page, 256));
  g_ptr_array_add (all, script_mem (peer, 1, 0, ROM_PAGES));
  last_seq = peer->tx_seq;
  gdw_round_end_encode (&totals, round_end);
  g_ptr_array_add (all, peer_frame (peer, GDW_FRAME_ROUND_END, 0, round_end));
  g_ptr_array_add (
      all, peer_frame (peer, GDW_FRAME_STATE, 0, script_state ("cpu", CPU_BYTES, 0, 4)));
  g_ptr_array_add (
      all, peer_frame (peer, GDW_FRAME_STATE, 0, script_state ("cpu", CPU_BYTES, 4, 5)));
  g_ptr_array_add (all, peer_frame (peer, GDW_FRAME_STATE, 0, script_state ("none", 0, 0, 0)));
  g_ptr_array_add (all,
                   peer_frame (peer, GDW_FRAME_PREPARE, 0, script_prepare (2, 1, &last_seq)));
  g_ptr_array_add (all, id_frame (peer, GDW_FRAME_COMMIT));
  g_ptr_array_add (all, id_frame (peer, GDW_FRAME_CONFIRM));
  ck_assert_uint_eq (all->len, SCRIPT_FRAMES);
  return all;
}

guint8
script_type (GPtrArray *script, guint at)
{
  return ((GByteArray *) script->pdata[at])->data[GDW_FRAME_OFFSET_TYPE];
}

static guint
answer_to (guint type)
{
  switch (type) {
  case GDW_FRAME_HELLO:
    return GDW_FRAME_HELLO_ACK;
  case GDW_FRAME_PREPARE:
    return GDW_FRAME_PREPARED;
  case GDW_FRAME_COMMIT:
    return GDW_FRAME_COMMITTED;
  default:
    return 0;
  }
}

void
script_play (Peer *peer, GPtrArray *script, guint from, guint to)
{
  for (guint at = from; at < to; at++) {
    GByteArray *frame = script->pdata[at];
    guint answer = answer_to (script_type (script, at));

    ck_assert (peer_send_bytes (peer, frame->data, frame->len));
    if (answer)
      peer_heard_free (peer_expect (peer, answer));
  }
}

Peer *
script_begin (Victim *victim, GPtrArray **script, guint to)
{
  Peer *peer = peer_connect (victim->uri + strlen ("unix:"));

  *script = script_new (peer);
  script_play (peer, *script, 0, to);
  return peer;
}

void
script_hand_over (Peer *peer, guint n_links, const guint64 *last_seq)
{
  GByteArray *prepare = script_prepare (2, n_links, last_seq);

  peer_send (peer, GDW_FRAME_STATE, script_state ("cpu", CPU_BYTES, 0, CPU_BYTES));
  peer_send (peer, GDW_FRAME_STATE, script_state ("none", 0, 0, 0));
  peer_send (peer, GDW_FRAME_PREPARE, prepare);
  peer_heard_free (peer_expect (peer, GDW_FRAME_PREPARED));
  peer_send_id (peer, GDW_FRAME_COMMIT, script_id);
  peer_heard_free (peer_expect (peer, GDW_FRAME_COMMITTED));
}

static void
expect_memory (Victim *victim)
{
  guint8 page[GDW_PAGE_SIZE];

  for (guint i = 0; i < VICTIM_REGIONS; i++)
    for (guint64 n = victim->regions[i].size / GDW_PAGE_SIZE, at = 0; at < n; at++) {
      victim_fill_page (i, at, page);
      ck_assert_msg (memcmp (page, victim_page (victim, i, at), GDW_PAGE_SIZE) == 0,
                     "page %" G_GUINT64_FORMAT " of region %u is wrong", at, i);
    }
}

void
script_expect_arrived (Victim *victim)
{
  WAIT_UNTIL (victim_status (victim) == GDW_STATUS_COMPLETED);
  ck_assert_uint_eq (gdw_migration_get_run_state (victim->migration), GDW_RUN_STATE_RUNNING);
  ck_assert (victim->runs);
  ck_assert_uint_eq (victim->resumes, 1);
  ck_assert_uint_eq (victim->loads, 1);
  ck_assert_str_eq (victim->loaded->str, " cpu:1:9 none:1:0");
  expect_memory (victim);
}

void
script_expect_never_ran (Victim *victim)
{
  ck_assert_uint_eq (victim->resumes, 0);
  ck_assert_uint_eq (victim->pauses + victim->saves, 0);
  ck_assert_uint_eq (gdw_migration_get_run_state (victim->migration), GDW_RUN_STATE_INMIGRATE);
}

void
script_expect_refused (Victim *victim, Peer *peer, const char *text)
{
  g_autofree char *told = peer_last_words (peer);

  victim_expect_failed (victim, text);
  ck_assert_msg (told != NULL, "the source was not told: %s", victim_error (victim));
  ck_assert_str_eq (told, victim_error (victim));
  script_expect_never_ran (victim);
}

static gboolean
was_warned (Victim *victim, const char *text)
{
  const GPtrArray *warnings = victim_info (victim).warnings;

  for (guint i = 0; i < warnings->len; i++)
    if (strstr (text, warnings->pdata[i]))
      return TRUE;
  return FALSE;
}

void
script_expect_turned_away (Victim *victim, Peer *peer, const char *text)
{
  g_autofree char *told = peer_last_words (peer);

  ck_assert_msg (told != NULL, "the stranger was not told");
  ck_assert_msg (strstr (told, text) != NULL, "'%s' is not in '%s'", text, told);
  peer_free (peer);
  WAIT_UNTIL (was_warned (victim, told));
  script_expect_never_ran (victim);
}

void
script_migrate (Victim *victim)
{
  g_autoptr (GPtrArray) script = NULL;
  Peer *peer = script_begin (victim, &script, SCRIPT_FRAMES);

  script_expect_arrived (victim);
  peer_free (peer);
}
