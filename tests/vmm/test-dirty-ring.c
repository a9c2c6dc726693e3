/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The module of trackers/dirty-ring.c over the rings of the software machine. */

#include "tests/support/suite.h"
#include "vmm/guest.h"
#include "vmm/soft-log.h"
#include "vmm/soft-ring.h"

#include <check.h>
#include <gmodule.h>
#include <pthread.h>
#include <string.h>

#define PAGES 70000u /* more than the largest ring, and not a multiple of 64 */
#define WORDS GDW_BITMAP_WORDS (PAGES)
#define VCPUS 3u
#define ROOM(entries) ((entries) -SOFT_RING_RESERVED)

static const GdwTracker *plugin;
static const guint32 sizes[] = { 256, 4096, 65536 };

typedef struct {
  SoftLog *soft;
  GdwDirtyLog log; /* the soft one, with hooks */
  gpointer tracker;
  guint64 *bits[2];
  guint n_resets; /* those that gave something back, */
  guint64 most;   /* and the most that one of them did */
  guint n_told;
  guint n_ranges; /* that were given */
  gboolean locate_fails, reset_fails, enable_fails;
  void (*on_reset) (gpointer fixture);
} Fixture;

static const GdwDirtyLog *
soft_seam (gpointer self)
{
  return soft_log_vtable (((Fixture *) self)->soft);
}

static gboolean
wanted_failure (const char *what, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST, "dirty log 'test': %s failed", what);
  return FALSE;
}

static gboolean
enable (gpointer self, guint32 mode, GError **error)
{
  if (((Fixture *) self)->enable_fails)
    return wanted_failure ("enable", error);
  return soft_seam (self)->enable (soft_seam (self)->self, mode, error);
}

static gboolean
disable (gpointer self, GError **error)
{
  return soft_seam (self)->disable (soft_seam (self)->self, error);
}

static gboolean
locate (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
        GError **error)
{
  if (((Fixture *) self)->locate_fails)
    return wanted_failure ("locate", error);
  return soft_seam (self)->locate (soft_seam (self)->self, slot, offset, region, page, error);
}

static gboolean
reset_rings (gpointer self, guint64 *n_pages, GError **error)
{
  Fixture *f = self;

  if (f->on_reset)
    f->on_reset (f);
  if (f->reset_fails)
    return wanted_failure ("reset", error);
  if (!soft_seam (self)->reset_rings (soft_seam (self)->self, n_pages, error))
    return FALSE;
  f->n_resets += *n_pages != 0;
  f->most = MAX (f->most, *n_pages);
  return TRUE;
}

static void
told (gpointer core)
{
  ((Fixture *) core)->n_told++;
}

