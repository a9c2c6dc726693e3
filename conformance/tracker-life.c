/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* From open to close: what a tracker needs, what it keeps, and which errors it sets. */
#include <string.h>

#include "balance.h"
#include "call.h"
#include "tracker-cases.h"
#include "trial.h"

TRACKER_CASES (DECLARE_CASE)

#define CYCLES 100
#define STOPS_WITHIN_MS 8000
#define TEBIBYTE (G_GUINT64_CONSTANT (1) << 40)
#define COST_MAX_MIB (128 + 32) /* with the bitmap that collect fills */

#define FAILS_WITH_ERROR                                                                       \
  PROMISE ("error.h", "A callback that returns FALSE, NULL or -1 sets its GError; one that "   \
                      "succeeds leaves it alone")

static const Shape small_shape = { { 130, 64 }, 2 };

void
opens_or_names_what_is_missing (const Subject *subject)
{
  guint opened = 0;

  for (const SimKind *kind = sim_kinds; kind->name; kind++) {
    g_autoptr (GError) error = NULL;
    Trial *t = trial_new (subject, kind, &small_shape, &error);

    opened += t != NULL;
    if (t)
      trial_free (t);
    else
      EXPECT (strchr (error->message, ';') != NULL,
              PROMISE ("tracker.h",
                       "the error that names what is missing on this host and what "
                       "would work"),
              "the error says no remedy after a semicolon: %s", error->message);
  }
  EXPECT (opened, PROMISE ("tracker.h", "An instance for one migration"),
          "open refuses every host that there is here");
}

/* Stale bits are bits that were not collected, and writes from while it was off. */
static void
restart (Trial *t)
{
  trial_start (t);
  trial_settle (t);
  for (guint i = 0; i < 3; i++) {
    for (guint64 page = i; page < 64; page += 5)
      trial_write (t, 0, i % 2, page);
    if (i == 1)
      trial_collect (t);
    memset (t->bits[0], 0, t->sets[0].size);
    memset (t->bits[1], 0, t->sets[1].size);
    trial_stop (t);
    trial_write (t, 1, 0, 7);
    trial_start (t);
    trial_forget_noted (t);
    if (sim_mode (t->sim) & GDW_DIRTY_LOG_INITIALLY_SET)
      trial_settle (t);
    trial_collect (t);
    for (guint k = 0; k < 2; k++)
      for (guint64 page = 0; page < 64; page++)
        EXPECT (!trial_has (t, k, page),
                PROMISE ("tracker.h", "Nothing from before an earlier stop is left"),
                "page %" G_GUINT64_FORMAT
                " of region %u was written before the restart only, and "
                "is reported after it",
                page, k);
  }
}

void
restart_has_nothing_stale (const Subject *subject)
{
  trial_each (subject, &small_shape, 0, restart);
}

static void
restart_and_write (Trial *t)
{
  for (guint i = 0; i < 3; i++) {
    trial_start (t);
    for (guint64 page = i; page < 130; page += 9)
      trial_write (t, 0, 0, page);
    trial_collect (t);
    for (guint64 page = i; page < 130; page += 9)
      EXPECT (trial_has (t, 0, page),
              PROMISE ("tracker.h", "Every write that lands after the return is reported by a "
                                    "later collect"),
              "page %" G_GUINT64_FORMAT
              " was written after start number %u and is not reported",
              page, i + 1);
    trial_stop (t);
    memset (t->bits[0], 0, t->sets[0].size);
    memset (t->bits[1], 0, t->sets[1].size);
  }
}

void
restart_loses_nothing (const Subject *subject)
{
  trial_each (subject, &small_shape, 0, restart_and_write);
}

static void
stop_and_look (Trial *t)
{
  trial_start (t);
  trial_collect (t);
  trial_stop (t);
  EXPECT (sim_mode (t->sim) == 0, PROMISE ("tracker.h", "Stop tracking"),
          "the dirty log is still enabled after stop");
}

void
stop_stops_logging (const Subject *subject)
{
  trial_each (subject, &small_shape,
              GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_RING, stop_and_look);
}

static void
expect_failure (gboolean ok, const GError *error, const char *callback, const char *call)
{
  expect_result (callback, ok, error, FAILS_WITH_ERROR);
  EXPECT (!ok, FAILS_WITH_ERROR, "%s of the dirty log failed, and %s says it succeeded", call,
          callback);
}

