/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/crc32c.h"
#include "tests/support/suite.h"

#include <check.h>

#define SEED 20240607

/* RFC 3720 B.4, and the check value of the catalogues. */
static const guint8 read_command[48] = {
  0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
  0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static void
expect (gconstpointer data, gsize size, guint32 crc)
{
  ck_assert_uint_eq (gdw_crc32c (0, data, size), crc);
  ck_assert_uint_eq (gdw_crc32c_portable (0, data, size), crc);
}

START_TEST (vectors_of_the_rfc)
{
  guint8 zeros[32] = { 0 }, ones[32], up[32], down[32];

  for (guint i = 0; i < 32; i++) {
    ones[i] = 0xff;
    up[i] = i;
    down[i] = 31 - i;
  }
  expect (zeros, sizeof zeros, 0x8a9136aa);
  expect (ones, sizeof ones, 0x62a8ab43);
  expect (up, sizeof up, 0x46dd794e);
  expect (down, sizeof down, 0x113fdb5c);
  expect (read_command, sizeof read_command, 0xd9963a56);
  expect ("123456789", 9, 0xe3069283);
  expect (NULL, 0, 0);
}
END_TEST

/* Sizes on both sides of the lanes, their multiples, and a page. */
static const gsize sizes[] = { 1,    7,    8,    9,    1359, 1360, 4072,     4079,   4080,
                               4081, 4088, 4096, 8159, 8160, 8161, 3 * 4096, 1 << 20 };

START_TEST (both_ways_agree)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED + _i);
  gsize most = (1 << 20) + 16;
  g_autofree guint8 *data = g_malloc (most);

  for (gsize i = 0; i < most; i++)
    data[i] = g_rand_int (rand);
  for (guint i = 0; i < 16; i++) {
    guint32 start = g_rand_int (rand);

    ck_assert_uint_eq (gdw_crc32c (start, data + i, sizes[_i]),
                       gdw_crc32c_portable (start, data + i, sizes[_i]));
  }
}
END_TEST

START_TEST (both_ways_agree_at_random)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);

  for (guint i = 0; i < 2000; i++) {
    gsize size = g_rand_int_range (rand, 0, 20000);
    g_autofree guint8 *data = g_malloc (size + 1);
    gsize skip = size > 0 ? g_rand_int_range (rand, 0, MIN (size, 64)) : 0;
    guint32 start = g_rand_int (rand);

    for (gsize j = 0; j < size; j++)
      data[j] = g_rand_int (rand);
    ck_assert_uint_eq (gdw_crc32c (start, data + skip, size - skip),
                       gdw_crc32c_portable (start, data + skip, size - skip));
  }
}
END_TEST

START_TEST (it_goes_on_where_it_stopped)
{
  guint8 data[10000];

  for (guint i = 0; i < sizeof data; i++)
    data[i] = i * 31 + (i >> 8);
  for (gsize cut = 0; cut <= sizeof data; cut += 123) {
    guint32 crc = gdw_crc32c (0, data, cut);

    ck_assert_uint_eq (gdw_crc32c (crc, data + cut, sizeof data - cut),
                       gdw_crc32c_portable (0, data, sizeof data));
  }
}
END_TEST

START_TEST (every_bit_of_a_page_counts)
{
  guint8 page[4096] = { 0 };
  guint32 crc = gdw_crc32c (0, page, sizeof page);

  for (guint bit = 0; bit < 8 * sizeof page; bit++) {
    page[bit / 8] ^= 1 << bit % 8;
    ck_assert_uint_ne (gdw_crc32c (0, page, sizeof page), crc);
    page[bit / 8] ^= 1 << bit % 8;
  }
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("crc32c");

  tcase_set_timeout (tests, 30);
  tcase_add_test (tests, vectors_of_the_rfc);
  tcase_add_loop_test (tests, both_ways_agree, 0, G_N_ELEMENTS (sizes));
  tcase_add_test (tests, both_ways_agree_at_random);
  tcase_add_test (tests, it_goes_on_where_it_stopped);
  tcase_add_test (tests, every_bit_of_a_page_counts);
  return suite_run ("crc32c", tests, NULL);
}
