/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "peer.h"
#include "victim.h"

/* The frames of a good source to a Victim, for a test to spoil. */

extern const guint8 script_id[GDW_ID_BYTES], script_token[GDW_TOKEN_BYTES];

/* Payloads. */
GByteArray *script_hello (guint n_links);
/* The same, changed by @spoil before it is encoded. */
typedef void (*SpoilHello) (GdwHello *hello);
GByteArray *script_spoilt_hello (guint n_links, SpoilHello spoil);
GByteArray *script_join (guint link);
GByteArray *script_query (const guint8 *id, const guint8 *token);
GByteArray *script_state (const char *name, guint64 total, guint64 offset, gsize size);
GByteArray *script_prepare (guint n_sections, guint n_links, const guint64 *last_seq);
GByteArray *script_heartbeat (guint64 stamp_us, guint64 echo_us);

/* A whole MEM frame: the pages of @n from @first on as victim_fill_page has them. */
GByteArray *script_mem (Peer *peer, guint region, guint64 first, guint n);
/* A whole MEM frame of one zero run. */
GByteArray *script_zero (Peer *peer, guint region, guint64 first, guint32 n);
/* A whole MEM frame with this meta part and @n_data bytes behind it. */
GByteArray *script_mem_of (Peer *peer, const GdwMem *mem, gsize n_data);

/* All frames of a migration over one link, in the order of their sequence: of @peer, which
 * has said nothing yet. */
typedef enum {
  AT_HELLO,
  AT_RAM, /* four frames */
  AT_ROM = AT_RAM + 4,
  AT_ROUND_END,
  AT_STATE, /* "cpu" in two pieces, and "none", which is empty */
  AT_PREPARE = AT_STATE + 3,
  AT_COMMIT,
  AT_CONFIRM,
  SCRIPT_FRAMES
} ScriptAt;

GPtrArray *script_new (Peer *peer);
guint8 script_type (GPtrArray *script, guint at);
/* Sends the frames from @from on and before @to, with the answers that belong to them. */
void script_play (Peer *peer, GPtrArray *script, guint from, guint to);
/* Connects and plays up to @to. */
Peer *script_begin (Victim *victim, GPtrArray **script, guint to);

/* State, PREPARE, COMMIT, each with its answer: after memory up to @last_seq of each link. */
void script_hand_over (Peer *peer, guint n_links, const guint64 *last_seq);

/* The guest is whole at @victim and runs there; nothing else ever was called. */
void script_expect_arrived (Victim *victim);
/* It failed with the text that it said to @peer; the guest never ran there. */
void script_expect_refused (Victim *victim, Peer *peer, const char *text);
void script_expect_never_ran (Victim *victim);
/* @peer was a stranger: it was told, nothing else happened; frees it. */
void script_expect_turned_away (Victim *victim, Peer *peer, const char *text);
/* A good source comes and finds everything ready. */
void script_migrate (Victim *victim);
