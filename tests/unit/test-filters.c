/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/frame.h>

#include "tests/support/link-pair.h"
#include "tests/support/suite.h"

#define MIB ((gsize) 1 << 20)

static void
add_frame (GByteArray *stream, guint type, gsize payload)
{
  g_autofree guint8 *bytes = some_bytes (GDW_FRAME_HEADER_BYTES + payload, stream->len);

  memcpy (bytes, "GDWF", 4);
  bytes[4] = GDW_FRAME_HEADER_BYTES;
  bytes[GDW_FRAME_OFFSET_TYPE] = (guint8) type;
  for (guint i = 0; i < 4; i++)
    bytes[GDW_FRAME_OFFSET_PAYLOAD + i] = (guint8) (payload >> 8 * i);
  g_byte_array_append (stream, bytes, (guint) (GDW_FRAME_HEADER_BYTES + payload));
}

/* Six frames; the faults are at the COMMIT in the middle. */
#define PAYLOAD 300u
typedef struct {
  GByteArray *bytes;
  guint start, end; /* of COMMIT */
} Stream;

static Stream
new_stream (gsize payload)
{
  Stream stream = { .bytes = g_byte_array_new () };

  add_frame (stream.bytes, GDW_FRAME_HELLO, 77);
  add_frame (stream.bytes, GDW_FRAME_HEARTBEAT, 0);
  add_frame (stream.bytes, GDW_FRAME_MEM, 100000);
  stream.start = stream.bytes->len;
  add_frame (stream.bytes, GDW_FRAME_COMMIT, payload);
  stream.end = stream.bytes->len;
  add_frame (stream.bytes, GDW_FRAME_MEM, 5);
  add_frame (stream.bytes, GDW_FRAME_HEARTBEAT, 0);
  return stream;
}

START_TEST (what_is_not_meant_passes_unchanged)
{
  g_autoptr (GByteArray) frames = g_byte_array_new ();
  Pair pair;

  pair_with (&pair, _i, "|fault:at=COMMIT,kind=drop,n=99");
  pair_connect (&pair);
  for (guint i = 0; i < 300; i++)
    add_frame (frames, 1 + i % 20, i * i % 5000);
  add_frame (frames, GDW_FRAME_MEM, 8 * MIB);
  add_frame (frames, GDW_FRAME_MEM, GDW_FRAME_PAYLOAD_MAX);
  carry_unchanged (&pair, frames);
  pair_close (&pair);
}
END_TEST

START_TEST (bytes_that_are_no_frames_pass_unchanged)
{
  const char *const starts[] = { "", "G", "GDW", "GDWF", "GDWF(\014xxxxxxxxxxxxxx", "GDWX" };

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    Pair pair;
    g_autofree guint8 *got = NULL;

    pair_with (&pair, _i, "|fault:at=COMMIT,kind=drop");
    pair_connect (&pair);
    g_byte_array_append (bytes, (const guint8 *) starts[i], (guint) strlen (starts[i]));
    ck_assert (write_bytes (pair.out, bytes->data, bytes->len, NULL));
    if (i >= 4) {
      g_autofree guint8 *more = some_bytes (1000, i);

      ck_assert (write_bytes (pair.out, more, 1000, NULL));
      g_byte_array_append (bytes, more, 1000);
    } else {
      /* Bytes that might begin a frame must not be kept for ever. */
      gdw_link_shutdown (pair.out);
    }
    got = g_malloc0 (bytes->len + 1);
    ck_assert (read_bytes (pair.in, got, bytes->len, NULL));
    ck_assert (bytes->len == 0 || memcmp (got, bytes->data, bytes->len) == 0);
    gdw_link_shutdown (pair.out);
    expect_closed (pair.in);
    pair_close (&pair);
  }
}
END_TEST

