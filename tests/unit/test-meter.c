/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The clock is the test's own. */
#include <check.h>

#include "core/link/meter.h"
#include "tests/support/suite.h"

#define MIB (UINT64_C (1) << 20)
#define MS ((gint64) 1000)
#define BEGIN (1000 * MS)

static GdwMeter *meter;
static gint64 now;

static void
begin (void)
{
  meter = gdw_meter_new ();
  now = BEGIN;
  gdw_meter_begin (meter, now);
}

static void
end (void)
{
  gdw_meter_free (meter);
}

static void
carry (guint64 bytes, gint64 us)
{
  now += us;
  gdw_meter_looked (meter, TRUE);
  gdw_meter_acked (meter, bytes, bytes, now);
}

static guint64
rate_mib (void)
{
  return (gdw_meter_rate (meter, now) + MIB / 2) / MIB;
}

START_TEST (nothing_is_known_at_first)
{
  begin ();
  ck_assert_uint_eq (gdw_meter_rate (meter, now), 0);
  now += 50 * MS;
  ck_assert_uint_eq (gdw_meter_rate (meter, now), 0);
  gdw_meter_free (meter);
  meter = gdw_meter_new ();
  ck_assert_uint_eq (gdw_meter_rate (meter, now), 0);
  end ();
}
END_TEST

START_TEST (before_the_first_window_it_is_the_mean)
{
  begin ();
  carry (MIB, 10 * MS);
  ck_assert_uint_eq (rate_mib (), 100);
  now += 10 * MS;
  ck_assert_uint_eq (rate_mib (), 50);
  end ();
}
END_TEST

/* Links of the same speed, with the lumps that the destination makes of it. */
static const struct {
  guint64 mib_s, lump_mib;
  guint frames;
} lumps[] = { { 8, 4, 4 }, { 8, 4, 1 }, { 100, 4, 4 }, { 100, 16, 16 }, { 4000, 4, 4 } };

START_TEST (lumps_are_smoothed)
{
  guint64 mib_s = lumps[_i].mib_s;

  begin ();
  for (guint i = 0; i < 200; i++) {
    now += (gint64) (lumps[_i].lump_mib * G_USEC_PER_SEC / mib_s);
    for (guint frame = 0; frame < lumps[_i].frames; frame++) {
      carry (lumps[_i].lump_mib * MIB / lumps[_i].frames, 10);
      ck_assert_msg (rate_mib () <= mib_s * 11 / 10, "%u: %" G_GUINT64_FORMAT " MiB/s", i,
                     rate_mib ());
    }
  }
  ck_assert_uint_ge (rate_mib (), mib_s * 9 / 10);
  end ();
}
END_TEST

/* A reader that slept finds all at once what came meanwhile. */
START_TEST (a_late_reader_makes_no_fast_link)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 40 * MS);
  ck_assert_uint_eq (rate_mib (), 100);
  now += 400 * MS;
  for (guint i = 0; i < 10; i++)
    carry (4 * MIB, 10);
  ck_assert_uint_le (rate_mib (), 400);
  for (guint i = 0; i < 20; i++)
    carry (4 * MIB, 40 * MS);
  ck_assert_uint_ge (rate_mib (), 95);
  ck_assert_uint_le (rate_mib (), 105);
  end ();
}
END_TEST

START_TEST (a_link_that_gets_slower_is_followed)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 4 * MS);
  ck_assert_uint_eq (rate_mib (), 1000);
  for (guint i = 0; i < 10; i++)
    carry (MIB, 100 * MS);
  ck_assert_uint_le (rate_mib (), 20);
  end ();
}
END_TEST

/* Short rounds: there is next to nothing to send, which does not make the link slow. */
START_TEST (what_is_not_asked_of_a_link_says_nothing)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 4 * MS);
  gdw_meter_looked (meter, FALSE);
  for (guint i = 0; i < 100; i++) {
    carry (4096, 50 * MS);
    gdw_meter_looked (meter, FALSE);
    ck_assert_uint_eq (rate_mib (), 1000);
  }
  for (guint i = 0; i < 200; i++)
    carry (8 * MIB, 4 * MS);
  ck_assert_uint_ge (rate_mib (), 1900);
  end ();
}
END_TEST

/* Zero pages come faster than they are looked for. */
START_TEST (pages_without_content_say_nothing)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 4 * MS);
  for (guint i = 0; i < 20; i++) {
    now += 100 * MS;
    gdw_meter_acked (meter, 4096, 512 * MIB, now);
    ck_assert_uint_eq (rate_mib (), 1000);
  }
  end ();
}
END_TEST

START_TEST (a_link_that_stands_still_is_not_believed)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 4 * MS);
  now += 2000 * MS;
  ck_assert_uint_le (rate_mib (), 10);
  end ();
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("meter");

  tcase_add_test (tc, nothing_is_known_at_first);
  tcase_add_test (tc, before_the_first_window_it_is_the_mean);
  tcase_add_loop_test (tc, lumps_are_smoothed, 0, G_N_ELEMENTS (lumps));
  tcase_add_test (tc, a_late_reader_makes_no_fast_link);
  tcase_add_test (tc, a_link_that_gets_slower_is_followed);
  tcase_add_test (tc, what_is_not_asked_of_a_link_says_nothing);
  tcase_add_test (tc, pages_without_content_say_nothing);
  tcase_add_test (tc, a_link_that_stands_still_is_not_believed);
  return suite_run ("meter", tc, NULL);
}
