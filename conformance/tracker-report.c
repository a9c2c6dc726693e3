/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* collect reports the pages that were written, all of them and no others. */
#include "tracker-cases.h"
#include "trial.h"

TRACKER_CASES (DECLARE_CASE)

/* Sizes around a word of the bitmap. */
static const Shape odd_shape = { { 1, 63, 64, 65, 130, 200 }, 2 };

static void
start_and_settle (Trial *t)
{
  trial_start (t);
  trial_settle (t);
}

static void
collect_what_was_noted (Trial *t)
{
  trial_collect (t);
  trial_expect_noted (t);
  trial_take (t);
  trial_forget_noted (t);
}

static void
read_all (Trial *t)
{
  if (t->tracker->traits & GDW_TRACKER_REPORTS_READS)
    return;
  for (guint i = 0; i < t->sim->n_regions; i++)
    for (guint64 page = 0; page < sim_pages (t->sim, i); page++)
      sim_read (t->sim, i, page);
}

static void
write_nothing (Trial *t)
{
  start_and_settle (t);
  trial_write (t, 0, 3, 64);
  collect_what_was_noted (t);
  for (guint i = 0; i < 3; i++) {
    read_all (t);
    collect_what_was_noted (t);
  }
}

void
nothing_written_nothing_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_nothing);
}

static void
write_each_page (Trial *t)
{
  start_and_settle (t);
  for (guint i = 0; i < t->sim->n_regions; i++)
    for (guint64 page = 0; page < sim_pages (t->sim, i); page++) {
      trial_write (t, page & 1, i, page);
      collect_what_was_noted (t);
    }
}

void
every_page_is_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_each_page);
}

static void
write_all_pages (Trial *t)
{
  start_and_settle (t);
  for (guint i = 0; i < t->sim->n_regions; i++)
    for (guint64 page = 0; page < sim_pages (t->sim, i); page++)
      trial_write (t, page & 1, i, page);
  collect_what_was_noted (t);
}

void
all_pages_at_once_are_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_all_pages);
}

static void
write_last_pages (Trial *t)
{
  start_and_settle (t);
  for (guint i = 0; i < t->sim->n_regions; i++)
    trial_write (t, 0, i, sim_pages (t->sim, i) - 1);
  collect_what_was_noted (t);
}

void
the_last_pages_are_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_last_pages);
}

static void
write_each_region (Trial *t)
{
  start_and_settle (t);
  for (guint i = 0; i < t->sim->n_regions; i++) {
    for (guint64 page = i; page < 64; page += 7 + i)
      trial_write (t, 0, i, page);
    collect_what_was_noted (t);
  }
}

void
regions_are_kept_apart (const Subject *subject)
{
  static const Shape shape = { { 64, 128, 64, 192 }, 1 };

  trial_each (subject, &shape, 0, write_each_region);
}

static void
write_with_bits_set (Trial *t)
{
  start_and_settle (t);
  t->bits[1][0] |= t->wrote[1][0] = G_GUINT64_CONSTANT (0xf0f0);
  t->bits[2][0] |= t->wrote[2][0] = G_MAXUINT64;
  trial_write (t, 0, 1, 1);
  trial_write (t, 1, 4, 129);
  trial_collect (t);
  for (guint page = 0; page < 63; page++)
    EXPECT (trial_has (t, 1, page) || !((t->wrote[1][0] >> page) & 1),
            PROMISE ("tracker.h", "leave all other bits alone"),
            "the bit of page %u of region 1 was set before collect, and is not any more", page);
  trial_expect_noted (t);
}

void
a_bit_that_is_set_stays (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_with_bits_set);
}

static void
write_the_same (Trial *t)
{
  guint64 value;

  start_and_settle (t);
  trial_write (t, 0, 4, 70);
  collect_what_was_noted (t);
  value = sim_read (t->sim, 4, 70);
  t->value = value - 1;
  trial_write (t, 1, 4, 70);
  collect_what_was_noted (t);
  t->value = 99;
  trial_write (t, 0, 4, 70);
  t->value = value - 1;
  trial_write (t, 0, 4, 70);
  collect_what_was_noted (t);
}

void
a_write_of_the_same_value_is_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_the_same);
}

/* A log that is initially set reports nothing before the first collect. */
static void
write_before_collect (Trial *t)
{
  trial_start (t);
  trial_write (t, 0, 0, 0);
  trial_write (t, 1, 4, 129);
  trial_collect (t);
  for (guint i = 0; i < 2; i++)
    EXPECT (trial_has (t, i ? 4 : 0, i ? 129 : 0),
            PROMISE ("tracker.h", "Every write that lands after the return is reported by a "
                                  "later collect"),
            "what was written between start and the first collect is not reported");
}

