/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The machine and its guest run, stop, and are checked: test-machine kvm|soft. */

#include "fixture.h"

START_TEST (a_guest_that_runs_is_good)
{
  MachineConfig config = config_of (_i ? cores () : 1);
  Fixture f;

  boot (&f, &config);
  run_passes (&f, 3);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  run_passes (&f, 3);
  pause_now (&f);
  expect_bad (&f, 0, 0);
  ck_assert_int_eq (f.died, 0);
  fixture_clear (&f);
}
END_TEST

/* Stopping a vCPU anywhere, also between the two stores of a page, is no damage. */
START_TEST (a_guest_that_is_stopped_anywhere_is_good)
{
  Fixture f;

  boot_and_pause (&f, _i ? cores () : 1);
  for (guint i = 0; i < 100; i++) {
    guint64 before = stats (&f).pages_written;

    ck_assert_uint_eq (check_now (&f).pages_bad, 0);
    machine_resume (f.machine);
    WAIT_UNTIL (stats (&f).pages_written > before);
    pause_now (&f);
  }
  fixture_clear (&f);
}
END_TEST

START_TEST (nobody_writes_while_paused)
{
  g_autofree guint8 *copy = NULL;
  Fixture f;

  boot_and_pause (&f, cores ());
  copy = g_memdup2 (page_at (&f, 0), MEMORY);
  for (guint i = 0; i < 20; i++) {
    ck_assert_uint_eq (check_now (&f).pages_bad, 0); /* other threads had their time */
    ck_assert (memcmp (copy, page_at (&f, 0), MEMORY) == 0);
  }
  fixture_clear (&f);
}
END_TEST

START_TEST (one_flipped_bit_is_found)
{
  static const guint64 places[] = { 0x100000, 0x200008,  0x3ff123,          0x5fffff,
                                    0x600000, 0x17fffff, GUEST_ROM + 0x3123 };
  Fixture f;

  boot_and_pause (&f, cores ());
  page_at (&f, places[_i] & ~UINT64_C (4095))[places[_i] & 4095] ^= 4;
  expect_bad (&f, 1, places[_i] & ~UINT64_C (4095));
  fixture_clear (&f);
}
END_TEST

/* An older copy of one page of the working set. */
START_TEST (one_stale_page_is_found)
{
  guint64 gpa = 2 * MIB + 7 * 4096;
  g_autofree guint8 *copy = NULL;
  Fixture f;

  boot_and_pause (&f, _i ? cores () : 1);
  copy = g_memdup2 (page_at (&f, gpa), 4096);
  machine_resume (f.machine);
  run_passes (&f, 3);
  pause_now (&f);
  memcpy (page_at (&f, gpa), copy, 4096);
  expect_bad (&f, 1, gpa);
  fixture_clear (&f);
}
END_TEST

/* The half of one page older than the other half. */
START_TEST (one_torn_page_is_found)
{
  guint64 gpa = 2 * MIB + 7 * 4096;
  g_autofree guint8 *copy = NULL;
  Fixture f;

  boot_and_pause (&f, cores ());
  copy = g_memdup2 (page_at (&f, gpa), 4096);
  machine_resume (f.machine);
  run_passes (&f, 3);
  pause_now (&f);
  for (gsize half = 0; half < 4096; half += 2048)
    if (memcmp (page_at (&f, gpa) + half, copy + half, 2048) != 0)
      memcpy (page_at (&f, gpa) + half, copy + half, 2048);
  expect_bad (&f, 1, gpa);
  fixture_clear (&f);
}
END_TEST

START_TEST (two_swapped_pages_are_found)
{
  guint8 copy[4096];
  guint64 a = 8 * MIB, b = 8 * MIB + 4096;
  Fixture f;

  boot_and_pause (&f, cores ());
  memcpy (copy, page_at (&f, a), 4096);
  memcpy (page_at (&f, a), page_at (&f, b), 4096);
  memcpy (page_at (&f, b), copy, 4096);
  expect_bad (&f, 2, a);
  fixture_clear (&f);
}
END_TEST

START_TEST (a_lost_page_is_found)
{
  Fixture f;

  boot_and_pause (&f, cores ());
  memset (page_at (&f, 9 * MIB), 0, 4096);
  expect_bad (&f, 1, 9 * MIB);
  fixture_clear (&f);
}
END_TEST

