/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/error.h>
#include <godwit/frame.h>
#include <godwit/host.h>
#include <godwit/types.h>

#include "core/link/wire.h"

/* Frames: the messages on a link; docs/stream.md has them byte by byte.  Encoders append the
 * meta part of a payload to @out.  Decoders take a complete meta part, refuse anything short,
 * long or out of range by name (GDW_ERROR_PROTOCOL, "frame 'NAME': ..."), and leave no memory
 * behind on failure. */

#define GDW_STREAM_VERSION_MIN 1
#define GDW_STREAM_VERSION_MAX 2
#define GDW_STREAM_VERSION_MACHINE 2 /* HELLO has the digest of the machine */

/* Feature bits.  Unknown required bits are refused by number. */
#define GDW_FEATURE_VALIDATE_UUID (G_GUINT64_CONSTANT (1) << 0) /* required: compare it */
#define GDW_FEATURES_KNOWN GDW_FEATURE_VALIDATE_UUID

#define GDW_ID_BYTES 16
#define GDW_TOKEN_BYTES 16
#define GDW_LINKS_MAX 255
#define GDW_PAGE_SIZE_MAX (1u << 30) /* of the backing of a region */
#define GDW_REGIONS_MAX 1024
#define GDW_NAME_MAX 63                 /* bytes; of regions and sections */
#define GDW_TEXT_MAX 2048               /* bytes; a longer text is cut when it is sent */
#define GDW_HELLO_META_MAX (128u << 10) /* bytes; later versions may append fields */

typedef struct {
  guint8 type; /* GdwFrameType, or unknown */
  guint16 flags;
  guint32 payload_len, meta_len, round;
  guint64 seq;
  guint32 meta_crc;
} GdwFrame;

/* Fills @head and computes both CRCs; @meta has frame->meta_len bytes. */
void gdw_frame_encode (const GdwFrame *frame, const guint8 *meta,
                       guint8 head[GDW_FRAME_HEADER_BYTES]);
/* Checks magic, header CRC and lengths: the payload cap, and meta <= payload.  For a known type
 * it also checks that the meta part is neither shorter nor longer than the type allows, and
 * that no bytes follow it (but the pages of MEM).  An unknown type is no error here. */
gboolean gdw_frame_decode (const guint8 head[GDW_FRAME_HEADER_BYTES], GdwFrame *frame,
                           GError **error);
gboolean gdw_frame_check_meta (const GdwFrame *frame, const guint8 *meta, GError **error);

/* Sets GDW_ERROR_PROTOCOL "frame '@frame': what @format says: why; what to do"; returns FALSE.
 */
