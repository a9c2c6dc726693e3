/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The software dirty log keeps KVM's rules. */

#include "tests/support/suite.h"
#include "vmm/guest.h"
#include "vmm/soft-log.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 200u /* not a multiple of 64 */
#define WORDS 4u
#define PLAIN GDW_DIRTY_LOG_PLAIN
#define MANUAL GDW_DIRTY_LOG_MANUAL
#define ALL_SET (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET)

typedef struct {
  SoftLog *log;
  const GdwDirtyLog *seam;
  guint64 bits[2][WORDS];
} Fixture;

static Fixture
setup (guint32 mode)
{
  Memory memory = { .n_regions = 2 };
  Fixture f = { 0 };

  memory.regions[0] = (GdwRegion){ .name = "low", .size = PAGES * 4096 };
  memory.regions[1] = (GdwRegion){ .name = "high", .guest_addr = GUEST_HIGH, .size = 4096 };
  f.log = soft_log_new (&memory, 0, 0);
  f.seam = soft_log_vtable (f.log);
  if (mode)
    ck_assert (f.seam->enable (f.seam->self, mode, NULL));
  return f;
}

static void
mark (Fixture *f, guint64 page)
{
  soft_log_mark (f->log, 0, page * 4096 + 123);
}

static void
get (Fixture *f)
{
  memset (f->bits, 0xee, sizeof f->bits);
  ck_assert (f->seam->get (f->seam->self, 0, f->bits[0], NULL));
  ck_assert (f->seam->get (f->seam->self, 1, f->bits[1], NULL));
}

static gboolean
has (const Fixture *f, guint64 page)
{
  return f->bits[0][page / 64] >> (page % 64) & 1;
}

static guint
count (const Fixture *f)
{
  guint n = 0;

  for (guint w = 0; w < WORDS; w++)
    n += __builtin_popcountll (f->bits[0][w]);
  return n;
}

static gboolean
clear (Fixture *f, guint64 first, guint64 n, const guint64 *bits)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = f->seam->clear (f->seam->self, 0, first, n, bits, &error);

  ck_assert_int_eq (ok, error == NULL);
  return ok;
}

START_TEST (plain_get_reports_once)
{
  Fixture f = setup (PLAIN);

  mark (&f, 0);
  mark (&f, 199);
  mark (&f, GUEST_HIGH / 4096);
  get (&f);
  ck_assert (has (&f, 0) && has (&f, 199));
  ck_assert_uint_eq (count (&f), 2);
  ck_assert_uint_eq (f.bits[1][0], 1);
  mark (&f, 199);
  get (&f);
  ck_assert (has (&f, 199));
  ck_assert_uint_eq (count (&f), 1);
  ck_assert_uint_eq (f.bits[1][0], 0);
  get (&f);
  ck_assert_uint_eq (count (&f), 0);
  soft_log_free (f.log);
}
END_TEST

START_TEST (manual_get_only_copies)
{
  Fixture f = setup (MANUAL);

  mark (&f, 70);
  get (&f);
  get (&f);
  ck_assert (has (&f, 70));
  ck_assert_uint_eq (count (&f), 1);
  soft_log_free (f.log);
}
END_TEST

START_TEST (clear_takes_exactly_the_given_bits)
{
  Fixture f = setup (MANUAL);
  guint64 bits[WORDS] = { UINT64_C (1) << 6 };

  mark (&f, 70);
  mark (&f, 71);
  mark (&f, 6);
  ck_assert (clear (&f, 64, 64, bits));
  get (&f);
  ck_assert (has (&f, 71) && has (&f, 6) && !has (&f, 70));
  mark (&f, 70);
  get (&f);
  ck_assert (has (&f, 70));
  soft_log_free (f.log);
}
END_TEST

START_TEST (initially_set_reports_everything_until_cleared)
{
  Fixture f = setup (ALL_SET);
  guint64 bits[WORDS] = { ~UINT64_C (0) };

  for (guint i = 0; i < 2; i++) {
    get (&f);
    ck_assert_uint_eq (count (&f), PAGES);
    ck_assert_uint_eq (f.bits[0][WORDS - 1], 0xff);
    ck_assert_uint_eq (f.bits[1][0], 1);
  }
  ck_assert (clear (&f, 0, 64, bits));
  get (&f);
  ck_assert_uint_eq (count (&f), PAGES - 64);
  ck_assert (f.seam->disable (f.seam->self, NULL));
  ck_assert (f.seam->enable (f.seam->self, ALL_SET, NULL));
  get (&f);
  ck_assert_uint_eq (count (&f), PAGES);
  soft_log_free (f.log);
}
END_TEST

