/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Whole migrations with mutations, into a real destination: [N [SEED]].  Each of N sessions
 * has a seed of its own, SEED and up, which is named before it begins. */
#include <stdlib.h>
#include <string.h>

#include "core/link/crc32c.h"
#include "tests/hostile/script.h"

#define SESSIONS "400"
#define CHUNK 50u
#define LINKS 3u
#define SEED_NAME "GODWIT_FUZZ_SEED"
#define N_NAME "GODWIT_FUZZ_N"

typedef struct {
  Peer *peer;
  GPtrArray *frames;
  guint at;
  gboolean lost; /* where a frame begins is not known any more */
} Stream;

typedef struct {
  GRand *rand;
  Victim *victim;
  Stream streams[LINKS]; /* the main link, one for memory, one that asks */
  guint n_streams;
  gboolean committed; /* something like COMMIT was sent */
} Session;

static guint
draw (Session *session, guint n)
{
  return g_rand_int_range (session->rand, 0, n);
}

static guint8
type_of (const GByteArray *frame)
{
  return frame->data[GDW_FRAME_OFFSET_TYPE];
}

/* The good session. */

static void
add (Stream *stream, guint type, GByteArray *meta)
{
  g_ptr_array_add (stream->frames, peer_frame (stream->peer, type, 0, meta));
}

static GByteArray *
id_meta (void)
{
  GByteArray *meta = g_byte_array_new ();

  gdw_id_encode (script_id, meta);
  return meta;
}

static void
write_main (Stream *stream, guint n_links)
{
  GByteArray *round_end = g_byte_array_new ();
  /* The second link carries two frames after JOIN. */
  const guint64 last_seq[] = { 5, 3 };

  add (stream, GDW_FRAME_HELLO, script_hello (n_links));
  g_ptr_array_add (stream->frames, script_mem (stream->peer, 0, 0, 16));
  g_ptr_array_add (stream->frames, script_zero (stream->peer, 0, 0, RAM_PAGES));
  g_ptr_array_add (stream->frames, script_mem (stream->peer, 0, 1000, 24));
  g_ptr_array_add (stream->frames, script_mem (stream->peer, 1, 0, ROM_PAGES));
  gdw_round_end_encode (&(GdwRoundEnd){ 1, 1 }, round_end);
  add (stream, GDW_FRAME_ROUND_END, round_end);
  add (stream, GDW_FRAME_STATE, script_state ("cpu", 9, 0, 4));
  add (stream, GDW_FRAME_STATE, script_state ("cpu", 9, 4, 5));
  add (stream, GDW_FRAME_STATE, script_state ("none", 0, 0, 0));
  add (stream, GDW_FRAME_PREPARE, script_prepare (2, n_links, last_seq));
  add (stream, GDW_FRAME_COMMIT, id_meta ());
  add (stream, GDW_FRAME_CONFIRM, id_meta ());
}

static void
write_memory (Stream *stream)
{
  add (stream, GDW_FRAME_JOIN, script_join (1));
  g_ptr_array_add (stream->frames, script_mem (stream->peer, 0, 100, 8));
  g_ptr_array_add (stream->frames, script_mem (stream->peer, 0, 900, 8));
}

static void
write_question (Stream *stream)
{
  add (stream, GDW_FRAME_QUERY_OUTCOME, script_query (script_id, script_token));
  add (stream, GDW_FRAME_CONFIRM, id_meta ());
}

/* Mutations. */

static void
stamp (GByteArray *frame, guint64 seq)
{
  gdw_store_u64 (frame->data + 16, seq);
  gdw_store_u32 (frame->data + 36, gdw_crc32c (0, frame->data, 36));
}

static guint64
extreme (Session *session)
{
  static const guint64 values[] = { 0,           1,          2,          7,     255,
                                    256,         4095,       4096,       65535, G_MAXINT32,
                                    G_MAXUINT32, G_MAXINT64, G_MAXUINT64 };

  return values[draw (session, G_N_ELEMENTS (values))] + draw (session, 3) - 1;
}

