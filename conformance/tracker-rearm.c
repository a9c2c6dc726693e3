/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* rearm re-arms the given pages, and no others. */
#include <string.h>

#include "tracker-cases.h"
#include "trial.h"

TRACKER_CASES (DECLARE_CASE)

#define EXACTLY                                                                                \
  PROMISE ("tracker.h", "Re-arm exactly the pages of @region from @first on, @n of them")

static const Shape two_regions = { { 300, 300 }, 2 };

/* These tests do not apply to a tracker that re-arms at collect. */
static void
each_that_rearms (const Subject *subject, void (*test) (Trial *trial))
{
  if (!(((const GdwTracker *) subject->plugin)->traits & GDW_TRACKER_REARMS_AT_REARM))
    skip ("it re-arms at collect");
  trial_each (subject, &two_regions, 0, test);
}

/* Writes every page of both regions, so that all are reported. */
static void
all_reported (Trial *t)
{
  trial_start (t);
  trial_settle (t);
  for (guint i = 0; i < 2; i++)
    for (guint64 page = 0; page < sim_pages (t->sim, i); page++)
      trial_write (t, i, i, page);
  trial_collect (t);
  trial_expect_noted (t);
  for (guint i = 0; i < 2; i++)
    memset (t->bits[i], 0, t->sets[i].size);
}

/* A collect that repeats shows which pages are armed. */
static void
expect_not_armed (const Trial *t, guint region, guint64 page)
{
  EXPECT (trial_has (t, region, page), EXACTLY,
          "page %" G_GUINT64_FORMAT " of region %u was not to be re-armed, and is not reported "
          "again",
          page, region);
}

static void
expect_armed (const Trial *t, guint region, guint64 page)
{
  EXPECT (!trial_has (t, region, page), EXACTLY,
          "page %" G_GUINT64_FORMAT " of region %u was re-armed and not written since, and is "
          "reported again",
          page, region);
}

static void
rearm_some (Trial *t)
{
  const guint64 some[] = { G_GUINT64_CONSTANT (0x10), G_GUINT64_CONSTANT (0xff00ff00ff00ff00) };
  gboolean repeats = t->tracker->traits & GDW_TRACKER_COLLECT_REPEATS;

  all_reported (t);
  trial_rearm (t, 1, 64, 128, some);
  trial_collect (t);
  for (guint64 page = 0; page < 300; page++) {
    guint64 at = page - 64;
    gboolean armed = page >= 64 && page < 192 && ((some[at / 64] >> at % 64) & 1);

    if (armed)
      expect_armed (t, 1, page);
    else if (repeats)
      expect_not_armed (t, 1, page);
  }
}

void
rearm_of_some_leaves_the_others (const Subject *subject)
{
  each_that_rearms (subject, rearm_some);
}

static void
rearm_ranges (Trial *t)
{
  static const guint64 firsts[] = { 0, 256, 128, 64, 192 };
  gboolean repeats = t->tracker->traits & GDW_TRACKER_COLLECT_REPEATS;
  const guint64 full[] = { G_MAXUINT64 };
  const guint64 tail[] = { (G_GUINT64_CONSTANT (1) << (300 - 256)) - 1 };
  guint64 done = 0; /* a bit for each finished word */

  all_reported (t);
  for (guint i = 0; i < G_N_ELEMENTS (firsts); i++) {
    guint64 first = firsts[i];

    trial_rearm (t, 0, first, MIN (64, 300 - first), first == 256 ? tail : full);
    done |= G_GUINT64_CONSTANT (1) << first / 64;
    trial_collect (t);
    for (guint64 page = 0; page < 300; page++)
      if ((done >> page / 64) & 1)
        expect_armed (t, 0, page);
      else if (repeats)
        expect_not_armed (t, 0, page);
    if (repeats)
      for (guint64 page = 0; page < 300; page++)
        expect_not_armed (t, 1, page);
    memset (t->bits[0], 0, t->sets[0].size);
    memset (t->bits[1], 0, t->sets[1].size);
  }
}

void
rearm_keeps_to_its_range (const Subject *subject)
{
  each_that_rearms (subject, rearm_ranges);
}

static void
rearm_with_holes (Trial *t)
{
  guint64 holes[5] = { 1, 0, 0, G_GUINT64_CONSTANT (0x8000000000000000), 1 };

  all_reported (t);
  trial_rearm (t, 0, 0, 300, holes);
  trial_collect (t);
  for (guint i = 0; i < 5; i++)
    for (guint bit = 0; bit < 64; bit++)
      if ((holes[i] >> bit) & 1)
        expect_armed (t, 0, i * 64 + bit);
}

void
holes_are_passed_over (const Subject *subject)
{
  each_that_rearms (subject, rearm_with_holes);
}

/* Re-arming later would be too late, because the page has been read. */
static void
rearm_and_write (Trial *t)
{
  const guint64 one[] = { 1 };

  all_reported (t);
  trial_rearm (t, 0, 0, 64, one);
  trial_write (t, 0, 0, 0);
  trial_rearm (t, 0, 64, 64, one);
  trial_rearm (t, 1, 0, 64, one);
  trial_collect (t);
  EXPECT (
      trial_has (t, 0, 0), PROMISE ("tracker.h", "their content is read after the return"),
      "page 0 of region 0 was re-armed and then written, others were re-armed after that, and "
      "the write is not reported");
}

void
rearm_is_done_when_it_returns (const Subject *subject)
{
  each_that_rearms (subject, rearm_and_write);
}