START_TEST (enable_forgets)
{
  Fixture f = setup (PLAIN);

  mark (&f, 5);
  ck_assert (f.seam->disable (f.seam->self, NULL));
  mark (&f, 6);
  ck_assert (f.seam->enable (f.seam->self, MANUAL, NULL));
  get (&f);
  ck_assert_uint_eq (count (&f), 0);
  soft_log_free (f.log);
}
END_TEST

START_TEST (what_kvm_refuses_is_refused)
{
  static const struct {
    guint64 first, n;
    gboolean ok;
  } ranges[] = {
    { 0, 64, TRUE },    { 0, 200, TRUE },  { 192, 8, TRUE },  { 64, 136, TRUE },
    { 128, 64, TRUE },  { 1, 64, FALSE },  { 0, 63, FALSE },  { 192, 64, FALSE },
    { 256, 64, FALSE }, { 0, 256, FALSE }, { 192, 7, FALSE }, { 64, G_MAXUINT64 - 63, FALSE },
  };
  guint64 bits[WORDS] = { 0 };
  Fixture f = setup (0);

  ck_assert (!f.seam->get (f.seam->self, 0, bits, NULL));
  ck_assert (!clear (&f, 0, 64, bits));
  ck_assert (!f.seam->enable (f.seam->self, GDW_DIRTY_LOG_INITIALLY_SET, NULL));
  ck_assert (!f.seam->enable (f.seam->self, PLAIN | GDW_DIRTY_LOG_INITIALLY_SET, NULL));
  ck_assert (!f.seam->enable (f.seam->self, PLAIN | MANUAL, NULL));
  ck_assert (!f.seam->enable (f.seam->self, 0, NULL));
  ck_assert (f.seam->enable (f.seam->self, PLAIN, NULL));
  ck_assert (!clear (&f, 0, 64, bits));
  ck_assert (f.seam->enable (f.seam->self, MANUAL, NULL));
  ck_assert (!f.seam->get (f.seam->self, 2, bits, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    ck_assert_int_eq (clear (&f, ranges[i].first, ranges[i].n, bits), ranges[i].ok);
  soft_log_free (f.log);
}
END_TEST

/* Writers that store and then mark, a collector that gets (and clears) and
 * then reads: what it read last is the last that was written. */

#define WRITES 200000
#define WRITERS 3

typedef struct {
  Fixture f;
  gboolean manual;
  guint64 values[PAGES]; /* atomic: the memory */
  gint done;             /* atomic: writers that have ended */
} Race;

typedef struct {
  Race *race;
  guint64 seed;
} Writer;

static void *
writer (void *data)
{
  Writer *w = data;

  for (guint i = 0; i < WRITES; i++) {
    guint64 page;

    w->seed = w->seed * UINT64_C (6364136223846793005) + 1;
    page = (w->seed >> 33) % PAGES;
    __atomic_fetch_add (&w->race->values[page], 1, __ATOMIC_RELAXED);
    mark (&w->race->f, page);
  }
  g_atomic_int_inc (&w->race->done);
  return NULL;
}

static void
collect (Race *race, guint64 *seen)
{
  get (&race->f);
  if (race->manual) /* re-arm what is read below */
    ck_assert (clear (&race->f, 0, PAGES, race->f.bits[0]));
  for (guint page = 0; page < PAGES; page++)
    if (has (&race->f, page))
      seen[page] = __atomic_load_n (&race->values[page], __ATOMIC_RELAXED);
}

START_TEST (no_write_is_lost)
{
  Race race = { .f = setup (_i ? ALL_SET : PLAIN), .manual = _i };
  guint64 seen[PAGES] = { 0 };
  pthread_t threads[WRITERS];
  Writer writers[WRITERS];

  for (guint i = 0; i < WRITERS; i++) {
    writers[i] = (Writer){ &race, i };
    ck_assert_int_eq (pthread_create (&threads[i], NULL, writer, &writers[i]), 0);
  }
  while (g_atomic_int_get (&race.done) < WRITERS)
    collect (&race, seen);
  for (guint i = 0; i < WRITERS; i++)
    pthread_join (threads[i], NULL);
  collect (&race, seen);
  for (guint page = 0; page < PAGES; page++)
    ck_assert_uint_eq (seen[page], race.values[page]);
  soft_log_free (race.f.log);
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("soft-log");

  tcase_set_timeout (tests, 30);
  tcase_add_test (tests, plain_get_reports_once);
  tcase_add_test (tests, manual_get_only_copies);
  tcase_add_test (tests, clear_takes_exactly_the_given_bits);
  tcase_add_test (tests, initially_set_reports_everything_until_cleared);
  tcase_add_test (tests, enable_forgets);
  tcase_add_test (tests, what_kvm_refuses_is_refused);
  tcase_add_loop_test (tests, no_write_is_lost, 0, 2);
  return suite_run ("soft-log", tests, NULL);
}