START_TEST (a_dropped_frame_is_gone)
{
  for (guint32 seed = 0; seed < 20; seed++) {
    Stream stream = new_stream (PAYLOAD);
    guint length = stream.bytes->len - (stream.end - stream.start);
    g_autofree guint8 *got = NULL;
    Pair pair;

    pair_with (&pair, _i, "|fault:at=COMMIT,kind=drop");
    pair_connect (&pair);
    got = carry (&pair, stream.bytes, length, seed);
    ck_assert (memcmp (got, stream.bytes->data, stream.start) == 0);
    ck_assert (memcmp (got + stream.start, stream.bytes->data + stream.end,
                       length - stream.start) == 0);
    /* Once: the next COMMIT passes. */
    carry_unchanged (&pair, stream.bytes);
    pair_close (&pair);
    g_byte_array_unref (stream.bytes);
  }
}
END_TEST

START_TEST (a_duplicated_frame_comes_twice)
{
  for (guint32 seed = 0; seed < 20; seed++) {
    Stream stream = new_stream (PAYLOAD);
    guint extra = stream.end - stream.start;
    g_autofree guint8 *got = NULL;
    Pair pair;

    pair_with (&pair, _i, "|fault:at=commit,kind=duplicate");
    pair_connect (&pair);
    got = carry (&pair, stream.bytes, stream.bytes->len + extra, seed);
    ck_assert (memcmp (got, stream.bytes->data, stream.end) == 0);
    ck_assert (memcmp (got + stream.end, stream.bytes->data + stream.start,
                       stream.bytes->len - stream.start) == 0);
    pair_close (&pair);
    g_byte_array_unref (stream.bytes);
  }
}
END_TEST

/* The only bit that differs, or -1. */
static gint64
changed_bit (const guint8 *a, const guint8 *b, gsize length)
{
  gint64 bit = -1;

  for (gsize i = 0; i < length * 8; i++) {
    if (((a[i / 8] ^ b[i / 8]) >> i % 8 & 1) == 0)
      continue;
    ck_assert (bit == -1);
    bit = (gint64) i;
  }
  return bit;
}

START_TEST (a_flip_changes_one_bit_chosen_by_the_seed)
{
  const gsize payloads[] = { PAYLOAD, 0 };

  for (guint i = 0; i < 2; i++) {
    Stream stream = new_stream (payloads[i]);
    gint64 first = stream.start * 8;
    gint64 low = payloads[i] > 0 ? first + GDW_FRAME_HEADER_BYTES * 8 : first, last = -1;
    g_autoptr (GHashTable) bits = g_hash_table_new (g_direct_hash, g_direct_equal);

    for (guint32 seed = 0; seed < 20; seed++) {
      g_autofree char *filter = g_strdup_printf ("|fault:at=COMMIT,kind=flip,seed=%u",
                                                 seed / 2);
      g_autofree guint8 *got = NULL;
      gint64 bit;
      Pair pair;

      pair_with (&pair, _i, filter);
      pair_connect (&pair);
      got = carry (&pair, stream.bytes, stream.bytes->len, seed);
      bit = changed_bit (got, stream.bytes->data, stream.bytes->len);
      ck_assert (bit >= low && bit < (gint64) stream.end * 8);
      ck_assert (seed % 2 == 0 || bit == last);
      last = bit;
      g_hash_table_add (bits, GINT_TO_POINTER (bit));
      pair_close (&pair);
    }
    ck_assert_uint_gt (g_hash_table_size (bits), 5);
    g_byte_array_unref (stream.bytes);
  }
}
END_TEST

/* Write all of @stream in the background, which may fail. */
static void
start_writer (Job *writer, Pair *pair, Stream *stream)
{
  *writer = (Job){ .run = job_write,
                   .link = pair->out,
                   .bytes = stream->bytes->data,
                   .length = stream->bytes->len,
                   .cancellable = g_cancellable_new () };
  job_start (writer);
}

static void
expect_start (Pair *pair, Stream *stream, gsize length)
{
  g_autofree guint8 *got = g_malloc0 (length + 1);

  ck_assert (read_bytes (pair->in, got, length, NULL));
  ck_assert (memcmp (got, stream->bytes->data, length) == 0);
}

