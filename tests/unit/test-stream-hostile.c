/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Frames of a broken or hostile peer are refused, by the name of the frame. */

#include "core/link/frame.h"
#include "core/link/crc32c.h"
#include "tests/support/any-frame.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <check.h>

#define SEED 19930811

static const char *const types[] = {
#define ROW(number, name, text) text,
  GDW_FRAME_TYPES (ROW)
#undef ROW
};
#define N_TYPES G_N_ELEMENTS (types)

static GByteArray *frame;
static GByteArray *again;
static GdwFrame head;
static guint8 *meta; /* of the frame */

static void
setup (void)
{
  again = g_byte_array_new ();
}

static void
teardown (void)
{
  g_byte_array_unref (again);
  g_clear_pointer (&frame, g_byte_array_unref);
}

static void
load (const char *name)
{
  g_clear_pointer (&frame, g_byte_array_unref);
  frame = golden_load (name);
  ck_assert (gdw_frame_decode (frame->data, &head, NULL));
  meta = frame->data + GDW_FRAME_HEADER_BYTES;
}

/* TRUE if it was taken; whatever is refused is refused in the agreed form. */
static gboolean
decode (guint8 type, const guint8 *data, gsize size, guint32 payload_len)
{
  /* The block has exactly this size, for the sanitizer. */
  g_autofree guint8 *exact = g_memdup2 (data, size);
  g_autoptr (GError) error = NULL;
  gboolean ok;

  g_byte_array_set_size (again, 0);
  ok = any_frame_again (type, exact, size, payload_len, again, &error);
  if (ok && !error)
    return TRUE;
  /* One assertion: each is a system call. */
  ck_assert_msg (!ok && g_error_matches (error, GDW_ERROR, GDW_ERROR_PROTOCOL) &&
                     g_str_has_prefix (error->message, "frame '") &&
                     strstr (error->message, "; try again"),
                 "%s", error ? error->message : "refused without an error");
  return FALSE;
}

static void
expect_refused (const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (
      !any_frame_again (head.type, meta, head.meta_len, head.payload_len, again, &error),
      "taken, but %s", why);
  ck_assert_msg (strstr (error->message, why) != NULL, "'%s' is not in: %s", why,
                 error->message);
}

START_TEST (cut_short_anywhere)
{
  guint32 pages;

  load (types[_i]);
  pages = head.payload_len - head.meta_len;
  ck_assert (decode (head.type, meta, head.meta_len, head.payload_len));
  for (guint32 size = 0; size < head.meta_len; size++)
    ck_assert_msg (!decode (head.type, meta, size, size + pages), "%u bytes of %u", size,
                   head.meta_len);
}
END_TEST

START_TEST (too_long)
{
  g_autofree guint8 *longer = NULL;

  load (types[_i]);
  longer = g_malloc0 (head.meta_len + 1);
  memcpy (longer, meta, head.meta_len);
  ck_assert (!decode (head.type, longer, head.meta_len + 1, head.payload_len + 1));
}
END_TEST

START_TEST (one_bit_of_the_header)
{
  GdwFrame got;

  load (types[_i]);
  for (guint bit = 0; bit < 8 * GDW_FRAME_HEADER_BYTES; bit++) {
    g_autoptr (GError) error = NULL;

    frame->data[bit / 8] ^= 1 << bit % 8;
    ck_assert_msg (!gdw_frame_decode (frame->data, &got, &error), "bit %u", bit);
    ck_assert (g_str_has_prefix (error->message, "frame 'header': "));
    frame->data[bit / 8] ^= 1 << bit % 8;
  }
}
END_TEST

START_TEST (one_bit_of_the_meta_part)
{
  load (types[_i]);
  for (guint bit = 0; bit < 8 * head.meta_len; bit++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *prefix = g_strdup_printf ("frame '%s': ", types[_i]);

    meta[bit / 8] ^= 1 << bit % 8;
    ck_assert_msg (!gdw_frame_check_meta (&head, meta, &error), "bit %u", bit);
    ck_assert (g_str_has_prefix (error->message, prefix));
    meta[bit / 8] ^= 1 << bit % 8;
  }
}
END_TEST

