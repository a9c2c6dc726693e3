/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Dirty rings of every size, full, and wrapped. */
#include <string.h>

#include "call.h"
#include "tracker-cases.h"
#include "trial.h"

TRACKER_CASES (DECLARE_CASE)

#define SMALLEST 4
#define LARGEST 65536
#define WAITS_S 10

/* Opens the tracker on a host with rings of @n entries, starts it and settles it. */
static Trial *
with_rings (const Subject *subject, guint32 n, const Shape *shape)
{
  static SimKind kind = { "dirty rings", GDW_DIRTY_LOG_RING, 0 };
  g_autoptr (GError) error = NULL;
  Trial *t;

  kind.ring_entries = n;
  t = trial_new (subject, &kind, shape, &error);
  if (!t)
    skip ("the tracker does not use dirty rings");
  note ("with %u entries a ring", n);
  trial_start (t);
  trial_settle (t);
  return t;
}

static void
collect_and_compare (Trial *t)
{
  trial_collect (t);
  trial_expect_noted (t);
  trial_take (t);
  trial_forget_noted (t);
}

/* Fills the ring each time, so that its end moves. */
void
rings_wrap (const Subject *subject)
{
  static const Shape shape = { { 500, 100 }, 2 };
  Trial *t = with_rings (subject, 16, &shape);

  for (guint i = 0; i < 40; i++) {
    guint64 page = i;

    while (sim_has_room (t->sim, 0) && sim_has_room (t->sim, 1))
      trial_write (t, i & 1, 0, page++);
    collect_and_compare (t);
  }
  trial_free (t);
}

static void
fill_rings (const Subject *subject, guint32 entries)
{
  static const Shape shape = { { LARGEST + 65, LARGEST }, 2 };
  Trial *t = with_rings (subject, entries, &shape);

  for (guint i = 0; i < 3; i++) {
    for (guint vcpu = 0; vcpu < 2; vcpu++)
      for (guint64 page = i; sim_has_room (t->sim, vcpu); page++)
        trial_write (t, vcpu, vcpu, page);
    collect_and_compare (t);
  }
  trial_free (t);
}

void
the_smallest_ring_is_enough (const Subject *subject)
{
  fill_rings (subject, SMALLEST);
}

void
the_largest_ring_is_emptied (const Subject *subject)
{
  fill_rings (subject, LARGEST);
}

void
each_ring_is_read (const Subject *subject)
{
  static const Shape shape = { { 200 }, 5 };
  Trial *t = with_rings (subject, 64, &shape);

  for (guint i = 0; i < 5; i++) {
    trial_write (t, (i + 3) % 5, 0, i * 30);
    collect_and_compare (t);
  }
  trial_free (t);
}

/* Each region has two slots here, and no slot has the number of its region. */
void
ring_entries_are_located (const Subject *subject)
{
  static const Shape shape = { { 100, 7, 300 }, 1 };
  Trial *t = with_rings (subject, 64, &shape);

  for (guint i = 0; i < 3; i++) {
    guint64 n = sim_pages (t->sim, i);

    trial_write (t, 0, i, 0);
    trial_write (t, 0, i, n / 2 - 1);
    trial_write (t, 0, i, n / 2);
    trial_write (t, 0, i, n - 1);
    collect_and_compare (t);
  }
  trial_free (t);
}

typedef struct {
  Trial *trial;
  gint done;
} Writer;

static void
write_on_and_on (gpointer data)
{
  Writer *writer = data;

  for (guint64 page = 0; page < 1000; page++)
    trial_write (writer->trial, 0, 0, page);
  g_atomic_int_set (&writer->done, TRUE);
}

void
a_full_ring_goes_on (const Subject *subject)
{
  static const Shape shape = { { 1000 }, 1 };
  Trial *t = with_rings (subject, 16, &shape);
  Writer writer = { t, FALSE };
  Call vcpu = { .kind = CALL_FUNCTION, .function = write_on_and_on, .data = &writer };
  gint64 until_us = g_get_monotonic_time () + WAITS_S * G_TIME_SPAN_SECOND;

  call_start (&vcpu);
  while (!g_atomic_int_get (&writer.done)) {
    trial_collect (t);
    EXPECT (g_get_monotonic_time () < until_us,
            PROMISE ("dirty-log.h", "A vCPU whose ring is nearly full stands still until "
                                    "reset_rings: harvesting alone gives no room"),
            "a vCPU has waited for room for %d s while collect was called again and again",
            WAITS_S);
  }
  call_end (&vcpu, PROMISE ("tracker.h", "Set the bits of the pages written"));
  trial_collect (t);
  trial_expect_noted (t);
  trial_free (t);
}

void
room_in_a_ring_is_told (const Subject *subject)
{
  static const Shape shape = { { LARGEST }, 1 };
  Trial *t = with_rings (subject, LARGEST, &shape);

  for (guint64 page = 0; sim_has_room (t->sim, 0); page++)
    trial_write (t, 0, 0, page);
  trial_collect (t);
  trial_expect_noted (t);
  EXPECT (t->rings_were_reset > 0,
          PROMISE ("tracker.h", "To be called in the middle of a long collect"),
          "a full ring of %u entries was emptied, and rings_were_reset was not called",
          LARGEST);
  trial_free (t);
}

static void
collect_untold (Trial *t)
{
  trial_start (t);
  trial_settle (t);
  trial_write (t, 0, 0, 3);
  collect_and_compare (t);
}

/* Leaves rings_were_reset out. */
void
nobody_need_be_told (const Subject *subject)
{
  static const SimKind kind = { "dirty rings", GDW_DIRTY_LOG_RING, 64 };
  static const Shape shape = { { 64 }, 1 };
  g_autoptr (GError) error = NULL;
  Trial *t = trial_new (subject, &kind, &shape, &error);

  if (!t)
    skip ("the tracker does not use dirty rings");
  t->tracker->close (t->self);
  t->config.rings_were_reset = NULL;
  t->self = t->tracker->open (&t->config, &error);
  EXPECT (t->self, PROMISE ("tracker.h", "Or NULL"), "open failed without rings_were_reset: %s",
          error->message);
  collect_untold (t);
  trial_free (t);
}