START_TEST (a_short_frame_ends_the_link)
{
  Stream stream = new_stream (PAYLOAD);
  guint half = (stream.end - stream.start) / 2;
  Pair pair;
  Job writer;

  pair_with (&pair, _i, "|fault:at=COMMIT,kind=short");
  pair_connect (&pair);
  start_writer (&writer, &pair, &stream);
  expect_start (&pair, &stream, stream.start + half);
  expect_closed (pair.in);
  if (_i == WRITES) {
    ck_assert (!job_finish (&writer));
    ck_assert_str_eq (writer.error->message,
                      "filter 'fault': write failed: cut short at COMMIT, "
                      "as requested; remove the filter");
  } else {
    job_finish (&writer);
    expect_closed (pair.out);
  }
  g_clear_error (&writer.error);
  g_clear_object (&writer.cancellable);
  pair_close (&pair);
  g_byte_array_unref (stream.bytes);
}
END_TEST

static void
expect_reset (const GError *error, const char *what)
{
  g_autofree char *message = g_strdup_printf (
      "filter 'fault': %s failed: reset at COMMIT, as requested; remove the filter", what);

  ck_assert (error != NULL);
  ck_assert_str_eq (error->message, message);
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_IO));
}

START_TEST (a_reset_fails_here_and_ends_there)
{
  Stream stream = new_stream (PAYLOAD);
  g_autoptr (GError) error = NULL;
  guint8 byte;
  Pair pair;
  Job writer, reader = { .run = job_read, .bytes = &byte, .length = 1 };

  pair_with (&pair, _i, "|fault:at=COMMIT,kind=reset");
  pair_connect (&pair);
  /* A reader that waits at the filter's end must not wait on. */
  reader.link = _i == WRITES ? pair.out : pair.in;
  if (_i == WRITES) {
    job_start (&reader);
    job_until_it_waits (&reader);
  }
  start_writer (&writer, &pair, &stream);
  expect_start (&pair, &stream, stream.start);
  if (_i == WRITES) {
    ck_assert (!job_finish (&writer));
    expect_reset (writer.error, "write");
    expect_closed (pair.in);
    ck_assert (!job_finish (&reader));
    expect_reset (reader.error, "read");
    ck_assert (!write_bytes (pair.out, "x", 1, &error));
    expect_reset (error, "write");
  } else {
    job_finish (&writer);
    ck_assert (!read_bytes (pair.in, &byte, 1, &error));
    expect_reset (error, "read");
    expect_closed (pair.out);
  }
  g_clear_error (&reader.error);
  g_clear_error (&writer.error);
  g_clear_object (&writer.cancellable);
  pair_close (&pair);
  g_byte_array_unref (stream.bytes);
}
END_TEST

START_TEST (a_stall_holds_one_direction_until_cancelled)
{
  Stream stream = new_stream (PAYLOAD);
  guint8 byte;
  Pair pair;
  Job writer, reader = { .run = job_read, .bytes = &byte, .length = 1 };

  pair_with (&pair, _i, "|fault:at=COMMIT,kind=stall");
  pair_connect (&pair);
  start_writer (&writer, &pair, &stream);
  expect_start (&pair, &stream, stream.start);
  reader.link = pair.in;
  reader.cancellable = g_cancellable_new ();
  job_start (&reader);
  job_until_it_waits (&reader);
  if (_i == WRITES)
    job_until_it_waits (&writer);
  /* The other direction goes on. */
  ck_assert (write_bytes (pair.in, "x", 1, NULL));
  ck_assert (read_bytes (pair.out, &byte, 1, NULL));
  job_cancel (&reader);
  if (_i == WRITES)
    job_cancel (&writer);
  else
    ck_assert (job_finish (&writer));
  g_clear_object (&writer.cancellable);
  pair_close (&pair);
  g_byte_array_unref (stream.bytes);
}
END_TEST

START_TEST (after_a_stall_all_goes_on)
{
  Stream stream = new_stream (PAYLOAD);
  gint64 before = g_get_monotonic_time ();
  Pair pair;

  pair_with (&pair, _i, "|fault:at=COMMIT,kind=stall,for=30");
  pair_connect (&pair);
  carry_unchanged (&pair, stream.bytes);
  ck_assert_int_ge (g_get_monotonic_time () - before, 30000);
  carry_unchanged (&pair, stream.bytes);
  pair_close (&pair);
  g_byte_array_unref (stream.bytes);
}
END_TEST