void
a_write_before_the_first_collect_is_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_before_collect);
}

/* Writes another page in each step of a collect. */
typedef struct {
  Trial *trial;
  guint64 next;
} During;

static void
write_now (gpointer data, SimCall call)
{
  During *during = data;

  if (during->next < sim_pages (during->trial->sim, 1) && sim_has_room (during->trial->sim, 0))
    trial_write (during->trial, 0, 1, during->next++);
}

static void
write_during_collect (Trial *t)
{
  During during = { t, 0 };

  start_and_settle (t);
  trial_write (t, 1, 1, 299);
  trial_write (t, 1, 0, 5);
  t->sim->data = &during;
  t->sim->during = write_now;
  trial_collect (t);
  t->sim->during = NULL;
  trial_collect (t);
  for (guint64 page = 0; page < during.next; page++)
    EXPECT (
        trial_has (t, 1, page),
        PROMISE ("tracker.h", "A write that lands during the call is reported by this collect "
                              "or a later one"),
        "page %" G_GUINT64_FORMAT " of region 1 was written during a collect, and neither this "
        "nor the next one reports it",
        page);
}

void
a_write_during_collect_is_reported (const Subject *subject)
{
  static const Shape shape = { { 100, 300 }, 2 };

  trial_each (subject, &shape, 0, write_during_collect);
}

/* Collects after a while with few writes. */
static void
pause_and_collect (Trial *t)
{
  start_and_settle (t);
  for (guint round = 0; round < 12; round++) {
    for (guint i = 0; i < round % 4; i++)
      trial_settle (t);
    for (guint i = round % 3; i < t->sim->n_regions; i += 1 + round % 2)
      trial_write (t, i & 1, i, sim_pages (t->sim, i) * round / 12);
    trial_collect (t);
    for (guint i = 0; i < t->sim->n_regions; i++)
      for (guint64 page = 0; page < sim_pages (t->sim, i); page++)
        EXPECT (trial_has (t, i, page) || !((t->wrote[i][page / 64] >> page % 64) & 1),
                PROMISE ("tracker.h", "The collect after the guest was paused reports "
                                      "everything"),
                "page %" G_GUINT64_FORMAT " of region %u was written, then nobody wrote, and "
                "the collect after that does not report it",
                page, i);
    trial_take (t);
    trial_forget_noted (t);
  }
}

void
a_pause_hides_nothing (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, pause_and_collect);
}

/* Writes without a vCPU, so that the log does not notice. */
static void
write_as_the_vmm (Trial *t)
{
  const GdwRegion *const *regions = t->sim->regions;

  start_and_settle (t);
  for (guint i = 0; i < t->sim->n_regions; i++)
    regions[i]->host_addr[regions[i]->size - 1]++;
  trial_collect (t);
  for (guint i = 0; i < t->sim->n_regions; i++)
    EXPECT (trial_has (t, i, sim_pages (t->sim, i) - 1),
            PROMISE ("tracker.h", "also writes by this process, not only by vCPUs"),
            "this process wrote to the last page of region %u, and it is not reported", i);
}

void
writes_of_the_vmm_are_seen (const Subject *subject)
{
  if (!(((const GdwTracker *) subject->plugin)->traits & GDW_TRACKER_SEES_VMM_WRITES))
    skip ("it does not say that it sees them");
  trial_each (subject, &odd_shape, 0, write_as_the_vmm);
}

static void
write_after_collect (Trial *t)
{
  start_and_settle (t);
  for (guint64 page = 0; page < 200; page += 3) {
    trial_write (t, 0, 5, page);
    trial_collect (t);
    trial_expect_noted (t);
    /* The page is re-armed at the latest when it is read, which comes after this write. */
    trial_write (t, 1, 5, page);
    trial_take (t);
    if (t->tracker->traits & GDW_TRACKER_REARMS_AT_REARM)
      trial_write (t, 1, 5, page);
    trial_collect (t);
    EXPECT (trial_has (t, 5, page),
            PROMISE ("tracker.h",
                     "Set the bits of the pages written since they were last re-armed"),
            "page %" G_GUINT64_FORMAT " was reported, re-armed and written again, and is not "
            "reported any more",
            page);
    trial_take (t);
    trial_forget_noted (t);
    trial_settle (t);
  }
}

void
a_write_after_rearm_is_reported (const Subject *subject)
{
  trial_each (subject, &odd_shape, 0, write_after_collect);
}
