/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The golden streams: what is encoded is byte for byte what they have, and what is decoded
 * from them is what was meant. */

#include "core/link/frame.h"
#include "core/link/crc32c.h"
#include "tests/support/any-frame.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <check.h>

static const struct {
  guint8 type;
  const char *name;
} types[] = {
#define ROW(number, name, text) { number, text },
  GDW_FRAME_TYPES (ROW)
#undef ROW
};

static const guint8 id[GDW_ID_BYTES] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                         0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f };
static const guint8 token[GDW_TOKEN_BYTES] = { 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
                                               0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef };

static GByteArray *meta;   /* what a test encodes */
static GByteArray *golden; /* the whole frame that it asked for */
static GdwFrame head;

static void
setup (void)
{
  meta = g_byte_array_new ();
}

static void
teardown (void)
{
  g_byte_array_unref (meta);
  g_clear_pointer (&golden, g_byte_array_unref);
}

static const guint8 *
golden_meta (const char *name)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&golden, g_byte_array_unref);
  golden = golden_load (name);
  ck_assert_uint_ge (golden->len, GDW_FRAME_HEADER_BYTES);
  ck_assert_msg (gdw_frame_decode (golden->data, &head, &error), "%s",
                 error ? error->message : "");
  ck_assert_uint_eq (golden->len, GDW_FRAME_HEADER_BYTES + head.payload_len);
  return golden->data + GDW_FRAME_HEADER_BYTES;
}

/* Gives the golden meta part, which is what was encoded. */
static const guint8 *
expect_golden (const char *name)
{
  const guint8 *right = golden_meta (name);

  ck_assert_uint_eq (meta->len, head.meta_len);
  ck_assert_mem_eq (meta->data, right, meta->len);
  return right;
}

START_TEST (header)
{
  guint8 again[GDW_FRAME_HEADER_BYTES];
  const guint8 *right = golden_meta (types[_i].name);

  ck_assert_uint_eq (head.type, types[_i].type);
  ck_assert_str_eq (gdw_frame_name (head.type), types[_i].name);
  ck_assert (gdw_frame_check_meta (&head, right, NULL));
  gdw_frame_encode (&head, right, again);
  ck_assert_mem_eq (again, golden->data, sizeof again);
}
END_TEST

START_TEST (header_values)
{
  golden_meta ("MEM");
  ck_assert_uint_eq (head.flags, GDW_FRAME_ACK_NOW);
  ck_assert_uint_eq (head.payload_len, 72 + 2 * GDW_PAGE_SIZE);
  ck_assert_uint_eq (head.meta_len, 72);
  ck_assert_uint_eq (head.seq, 261);
  ck_assert_uint_eq (head.round, 2);
}
END_TEST

START_TEST (header_of_large_values)
{
  GdwFrame frame = { .type = 200,
                     .flags = 0x8001,
                     .payload_len = GDW_FRAME_PAYLOAD_MAX,
                     .meta_len = 3,
                     .round = G_MAXUINT32,
                     .seq = G_MAXUINT64 - 1 };
  GdwFrame got;
  guint8 raw[GDW_FRAME_HEADER_BYTES];

  gdw_frame_encode (&frame, (const guint8 *) "abc", raw);
  ck_assert (gdw_frame_decode (raw, &got, NULL));
  ck_assert_uint_eq (got.type, 200);
  ck_assert_uint_eq (got.flags, 0x8001);
  ck_assert_uint_eq (got.payload_len, GDW_FRAME_PAYLOAD_MAX);
  ck_assert_uint_eq (got.meta_len, 3);
  ck_assert_uint_eq (got.round, G_MAXUINT32);
  ck_assert_uint_eq (got.seq, G_MAXUINT64 - 1);
  ck_assert_uint_eq (got.meta_crc, gdw_crc32c (0, "abc", 3));
  ck_assert (gdw_frame_check_meta (&got, (const guint8 *) "abc", NULL));
  ck_assert (!gdw_frame_check_meta (&got, (const guint8 *) "abd", NULL));
}
END_TEST

START_TEST (decoded_is_encoded_again)
{
  const guint8 *right = golden_meta (types[_i].name);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (
      any_frame_again (head.type, right, head.meta_len, head.payload_len, meta, &error), "%s",
      error ? error->message : "");
  ck_assert_uint_eq (meta->len, head.meta_len);
  ck_assert_mem_eq (meta->data, right, meta->len);
}
END_TEST

static GdwRegionInfo regions[] = {
  { (char *) "ram", 0, 256u << 20, 4096 },
  { (char *) "high", G_GUINT64_CONSTANT (4) << 30, 4u << 20, 2u << 20 },
};