/* The state that a vCPU keeps in memory is older than its registers. */
START_TEST (a_stale_state_page_is_found)
{
  g_autofree guint8 *copy = NULL;
  Fixture f;

  boot_and_pause (&f, 1);
  copy = g_memdup2 (page_at (&f, GUEST_STATE), 4096);
  machine_resume (f.machine);
  run_passes (&f, 2);
  pause_now (&f);
  memcpy (page_at (&f, GUEST_STATE), copy, 4096);
  ck_assert_uint_gt (check_now (&f).pages_bad, 0);
  fixture_clear (&f);
}
END_TEST

START_TEST (the_device_reports_what_it_writes)
{
  g_autofree guint8 *copy = NULL;
  GuestControl *control;
  guint64 seq;
  Fixture f;

  boot_and_pause (&f, 1);
  control = memory_at (machine_memory (f.machine), GUEST_CONTROL, sizeof *control);
  copy = g_memdup2 (page_at (&f, GUEST_RING), GUEST_RING_PAGES * 4096);
  memset (f.dirty, 0, MEMORY / 4096);
  seq = control->device_seq;
  machine_resume (f.machine);
  WAIT_UNTIL (control->device_seq >= seq + 3);
  pause_now (&f);
  ck_assert (f.dirty[GUEST_CONTROL / 4096]);
  for (guint i = 0; i < GUEST_RING_PAGES; i++) {
    guint64 gpa = GUEST_RING + i * 4096;

    ck_assert_int_eq (f.dirty[gpa / 4096],
                      memcmp (copy + i * 4096, page_at (&f, gpa), 4096) != 0);
  }
  page_at (&f, GUEST_RING + control->device_seq % 16 * 4096)[100] ^= 1;
  ck_assert_uint_eq (check_now (&f).pages_bad, 1);
  fixture_clear (&f);
}
END_TEST

START_TEST (a_held_guest_does_not_write)
{
  Fixture f;
  guint64 before;

  boot_and_pause (&f, cores ());
  machine_hold (f.machine, TRUE);
  machine_resume (f.machine);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0); /* every vCPU has looked by now */
  before = stats (&f).pages_written;
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  ck_assert_uint_eq (stats (&f).pages_written, before);
  machine_hold (f.machine, FALSE);
  WAIT_UNTIL (stats (&f).pages_written > before);
  fixture_clear (&f);
}
END_TEST

/* Fills, rates, idle vCPUs, and a guest that never wrote. */
START_TEST (other_workloads_are_good)
{
  MachineConfig configs[] = { config_of (1), config_of (2), config_of (2),
                              config_of (2), config_of (2), config_of (2) };
  Fixture f;

  configs[0].zero = TRUE;
  configs[1].fill = FALSE;
  configs[2].writers = 1;
  configs[3].ws_bytes = 0;
  configs[4].rate = 20000;
  configs[4].chatty = TRUE;
  configs[5].ws_from = MEMORY - WORKING_SET;
  boot (&f, &configs[_i]);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  if (configs[_i].ws_bytes)
    run_passes (&f, 2);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  pause_now (&f);
  expect_bad (&f, 0, 0);
  fixture_clear (&f);
}
END_TEST