static void
load (void)
{
  gpointer symbol = NULL;
  g_autofree char *path = g_build_filename (g_getenv ("GODWIT_BUILD"), "trackers",
                                            "gdw-tracker-dirty-ring.so", NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

  ck_assert_msg (module != NULL, "%s", g_module_error ());
  g_module_make_resident (module);
  ck_assert (g_module_symbol (module, "gdw_plugin", &symbol));
  plugin = symbol;
}

static void
set_up (Fixture *f, guint32 n_entries)
{
  Memory memory = { .n_regions = 2 };
  static GdwRegion regions[2];
  static const GdwRegion *const table[] = { &regions[0], &regions[1] };
  GdwTrackerConfig config = { .size = sizeof config, .regions = table, .n_regions = 2 };

  regions[0] = (GdwRegion){ .name = "low", .size = (guint64) PAGES * 4096 };
  regions[1] = (GdwRegion){ .name = "high", .guest_addr = GUEST_HIGH, .size = 4096 };
  memcpy (memory.regions, regions, sizeof regions);
  *f = (Fixture){ .soft = soft_log_new (&memory, VCPUS, n_entries) };
  f->log = *soft_log_vtable (f->soft);
  f->log.self = f;
  f->log.enable = enable;
  f->log.disable = disable;
  f->log.locate = locate;
  f->log.reset_rings = reset_rings;
  f->bits[0] = g_new0 (guint64, WORDS);
  f->bits[1] = g_new0 (guint64, 1);
  config.dirty_log = &f->log;
  config.rings_were_reset = told;
  config.core = f;
  f->tracker = plugin->open (&config, NULL);
  ck_assert_ptr_nonnull (f->tracker);
}

static void
tear_down (Fixture *f)
{
  plugin->close (f->tracker);
  soft_log_free (f->soft);
  g_free (f->bits[0]);
  g_free (f->bits[1]);
}

static void
start (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (plugin->start (f->tracker, &error), "%s", error ? error->message : "");
}

static void
stop (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (plugin->stop (f->tracker, &error), "%s", error ? error->message : "");
}

/* How many pages of the lower region a collect reports. */
static guint
collect (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  guint n = 0;

  memset (f->bits[0], 0, WORDS * sizeof (guint64));
  f->bits[1][0] = 0;
  ck_assert_msg (plugin->collect (f->tracker, f->bits, &error), "%s",
                 error ? error->message : "");
  for (guint w = 0; w < WORDS; w++)
    n += __builtin_popcountll (f->bits[0][w]);
  return n;
}

static gboolean
has (const Fixture *f, guint64 page)
{
  return f->bits[0][page / 64] >> (page % 64) & 1;
}

static void
mark (Fixture *f, guint vcpu, guint64 page)
{
  soft_log_mark (f->soft, vcpu, page * 4096 + 7);
}

static void
mark_many (Fixture *f, guint vcpu, guint64 first, guint n)
{
  for (guint i = 0; i < n; i++)
    mark (f, vcpu, first + i);
}

START_TEST (a_page_is_reported_once_until_it_is_written_again)
{
  Fixture f;

  set_up (&f, sizes[_i]);
  start (&f);
  mark (&f, 0, 0);
  mark (&f, 0, 0);
  mark (&f, 1, PAGES - 1);
  mark (&f, 2, GUEST_HIGH / 4096);
  ck_assert_uint_eq (collect (&f), 2);
  ck_assert (has (&f, 0) && has (&f, PAGES - 1));
  ck_assert_uint_eq (f.bits[1][0], 1);
  ck_assert_uint_eq (collect (&f), 0);
  mark (&f, 2, 0);
  ck_assert_uint_eq (collect (&f), 1);
  ck_assert (has (&f, 0));
  stop (&f);
  tear_down (&f);
}
END_TEST

static void
add_to_bits (gpointer fixture, const GdwPageRange *ranges, guint n)
{
  Fixture *f = fixture;

  ck_assert_uint_gt (n, 0);
  for (guint i = 0; i < n; i++, f->n_ranges++)
    for (guint64 page = ranges[i].first; page < ranges[i].first + ranges[i].n; page++)
      f->bits[ranges[i].region][page / 64] |= UINT64_C (1) << page % 64;
}

/* Pages that were written one after the other are one range. */
START_TEST (a_collect_can_give_ranges)
{
  Fixture f;
  g_autofree guint64 *expected = g_new0 (guint64, WORDS);

  set_up (&f, 4096);
  start (&f);
  mark (&f, 2, GUEST_HIGH / 4096);
  mark_many (&f, 0, 100, 500);
  for (guint64 page = 1000; page < 3000; page += 7) {
    mark (&f, 1, page);
    expected[page / 64] |= UINT64_C (1) << page % 64;
  }
  for (guint64 page = 100; page < 600; page++)
    expected[page / 64] |= UINT64_C (1) << page % 64;
  memset (f.bits[0], 0, WORDS * sizeof (guint64));
  f.bits[1][0] = 0;
  ck_assert (plugin->collect_runs (f.tracker, add_to_bits, &f, NULL));
  ck_assert_mem_eq (f.bits[0], expected, WORDS * sizeof (guint64));
  ck_assert_uint_eq (f.bits[1][0], 1);
  ck_assert_uint_eq (f.n_ranges, 1 + 1 + 286);
  ck_assert (plugin->collect_runs (f.tracker, add_to_bits, &f, NULL));
  ck_assert_uint_eq (f.n_ranges, 1 + 1 + 286);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* A reported page is armed when collect returns: a read after that misses nothing. */
START_TEST (a_page_is_armed_when_it_is_reported)
{
  Fixture f;

  set_up (&f, 256);
  start (&f);
  for (guint i = 0; i < 1000; i++) {
    mark (&f, i % VCPUS, 5);
    ck_assert_uint_eq (collect (&f), 1);
    ck_assert (has (&f, 5));
  }
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Other bits are left alone. */
START_TEST (collect_only_adds)
{
  Fixture f;

  set_up (&f, 256);
  start (&f);
  mark (&f, 0, 3);
  f.bits[0][0] = 1 << 5;
  ck_assert (plugin->collect (f.tracker, f.bits, NULL));
  ck_assert_uint_eq (f.bits[0][0], 1 << 5 | 1 << 3);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Three times round, the last entry and the first among them. */
START_TEST (a_ring_wraps)
{
  Fixture f;
  guint step = ROOM (sizes[_i]) - 1, at = 0;

  set_up (&f, sizes[_i]);
  start (&f);
  while (at < 3 * sizes[_i]) {
    guint first = at % (PAGES - step);

    mark_many (&f, 1, first, step);
    ck_assert (!soft_log_full (f.soft, 1));
    ck_assert_uint_eq (collect (&f), step);
    ck_assert (has (&f, first) && has (&f, first + step - 1));
    at += step;
  }
  ck_assert_uint_eq (f.log.rings[1].next, at);
  stop (&f);
  tear_down (&f);
}
END_TEST

START_TEST (a_full_ring_has_room_after_a_collect_and_not_before)
{
  Fixture f;
  guint room = ROOM (sizes[_i]);

  set_up (&f, sizes[_i]);
  start (&f);
  mark_many (&f, 0, 0, room - 1);
  ck_assert (!soft_log_full (f.soft, 0));
  mark (&f, 0, room);
  ck_assert (soft_log_full (f.soft, 0));
  ck_assert (!soft_log_full (f.soft, 1));
  mark (&f, 0, 0);
  ck_assert_uint_eq (collect (&f), room);
  ck_assert (!soft_log_full (f.soft, 0));
  stop (&f);
  tear_down (&f);
}
END_TEST

/* A vCPU that waits goes on in the middle. */
START_TEST (a_large_ring_is_reset_in_portions)
{
  Fixture f;

  set_up (&f, 65536);
  start (&f);
  mark_many (&f, 0, 0, 20000);
  mark_many (&f, 2, 30000, 10000);
  ck_assert_uint_eq (collect (&f), 30000);
  ck_assert_uint_ge (f.n_resets, 10);
  ck_assert_uint_le (f.most, VCPUS * 2000);
  ck_assert_uint_eq (f.n_told, f.n_resets);
  stop (&f);
  tear_down (&f);
}
END_TEST

static void
write_again (gpointer fixture)
{
  Fixture *f = fixture;

  f->on_reset = NULL;
  mark (f, 0, 5); /* not re-armed yet: this collect has it */
  mark (f, 1, 6);
}

/* This collect or the next reports it. */
START_TEST (a_page_written_during_collect_is_not_lost)
{
  Fixture f;
  guint n;

  set_up (&f, 256);
  start (&f);
  mark (&f, 0, 5);
  f.on_reset = write_again;
  n = collect (&f);
  ck_assert (has (&f, 5));
  if (n == 1) {
    ck_assert_uint_eq (collect (&f), 1);
    ck_assert (has (&f, 6));
  }
  ck_assert_uint_eq (collect (&f), 0);
  mark (&f, 0, 5);
  ck_assert_uint_eq (collect (&f), 1);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* The vCPU never gets to its end, yet collect does. */
static void
refill (gpointer fixture)
{
  static guint64 at;
  Fixture *f = fixture;

  for (guint i = 0; i < 60; i++)
    mark (f, 0, at++ % PAGES);
}

START_TEST (collect_ends_however_fast_the_guest_writes)
{
  Fixture f;

  set_up (&f, 256);
  start (&f);
  refill (&f);
  f.on_reset = refill;
  ck_assert_uint_le (collect (&f), 256);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Pages not collected before the stop are forgotten, and writes while tracking is
 * off is not logged. */
START_TEST (nothing_is_stale_after_a_restart)
{
  Fixture f;
  guint32 next;

  set_up (&f, sizes[_i]);
  start (&f);
  mark_many (&f, 0, 0, ROOM (sizes[_i]));
  stop (&f);
  ck_assert (!soft_log_full (f.soft, 0));
  mark (&f, 0, 69000);
  next = f.log.rings[0].next;
  start (&f);
  ck_assert_uint_eq (collect (&f), 0);
  ck_assert_uint_eq (f.log.rings[0].next, next);
  mark (&f, 0, 69000);
  mark (&f, 0, 1);
  ck_assert_uint_eq (collect (&f), 2);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* The rings live longer than a tracker does. */
START_TEST (the_next_tracker_goes_on_where_the_last_one_was)
{
  Fixture f;
  GdwTrackerConfig config = { .size = sizeof config, .n_regions = 2 };

  set_up (&f, 256);
  start (&f);
  mark_many (&f, 1, 0, 100);
  ck_assert_uint_eq (collect (&f), 100);
  mark_many (&f, 1, 0, 50);
  plugin->stop (f.tracker, NULL);
  plugin->close (f.tracker);
  config.dirty_log = &f.log;
  f.tracker = plugin->open (&config, NULL);
  start (&f);
  ck_assert_uint_eq (collect (&f), 0);
  for (guint i = 0; i < 5; i++) {
    mark_many (&f, 1, 0, 150);
    ck_assert_uint_eq (collect (&f), 150);
  }
  stop (&f);
  tear_down (&f);
}
END_TEST

START_TEST (each_vcpu_is_counted)
{
  Fixture f;
  guint64 pages[VCPUS + 1] = { 0, 0, 0, 77 };

  set_up (&f, 4096);
  start (&f);
  mark_many (&f, 0, 0, 2);
  mark_many (&f, 2, 100, 500);
  collect (&f);
  mark_many (&f, 2, 100, 1);
  collect (&f);
  ck_assert_uint_eq (plugin->vcpu_pages (f.tracker, pages, VCPUS + 1), VCPUS);
  ck_assert_uint_eq (pages[0], 2);
  ck_assert_uint_eq (pages[1], 0);
  ck_assert_uint_eq (pages[2], 501);
  ck_assert_uint_eq (pages[3], 77);
  stop (&f);
  start (&f);
  ck_assert_uint_eq (plugin->vcpu_pages (f.tracker, pages, 1), VCPUS);
  ck_assert_uint_eq (pages[0], 0);
  ck_assert_uint_eq (pages[2], 501);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Failures */

static void
expect_open_refused (const GdwDirtyLog *log, const char *text)
{
  g_autoptr (GError) error = NULL;
  GdwTrackerConfig config = { .size = sizeof config, .dirty_log = log };

  ck_assert_ptr_null (plugin->open (&config, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_UNSUPPORTED));
  ck_assert_str_eq (error->message, text);
}

START_TEST (open_says_what_is_missing)
{
  GdwDirtyLog bitmap = { .size = sizeof bitmap,
                         .modes = GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL |
                                  GDW_DIRTY_LOG_INITIALLY_SET };

  expect_open_refused (NULL, "tracker 'dirty-ring': open failed: this host keeps no dirty log; "
                             "give it one with rings, or use a tracker that needs none");
  expect_open_refused (&bitmap,
                       "tracker 'dirty-ring': open failed: this VM has no dirty rings; start "
                       "the VM with --dirty-ring-size, or use tracker 'auto'");
}
END_TEST

static void
expect_collect_fails (Fixture *f, const char *text)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!plugin->collect (f->tracker, f->bits, &error));
  ck_assert_ptr_nonnull (error);
  ck_assert_str_eq (error->message, text);
}

START_TEST (a_failure_is_passed_on_and_stop_still_empties)
{
  Fixture f;

  set_up (&f, 256);
  f.enable_fails = TRUE;
  ck_assert (!plugin->start (f.tracker, NULL));
  f.enable_fails = FALSE;
  start (&f);
  mark_many (&f, 0, 0, ROOM (256));
  f.locate_fails = TRUE;
  expect_collect_fails (&f, "dirty log 'test': locate failed");
  f.locate_fails = FALSE;
  f.reset_fails = TRUE;
  expect_collect_fails (&f, "dirty log 'test': reset failed");
  f.reset_fails = FALSE;
  stop (&f);
  ck_assert (!soft_log_full (f.soft, 0));
  start (&f);
  mark (&f, 0, 9);
  ck_assert_uint_eq (collect (&f), 1);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Bitmaps are for others, and so is another mode. */
START_TEST (a_log_with_rings_has_no_bitmap)
{
  Fixture f;
  const GdwDirtyLog *seam;
  g_autoptr (GError) got = NULL, cleared = NULL, enabled = NULL, located = NULL;
  guint region;
  guint64 page;

  set_up (&f, 256);
  seam = soft_log_vtable (f.soft);
  ck_assert_uint_eq (seam->modes, GDW_DIRTY_LOG_RING);
  ck_assert (!seam->enable (seam->self, GDW_DIRTY_LOG_MANUAL, &enabled));
  ck_assert_str_eq (enabled->message, "dirty log 'soft': cannot be enabled: there is no mode "
                                      "0x2; use ring");
  start (&f);
  ck_assert (!seam->get (seam->self, 0, f.bits[0], &got));
  ck_assert_str_eq (got->message, "dirty log 'soft': get failed: this machine has dirty rings; "
                                  "harvest them");
  ck_assert (!seam->clear (seam->self, 0, 0, 64, f.bits[0], &cleared));
  ck_assert (strstr (cleared->message, "clear failed: this machine has dirty rings") != NULL);
  ck_assert (!seam->locate (seam->self, 0, PAGES, &region, &page, &located));
  ck_assert (strstr (located->message, "there is no page 70000 in slot 0") != NULL);
  stop (&f);
  tear_down (&f);
}
END_TEST

/* Threads: what each wrote last is what the sum of all collects saw last. */

#define ROUNDS 3000u

typedef struct {
  Fixture *f;
  guint vcpu;
  gint *stop;
  guint64 *cells; /* atomic: one a page; the count of writes */
} Writer;

#define HOT 300u

static gpointer
writer_thread (gpointer data)
{
  Writer *w = data;

  for (guint64 i = 0; !g_atomic_int_get (w->stop); i++) {
    guint page = (i * 7 + w->vcpu * 11) % HOT;

    while (soft_log_full (w->f->soft, w->vcpu) && !g_atomic_int_get (w->stop))
      sched_yield ();
    __atomic_fetch_add (&w->cells[page], 1, __ATOMIC_RELAXED);
    mark (w->f, w->vcpu, page);
  }
  return NULL;
}

START_TEST (no_write_is_lost_among_threads)
{
  Fixture f;
  Writer writers[VCPUS];
  pthread_t threads[VCPUS];
  guint64 cells[HOT] = { 0 }, copies[HOT] = { 0 };
  gint ended = 0;

  set_up (&f, 256);
  start (&f);
  for (guint i = 0; i < VCPUS; i++) {
    writers[i] = (Writer){ &f, i, &ended, cells };
    ck_assert_int_eq (pthread_create (&threads[i], NULL, writer_thread, &writers[i]), 0);
  }
  for (guint round = 0; round <= ROUNDS; round++) {
    if (round == ROUNDS) {
      g_atomic_int_set (&ended, 1);
      for (guint i = 0; i < VCPUS; i++)
        pthread_join (threads[i], NULL);
    }
    collect (&f);
    for (guint page = 0; page < HOT; page++)
      if (has (&f, page))
        copies[page] = __atomic_load_n (&cells[page], __ATOMIC_RELAXED);
  }
  for (guint page = 0; page < HOT; page++)
    ck_assert_uint_eq (copies[page], cells[page]);
  stop (&f);
  tear_down (&f);
}
END_TEST

int
main (void)
{
  TCase *tests = tcase_create ("dirty-ring"), *armed = tcase_create ("armed");
  int n = G_N_ELEMENTS (sizes);

  tcase_set_timeout (tests, 60);
  tcase_add_unchecked_fixture (tests, load, NULL);
  tcase_add_loop_test (tests, a_page_is_reported_once_until_it_is_written_again, 0, n);
  tcase_add_test (tests, collect_only_adds);
  tcase_add_test (tests, a_collect_can_give_ranges);
  tcase_add_loop_test (tests, a_ring_wraps, 0, n);
  tcase_add_loop_test (tests, a_full_ring_has_room_after_a_collect_and_not_before, 0, n);
  tcase_add_test (tests, a_large_ring_is_reset_in_portions);
  tcase_add_test (tests, a_page_written_during_collect_is_not_lost);
  tcase_add_test (tests, collect_ends_however_fast_the_guest_writes);
  tcase_add_loop_test (tests, nothing_is_stale_after_a_restart, 0, n);
  tcase_add_test (tests, the_next_tracker_goes_on_where_the_last_one_was);
  tcase_add_test (tests, each_vcpu_is_counted);
  tcase_add_test (tests, open_says_what_is_missing);
  tcase_add_test (tests, a_failure_is_passed_on_and_stop_still_empties);
  tcase_add_test (tests, a_log_with_rings_has_no_bitmap);
  tcase_add_test (tests, no_write_is_lost_among_threads);
  tcase_add_unchecked_fixture (armed, load, NULL);
  tcase_add_test (armed, a_page_is_armed_when_it_is_reported);
  return suite_run ("dirty-ring", tests, armed, NULL);
}