START_TEST (hello)
{
  GdwHello put = { .version_min = 1,
                   .version_max = 2,
                   .n_links = 2,
                   .package = (char *) "godwit 0.1.0",
                   .vm_name = (char *) "demo",
                   .uuid = (char *) "5e2c1a90-0000-4000-8000-000000000001",
                   .n_regions = 2,
                   .regions = regions,
                   .machine = (char *) "vcpus=2" };
  GdwHello got;

  memcpy (put.id, id, sizeof id);
  memcpy (put.token, token, sizeof token);
  gdw_hello_encode (&put, meta);
  ck_assert (gdw_hello_decode (expect_golden ("HELLO"), meta->len, &got, NULL));
  ck_assert_uint_eq (got.version_min, 1);
  ck_assert_uint_eq (got.version_max, 2);
  ck_assert (got.offered == 0 && got.required == 0);
  ck_assert_mem_eq (got.id, id, sizeof id);
  ck_assert_mem_eq (got.token, token, sizeof token);
  ck_assert_uint_eq (got.n_links, 2);
  ck_assert_str_eq (got.package, put.package);
  ck_assert_str_eq (got.vm_name, put.vm_name);
  ck_assert_str_eq (got.uuid, put.uuid);
  ck_assert_str_eq (got.machine, put.machine);
  ck_assert_uint_eq (got.n_regions, 2);
  for (guint i = 0; i < 2; i++) {
    ck_assert_str_eq (got.regions[i].name, regions[i].name);
    ck_assert_uint_eq (got.regions[i].guest_addr, regions[i].guest_addr);
    ck_assert_uint_eq (got.regions[i].size, regions[i].size);
    ck_assert_uint_eq (got.regions[i].page_size, regions[i].page_size);
  }
  gdw_hello_clear (&got);
  gdw_hello_clear (&got);
}
END_TEST

/* Version 1 has no digest of the machine. */
START_TEST (hello_of_version_1)
{
  GdwHello put = { .version_min = 1,
                   .version_max = 1,
                   .n_links = 1,
                   .n_regions = 2,
                   .regions = regions,
                   .machine = (char *) "vcpus=2" };
  GdwHello got;
  guint size;

  gdw_hello_encode (&put, meta);
  ck_assert (gdw_hello_decode (meta->data, meta->len, &got, NULL));
  ck_assert_str_eq (got.machine, "");
  gdw_hello_clear (&got);
  size = meta->len;
  put.version_max = 2;
  g_byte_array_set_size (meta, 0);
  gdw_hello_encode (&put, meta);
  ck_assert_uint_eq (meta->len, size + 2 + strlen ("vcpus=2"));
}
END_TEST

START_TEST (hello_ack)
{
  GdwHelloAck got;

  gdw_hello_ack_encode (
      &(GdwHelloAck){ .version = 1, .window_bytes = 16u << 20, .window_pages = 1u << 20 },
      meta);
  ck_assert (gdw_hello_ack_decode (expect_golden ("HELLO-ACK"), meta->len, &got, NULL));
  ck_assert_uint_eq (got.version, 1);
  ck_assert_uint_eq (got.features, 0);
  ck_assert_uint_eq (got.window_bytes, 16u << 20);
  ck_assert_uint_eq (got.window_pages, 1u << 20);
}
END_TEST

START_TEST (join_and_query)
{
  GdwJoin put = { .link = 1 }, got;

  memcpy (put.id, id, sizeof id);
  memcpy (put.token, token, sizeof token);
  gdw_join_encode (&put, meta);
  ck_assert (gdw_join_decode (expect_golden ("JOIN"), meta->len, &got, NULL));
  ck_assert_uint_eq (got.link, 1);
  ck_assert_mem_eq (got.id, id, sizeof id);
  ck_assert_mem_eq (got.token, token, sizeof token);

  g_byte_array_set_size (meta, 0);
  gdw_query_encode (&put, meta);
  ck_assert (gdw_query_decode (expect_golden ("QUERY-OUTCOME"), meta->len, &got, NULL));
  ck_assert_mem_eq (got.id, id, sizeof id);
  ck_assert_mem_eq (got.token, token, sizeof token);
}
END_TEST