/* A frame that is accepted means exactly what was sent: it is encoded to the same bytes. */
START_TEST (random_mutations)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED + _i);
  g_autofree guint8 *bytes = NULL;

  load (types[_i]);
  bytes = g_malloc (head.meta_len);
  for (guint round = 0; round < 1000; round++) {
    guint32 size = head.meta_len -
                   (round % 4 == 3 ? g_rand_int_range (rand, 0, head.meta_len) : 0);

    memcpy (bytes, meta, size);
    for (gint n = g_rand_int_range (rand, 1, 5); n > 0; n--)
      bytes[g_rand_int_range (rand, 0, size)] = g_rand_boolean (rand) ? 0xff
                                                                      : g_rand_int (rand);
    if (!decode (head.type, bytes, size, size + head.payload_len - head.meta_len))
      continue;
    ck_assert_uint_eq (again->len, size);
    ck_assert_mem_eq (again->data, bytes, size);
  }
}
END_TEST

START_TEST (random_bytes)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED + _i);
  guint8 bytes[256];

  load (types[_i]);
  for (guint round = 0; round < 1000; round++) {
    gsize size = g_rand_int_range (rand, 0, sizeof bytes);

    for (gsize i = 0; i < size; i++)
      bytes[i] = g_rand_int (rand);
    if (decode (head.type, bytes, size, size))
      ck_assert_uint_eq (again->len, size);
  }
}
END_TEST

/* Headers whose CRC is right. */

static void
expect_head (GdwFrame wrong, const char *prefix, const char *why)
{
  guint8 raw[GDW_FRAME_HEADER_BYTES];
  g_autoptr (GError) error = NULL;
  GdwFrame got;
  guint8 *bytes = g_malloc0 (wrong.meta_len);

  gdw_frame_encode (&wrong, bytes, raw);
  g_free (bytes);
  ck_assert (!gdw_frame_decode (raw, &got, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_PROTOCOL));
  ck_assert_msg (g_str_has_prefix (error->message, prefix), "%s", error->message);
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (lengths_of_the_header)
{
  expect_head ((GdwFrame){ .type = 77, .payload_len = GDW_FRAME_PAYLOAD_MAX + 1 },
               "frame 'of unknown type': ", "16777217 bytes, but at most 16777216 is allowed");
  expect_head ((GdwFrame){ .type = 5, .payload_len = G_MAXUINT32, .meta_len = 100 },
               "frame 'MEM': ", "4294967295 bytes");
  expect_head ((GdwFrame){ .type = 77, .payload_len = 9, .meta_len = 10 },
               "frame 'of unknown type': ", "10 bytes in a payload of 9");
  expect_head ((GdwFrame){ .type = 6, .payload_len = 23, .meta_len = 23 },
               "frame 'ACK': ", "24 to 24");
  expect_head ((GdwFrame){ .type = 6, .payload_len = 1u << 20, .meta_len = 1u << 20 },
               "frame 'ACK': ", "24 to 24");
  expect_head ((GdwFrame){ .type = 6, .payload_len = 25, .meta_len = 24 },
               "frame 'ACK': ", "1 bytes follow");
  expect_head ((GdwFrame){ .type = 5,
                           .payload_len = 64 + GDW_MEM_RAW_MAX * GDW_PAGE_SIZE + 1,
                           .meta_len = 64 },
               "frame 'MEM': ", "1048577 bytes of pages");
}
END_TEST

START_TEST (marks_of_the_header)
{
  static const struct {
    guint at;
    guint8 value;
    const char *why;
  } wrong[] = {
    { 0, 'H', "; check the address" },
    { 4, 41, "it has 41 bytes and not 40" },
    { 35, 1, "its reserved field is 0x01000000 and not 0" },
  };
  GdwFrame got;

  load ("ACK");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;
    guint8 raw[GDW_FRAME_HEADER_BYTES];
    guint32 crc;

    memcpy (raw, frame->data, sizeof raw);
    raw[wrong[i].at] = wrong[i].value;
    crc = gdw_crc32c (0, raw, 36);
    gdw_store_u32 (raw + 36, crc);
    ck_assert (!gdw_frame_decode (raw, &got, &error));
    ck_assert_msg (strstr (error->message, wrong[i].why) != NULL, "%s", error->message);
  }
}
END_TEST