static void
fail_at_start (Trial *t)
{
  g_autoptr (GError) error = NULL;
  gboolean ok;

  t->sim->fails = 1u << SIM_ENABLE;
  ok = t->tracker->start (t->self, &error);
  expect_failure (ok, error, "start", "enable");
  EXPECT (sim_mode (t->sim) == 0, PROMISE ("tracker.h", "that failed, which leaves nothing on"),
          "the dirty log is on after a start that failed");
  t->sim->fails = 0;
  restart_and_write (t);
}

void
a_start_that_fails_says_so (const Subject *subject)
{
  trial_each (subject, &small_shape,
              GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_RING, fail_at_start);
}

static void
fail_at_collect (Trial *t, SimCall call, const char *name)
{
  g_autoptr (GError) error = NULL;
  gboolean ok;

  /* Writes another page each time, because the failed call may not have re-armed the last
   * one. */
  trial_write (t, 0, 0, t->value % 130);
  t->sim->fails = 1u << call;
  ok = t->tracker->collect (t->self, t->bits, &error);
  t->sim->fails = 0;
  expect_failure (ok, error, "collect", name);
}

static void
fail_later (Trial *t)
{
  const guint64 one[] = { 8, 0, 0 };
  g_autoptr (GError) error = NULL;
  gboolean ring, ok;

  trial_start (t);
  trial_settle (t);
  ring = (sim_mode (t->sim) & GDW_DIRTY_LOG_RING) != 0;
  for (guint i = 0; i < 2; i++) {
    t->sim->fails_once = i == 1;
    fail_at_collect (t, ring ? SIM_LOCATE : SIM_GET, ring ? "locate" : "get");
    if (ring)
      fail_at_collect (t, SIM_RESET_RINGS, "reset_rings");
  }
  t->sim->fails_once = FALSE;
  if (t->tracker->traits & GDW_TRACKER_REARMS_AT_REARM) {
    t->sim->fails = 1u << SIM_CLEAR;
    ok = t->tracker->rearm (t->self, 0, 0, 130, one, &error);
    expect_failure (ok, error, "rearm", "clear");
    g_clear_error (&error);
  }
  t->sim->fails = 1u << SIM_DISABLE;
  ok = t->tracker->stop (t->self, &error);
  expect_failure (ok, error, "stop", "disable");
  t->started = FALSE;
  t->sim->fails = 0;
}

void
a_log_that_fails_fails_the_call (const Subject *subject)
{
  trial_each (subject, &small_shape,
              GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_RING, fail_later);
}

/* Does what core does with a failed migration, and with the next one. */
static void
stop_after_a_failure (gpointer data)
{
  Trial *t = data;

  trial_stop (t);
}

static void
fail_and_start_again (Trial *t)
{
  Call stopping = { .kind = CALL_FUNCTION, .function = stop_after_a_failure, .data = t };
  gboolean ring;

  trial_start (t);
  trial_settle (t);
  ring = (sim_mode (t->sim) & GDW_DIRTY_LOG_RING) != 0;
  fail_at_collect (t, ring ? SIM_LOCATE : SIM_GET, ring ? "locate" : "get");
  call_start (&stopping);
  EXPECT (call_ends_within (&stopping, STOPS_WITHIN_MS),
          PROMISE ("tracker.h",
                   "Called once after each start that succeeded, also if a collect "
                   "or a rearm failed since"),
          "stop has not returned %d s after a collect that failed", STOPS_WITHIN_MS / 1000);
  memset (t->bits[0], 0, t->sets[0].size);
  memset (t->bits[1], 0, t->sets[1].size);
  restart_and_write (t);
}

void
after_a_failure_it_starts_again (const Subject *subject)
{
  trial_each (subject, &small_shape,
              GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_RING,
              fail_and_start_again);
}

static void
live (const Subject *subject, const SimKind *kind)
{
  g_autoptr (GError) error = NULL;
  Trial *t = trial_new (subject, kind, &small_shape, &error);

  if (!t)
    return;
  trial_start (t);
  trial_write (t, 0, 0, 1);
  trial_collect (t);
  trial_take (t);
  trial_free (t);
}

/* Also counts an instance that fails to open. */
void
nothing_is_left_after_close (const Subject *subject)
{
  Balance before = { 0 }, after;

  for (guint i = 0; i < CYCLES + 8; i++) {
    if (i == 8)
      before = balance_now ();
    for (const SimKind *kind = sim_kinds; kind->name; kind++)
      live (subject, kind);
  }
  after = balance_now ();
  EXPECT (
      after.fds <= before.fds && after.threads <= before.threads &&
          after.heap < before.heap + CYCLES * 16,
      PROMISE ("tracker.h", "Frees the instance"),
      "after %u times open and close there are %d more file descriptors, %d more threads and "
      "%" G_GSSIZE_FORMAT " more bytes of memory",
      CYCLES, (int) (after.fds - before.fds), (int) (after.threads - before.threads),
      (gssize) (after.heap - before.heap));
}