START_TEST (frames_are_counted_over_all_links)
{
  g_autoptr (GByteArray) two = g_byte_array_new (), first = g_byte_array_new ();
  g_autofree guint8 *got = NULL;
  GdwLink *in, *out;
  Pair pair;

  add_frame (first, GDW_FRAME_MEM, 10);
  g_byte_array_append (two, first->data, first->len);
  add_frame (two, GDW_FRAME_MEM, 20);
  pair_with (&pair, _i, "|fault:at=MEM,kind=drop,n=4");
  pair_connect (&pair);
  carry_unchanged (&pair, two);
  out = g_steal_pointer (&pair.out);
  in = g_steal_pointer (&pair.in);
  pair_connect (&pair);
  got = carry (&pair, two, first->len, 0);
  ck_assert (memcmp (got, first->data, first->len) == 0);
  gdw_link_close (out);
  gdw_link_close (in);
  pair_close (&pair);
}
END_TEST

START_TEST (a_count_of_bytes_needs_no_frames)
{
  g_autoptr (GByteArray) sent = g_byte_array_new_take (some_bytes (5000, 1), 5000);

  const struct {
    const char *filter;
    guint at;
    int more;
  } cases[] = {
    { "|fault:at=1000,kind=drop", 1000, -1 },     { "|fault:at=1K,kind=drop,n=3", 3072, -1 },
    { "|fault:at=1000,kind=duplicate", 1000, 1 }, { "|fault:at=1,kind=duplicate,n=7", 7, 1 },
    { "|fault:at=1000,kind=flip", 1000, 0 },      { "|fault:at=6000,kind=drop", 5000, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint at = cases[i].at, length = (guint) ((int) sent->len + cases[i].more);
    g_autofree guint8 *got = NULL;
    Pair pair;

    pair_with (&pair, _i, cases[i].filter);
    pair_connect (&pair);
    got = carry (&pair, sent, length, i);
    ck_assert (memcmp (got, sent->data, at) == 0);
    if (cases[i].more < 0)
      ck_assert (memcmp (got + at, sent->data + at + 1, length - at) == 0);
    else if (cases[i].more > 0)
      ck_assert (memcmp (got + at + 1, sent->data + at, length - at - 1) == 0);
    else if (at < length)
      ck_assert (changed_bit (got, sent->data, length) / 8 == at);
    pair_close (&pair);
  }
}
END_TEST

START_TEST (a_link_ends_after_a_count_of_bytes)
{
  Stream stream = { .bytes = g_byte_array_new_take (some_bytes (5000, 1), 5000) };
  Pair pair;
  Job writer;

  pair_with (&pair, _i, "|fault:at=1000,kind=short");
  pair_connect (&pair);
  start_writer (&writer, &pair, &stream);
  expect_start (&pair, &stream, 1000);
  expect_closed (pair.in);
  ck_assert (_i == READS || !job_finish (&writer));
  if (_i == READS)
    job_finish (&writer);
  g_clear_error (&writer.error);
  g_clear_object (&writer.cancellable);
  pair_close (&pair);
  g_byte_array_unref (stream.bytes);
}
END_TEST

START_TEST (a_connect_can_fail_or_wait)
{
  g_autoptr (GError) error = NULL;
  Pair pair;
  Job job = { .run = _i == READS ? job_accept : job_connect };

  pair_with (&pair, _i, "|fault:at=CONNECT,kind=reset,n=2");
  pair_connect (&pair);
  if (_i == READS) {
    gdw_link_close (g_steal_pointer (&pair.out));
    pair.out = gdw_stack_connect (pair.connecting, NULL, NULL);
    ck_assert (!gdw_stack_accept (pair.listening, NULL, &error));
    expect_closed (pair.out);
  } else {
    ck_assert (!gdw_stack_connect (pair.connecting, NULL, &error));
  }
  ck_assert_str_eq (error->message, "filter 'fault': link_open failed: reset at CONNECT, as "
                                    "requested; remove the filter");
  pair_close (&pair);

  pair_with (&pair, _i, "|fault:at=CONNECT,kind=stall");
  if (_i == READS)
    pair.out = gdw_stack_connect (pair.connecting, NULL, NULL);
  job.stack = _i == READS ? pair.listening : pair.connecting;
  job.cancellable = g_cancellable_new ();
  job_start (&job);
  job_cancel (&job);
  pair_close (&pair);
}
END_TEST

static const struct {
  const char *filter, *message;
} wrong[] = {
  { "fault", "filter 'fault': option 'kind' failed: it is missing" },
  { "fault:kind=drop", "filter 'fault': option 'at' failed: it is missing; add at=FRAME" },
  { "fault:kind=drop,at=COMIT",
    "filter 'fault': option 'at=COMIT' failed: it is not a frame; give" },
  { "fault:kind=drop,at=0", "option 'at=0' failed" },
  { "fault:kind=drop,at=1KB", "option 'at=1KB' failed" },
  { "fault:kind=drop,at=", "option 'at=' failed" },
  { "fault:kind=melt,at=MEM", "give one of reset, stall, short, flip, drop, duplicate" },
  { "fault:kind=drop,at=MEM,n=0", "option 'n=0' failed" },
  { "fault:kind=drop,at=CONNECT", "use kind=reset or kind=stall" },
  { "delay", "filter 'delay': option 'ms' failed: it is missing" },
  { "delay:ms=10001",
    "filter 'delay': option 'ms=10001' failed: the value is not accepted; give a "
    "whole number, 0 to 10000" },
};

START_TEST (wrong_options_are_said)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);
  g_autofree char *uri = g_strdup_printf ("unix:@x|%s", wrong[_i].filter);
  g_autoptr (GError) error = NULL;

  ck_assert (!open_text (plugins, uri, FALSE, &error));
  ck_assert_msg (strstr (error->message, wrong[_i].message), "%s", error->message);
  gdw_plugins_free (plugins);
}
END_TEST