/* One field set to a value that is out of range; offsets as in docs/stream.md. */
static const struct {
  const char *frame;
  guint at, bytes;
  guint64 value;
  const char *why;
} wrong_fields[] = {
  { "HELLO", 0, 2, 0, "versions 0 to 2 are no range" },
  { "HELLO", 0, 2, 3, "versions 3 to 2 are no range" },
  { "HELLO", 12, 8, 5, "features 0x5 are required and not offered" },
  { "HELLO", 52, 2, 0, "0 links, but 1 to 255 is allowed" },
  { "HELLO", 52, 2, 256, "256 links, but 1 to 255 is allowed" },
  { "HELLO", 54, 2, 0, "0 regions, but 1 to 1024 is allowed" },
  { "HELLO", 54, 2, 1025, "1025 regions, but 1 to 1024 is allowed" },
  { "HELLO", 54, 2, 1024, "it ends within a field" },
  { "HELLO", 54, 2, 1, "bytes follow its last field" },
  { "HELLO", 56, 2, 0xffff, "it ends within a field" },
  { "HELLO", 58, 1, 0xff, "not UTF-8" },
  { "HELLO", 127, 8, 4097, "region 0 'ram' has 0x1001 bytes" },
  { "HELLO", 127, 8, 0, "region 0 'ram' has 0x0 bytes" },
  { "HELLO", 119, 8, G_GUINT64_CONSTANT (0xfffffffffffff000), "region 0 'ram' has" },
  { "HELLO", 135, 4, 12288, "region 0 'ram' has pages of 12288 bytes" },
  { "HELLO", 135, 4, 2048, "region 0 'ram' has pages of 2048 bytes" },
  { "HELLO", 135, 4, 0, "region 0 'ram' has pages of 0 bytes" },
  { "HELLO", 135, 4, 1u << 31, "region 0 'ram' has pages of 2147483648 bytes" },
  { "HELLO-ACK", 0, 2, 0, "version 0 with a credit" },
  { "HELLO-ACK", 10, 8, 0, "a credit of 0 bytes" },
  { "HELLO-ACK", 18, 8, 0, "and 0 pages" },
  { "JOIN", 32, 2, 0, "link 0, but 1 to 254 is allowed" },
  { "JOIN", 32, 2, 255, "link 255, but 1 to 254 is allowed" },
  { "MEM", 0, 4, 2, "region 2 of 2" },
  { "MEM", 0, 4, 0xffffffff, "region 4294967295 of 2" },
  { "MEM", 4, 4, 0, "0 runs with 2 raw pages" },
  { "MEM", 4, 4, 513, "513 runs with 2 raw pages" },
  { "MEM", 4, 4, 0xffffffff, "4294967295 runs" },
  { "MEM", 4, 4, 4, "has 72 bytes and 4 runs with 2 raw pages need 88" },
  { "MEM", 8, 4, 257, "3 runs with 257 raw pages" },
  { "MEM", 8, 4, 3, "has 72 bytes and 3 runs with 3 raw pages need 76" },
  { "MEM", 12, 4, 1, "first 16 bytes" },
  { "MEM", 16, 8, 65536, "run 0 of 1 pages from page 65536 ends past page 65536 of region 0" },
  { "MEM", 16, 8, 16, "run 1 begins at page 16, before page 17" },
  { "MEM", 16, 8, 5000, "run 1 begins at page 16, before page 5001" },
  { "MEM", 24, 4, 0, "run 0 has 0 pages" },
  { "MEM", 24, 4, 2, "its runs have 3 raw pages and it announces 2" },
  { "MEM", 24, 4, 257, "run 0 has 257 pages, but 1 to 256 is allowed" },
  { "MEM", 24, 4, 14, "run 1 begins at page 16, before page 17" },
  { "MEM", 28, 4, 0, "run 0 is of the unknown kind 0" },
  { "MEM", 28, 4, 3, "run 0 is of the unknown kind 3" },
  { "MEM", 28, 4, 2, "its runs have 1 raw pages and it announces 2" },
  { "MEM", 40, 4, (1u << 18) + 1, "run 1 has 262145 pages, but 1 to 262144 is allowed" },
  { "MEM", 40, 4, 65521, "run 1 of 65521 pages from page 16 ends past page 65536" },
  { "MEM", 48, 8, G_MAXUINT64, "run 2 of 1 pages from page 18446744073709551615 ends past" },
  { "MEM", 48, 8, 3, "run 2 begins at page 3, before page 4112" },
  { "NAK", 0, 4, 2, "region 2 of 2" },
  { "NAK", 4, 4, 0, "0 pages, but 1 to 256 is allowed" },
  { "NAK", 4, 4, 257, "257 pages, but 1 to 256 is allowed" },
  { "NAK", 4, 4, 3, "it ends within a field" },
  { "NAK", 16, 8, 1024, "page 1024 of 1024 of region 1" },
  { "STATE", 0, 2, 0xffff, "it ends within a field" },
  { "STATE", 11, 8, (256u << 20) + 1, "268435457 bytes, but at most 268435456 is allowed" },
  { "STATE", 11, 8, 9, "of 9 bytes cannot have a piece of 6 bytes at 4" },
  { "STATE", 19, 8, 11, "of 10 bytes cannot have a piece of 6 bytes at 11" },
  { "STATE", 19, 8, G_MAXUINT64, "a piece of 6 bytes at 18446744073709551615" },
  { "STATE", 27, 4, 0xffffffff, "it ends within a field" },
  { "STATE", 27, 4, 5, "1 bytes follow its last field" },
  { "PREPARE", 0, 1, 2, "the run state is 2" },
  { "PREPARE", 5, 2, 0, "0 links, but 1 to 255 is allowed" },
  { "PREPARE", 5, 2, 256, "256 links, but 1 to 255 is allowed" },
  { "COMMITTED", 0, 1, 0, "its answer is 0, but 1 to 3 is allowed" },
  { "OUTCOME", 0, 1, 4, "its answer is 4, but 1 to 3 is allowed" },
  { "HEARTBEAT", 0, 8, 0, "it neither asks nor answers" },
};