START_TEST (mem)
{
  g_autofree GdwMem *put = g_new0 (GdwMem, 1), *got = g_new0 (GdwMem, 1);
  guint8 page[2][GDW_PAGE_SIZE] = { { 0 } };
  const guint8 *right, *raw;

  memset (page[0], 0xa5, GDW_PAGE_SIZE);
  page[1][GDW_PAGE_SIZE - 1] = 1;
  put->n_runs = 3;
  put->n_raw = 2;
  put->runs[0] = (GdwRun){ 3, 1, GDW_RUN_RAW };
  put->runs[1] = (GdwRun){ 16, 4096, GDW_RUN_ZERO };
  put->runs[2] = (GdwRun){ 65535, 1, GDW_RUN_RAW };
  for (guint i = 0; i < 2; i++)
    put->crcs[i] = gdw_crc32c (0, page[i], GDW_PAGE_SIZE);
  g_byte_array_set_size (meta, GDW_MEM_META_MAX);
  g_byte_array_set_size (meta, gdw_mem_encode (put, meta->data));

  right = expect_golden ("MEM");
  raw = right + head.meta_len;
  ck_assert_mem_eq (raw, page, sizeof page);
  ck_assert (gdw_mem_decode (right, head.meta_len, head.payload_len, any_pages, ANY_REGIONS,
                             got, NULL));
  ck_assert_uint_eq (got->region, 0);
  ck_assert_uint_eq (got->n_runs, 3);
  ck_assert_uint_eq (got->n_raw, 2);
  for (guint i = 0; i < 3; i++) {
    ck_assert_uint_eq (got->runs[i].first, put->runs[i].first);
    ck_assert_uint_eq (got->runs[i].count, put->runs[i].count);
    ck_assert_uint_eq (got->runs[i].kind, put->runs[i].kind);
  }
  ck_assert_mem_eq (got->crcs, put->crcs, 2 * sizeof (guint32));
}
END_TEST

START_TEST (ack_and_nak)
{
  GdwAck ack;
  GdwNak put = { .region = 1, .n_pages = 2, .pages = { 7, 1023 } }, nak;

  gdw_ack_encode (&(GdwAck){ .seq = 258, .bytes = 1u << 20, .pages = 4608 }, meta);
  ck_assert (gdw_ack_decode (expect_golden ("ACK"), meta->len, &ack, NULL));
  ck_assert_uint_eq (ack.seq, 258);
  ck_assert_uint_eq (ack.bytes, 1u << 20);
  ck_assert_uint_eq (ack.pages, 4608);

  g_byte_array_set_size (meta, 0);
  gdw_nak_encode (&put, meta);
  ck_assert (
      gdw_nak_decode (expect_golden ("NAK"), meta->len, any_pages, ANY_REGIONS, &nak, NULL));
  ck_assert_uint_eq (nak.region, 1);
  ck_assert_uint_eq (nak.n_pages, 2);
  ck_assert_uint_eq (nak.pages[0], 7);
  ck_assert_uint_eq (nak.pages[1], 1023);
}
END_TEST

START_TEST (round_end_and_heartbeat)
{
  GdwRoundEnd end;
  GdwHeartbeat beat;

  gdw_round_end_encode (&(GdwRoundEnd){ .pages = 70000, .bytes = 286720000 }, meta);
  ck_assert (any_round_end_decode (expect_golden ("ROUND-END"), meta->len, &end, NULL));
  ck_assert_uint_eq (end.pages, 70000);
  ck_assert_uint_eq (end.bytes, 286720000);

  g_byte_array_set_size (meta, 0);
  gdw_heartbeat_encode (&(GdwHeartbeat){ .stamp_us = 123456789 }, meta);
  ck_assert (gdw_heartbeat_decode (expect_golden ("HEARTBEAT"), meta->len, &beat, NULL));
  ck_assert_uint_eq (beat.stamp_us, 123456789);
  ck_assert_uint_eq (beat.echo_us, 0);
}
END_TEST

START_TEST (link_number)
{
  g_autoptr (GError) error = NULL;
  guint32 link;

  gdw_link_number_encode (3, meta);
  ck_assert (gdw_link_number_decode (expect_golden ("LINK-DEAD"), meta->len, &link, NULL));
  ck_assert_uint_eq (link, 3);
  ck_assert (gdw_link_number_decode (expect_golden ("LINK-DRAINED"), meta->len, &link, NULL));
  ck_assert_uint_eq (link, 3);

  g_byte_array_set_size (meta, 0);
  gdw_link_number_encode (GDW_LINKS_MAX, meta);
  ck_assert (!gdw_link_number_decode (meta->data, meta->len, &link, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "there is no link 255"));
}
END_TEST

