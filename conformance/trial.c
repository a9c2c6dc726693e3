/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "trial.h"

#include <string.h>

#define SETTLES_AFTER 4

#define FALSE_SETS_ERROR                                                                       \
  PROMISE ("error.h", "A callback that returns FALSE, NULL or -1 sets its GError; one that "   \
                      "succeeds leaves it alone")

static void
count_reset (gpointer trial)
{
  g_atomic_int_inc (&((Trial *) trial)->rings_were_reset);
}

static gsize
words_of (const Trial *trial, guint region)
{
  return GDW_BITMAP_WORDS (sim_pages (trial->sim, region));
}

Trial *
trial_new (const Subject *subject, const SimKind *kind, const Shape *shape, GError **error)
{
  Trial *t = g_new0 (Trial, 1);
  guint n = 0;

  while (n < TRIAL_REGIONS_MAX && shape->pages[n])
    n++;
  t->subject = subject;
  t->tracker = (const GdwTracker *) subject->plugin;
  t->sim = sim_new (kind, shape->pages, n, shape->vcpus);
  t->list = guarded_new (n * sizeof (guint64 *));
  t->bits = (guint64 **) t->list.data;
  t->wrote = g_new (guint64 *, n);
  for (guint i = 0; i < n; i++) {
    t->sets[i] = guarded_new (words_of (t, i) * 8);
    t->bits[i] = (guint64 *) t->sets[i].data;
    t->wrote[i] = g_new0 (guint64, words_of (t, i));
  }
  t->config = (GdwTrackerConfig){ .size = sizeof t->config,
                                  .options = subject->values,
                                  .regions = t->sim->regions,
                                  .n_regions = n,
                                  .dirty_log = t->sim->log,
                                  .rings_were_reset = count_reset,
                                  .core = t };
  note ("on %s", kind->name);
  t->self = t->tracker->open (&t->config, error);
  expect_result ("open", t->self != NULL, error ? *error : NULL, FALSE_SETS_ERROR);
  if (t->self)
    return t;
  trial_free (t);
  return NULL;
}

void
trial_free (Trial *t)
{
  if (t->started)
    trial_stop (t);
  if (t->self)
    t->tracker->close (t->self);
  for (guint i = 0; i < t->sim->n_regions; i++) {
    guarded_free (&t->sets[i]);
    g_free (t->wrote[i]);
  }
  guarded_free (&t->list);
  g_free (t->wrote);
  sim_free (t->sim);
  g_free (t);
}

static guint
try_each (const Subject *subject, const Shape *shape, guint32 modes, gboolean by_runs,
          void (*test) (Trial *trial))
{
  guint tried = 0;

  for (const SimKind *kind = sim_kinds; kind->name; kind++) {
    g_autoptr (GError) error = NULL;
    Trial *trial;

    if (modes && !(kind->modes & modes))
      continue;
    trial = trial_new (subject, kind, shape, &error);
    if (!trial)
      continue;
    if (by_runs)
      note ("by collect_runs");
    trial->by_runs = by_runs;
    test (trial);
    trial_free (trial);
    tried++;
  }
  return tried;
}

void
trial_each (const Subject *subject, const Shape *shape, guint32 modes,
            void (*test) (Trial *trial))
{
  guint tried = try_each (subject, shape, modes, FALSE, test);

  if (((const GdwTracker *) subject->plugin)->collect_runs)
    try_each (subject, shape, modes, TRUE, test);
  if (!tried && modes)
    skip ("the tracker does not use what this test is about");
  EXPECT (tried, PROMISE ("tracker.h", "An instance for one migration"),
          "open refuses every host that there is here");
}

void
trial_start (Trial *t)
{
  g_autoptr (GError) error = NULL;

  t->started = t->tracker->start (t->self, &error);
  expect_result ("start", t->started, error, FALSE_SETS_ERROR);
  EXPECT (t->started,
          PROMISE ("tracker.h", "Every write that lands after the return is reported by a "
                                "later collect"),
          "start failed: %s", error->message);
}

void
trial_stop (Trial *t)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = t->tracker->stop (t->self, &error);

  t->started = FALSE;
  expect_result ("stop", ok, error, FALSE_SETS_ERROR);
  EXPECT (ok, PROMISE ("tracker.h", "Called once after each start that succeeded"),
          "stop failed: %s", error->message);
}

/* Checks that bits past the last page stay zero. */
static void
expect_no_more (const Trial *t)
{
  for (guint i = 0; i < t->sim->n_regions; i++) {
    guint64 pages = sim_pages (t->sim, i);

    if (pages % 64)
      EXPECT (t->bits[i][pages / 64] >> (pages % 64) == 0,
              PROMISE ("types.h", "bits past the end of a region are zero"),
              "region %u has %" G_GUINT64_FORMAT
              " pages, and its last word is %#" G_GINT64_MODIFIER "x",
              i, pages, t->bits[i][pages / 64]);
  }
}