START_TEST (every_frame_has_a_name_to_be_broken_at)
{
  GdwPlugins *plugins = gdw_plugins_new (NULL);

  for (guint type = 1; gdw_frame_name (type); type++) {
    g_autofree char *uri = g_strdup_printf ("unix:@x|fault:at=%s,kind=drop",
                                            gdw_frame_name (type));

    gdw_stack_close (must_open (plugins, uri));
  }
  gdw_plugins_free (plugins);
}
END_TEST

int
main (void)
{
  TCase *fault = tcase_create ("fault");

  if (!suite_has ("filters", "/proc/self/task"))
    return 0;
  tcase_set_timeout (fault, 30);
  tcase_add_loop_test (fault, what_is_not_meant_passes_unchanged, 0, N_WAYS);
  tcase_add_loop_test (fault, bytes_that_are_no_frames_pass_unchanged, 0, N_WAYS);
  tcase_add_loop_test (fault, a_dropped_frame_is_gone, 0, N_WAYS);
  tcase_add_loop_test (fault, a_duplicated_frame_comes_twice, 0, N_WAYS);
  tcase_add_loop_test (fault, a_flip_changes_one_bit_chosen_by_the_seed, 0, N_WAYS);
  tcase_add_loop_test (fault, a_short_frame_ends_the_link, 0, N_WAYS);
  tcase_add_loop_test (fault, a_reset_fails_here_and_ends_there, 0, N_WAYS);
  tcase_add_loop_test (fault, a_stall_holds_one_direction_until_cancelled, 0, N_WAYS);
  tcase_add_loop_test (fault, after_a_stall_all_goes_on, 0, N_WAYS);
  tcase_add_loop_test (fault, frames_are_counted_over_all_links, 0, N_WAYS);
  tcase_add_loop_test (fault, a_count_of_bytes_needs_no_frames, 0, N_WAYS);
  tcase_add_loop_test (fault, a_link_ends_after_a_count_of_bytes, 0, N_WAYS);
  tcase_add_loop_test (fault, a_connect_can_fail_or_wait, 0, N_WAYS);
  tcase_add_loop_test (fault, wrong_options_are_said, 0, G_N_ELEMENTS (wrong));
  tcase_add_test (fault, every_frame_has_a_name_to_be_broken_at);
  return suite_run ("filters", fault, NULL);
}