static gsize
meta_size (const GByteArray *frame)
{
  return MIN (gdw_load_u32 (frame->data + 12), frame->len - GDW_FRAME_HEADER_BYTES);
}

/* Fields, behind good checksums. */
static void
mutate_meta (Session *session, GByteArray *frame)
{
  gsize size = meta_size (frame);

  for (guint n = 1 + draw (session, 3); n && size >= 8; n--) {
    guint8 *at = frame->data + GDW_FRAME_HEADER_BYTES + draw (session, size - 7);

    if (draw (session, 2))
      gdw_store_u64 (at, extreme (session));
    else if (draw (session, 2))
      gdw_store_u32 (at, extreme (session));
    else
      *at ^= 1 << draw (session, 8);
  }
  peer_seal (frame);
}

/* Another length than that of the bytes that follow. */
static void
mutate_length (Session *session, GByteArray *frame)
{
  guint32 size = frame->len - GDW_FRAME_HEADER_BYTES;
  guint32 meta_len = MIN (extreme (session), size), payload_len = extreme (session);

  if (draw (session, 2))
    payload_len = MAX (payload_len % (2 * size + 1), meta_len);
  gdw_store_u32 (frame->data + GDW_FRAME_OFFSET_PAYLOAD, payload_len);
  gdw_store_u32 (frame->data + 12, meta_len);
  peer_seal (frame);
}

static void
mutate_frame (Session *session, GByteArray *frame)
{
  switch (draw (session, 6)) {
  case 0:
  case 1:
    mutate_meta (session, frame);
    break;
  case 2:
    mutate_length (session, frame);
    break;
  case 3:
    frame->data[GDW_FRAME_OFFSET_TYPE] = draw (session, draw (session, 4) ? 21 : 256);
    peer_seal (frame);
    break;
  case 4:
    gdw_store_u16 (frame->data + 6, draw (session, 4));
    peer_seal (frame);
    break;
  default:
    /* One bit, and nothing is sealed. */
    frame->data[draw (session, frame->len)] ^= 1 << draw (session, 8);
  }
}

/* Removes a frame of one stream, or puts in one of another. */
static void
mutate_order (Session *session)
{
  Stream *to = &session->streams[draw (session, session->n_streams)];
  Stream *from = &session->streams[draw (session, session->n_streams)];
  guint n = to->frames->len;

  if (n > 1 && draw (session, 3) == 0) {
    g_ptr_array_remove_index (to->frames, draw (session, n));
  } else {
    const GByteArray *frame = from->frames->pdata[draw (session, from->frames->len)];
    GByteArray *copy = g_byte_array_new ();

    g_byte_array_append (copy, frame->data, frame->len);
    g_ptr_array_insert (to->frames, draw (session, n + 1), copy);
  }
}

static void
mutate (Session *session)
{
  for (guint n = draw (session, 4); n; n--)
    mutate_order (session);
  for (guint n = draw (session, 3); n; n--) {
    GPtrArray *frames = session->streams[draw (session, session->n_streams)].frames;

    mutate_frame (session, frames->pdata[draw (session, frames->len)]);
  }
}

/* Sending. */

static gboolean
is_echo (Stream *stream)
{
  Heard *heard;
  gboolean echo = FALSE;

  peer_read (stream->peer);
  while (!echo && (heard = peer_next (stream->peer))) {
    echo = heard->frame.type == GDW_FRAME_HEARTBEAT &&
           gdw_load_u64 (heard->meta->data + 8) == 1;
    peer_heard_free (heard);
  }
  return echo || stream->peer->ended;
}

