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
begin_links (guint n)
{
  meter = gdw_meter_new (n);
  now = BEGIN;
}

static void
begin (void)
{
  begin_links (1);
}

static void
end (void)
{
  gdw_meter_free (meter);
}

static void
put (guint link, guint64 bytes)
{
  gdw_meter_sent (meter, link, bytes, bytes, now);
}

/* The next bytes are on their way before these arrive. */
static void
carry_on (guint link, guint64 bytes, gint64 us)
{
  gint64 sent_us = now;

  put (link, bytes);
  now += us;
  gdw_meter_acked (meter, link, bytes, bytes, sent_us, now);
}

static void
carry (guint64 bytes, gint64 us)
{
  if (gdw_meter_read (meter, now).bytes == 0)
    put (0, 64 * MIB);
  carry_on (0, bytes, us);
}

/* Alone on the link, which rests afterwards. */
static void
burst (guint64 bytes, gint64 us, gint64 rest_us)
{
  gint64 sent_us = now;

  put (0, bytes);
  now += us;
  gdw_meter_acked (meter, 0, bytes, bytes, sent_us, now);
  now += rest_us;
}

static void
empty (void)
{
  guint64 left = gdw_meter_read (meter, now).bytes;

  if (left)
    gdw_meter_acked (meter, 0, left, left, now, now);
}

static guint64
rate_mib (void)
{
  return (gdw_meter_read (meter, now).rate + MIB / 2) / MIB;
}

START_TEST (nothing_is_known_at_first)
{
  begin ();
  ck_assert_uint_eq (rate_mib (), 0);
  put (0, MIB);
  now += 50 * MS;
  ck_assert_uint_eq (rate_mib (), 0);
  ck_assert_uint_eq (gdw_meter_read (meter, now).slowest_us, G_MAXUINT64);
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
  put (0, 64 * MIB);
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
  for (guint i = 0; i < 10; i++) {
    put (0, 4 * MIB);
    now += 40 * MS;
  }
  for (guint i = 0; i < 10; i++) {
    now += 10;
    gdw_meter_acked (meter, 0, 4 * MIB, 4 * MIB, now - (10 - i) * 40 * MS, now);
    ck_assert_uint_le (rate_mib (), 110);
  }
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
  gdw_meter_round_trip (meter, 0, 200);
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 4 * MS);
  empty ();
  for (guint i = 0; i < 3000; i++) {
    burst (4096, 250, 50 * MS);
    ck_assert_uint_ge (rate_mib (), 1000);
  }
  for (guint i = 0; i < 200; i++)
    carry (8 * MIB, 4 * MS);
  ck_assert_uint_ge (rate_mib (), 1900);
  end ();
}
END_TEST

/* max-bandwidth does not hold while the guest is paused. */
START_TEST (a_link_that_is_held_back_is_as_fast_as_it_is)
{
  begin ();
  gdw_meter_round_trip (meter, 0, 200);
  for (guint i = 0; i < 400; i++)
    burst (MIB, 2200, 100 * MS);
  ck_assert_uint_eq (rate_mib (), 500);
  for (guint i = 0; i < 400; i++)
    burst (MIB, 10200, 100 * MS);
  ck_assert_uint_eq (rate_mib (), 100);
  end ();
}
END_TEST

/* On a long way a burst says little: it is as fast as that, at least. */
START_TEST (a_burst_on_a_long_way_is_a_lower_bound)
{
  begin ();
  gdw_meter_round_trip (meter, 0, 50000);
  for (guint i = 0; i < 100; i++)
    carry (4 * MIB, 10 * MS);
  empty ();
  for (guint i = 0; i < 100; i++)
    burst (MIB, 52000, 50 * MS);
  ck_assert_uint_ge (rate_mib (), 400);
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
    gdw_meter_sent (meter, 0, 4096, 512 * MIB, now);
    now += 100 * MS;
    gdw_meter_acked (meter, 0, 4096, 512 * MIB, now - 100 * MS, now);
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
  empty ();
  put (0, 4 * MIB);
  now += 2000 * MS;
  ck_assert_uint_le (rate_mib (), 2);
  end ();
}
END_TEST

#define LINKS 4