gboolean gdw_frame_refuse (GError **error, const char *frame, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Ends a decoder: refuses a meta part that was too short, or that goes on. */
gboolean gdw_frame_check_end (const GdwReader *in, const char *frame, GError **error);

typedef struct {
  char *name;
  guint64 guest_addr, size; /* bytes */
  guint32 page_size;        /* bytes */
} GdwRegionInfo;

typedef struct {
  guint16 version_min, version_max;
  guint64 offered, required; /* feature bits */
  guint8 id[GDW_ID_BYTES], token[GDW_TOKEN_BYTES];
  guint16 n_links;
  char *package, *vm_name, *uuid; /* never NULL after decode */
  guint n_regions;
  GdwRegionInfo *regions;
  char *machine; /* its digest; "": none was given; never NULL after decode */
} GdwHello;

/* A HELLO that offers a version above GDW_STREAM_VERSION_MAX may go on after the fields known
 * here: then the answer can be "too new" instead of "broken". */
void gdw_hello_encode (const GdwHello *hello, GByteArray *out);
gboolean gdw_hello_decode (const guint8 *meta, gsize size, GdwHello *hello, GError **error);
void gdw_hello_clear (GdwHello *hello);

typedef struct {
  guint16 version;
  guint64 features;                   /* chosen */
  guint64 window_bytes, window_pages; /* credit of each link */
} GdwHelloAck;

void gdw_hello_ack_encode (const GdwHelloAck *ack, GByteArray *out);
gboolean gdw_hello_ack_decode (const guint8 *meta, gsize size, GdwHelloAck *ack,
                               GError **error);

/* JOIN; or QUERY-OUTCOME, without the link number. */
typedef struct {
  guint8 id[GDW_ID_BYTES], token[GDW_TOKEN_BYTES];
  guint16 link; /* 1..n_links-1 */
} GdwJoin;

void gdw_join_encode (const GdwJoin *join, GByteArray *out);
gboolean gdw_join_decode (const guint8 *meta, gsize size, GdwJoin *join, GError **error);
void gdw_query_encode (const GdwJoin *query, GByteArray *out);
gboolean gdw_query_decode (const guint8 *meta, gsize size, GdwJoin *query, GError **error);

/* MEM: meta = u32 region, u32 n_runs, u32 n_raw, u32 0, runs (u64 first page,
 * u32 count, u32 kind), u32 CRC32C of each raw page; then the raw pages in the
 * order of the runs. */
#define GDW_RUN_RAW 1u
#define GDW_RUN_ZERO 2u
#define GDW_MEM_RUNS_MAX 512u
#define GDW_MEM_RAW_MAX 256u            /* pages: 1 MiB a frame */
#define GDW_MEM_ZERO_RUN_MAX (1u << 18) /* pages: 1 GiB a run */
#define GDW_MEM_META_MAX (16u + GDW_MEM_RUNS_MAX * 16u + GDW_MEM_RAW_MAX * 4u)

typedef struct {
  guint64 first;
  guint32 count;
  guint32 kind;
} GdwRun;

typedef struct {
  guint32 region, n_runs, n_raw; /* n_raw: pages in all raw runs */
  GdwRun runs[GDW_MEM_RUNS_MAX];
  guint32 crcs[GDW_MEM_RAW_MAX];
} GdwMem;

/* Bytes of the meta part. */
static inline gsize
gdw_mem_size (const GdwMem *mem)
{
  return 16 + mem->n_runs * 16 + mem->n_raw * 4;
}

/* @out has GDW_MEM_META_MAX bytes.  Returns the length. */
gsize gdw_mem_encode (const GdwMem *mem, guint8 *out);
/* @pages: the size of each of @n_regions regions.  Checks that runs are in range, ascend and do
 * not overlap, and that payload_len - size is exactly the raw pages. */
gboolean gdw_mem_decode (const guint8 *meta, gsize size, guint32 payload_len,
                         const guint64 *pages, guint n_regions, GdwMem *mem, GError **error);

/* Cumulative, for the link it travels on: everything up to @seq is in memory and verified, or
 * an earlier NAK refused it. */
typedef struct {
  guint64 seq, bytes, pages;
} GdwAck;

void gdw_ack_encode (const GdwAck *ack, GByteArray *out);
gboolean gdw_ack_decode (const guint8 *meta, gsize size, GdwAck *ack, GError **error);

typedef struct {
  guint32 region, n_pages; /* 1..GDW_MEM_RAW_MAX */
  guint64 pages[GDW_MEM_RAW_MAX];
} GdwNak;

void gdw_nak_encode (const GdwNak *nak, GByteArray *out);
gboolean gdw_nak_decode (const guint8 *meta, gsize size, const guint64 *pages, guint n_regions,
                         GdwNak *nak, GError **error);

/* A piece of a section; pieces of one section follow each other. */
#define GDW_STATE_CHUNK_MAX (1u << 20)
#define GDW_STATE_SECTION_MAX (256u << 20)
typedef struct {
  char *name;
  guint32 version;
  guint64 total, offset; /* bytes of the section */
  const guint8 *data;    /* points into the decoded buffer */
  gsize size;
} GdwStateChunk;

void gdw_state_encode (const GdwStateChunk *chunk, GByteArray *out);
gboolean gdw_state_decode (const guint8 *meta, gsize size, GdwStateChunk *chunk,
                           GError **error);
void gdw_state_clear (GdwStateChunk *chunk);

typedef struct {
  gboolean running; /* the guest ran before the switchover */
  guint32 n_sections;
  guint16 n_links;
  guint64 last_seq[GDW_LINKS_MAX]; /* sequence of the last MEM of each link, 0: none */
} GdwPrepare;

void gdw_prepare_encode (const GdwPrepare *prepare, GByteArray *out);
gboolean gdw_prepare_decode (const guint8 *meta, gsize size, GdwPrepare *prepare,
                             GError **error);

/* COMMITTED and OUTCOME */
#define GDW_ANSWER_COMMITTED 1u
#define GDW_ANSWER_ABORTED 2u
#define GDW_ANSWER_UNKNOWN_ID 3u
typedef struct {
  guint8 answer;
  guint64 resume_us; /* COMMITTED to guest running, measured by the destination; 0 if it stays
                        paused */
  char *text;        /* why it was aborted, or "" */
} GdwOutcomeMsg;

void gdw_outcome_encode (const GdwOutcomeMsg *outcome, GByteArray *out);
gboolean gdw_outcome_decode (const guint8 *meta, gsize size, GdwOutcomeMsg *outcome,
                             GError **error);
void gdw_outcome_clear (GdwOutcomeMsg *outcome);

/* @echo_us 0: asks for an echo at once, with stamp_us 0. */
typedef struct {
  guint64 stamp_us, echo_us;
} GdwHeartbeat;

void gdw_heartbeat_encode (const GdwHeartbeat *beat, GByteArray *out);
gboolean gdw_heartbeat_decode (const guint8 *meta, gsize size, GdwHeartbeat *beat,
                               GError **error);

/* ERROR and ABORT (a cancel) carry the sender's root cause.  @code is a GdwError. */
typedef struct {
  guint32 code;
  gint32 os_errno;
  char *phase, *text; /* never NULL after decode */
} GdwErrorMsg;

void gdw_error_encode (const GdwErrorMsg *msg, GByteArray *out);
gboolean gdw_error_decode (const guint8 *meta, gsize size, GdwErrorMsg *msg, GError **error);
void gdw_error_clear (GdwErrorMsg *msg);

/* LINK-DEAD and LINK-DRAINED: the number of the link. */
void gdw_link_number_encode (guint32 link, GByteArray *out);
gboolean gdw_link_number_decode (const guint8 *meta, gsize size, guint32 *link, GError **error);

/* ROUND-END.  The destination ignores what it carries. */
typedef struct {
  guint64 pages, bytes;
} GdwRoundEnd;

void gdw_round_end_encode (const GdwRoundEnd *end, GByteArray *out);

/* COMMIT, PREPARED, CONFIRM and JOIN-ACK carry the migration id alone. */
void gdw_id_encode (const guint8 id[GDW_ID_BYTES], GByteArray *out);
gboolean gdw_id_decode (const guint8 *meta, gsize size, guint8 id[GDW_ID_BYTES],
                        GError **error);
