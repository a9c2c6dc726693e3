/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/wire.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

static GByteArray *out;

static void
setup (void)
{
  out = g_byte_array_new ();
}

static void
teardown (void)
{
  g_byte_array_unref (out);
}

START_TEST (numbers_are_little_endian)
{
  static const guint8 expected[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                     0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0xff };

  gdw_put_u8 (out, 0x01);
  gdw_put_u16 (out, 0x0203);
  gdw_put_u32 (out, 0x04050607);
  gdw_put_u64 (out, G_GUINT64_CONSTANT (0x08090a0b0c0d0e0f));
  gdw_put_bytes (out, "\xff", 1);
  gdw_put_bytes (out, NULL, 0);
  ck_assert_uint_eq (out->len, sizeof expected);
  ck_assert_mem_eq (out->data, expected, sizeof expected);
}
END_TEST

START_TEST (what_was_put_is_read)
{
  GdwReader in;
  g_autofree char *text = NULL;

  gdw_put_u8 (out, 0xfe);
  gdw_put_u16 (out, 0xfedc);
  gdw_put_string (out, "grüße");
  gdw_put_u32 (out, 0xfedcba98);
  gdw_put_u64 (out, G_GUINT64_CONSTANT (0xfedcba9876543210));
  in = gdw_reader (out->data, out->len);
  ck_assert_uint_eq (gdw_get_u8 (&in), 0xfe);
  ck_assert_uint_eq (gdw_get_u16 (&in), 0xfedc);
  text = gdw_get_string (&in);
  ck_assert_str_eq (text, "grüße");
  ck_assert_uint_eq (gdw_get_u32 (&in), 0xfedcba98);
  ck_assert_uint_eq (gdw_get_u64 (&in), G_GUINT64_CONSTANT (0xfedcba9876543210));
  ck_assert (!in.bad && in.at == in.end);
}
END_TEST

START_TEST (fixed_places_need_no_alignment)
{
  guint8 raw[16] = { 0 };

  for (guint i = 0; i < 8; i++) {
    gdw_store_u64 (raw + i, G_GUINT64_CONSTANT (0x0102030405060708) + i);
    ck_assert_uint_eq (raw[i], 8 + i);
    ck_assert_uint_eq (gdw_load_u64 (raw + i), G_GUINT64_CONSTANT (0x0102030405060708) + i);
    gdw_store_u16 (raw + i, 0xa1b0 + i);
    ck_assert_uint_eq (raw[i], 0xb0 + i);
    ck_assert_uint_eq (gdw_load_u16 (raw + i), 0xa1b0 + i);
    gdw_store_u32 (raw + i, 0xa0b0c0d0 + i);
    ck_assert_uint_eq (raw[i], 0xd0 + i);
    ck_assert_uint_eq (gdw_load_u32 (raw + i), 0xa0b0c0d0 + i);
  }
}
END_TEST

START_TEST (nothing_is_read_past_the_end)
{
  guint8 three[3] = { 1, 2, 3 };
  GdwReader in = gdw_reader (three, sizeof three);

  ck_assert_uint_eq (gdw_get_u16 (&in), 0x0201);
  ck_assert (!in.bad);
  ck_assert_uint_eq (gdw_get_u16 (&in), 0);
  ck_assert (in.bad);
  /* One byte is left, and stays unread. */
  ck_assert_uint_eq (gdw_get_u8 (&in), 0);
  ck_assert_ptr_null (gdw_get_bytes (&in, 1));
  ck_assert_ptr_null (gdw_get_bytes (&in, 0));
}
END_TEST

START_TEST (every_read_is_bounded)
{
  for (gsize size = 0; size < 8; size++) {
    g_autofree guint8 *raw = g_malloc0 (size);
    GdwReader u8 = gdw_reader (raw, size), u16 = u8, u32 = u8, u64 = u8, bytes = u8;

    gdw_get_u8 (&u8);
    gdw_get_u16 (&u16);
    gdw_get_u32 (&u32);
    gdw_get_u64 (&u64);
    ck_assert_ptr_null (gdw_get_bytes (&bytes, G_MAXSIZE));
    ck_assert_int_eq (u8.bad, size < 1);
    ck_assert_int_eq (u16.bad, size < 2);
    ck_assert_int_eq (u32.bad, size < 4);
    ck_assert_int_eq (u64.bad, TRUE);
  }
}
END_TEST

START_TEST (no_bytes_of_an_empty_buffer_are_right)
{
  GdwReader in = gdw_reader (NULL, 0);

  gdw_get_bytes (&in, 0);
  ck_assert (!in.bad && in.at == in.end);
}
END_TEST

static const struct {
  const char *raw;
  gsize size;
} bad_texts[] = {
  { "", 0 },        /* no length */
  { "\x01", 1 },    /* half a length */
  { "\x02\0a", 3 }, /* shorter than its length */
  { "\xff\xff"
    "abc",
    5 },
  { "\x03\0a\0b", 5 }, /* a NUL within */
  { "\x01\0\0", 3 },
  { "\x01\0\xff", 3 },     /* not UTF-8 */
  { "\x01\0\xc3", 3 },     /* half a character */
  { "\x02\0\xc0\x80", 4 }, /* NUL in disguise */
};

START_TEST (bad_text_is_refused)
{
  g_autofree guint8 *exact = g_memdup2 (bad_texts[_i].raw, bad_texts[_i].size);
  GdwReader in = gdw_reader (exact, bad_texts[_i].size);
  g_autofree char *text = gdw_get_string (&in);

  ck_assert_str_eq (text, "");
  ck_assert (in.bad);
}
END_TEST

static void
expect_text (const char *put, const char *got, gsize size)
{
  GdwReader in;
  g_autofree char *text = NULL;

  g_byte_array_set_size (out, 0);
  gdw_put_string (out, put);
  in = gdw_reader (out->data, out->len);
  text = gdw_get_string (&in);
  ck_assert (!in.bad && in.at == in.end);
  ck_assert_uint_eq (out->len, 2 + size);
  ck_assert_uint_eq (strlen (text), size);
  ck_assert_mem_eq (text, got, size);
}

START_TEST (any_text_that_is_put_can_be_read)
{
  expect_text (NULL, "", 0);
  expect_text ("", "", 0);
  expect_text ("a\xff"
               "b",
               "a\xef\xbf\xbd"
               "b",
               5);
}
END_TEST

START_TEST (long_text_is_cut_between_characters)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < 65534; i++)
    g_string_append_c (text, 'x');
  expect_text (text->str, text->str, 65534);
  g_string_append (text, "é");
  expect_text (text->str, text->str, 65534);
  g_string_insert_c (text, 0, 'x');
  expect_text (text->str, text->str, 65535);
  g_string_erase (text, 0, 2);
  expect_text (text->str, text->str, 65535);
  g_string_append (text, "yz");
  expect_text (text->str, text->str, 65535);
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("wire");

  tcase_add_checked_fixture (tests, setup, teardown);
  tcase_add_test (tests, numbers_are_little_endian);
  tcase_add_test (tests, what_was_put_is_read);
  tcase_add_test (tests, fixed_places_need_no_alignment);
  tcase_add_test (tests, nothing_is_read_past_the_end);
  tcase_add_test (tests, every_read_is_bounded);
  tcase_add_test (tests, no_bytes_of_an_empty_buffer_are_right);
  tcase_add_loop_test (tests, bad_text_is_refused, 0, G_N_ELEMENTS (bad_texts));
  tcase_add_test (tests, any_text_that_is_put_can_be_read);
  tcase_add_test (tests, long_text_is_cut_between_characters);
  return suite_run ("wire", tests, NULL);
}