START_TEST (wrong_field)
{
  guint8 little[8];

  gdw_store_u64 (little, wrong_fields[_i].value);
  load (wrong_fields[_i].frame);
  memcpy (meta + wrong_fields[_i].at, little, wrong_fields[_i].bytes);
  expect_refused (wrong_fields[_i].why);
}
END_TEST

START_TEST (pages_that_do_not_follow)
{
  load ("MEM");
  head.payload_len -= GDW_PAGE_SIZE;
  expect_refused ("4168 bytes and 2 raw pages need 8264");
  head.payload_len += 2 * GDW_PAGE_SIZE;
  expect_refused ("12360 bytes and 2 raw pages need 8264");
  head.payload_len = head.meta_len;
  expect_refused ("72 bytes and 2 raw pages need 8264");
}
END_TEST

static void
expect_names_refused (char *name, const char *why)
{
  GdwRegionInfo region = { name, 0, 4096, 4096 };
  GdwHello hello = { .version_min = 1, .version_max = 1, .n_links = 1, .n_regions = 1 };
  GdwStateChunk chunk = { .name = name };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  hello.regions = &region;
  gdw_hello_encode (&hello, bytes);
  head = (GdwFrame){ .type = GDW_FRAME_HELLO, .meta_len = bytes->len };
  meta = bytes->data;
  expect_refused (why);
  g_byte_array_set_size (bytes, 0);
  gdw_state_encode (&chunk, bytes);
  head = (GdwFrame){ .type = GDW_FRAME_STATE, .meta_len = bytes->len };
  meta = bytes->data;
  expect_refused (why);
}

