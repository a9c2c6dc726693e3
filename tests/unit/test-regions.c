/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/regions.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

#define PAGE GDW_PAGE_SIZE
#define HIGH (G_GUINT64_CONSTANT (1) << 32)

static guint8 memory[4 * PAGE];

static void
fill (GdwRegion list[2])
{
  list[0] = (GdwRegion){ .name = "low",
                         .guest_addr = PAGE,
                         .size = 3 * PAGE,
                         .host_addr = memory,
                         .page_size = PAGE,
                         .fd = -1 };
  list[1] = (GdwRegion){ .name = "high",
                         .guest_addr = HIGH,
                         .size = PAGE,
                         .host_addr = memory + 3 * PAGE,
                         .page_size = PAGE,
                         .fd = -1 };
}

START_TEST (a_table_is_copied)
{
  GdwRegion list[2];
  GdwRegions *regions;

  fill (list);
  regions = gdw_regions_copy (list, 2, NULL);
  memset (list, 0, sizeof list);
  ck_assert_uint_eq (regions->n, 2);
  ck_assert_uint_eq (regions->total_pages, 4);
  ck_assert_uint_eq (regions->pages[0], 3);
  ck_assert_str_eq (regions->table[1]->name, "high");
  gdw_regions_free (regions);
}
END_TEST

typedef struct {
  guint64 addr, size;
  guint64 low_first, low_n, high_first, high_n; /* expected */
} Range;

static const Range ranges[] = {
  { PAGE, 1, 0, 1, 0, 0 },
  { 4 * PAGE - 1, 1, 2, 1, 0, 0 },
  { 2 * PAGE - 1, 2, 0, 2, 0, 0 },
  { 0, PAGE, 0, 0, 0, 0 },
  { 0, PAGE + 1, 0, 1, 0, 0 },
  { 4 * PAGE, HIGH - 4 * PAGE, 0, 0, 0, 0 },
  { 3 * PAGE, HIGH, 2, 1, 0, 1 },
  { HIGH + 1, 1, 0, 0, 0, 1 },
  { HIGH + PAGE, 1, 0, 0, 0, 0 },
  { 0, G_MAXUINT64, 0, 3, 0, 1 },
  { HIGH, G_MAXUINT64, 0, 0, 0, 1 }, /* past the last address */
  { G_MAXUINT64, G_MAXUINT64, 0, 0, 0, 0 },
  { PAGE, 0, 0, 0, 0, 0 },
};

START_TEST (a_range_is_clipped_to_each_region)
{
  const Range *range = &ranges[_i];
  guint64 first = 0, n = 0;
  GdwRegion list[2];
  GdwRegions *regions;

  fill (list);
  regions = gdw_regions_copy (list, 2, NULL);
  ck_assert_int_eq (gdw_regions_clip (regions, 0, range->addr, range->size, &first, &n),
                    range->low_n != 0);
  if (range->low_n)
    ck_assert (first == range->low_first && n == range->low_n);
  ck_assert_int_eq (gdw_regions_clip (regions, 1, range->addr, range->size, &first, &n),
                    range->high_n != 0);
  if (range->high_n)
    ck_assert (first == range->high_first && n == range->high_n);
  gdw_regions_free (regions);
}
END_TEST

START_TEST (other_host_pages_are_refused)
{
  static const guint64 sizes[] = { 0, 16384, 65536 };

  ck_assert (gdw_regions_check_host_pages (4096, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *named = g_strdup_printf ("pages of %" G_GUINT64_FORMAT " bytes", sizes[i]);

    ck_assert (!gdw_regions_check_host_pages (sizes[i], &error));
    ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
    ck_assert_msg (strstr (error->message, named) != NULL, "%s", error->message);
  }
}
END_TEST

static void
expect_refused (const GdwRegion *list, guint n, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (gdw_regions_copy (list, n, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_HOST));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
}

START_TEST (a_bad_table_is_refused_by_name)
{
  GdwRegion list[2];
  char name[65];

  fill (list);
  expect_refused (list, 0, "host: it has 0 regions");
  expect_refused (list, GDW_REGIONS_MAX + 1, "1 to 1024 can be migrated");
  list[1].size = PAGE + 1;
  expect_refused (list, 2, "region 'high': it cannot be migrated: its size");
  list[1].size = 0;
  expect_refused (list, 2, "its size");
  fill (list);
  list[0].guest_addr = 1;
  expect_refused (list, 2, "region 'low': it cannot be migrated: its guest address");
  fill (list);
  list[1].guest_addr = (G_MAXUINT64 & ~(guint64) (PAGE - 1)) - PAGE;
  list[1].size = 4 * PAGE;
  expect_refused (list, 2, "past the last address");
  fill (list);
  list[0].page_size = 0;
  expect_refused (list, 2, "region 'low': it cannot be migrated: its page size");
  list[0].page_size = 3 * PAGE;
  expect_refused (list, 2, "its page size is no power of two");
  list[0].page_size = 1u << 31;
  expect_refused (list, 2, "its page size is no power of two");
  list[0].page_size = 2 << 20;
  expect_refused (list, 2, "its size is not a multiple of its page size");
  fill (list);
  list[1].host_addr = NULL;
  expect_refused (list, 2, "it is not mapped");
  fill (list);
  list[1].flags = GDW_REGION_PINNED;
  expect_refused (list, 2, "it is pinned but not marked GDW_REGION_NO_DISCARD");
  fill (list);
  list[0].name = "";
  expect_refused (list, 2, "its name is empty");
  memset (name, 'x', 64);
  name[64] = 0;
  list[0].name = name;
  expect_refused (list, 2, "longer than 63 bytes");
}
END_TEST

static void
expect_different (const GdwRegions *regions, const GdwHello *hello, const char *what)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!gdw_regions_match (regions, hello, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_PROTOCOL));
  ck_assert_msg (strstr (error->message, what) != NULL, "%s", error->message);
}

START_TEST (the_first_difference_is_named)
{
  GdwRegionInfo infos[2] = { { (char *) "low", PAGE, 3 * PAGE, PAGE },
                             { (char *) "high", HIGH, PAGE, PAGE } };
  GdwHello hello = { .n_regions = 2, .regions = infos };
  GdwRegions *regions;
  GdwRegion list[2];

  fill (list);
  regions = gdw_regions_copy (list, 2, NULL);
  ck_assert (gdw_regions_match (regions, &hello, NULL));
  infos[0].page_size = 2 << 20; /* what backs it is each side's own business */
  ck_assert (gdw_regions_match (regions, &hello, NULL));
  infos[1].size = 2 * PAGE;
  expect_different (regions, &hello, "region 1 is 'high', 8192 bytes");
  infos[1].size = PAGE;
  infos[1].guest_addr = 0;
  expect_different (regions, &hello, "region 1 is 'high', 4096 bytes at 0x0");
  infos[0].name = (char *) "ram";
  expect_different (regions, &hello, "region 0 is 'ram'");
  hello.n_regions = 1;
  expect_different (regions, &hello, "the source has 1 regions of memory, the destination 2");
  gdw_regions_free (regions);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("regions");

  tcase_add_test (tc, a_table_is_copied);
  tcase_add_test (tc, other_host_pages_are_refused);
  tcase_add_loop_test (tc, a_range_is_clipped_to_each_region, 0, G_N_ELEMENTS (ranges));
  tcase_add_test (tc, a_bad_table_is_refused_by_name);
  tcase_add_test (tc, the_first_difference_is_named);
  return suite_run ("regions", tc, NULL);
}