START_TEST (a_check_ends_with_the_run)
{
  GCancellable *cancellable = g_cancellable_new ();
  Answer check = { 0 }, again = { 0 }, cancelled = { 0 };
  Fixture f;

  boot_and_pause (&f, 1);
  machine_resume (f.machine);
  machine_check (f.machine, NULL, on_checked, &check);
  pause_now (&f);
  WAIT_UNTIL (check.called);
  ck_assert (g_error_matches (check.error, GDW_ERROR, GDW_ERROR_BUSY));
  machine_check (f.machine, NULL, on_checked, &again);
  machine_resume (f.machine);
  WAIT_UNTIL (again.called);
  ck_assert (g_error_matches (again.error, GDW_ERROR, GDW_ERROR_BUSY));
  machine_check (f.machine, cancellable, on_checked, &cancelled);
  g_cancellable_cancel (cancellable);
  WAIT_UNTIL (cancelled.called);
  ck_assert (g_error_matches (cancelled.error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  g_object_unref (cancellable);
  fixture_clear (&f);
}
END_TEST

START_TEST (impossible_machines_are_refused)
{
  MachineConfig configs[] = { config_of (1), config_of (1), config_of (1), config_of (1),
                              config_of (1), config_of (1), config_of (1), config_of (1),
                              config_of (1), config_of (1), config_of (1) };
  MachineEvents events = { .data = NULL };
  g_autoptr (GError) error = NULL;

  configs[0].vcpus = 0;
  configs[1].vcpus = 257;
  configs[2].ws_bytes = MEMORY;
  configs[3].writers = 2;
  configs[4].memory_bytes = MIB;
  configs[5].guest_file = "/dev/null";
  configs[6].ws_from = MEMORY - WORKING_SET + 4096;
  configs[7].ws_from = MIB - 4096;
  configs[8].ring_entries = 128;
  configs[9].ring_entries = 1000;
  configs[10].ring_entries = 131072;
  ck_assert (machine_new (&configs[_i], &events, &error) == NULL);
  ck_assert (error != NULL);
  if (_i >= 8)
    ck_assert_msg (strstr (error->message, "--dirty-ring-size must be a power of two from 256 "
                                           "to 65536") != NULL,
                   "%s", error->message);
}
END_TEST

/* Possible on processors that log pages by themselves, too, and less than the working set. */
#define RING 1024

/* Without anybody who empties the rings of a guest that is not tracked. */
START_TEST (a_guest_with_rings_is_good)
{
  Fixture f;
  MachineConfig config = config_of (cores ());

  config.ring_entries = RING;
  boot (&f, &config);
  ck_assert_uint_eq (machine_dirty_log (f.machine)->modes, GDW_DIRTY_LOG_RING);
  ck_assert_uint_eq (machine_dirty_log (f.machine)->n_rings, cores ());
  run_passes (&f, 2);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  fixture_clear (&f);
}
END_TEST

/* A full ring stops its vCPU; it can be paused all the same, and goes on after a reset. */
START_TEST (a_guest_with_a_full_ring_can_be_paused)
{
  Fixture f;
  MachineConfig config = config_of (1);
  const GdwDirtyLog *log;
  GdwDirtyEntry *entries;
  guint64 n = 0, reset;

  config.ring_entries = RING;
  boot (&f, &config);
  log = machine_dirty_log (f.machine);
  ck_assert (log->enable (log->self, GDW_DIRTY_LOG_RING, NULL));
  WAIT_UNTIL (g_atomic_int_get (&f.full) > 3);
  pause_now (&f);
  ck_assert (log->disable (log->self, NULL));
  for (entries = log->rings[0].entries; n < RING && entries[n].flags; n++)
    entries[n].flags = GDW_DIRTY_ENTRY_RESET;
  ck_assert (log->reset_rings (log->self, &reset, NULL));
  ck_assert_uint_eq (reset, n);
  ck_assert_uint_ge (n, RING / 4);
  machine_resume (f.machine);
  run_passes (&f, 1);
  ck_assert_uint_eq (check_now (&f).pages_bad, 0);
  fixture_clear (&f);
}
END_TEST

static void
add (TCase *tests)
{
  tcase_add_loop_test (tests, a_guest_that_runs_is_good, 0, 2);
  tcase_add_loop_test (tests, a_guest_that_is_stopped_anywhere_is_good, 0, 2);
  tcase_add_test (tests, nobody_writes_while_paused);
  tcase_add_loop_test (tests, one_flipped_bit_is_found, 0, 7);
  tcase_add_loop_test (tests, one_stale_page_is_found, 0, 2);
  tcase_add_test (tests, one_torn_page_is_found);
  tcase_add_test (tests, two_swapped_pages_are_found);
  tcase_add_test (tests, a_lost_page_is_found);
  tcase_add_test (tests, a_stale_state_page_is_found);
  tcase_add_test (tests, the_device_reports_what_it_writes);
  tcase_add_test (tests, a_held_guest_does_not_write);
  tcase_add_loop_test (tests, other_workloads_are_good, 0, 6);
  tcase_add_test (tests, a_check_ends_with_the_run);
  tcase_add_loop_test (tests, impossible_machines_are_refused, 0, 11);
  tcase_add_test (tests, a_guest_with_rings_is_good);
  tcase_add_test (tests, a_guest_with_a_full_ring_can_be_paused);
}

int
main (int argc, char **argv)
{
  return fixture_main (argc, argv, "machine", add);
}