START_TEST (names)
{
  g_autofree char *name = g_strnfill (GDW_NAME_MAX + 1, 'n');

  expect_names_refused (name, "64 bytes, but 1 to 63 is allowed");
  expect_names_refused ((char *) "", "0 bytes, but 1 to 63 is allowed");
}
END_TEST

START_TEST (digest_of_a_machine)
{
  GdwRegionInfo region = { (char *) "ram", 0, 4096, 4096 };
  GdwHello hello = {
    .version_min = 1, .version_max = 2, .n_links = 1, .n_regions = 1, .regions = &region
  };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *digest = g_strnfill (GDW_MACHINE_DIGEST_MAX + 1, 'd');

  gdw_hello_encode (&hello, bytes);
  g_byte_array_set_size (bytes, bytes->len - 2);
  gdw_put_string (bytes, digest);
  head = (GdwFrame){ .type = GDW_FRAME_HELLO, .meta_len = bytes->len };
  meta = bytes->data;
  expect_refused ("the digest of the machine has 256 bytes, but at most 255 is allowed");
}
END_TEST

/* A newer peer is told so by the destination, not called broken here. */
START_TEST (newer_hello)
{
  g_autofree guint8 *longer = NULL;
  GdwHello got;

  load ("HELLO");
  longer = g_malloc0 (head.meta_len + 100);
  memcpy (longer, meta, head.meta_len);
  longer[2] = GDW_STREAM_VERSION_MAX + 1;
  ck_assert (gdw_hello_decode (longer, head.meta_len + 100, &got, NULL));
  ck_assert_uint_eq (got.version_max, GDW_STREAM_VERSION_MAX + 1);
  ck_assert_uint_eq (got.n_regions, 2);
  gdw_hello_clear (&got);
}
END_TEST

/* The largest of each is still taken, by the header as well. */

static void
expect_taken (guint8 type, const guint8 *data, gsize size, guint32 payload_len)
{
  guint8 raw[GDW_FRAME_HEADER_BYTES];
  GdwFrame put = { .type = type, .meta_len = size, .payload_len = payload_len }, got;

  gdw_frame_encode (&put, data, raw);
  ck_assert (gdw_frame_decode (raw, &got, NULL));
  ck_assert (decode (type, data, size, payload_len));
  ck_assert_uint_eq (again->len, size);
  ck_assert_mem_eq (again->data, data, size);
}

START_TEST (largest_mem)
{
  g_autofree GdwMem *mem = g_new0 (GdwMem, 1);
  guint8 bytes[GDW_MEM_META_MAX];
  gsize size;

  mem->n_runs = GDW_MEM_RUNS_MAX;
  mem->n_raw = GDW_MEM_RAW_MAX;
  for (guint i = 0; i < GDW_MEM_RUNS_MAX; i++)
    mem->runs[i] = (GdwRun){ 65536 - 512 + i, 1, i % 2 ? GDW_RUN_RAW : GDW_RUN_ZERO };
  size = gdw_mem_encode (mem, bytes);
  ck_assert_uint_eq (size, GDW_MEM_META_MAX);
  expect_taken (GDW_FRAME_MEM, bytes, size, size + GDW_MEM_RAW_MAX * GDW_PAGE_SIZE);
}
END_TEST