/* Three links of 100 MiB/s and one of 1 MiB/s. */
static void
begin_uneven (void)
{
  begin_links (LINKS);
  for (guint i = 0; i < LINKS; i++)
    put (i, 4 * MIB);
  for (guint at = 0; at < 100; at++) {
    now += 10 * MS;
    for (guint i = 0; i < LINKS; i++) {
      guint64 bytes = (i == LINKS - 1 ? 1 : 100) * MIB / 100;

      put (i, bytes);
      gdw_meter_acked (meter, i, bytes, bytes, now - 10 * MS, now);
    }
  }
}

START_TEST (a_slow_link_gets_as_little_as_it_carries)
{
  guint64 fast, slow;

  begin_uneven ();
  ck_assert_uint_ge (rate_mib (), 300);
  ck_assert_uint_le (rate_mib (), 302);
  fast = gdw_meter_window (meter, 0, now);
  slow = gdw_meter_window (meter, LINKS - 1, now);
  ck_assert_uint_ge (fast, 4 * MIB);
  ck_assert_uint_le (slow, 64 << 10);
  ck_assert_uint_le (gdw_meter_frame (meter, LINKS - 1, now), 16 << 10);
  ck_assert_uint_ge (gdw_meter_frame (meter, 0, now), 900 << 10);
  ck_assert_uint_le (gdw_meter_claim (meter, LINKS - 1, now), 256 << 10);
  ck_assert_uint_ge (gdw_meter_claim (meter, 0, now), 4 * MIB);
  end ();
}
END_TEST

/* The guest waits for the last link, not for their mean. */
START_TEST (the_slowest_link_counts)
{
  begin_uneven ();
  ck_assert_uint_eq (gdw_meter_read (meter, now).slowest_us / 1000, 4000);
  gdw_meter_acked (meter, LINKS - 1, 4 * MIB, 4 * MIB, now - 40 * MS, now);
  ck_assert_uint_le (gdw_meter_read (meter, now).slowest_us / 1000, 41);
  end ();
}
END_TEST

START_TEST (the_last_pages_go_where_they_arrive_soonest)
{
  begin_uneven ();
  for (guint i = 0; i < LINKS; i++)
    gdw_meter_acked (meter, i, 4 * MIB, 4 * MIB, now - 40 * MS, now);
  /* 30 MiB take 100 ms, in which the slow one carries 100 KiB. */
  ck_assert_uint_eq (gdw_meter_share (meter, LINKS - 1, 30 * MIB, now), 0);
  ck_assert_uint_eq (gdw_meter_share (meter, 0, 30 * MIB, now), MIB);
  ck_assert_uint_gt (gdw_meter_share (meter, LINKS - 1, 300 * MIB, now), 0);
  /* One link believes that the last page is its own. */
  put (0, 100);
  put (1, 200);
  ck_assert_uint_eq (gdw_meter_share (meter, 0, 4096, now), 0);
  ck_assert_uint_eq (gdw_meter_share (meter, 1, 4096, now), 0);
  ck_assert_uint_gt (gdw_meter_share (meter, 2, 4096, now), 0);
  /* The others are dead. */
  for (guint i = 0; i < LINKS - 1; i++)
    gdw_meter_lost (meter, i);
  ck_assert_uint_gt (gdw_meter_share (meter, LINKS - 1, 30 * MIB, now), 0);
  end ();
}
END_TEST

START_TEST (one_link_has_no_limits)
{
  begin ();
  for (guint i = 0; i < 100; i++)
    carry (16384, 10 * MS);
  ck_assert_uint_eq (gdw_meter_window (meter, 0, now), G_MAXUINT64);
  ck_assert_uint_eq (gdw_meter_frame (meter, 0, now), G_MAXUINT64);
  ck_assert_uint_eq (gdw_meter_claim (meter, 0, now), G_MAXUINT64);
  ck_assert_uint_eq (gdw_meter_share (meter, 0, MIB, now), G_MAXUINT64);
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
  tcase_add_test (tc, a_link_that_is_held_back_is_as_fast_as_it_is);
  tcase_add_test (tc, a_burst_on_a_long_way_is_a_lower_bound);
  tcase_add_test (tc, pages_without_content_say_nothing);
  tcase_add_test (tc, a_link_that_stands_still_is_not_believed);
  tcase_add_test (tc, a_slow_link_gets_as_little_as_it_carries);
  tcase_add_test (tc, the_slowest_link_counts);
  tcase_add_test (tc, the_last_pages_go_where_they_arrive_soonest);
  tcase_add_test (tc, one_link_has_no_limits);
  return suite_run ("meter", tc, NULL);
}