/* Until the destination is done with all that was sent: PREPARED comes before COMMIT. */
static void
settle (Stream *stream)
{
  if (peer_send (stream->peer, GDW_FRAME_HEARTBEAT, script_heartbeat (1, 0)))
    WAIT_UNTIL (is_echo (stream));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
look_at (Session *session, Stream *stream, const GByteArray *frame)
{
  session->committed |= type_of (frame) == GDW_FRAME_COMMIT;
  stream->lost |= gdw_load_u32 (frame->data + GDW_FRAME_OFFSET_PAYLOAD) !=
                  frame->len - GDW_FRAME_HEADER_BYTES;
}

static void
send_next (Session *session, Stream *stream)
{
  GByteArray *frame = stream->frames->pdata[stream->at++];
  gboolean open;

  /* Few frames have the right number by now. */
  stamp (frame, ++stream->peer->tx_seq + (draw (session, 40) == 0));
  look_at (session, stream, frame);
  if (draw (session, 20) == 0)
    mutate_frame (session, frame);
  look_at (session, stream, frame);
  if (draw (session, 60) == 0) {
    g_byte_array_set_size (frame, draw (session, frame->len));
    stream->lost = TRUE;
  }
  open = peer_send_bytes (stream->peer, frame->data, frame->len);
  if (open && !stream->lost && draw (session, 8))
    settle (stream);
}

static void
send_if_any (Session *session, Stream *stream)
{
  if (stream->at < stream->frames->len && !stream->peer->ended)
    send_next (session, stream);
}

static void
play (Session *session)
{
  /* The first link comes first, as a rule. */
  for (guint n = draw (session, 4); n; n--)
    send_if_any (session, &session->streams[0]);
  for (guint n = 0; n < 100; n++)
    send_if_any (session, &session->streams[draw (session, session->n_streams)]);
  for (guint i = 0; i < session->n_streams; i++)
    if (draw (session, 2))
      peer_half_close (session->streams[i].peer);
}

static void
open_streams (Session *session)
{
  for (guint i = 0; i < session->n_streams; i++)
    session->streams[i] = (Stream){
      .peer = peer_connect (session->victim->uri + strlen ("unix:")),
      .frames = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref)
    };
  write_main (&session->streams[0], session->n_streams > 1 ? 2 : 1);
  if (session->n_streams > 1)
    write_memory (&session->streams[1]);
  if (session->n_streams > 2)
    write_question (&session->streams[2]);
  for (guint i = 0; i < session->n_streams; i++)
    session->streams[i].peer->tx_seq = 0;
}

static void
run_session (guint seed)
{
  Session session = { .rand = g_rand_new_with_seed (seed), .victim = victim_new (TRUE) };

  g_print ("# session of seed %u\n", seed);
  victim_listen (session.victim);
  session.n_streams = 1 + draw (&session, LINKS);
  open_streams (&session);
  mutate (&session);
  play (&session);
  for (guint i = 0; i < session.n_streams; i++) {
    peer_free (session.streams[i].peer);
    g_ptr_array_unref (session.streams[i].frames);
  }
  /* P4 */
  ck_assert_uint_le (session.victim->resumes, session.committed ? 1 : 0);
  ck_assert_uint_le (session.victim->loads, 1);
  g_print ("# session of seed %u: %s\n", seed,
           gdw_status_name (victim_status (session.victim)));
  victim_free (session.victim);
  g_rand_free (session.rand);
}

static guint
number_of (const char *name)
{
  return strtoul (g_getenv (name), NULL, 0);
}

START_TEST (sessions)
{
  guint first = _i * CHUNK, end = MIN (first + CHUNK, number_of (N_NAME));

  for (guint i = first; i < end; i++)
    run_session (number_of (SEED_NAME) + i);
}
END_TEST

static void
add_sessions (TCase *tests)
{
  tcase_add_loop_test (tests, sessions, 0, (number_of (N_NAME) + CHUNK - 1) / CHUNK);
}

int
main (int argc, char **argv)
{
  g_setenv (N_NAME, argc > 1 ? argv[1] : SESSIONS, TRUE);
  g_setenv (SEED_NAME, argc > 2 ? argv[2] : "1", TRUE);
  return hostile_main ("session", add_sessions);
}