START_TEST (largest_of_the_others)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *text = g_strnfill (100000, 't'), *name = g_strnfill (GDW_NAME_MAX, 'n');
  g_autofree guint8 *data = g_malloc0 (GDW_STATE_CHUNK_MAX);
  GdwRegionInfo regions[GDW_REGIONS_MAX];
  GdwHello hello = { .version_min = 1,
                     .version_max = 2,
                     .n_links = GDW_LINKS_MAX,
                     .package = text,
                     .vm_name = text,
                     .uuid = text,
                     .n_regions = GDW_REGIONS_MAX,
                     .regions = regions,
                     .machine = text };
  GdwStateChunk chunk = { .name = name,
                          .total = GDW_STATE_SECTION_MAX,
                          .offset = GDW_STATE_SECTION_MAX - GDW_STATE_CHUNK_MAX,
                          .data = data,
                          .size = GDW_STATE_CHUNK_MAX };
  GdwNak nak = { .n_pages = GDW_MEM_RAW_MAX };
  GdwPrepare prepare = { .n_links = GDW_LINKS_MAX };

  for (guint i = 0; i < GDW_REGIONS_MAX; i++)
    regions[i] = (GdwRegionInfo){ name, i * G_GUINT64_CONSTANT (4096), 4096, 4096 };

#define TAKEN(type, name, value)                                                               \
  g_byte_array_set_size (bytes, 0);                                                            \
  gdw_##name##_encode (&(value), bytes);                                                       \
  expect_taken (GDW_FRAME_##type, bytes->data, bytes->len, bytes->len)
  TAKEN (HELLO, hello, hello);
  TAKEN (STATE, state, chunk);
  TAKEN (NAK, nak, nak);
  TAKEN (PREPARE, prepare, prepare);
  TAKEN (OUTCOME, outcome, ((GdwOutcomeMsg){ GDW_ANSWER_UNKNOWN_ID, 0, text }));
  TAKEN (ERROR, error, ((GdwErrorMsg){ 1, 0, text, text }));
  TAKEN (ABORT, error, ((GdwErrorMsg){ 1, 0, NULL, NULL }));
#undef TAKEN
}
END_TEST

START_TEST (long_text_is_cut)
{
  g_autofree char *text = g_strnfill (100000, 't');
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GdwErrorMsg got;

  gdw_error_encode (&(GdwErrorMsg){ 1, 0, NULL, text }, bytes);
  ck_assert (gdw_error_decode (bytes->data, bytes->len, &got, NULL));
  ck_assert_uint_eq (strlen (got.text), GDW_TEXT_MAX);
  ck_assert_str_eq (got.phase, "");
  gdw_error_clear (&got);
}
END_TEST

START_TEST (empty_section)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  gdw_state_encode (&(GdwStateChunk){ .name = (char *) "x" }, bytes);
  expect_taken (GDW_FRAME_STATE, bytes->data, bytes->len, bytes->len);
  g_byte_array_set_size (bytes, 0);
  gdw_state_encode (&(GdwStateChunk){ .name = (char *) "x", .total = 1 }, bytes);
  ck_assert (!decode (GDW_FRAME_STATE, bytes->data, bytes->len, bytes->len));
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("stream-hostile");

  tcase_set_timeout (tests, 30);
  tcase_add_checked_fixture (tests, setup, teardown);
  tcase_add_loop_test (tests, cut_short_anywhere, 0, N_TYPES);
  tcase_add_loop_test (tests, too_long, 0, N_TYPES);
  tcase_add_loop_test (tests, one_bit_of_the_header, 0, N_TYPES);
  tcase_add_loop_test (tests, one_bit_of_the_meta_part, 0, N_TYPES);
  tcase_add_loop_test (tests, random_mutations, 0, N_TYPES);
  tcase_add_loop_test (tests, random_bytes, 0, N_TYPES);
  tcase_add_test (tests, lengths_of_the_header);
  tcase_add_test (tests, marks_of_the_header);
  tcase_add_loop_test (tests, wrong_field, 0, G_N_ELEMENTS (wrong_fields));
  tcase_add_test (tests, pages_that_do_not_follow);
  tcase_add_test (tests, names);
  tcase_add_test (tests, digest_of_a_machine);
  tcase_add_test (tests, newer_hello);
  tcase_add_test (tests, largest_mem);
  tcase_add_test (tests, largest_of_the_others);
  tcase_add_test (tests, long_text_is_cut);
  tcase_add_test (tests, empty_section);
  return suite_run ("stream-hostile", tests, NULL);
}