START_TEST (state)
{
  static const guint8 data[] = { 0x01, 0x02, 0x03, 0xfd, 0xfe, 0xff };
  GdwStateChunk put = { .name = (char *) "vcpu0",
                        .version = 3,
                        .total = 10,
                        .offset = 4,
                        .data = data,
                        .size = sizeof data };
  GdwStateChunk got;

  gdw_state_encode (&put, meta);
  ck_assert (gdw_state_decode (expect_golden ("STATE"), meta->len, &got, NULL));
  ck_assert_str_eq (got.name, "vcpu0");
  ck_assert_uint_eq (got.version, 3);
  ck_assert_uint_eq (got.total, 10);
  ck_assert_uint_eq (got.offset, 4);
  ck_assert_uint_eq (got.size, sizeof data);
  ck_assert_mem_eq (got.data, data, sizeof data);
  gdw_state_clear (&got);
}
END_TEST

START_TEST (prepare)
{
  GdwPrepare put = { .running = TRUE, .n_sections = 3, .n_links = 2, .last_seq = { 258, 0 } };
  GdwPrepare got;

  gdw_prepare_encode (&put, meta);
  ck_assert (gdw_prepare_decode (expect_golden ("PREPARE"), meta->len, &got, NULL));
  ck_assert (got.running);
  ck_assert_uint_eq (got.n_sections, 3);
  ck_assert_uint_eq (got.n_links, 2);
  ck_assert_uint_eq (got.last_seq[0], 258);
  ck_assert_uint_eq (got.last_seq[1], 0);
}
END_TEST

START_TEST (frames_of_an_id)
{
  static const char *const names[] = { "JOIN-ACK", "PREPARED", "COMMIT", "CONFIRM" };
  guint8 got[GDW_ID_BYTES] = { 0 };

  gdw_id_encode (id, meta);
  ck_assert (gdw_id_decode (expect_golden (names[_i]), meta->len, got, NULL));
  ck_assert_mem_eq (got, id, sizeof id);
}
END_TEST

static void
expect_outcome (const char *frame, guint8 answer, guint64 resume_us, const char *text)
{
  GdwOutcomeMsg got;

  g_byte_array_set_size (meta, 0);
  gdw_outcome_encode (&(GdwOutcomeMsg){ answer, resume_us, (char *) text }, meta);
  ck_assert (gdw_outcome_decode (expect_golden (frame), meta->len, &got, NULL));
  ck_assert_uint_eq (got.answer, answer);
  ck_assert_uint_eq (got.resume_us, resume_us);
  ck_assert_str_eq (got.text, text ? text : "");
  gdw_outcome_clear (&got);
}

START_TEST (outcomes)
{
  expect_outcome ("COMMITTED", GDW_ANSWER_COMMITTED, 1500, NULL);
  expect_outcome ("OUTCOME", GDW_ANSWER_ABORTED, 0, "asked before COMMIT came");
}
END_TEST

static void
expect_error (const char *frame, const GdwErrorMsg *put)
{
  GdwErrorMsg got;

  g_byte_array_set_size (meta, 0);
  gdw_error_encode (put, meta);
  ck_assert (gdw_error_decode (expect_golden (frame), meta->len, &got, NULL));
  ck_assert_uint_eq (got.code, put->code);
  ck_assert_int_eq (got.os_errno, put->os_errno);
  ck_assert_str_eq (got.phase, put->phase);
  ck_assert_str_eq (got.text, put->text);
  gdw_error_clear (&got);
}

START_TEST (errors)
{
  GdwErrorMsg error = { GDW_ERROR_PROTOCOL, -1, (char *) "active",
                        (char *) "frame 'MEM': run 3 ends past the end … é" };
  GdwErrorMsg cancel = { GDW_ERROR_HOST, 28, (char *) "device",
                         (char *) "migration: cancelled by the user" };

  expect_error ("ERROR", &error);
  expect_error ("ABORT", &cancel);
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("stream");

  tcase_add_checked_fixture (tests, setup, teardown);
  tcase_add_loop_test (tests, header, 0, G_N_ELEMENTS (types));
  tcase_add_test (tests, header_values);
  tcase_add_test (tests, header_of_large_values);
  tcase_add_loop_test (tests, decoded_is_encoded_again, 0, G_N_ELEMENTS (types));
  tcase_add_test (tests, hello);
  tcase_add_test (tests, hello_of_version_1);
  tcase_add_test (tests, hello_ack);
  tcase_add_test (tests, join_and_query);
  tcase_add_test (tests, mem);
  tcase_add_test (tests, ack_and_nak);
  tcase_add_test (tests, round_end_and_heartbeat);
  tcase_add_test (tests, link_number);
  tcase_add_test (tests, state);
  tcase_add_test (tests, prepare);
  tcase_add_loop_test (tests, frames_of_an_id, 0, 4);
  tcase_add_test (tests, outcomes);
  tcase_add_test (tests, errors);
  return suite_run ("stream", tests, NULL);
}