static void
write_in_two (Trial *a)
{
  Trial *b = trial_new (a->subject, a->sim->kind, &small_shape, NULL);

  trial_start (a);
  trial_start (b);
  trial_settle (a);
  trial_settle (b);
  trial_write (a, 0, 0, 5);
  trial_write (b, 1, 1, 63);
  trial_collect (b);
  trial_expect_noted (b);
  trial_free (b);
  trial_collect (a);
  trial_expect_noted (a);
}

void
instances_do_not_meet (const Subject *subject)
{
  trial_each (subject, &small_shape, 0, write_in_two);
}

static void
watch_a_tebibyte (Trial *t, gsize before)
{
  guint64 pages = sim_pages (t->sim, 0);
  gsize log, after;

  trial_start (t);
  /* Memory of the simulated host, not of the tracker. */
  log = sim_mode (t->sim) & GDW_DIRTY_LOG_INITIALLY_SET ? pages / 4 : 0;
  trial_write (t, 0, 0, 0);
  trial_write (t, 0, 0, pages / 2);
  trial_write (t, 0, 0, pages - 1);
  trial_collect (t);
  EXPECT (trial_has (t, 0, 0) && trial_has (t, 0, pages / 2) && trial_has (t, 0, pages - 1),
          PROMISE ("tracker.h", "Set the bits of the pages written"),
          "of 1 TiB the first, the middle and the last page were written and not all reported");
  after = balance_now ().resident;
  EXPECT (after < before + log + COST_MAX_MIB * 1048576u,
          PROMISE ("tracker.h", "1 TiB of guest memory costs less than 128 MiB"),
          "open, start and collect took %" G_GSIZE_FORMAT " MiB",
          (after - before - log) / 1048576);
}

void
a_tebibyte_costs_bits (const Subject *subject)
{
  static const Shape shape = { { TEBIBYTE / GDW_PAGE_SIZE }, 1 };

  for (const SimKind *kind = sim_kinds; kind->name; kind++) {
    gsize before = balance_now ().resident;
    g_autoptr (GError) error = NULL;
    Trial *t = trial_new (subject, kind, &shape, &error);

    if (!t)
      continue;
    watch_a_tebibyte (t, before);
    trial_free (t);
  }
}

static void
count_again (Trial *t, guint64 *pages)
{
  trial_stop (t);
  trial_start (t);
  trial_settle (t);
  trial_write (t, 0, 0, 40);
  trial_collect (t);
  t->tracker->vcpu_pages (t->self, pages, 2);
  EXPECT (pages[0] < 10 && pages[1] < 10,
          PROMISE ("tracker.h", "How many pages each vCPU has turned from clean to dirty since "
                                "start"),
          "after another start a vCPU wrote one page, and vcpu_pages says %" G_GUINT64_FORMAT
          " and %" G_GUINT64_FORMAT,
          pages[0], pages[1]);
}

static void
count_pages (Trial *t)
{
  Guarded two = guarded_new (2 * sizeof (guint64)), one = guarded_new (sizeof (guint64));
  guint64 *pages = (guint64 *) two.data;
  guint n;

  trial_start (t);
  trial_settle (t);
  for (guint64 page = 0; page < 30; page++)
    trial_write (t, page < 10 ? 0 : 1, 0, page);
  trial_collect (t);
  n = t->tracker->vcpu_pages (t->self, pages, 2);
  EXPECT (n == 2, PROMISE ("tracker.h", "returns the number of vCPUs"),
          "there are 2 vCPUs and vcpu_pages says %u", n);
  EXPECT (pages[0] >= 10 && pages[1] >= 20,
          PROMISE ("tracker.h", "How many pages each vCPU has turned from clean to dirty since "
                                "start"),
          "the vCPUs wrote 10 and 20 pages, vcpu_pages says %" G_GUINT64_FORMAT
          " and %" G_GUINT64_FORMAT,
          pages[0], pages[1]);
  n = t->tracker->vcpu_pages (t->self, (guint64 *) one.data, 1);
  EXPECT (n == 2, PROMISE ("tracker.h", "which may be more than @n"),
          "there are 2 vCPUs, and with room for one vcpu_pages says %u", n);
  count_again (t, pages);
  guarded_free (&one);
  guarded_free (&two);
}

void
vcpu_pages_add_up (const Subject *subject)
{
  if (!((const GdwTracker *) subject->plugin)->vcpu_pages)
    skip ("it has no vcpu_pages");
  trial_each (subject, &small_shape, 0, count_pages);
}