static void
add_runs (gpointer trial, const GdwPageRange *ranges, guint n)
{
  Trial *t = trial;
  Promise promise = PROMISE ("tracker.h", "@n >= 1 ranges that it copies");

  EXPECT (n > 0, promise, "add was called without a range");
  for (guint i = 0; i < n; i++) {
    const GdwPageRange *range = &ranges[i];
    guint64 pages = range->region < t->sim->n_regions ? sim_pages (t->sim, range->region) : 0;

    EXPECT (range->n > 0 && range->first < pages && range->n <= pages - range->first, promise,
            "%" G_GUINT64_FORMAT " pages from %" G_GUINT64_FORMAT
            " of region %u, which has %" G_GUINT64_FORMAT,
            range->n, range->first, range->region, pages);
    for (guint64 page = range->first; page < range->first + range->n; page++)
      t->bits[range->region][page / 64] |= G_GUINT64_CONSTANT (1) << page % 64;
  }
}

void
trial_collect (Trial *t)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = t->by_runs ? t->tracker->collect_runs (t->self, add_runs, t, &error)
                           : t->tracker->collect (t->self, t->bits, &error);

  expect_result (t->by_runs ? "collect_runs" : "collect", ok, error, FALSE_SETS_ERROR);
  EXPECT (ok, PROMISE ("tracker.h", "Set the bits of the pages written"), "collect failed: %s",
          error->message);
  expect_no_more (t);
}

void
trial_rearm (Trial *t, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  g_autoptr (GError) error = NULL;
  gsize size = GDW_BITMAP_WORDS (n) * 8;
  Guarded copy;
  gboolean ok;

  if (!(t->tracker->traits & GDW_TRACKER_REARMS_AT_REARM))
    return;
  copy = guarded_new (size);
  memcpy (copy.data, bits, size);
  ok = t->tracker->rearm (t->self, region, first, n, (const guint64 *) copy.data, &error);
  expect_result ("rearm", ok, error, FALSE_SETS_ERROR);
  EXPECT (ok, PROMISE ("tracker.h", "Re-arm exactly the pages of @region"), "rearm failed: %s",
          error->message);
  EXPECT (memcmp (copy.data, bits, size) == 0,
          PROMISE ("tracker.h", "Re-arm exactly the pages of @region"),
          "rearm wrote into the bits it was given");
  guarded_free (&copy);
}

void
trial_take (Trial *t)
{
  for (guint i = 0; i < t->sim->n_regions; i++) {
    trial_rearm (t, i, 0, sim_pages (t->sim, i), t->bits[i]);
    memset (t->bits[i], 0, words_of (t, i) * 8);
  }
}

static gboolean
is_empty (const Trial *t)
{
  for (guint i = 0; i < t->sim->n_regions; i++)
    for (gsize k = 0; k < words_of (t, i); k++)
      if (t->bits[i][k])
        return FALSE;
  return TRUE;
}

void
trial_settle (Trial *t)
{
  for (guint i = 0; i < SETTLES_AFTER; i++) {
    trial_collect (t);
    if (is_empty (t))
      return;
    trial_take (t);
  }
  broken (PROMISE ("tracker.h", "leave all other bits alone"),
          "nobody writes, all that was reported was re-armed, and collect still reports");
}

void
trial_write (Trial *t, guint vcpu, guint region, guint64 page)
{
  sim_write (t->sim, vcpu, region, page, ++t->value);
  t->wrote[region][page / 64] |= G_GUINT64_CONSTANT (1) << page % 64;
}

gboolean
trial_has (const Trial *t, guint region, guint64 page)
{
  return (t->bits[region][page / 64] >> page % 64) & 1;
}

void
trial_expect_noted (const Trial *t)
{
  for (guint i = 0; i < t->sim->n_regions; i++)
    for (guint64 page = 0; page < sim_pages (t->sim, i); page++) {
      gboolean wrote = (t->wrote[i][page / 64] >> page % 64) & 1;

      EXPECT (!wrote || trial_has (t, i, page),
              PROMISE ("tracker.h", "Set the bits of the pages written"),
              "page %" G_GUINT64_FORMAT " of region %u was written and is not reported", page,
              i);
      EXPECT (
          wrote || !trial_has (t, i, page), PROMISE ("tracker.h", "leave all other bits alone"),
          "page %" G_GUINT64_FORMAT " of region %u is reported and was not written", page, i);
    }
}

void
trial_forget_noted (Trial *t)
{
  for (guint i = 0; i < t->sim->n_regions; i++)
    memset (t->wrote[i], 0, words_of (t, i) * 8);
}
