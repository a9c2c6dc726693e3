/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The reference VMM's machine and its guest: test-machine kvm|soft. */

#include "vmm/guest-ram.h"
#include "vmm/machine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C (1) << 20)
#define MEMORY (24 * MIB)
#define WORKING_SET (4 * MIB)
#define DEADLINE_S 30

static gboolean soft; /* set once, by main */

typedef struct {
  Machine *machine;
  gint filled;   /* atomic: '!' came */
  gint wrote;    /* atomic: reports of the VMM's writes */
  gint died;     /* atomic */
  guint8 *dirty; /* one byte a page of ram-low, of what was reported */
} Fixture;

typedef struct {
  gboolean called;
  MachineCheck check;
  GError *error;
} Answer;

static guint
cores (void)
{
  return CLAMP (sysconf (_SC_NPROCESSORS_ONLN), 1, 4);
}

/* Events */

static void
on_serial (gpointer data, char c)
{
  if (c == '!')
    g_atomic_int_inc (&((Fixture *) data)->filled);
}

static void
on_wrote (gpointer data, guint64 gpa, guint64 size)
{
  Fixture *f = data;

  for (guint64 at = gpa / 4096; at <= (gpa + size - 1) / 4096; at++)
    __atomic_store_n (&f->dirty[at], 1, __ATOMIC_SEQ_CST);
  g_atomic_int_inc (&f->wrote);
}

static void
on_died (gpointer data, const char *why)
{
  g_atomic_int_inc (&((Fixture *) data)->died);
  g_printerr ("# %s\n", why);
}

/* Waiting: a tick a millisecond, until the test's own deadline */

static gboolean
tick (gpointer data)
{
  (void) data;
  return G_SOURCE_CONTINUE;
}

#define WAIT_UNTIL(condition)                                                                  \
  do {                                                                                         \
    guint wait_tick = g_timeout_add (1, tick, NULL);                                           \
    while (!(condition))                                                                       \
      g_main_context_iteration (NULL, TRUE);                                                   \
    g_source_remove (wait_tick);                                                               \
  } while (0)

static void
on_done (gpointer data, const GError *error)
{
  Answer *answer = data;

  answer->called = TRUE;
  answer->error = error ? g_error_copy (error) : NULL;
}

static void
on_checked (gpointer data, const MachineCheck *check, const GError *error)
{
  Answer *answer = data;

  if (check)
    answer->check = *check;
  on_done (answer, error);
}

/* A machine of VCPUS, all of them writers */

static MachineConfig
config_of (guint vcpus)
{
  return (MachineConfig){ .soft = soft,
                          .memory_bytes = MEMORY,
                          .vcpus = vcpus,
                          .ws_bytes = WORKING_SET,
                          .writers = vcpus,
                          .fill = TRUE };
}

static void
fixture_init (Fixture *f, const MachineConfig *config)
{
  GError *error = NULL;
  MachineEvents events = { .data = f, .serial = on_serial, .wrote = on_wrote, .died = on_died };

  memset (f, 0, sizeof *f);
  f->dirty = g_malloc0 (MEMORY / 4096);
  f->machine = machine_new (config, &events, &error);
  ck_assert_msg (f->machine != NULL, "%s", error ? error->message : "");
}

static void
fixture_clear (Fixture *f)
{
  machine_free (f->machine);
  g_free (f->dirty);
}

static void
boot (Fixture *f, const MachineConfig *config)
{
  fixture_init (f, config);
  ck_assert (machine_boot (f->machine, NULL));
  machine_resume (f->machine);
  WAIT_UNTIL (g_atomic_int_get (&f->filled));
}

static MachineStats
stats (Fixture *f)
{
  MachineStats s = { 0 };

  ck_assert (machine_stats (f->machine, &s, NULL));
  return s;
}

static guint64
written (Fixture *f, guint vcpu)
{
  const GuestVcpu *state = memory_at (machine_memory (f->machine),
                                      GUEST_STATE + vcpu * sizeof *state, sizeof *state);

  return __atomic_load_n (&state->written, __ATOMIC_SEQ_CST);
}

/* Every writer writes all of its slice N times more. */
static void
run_passes (Fixture *f, guint64 n)
{
  const GuestConfig *config = memory_at (machine_memory (f->machine), GUEST_IMAGE + 16,
                                         sizeof *config);
  guint64 start[GUEST_MAX_VCPUS], pages = WORKING_SET / 4096 / config->writers + 1;

  for (guint i = 0; i < config->writers; i++)
    start[i] = written (f, i);
  for (guint i = 0; i < config->writers; i++)
    WAIT_UNTIL (written (f, i) >= start[i] + n * pages);
}

static void
pause_now (Fixture *f)
{
  Answer answer = { 0 };

  machine_pause (f->machine, on_done, &answer);
  WAIT_UNTIL (answer.called);
  ck_assert (answer.error == NULL);
}

static MachineCheck
check_now (Fixture *f)
{
  Answer answer = { 0 };

  machine_check (f->machine, NULL, on_checked, &answer);
  WAIT_UNTIL (answer.called);
  ck_assert_msg (answer.error == NULL, "%s", answer.error ? answer.error->message : "");
  ck_assert_uint_eq (answer.check.pages_checked, MEMORY / 4096 - GUEST_FIRST_PAGE);
  return answer.check;
}

static guint8 *
page_at (Fixture *f, guint64 gpa)
{
  return memory_at (machine_memory (f->machine), gpa, 4096);
}

/* Exactly @bad pages are bad, the first at @gpa: the VMM finds it, and the guest. */
static void
expect_bad (Fixture *f, guint64 bad, guint64 gpa)
{
  MachineCheck check = check_now (f);

  ck_assert_uint_eq (check.pages_bad, bad);
  if (bad)
    ck_assert_uint_eq (check.first_bad, gpa);
  machine_resume (f->machine);
  check = check_now (f);
  ck_assert_uint_eq (check.pages_bad, bad);
  if (bad)
    ck_assert_uint_eq (check.first_bad, gpa);
}

static void
boot_and_pause (Fixture *f, guint vcpus)
{
  MachineConfig config = config_of (vcpus);

  boot (f, &config);
  run_passes (f, 2);
  pause_now (f);
}

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
  static const guint64 places[] = {
    0x100000, 0x200008, 0x3ff123, 0x5fffff, 0x600000, 0x17fffff
  };
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

/* Moving a guest by hand */

typedef struct {
  GdwSection sections[GUEST_MAX_VCPUS + 1];
  guint n;
} Sections;

static void
on_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  Sections *s = data;

  s->sections[s->n++] = (GdwSection){ g_strdup (name), version, g_bytes_ref (bytes) };
}

static void
sections_clear (Sections *s)
{
  for (guint i = 0; i < s->n; i++) {
    g_free ((char *) s->sections[i].name);
    g_bytes_unref (s->sections[i].data);
  }
}

static void
copy_memory (Fixture *to, Fixture *from)
{
  memcpy (page_at (to, 0), page_at (from, 0), MEMORY);
}

START_TEST (a_guest_goes_on_in_another_machine)
{
  MachineConfig config = config_of (_i & 1 ? cores () : 1);
  Sections sections = { .n = 0 };
  Fixture a, b;

  boot_and_pause (&a, config.vcpus);
  config.memfd = (_i & 2) != 0;
  fixture_init (&b, &config);
  ck_assert (machine_save (a.machine, on_section, &sections, NULL));
  ck_assert_uint_eq (sections.n, config.vcpus + 1);
  copy_memory (&b, &a);
  ck_assert (machine_load (b.machine, sections.sections, sections.n, NULL));
  fixture_clear (&a);
  expect_bad (&b, 0, 0);
  run_passes (&b, 3);
  ck_assert_uint_eq (check_now (&b).pages_bad, 0);
  pause_now (&b);
  ck_assert_uint_eq (check_now (&b).pages_bad, 0);
  ck_assert_int_eq (b.died, 0);
  ck_assert_int_eq (b.filled, 0);
  sections_clear (&sections);
  fixture_clear (&b);
}
END_TEST

/* Away and back: the machine that was left takes its guest again. */
START_TEST (a_machine_that_was_reset_takes_a_guest)
{
  MachineConfig config = config_of (2);
  Sections sections = { .n = 0 };
  Answer answer = { 0 };
  Fixture a, b;

  boot_and_pause (&a, 2);
  fixture_init (&b, &config);
  copy_memory (&b, &a);
  ck_assert (machine_save (a.machine, on_section, &sections, NULL));
  machine_reset (a.machine, on_done, &answer);
  WAIT_UNTIL (answer.called);
  ck_assert (answer.error == NULL);
  ck_assert (machine_memory (a.machine)->regions[0].flags & GDW_REGION_ZERO);
  for (guint64 i = 0; i < MEMORY; i += 4096)
    ck_assert_int_eq (page_at (&a, i)[i % 4095], 0);
  copy_memory (&a, &b);
  ck_assert (machine_load (a.machine, sections.sections, sections.n, NULL));
  expect_bad (&a, 0, 0);
  run_passes (&a, 2);
  ck_assert_uint_eq (check_now (&a).pages_bad, 0);
  sections_clear (&sections);
  fixture_clear (&a);
  fixture_clear (&b);
}
END_TEST

static gboolean
load_changed (Fixture *f, const Sections *sections, guint which, GBytes *bytes, guint32 version,
              guint n)
{
  GdwSection changed[GUEST_MAX_VCPUS + 1];
  g_autoptr (GError) error = NULL;
  gboolean ok;

  memcpy (changed, sections->sections, sizeof changed);
  changed[which].data = bytes;
  changed[which].version = version;
  ok = machine_load (f->machine, changed, n, &error);
  ck_assert_int_eq (ok, error == NULL);
  return ok;
}

/* Too short, too long, of another version, or missing: an error.  Any flipped
 * byte: an error or another state, and no harm to this process. */
START_TEST (damaged_state_is_refused)
{
  MachineConfig config = config_of (1);
  Sections sections = { .n = 0 };
  Fixture a, b;

  boot_and_pause (&a, 1);
  fixture_init (&b, &config);
  copy_memory (&b, &a);
  ck_assert (machine_save (a.machine, on_section, &sections, NULL));
  for (guint which = 0; which < sections.n; which++) {
    GBytes *whole = sections.sections[which].data;
    gsize size = g_bytes_get_size (whole);
    g_autofree guint8 *data = g_malloc0 (size + 1);
    g_autoptr (GBytes) longer = NULL;

    memcpy (data, g_bytes_get_data (whole, NULL), size);
    longer = g_bytes_new (data, size + 1);
    ck_assert (!load_changed (&b, &sections, which, longer, 1, sections.n));
    ck_assert (!load_changed (&b, &sections, which, whole, 2, sections.n));
    for (gsize n = 0; n < size; n += n < 1000 ? 7 : 499) {
      g_autoptr (GBytes) shorter = g_bytes_new_from_bytes (whole, 0, n);
      g_autoptr (GBytes) flipped = NULL;

      ck_assert (!load_changed (&b, &sections, which, shorter, 1, sections.n));
      data[n] ^= 0xff;
      flipped = g_bytes_new (data, size);
      load_changed (&b, &sections, which, flipped, 1, sections.n);
      data[n] ^= 0xff;
    }
  }
  ck_assert (!load_changed (&b, &sections, 0, sections.sections[0].data, 1, 1));
  ck_assert (machine_load (b.machine, sections.sections, sections.n, NULL));
  expect_bad (&b, 0, 0);
  sections_clear (&sections);
  fixture_clear (&a);
  fixture_clear (&b);
}
END_TEST

/* Registers and configuration from an enemy may kill the guest, not the VMM. */
START_TEST (a_damaged_guest_dies_alone)
{
  MachineConfig config = config_of (1);
  Sections sections = { .n = 0 };
  Fixture a, b;

  boot_and_pause (&a, 1);
  ck_assert (machine_save (a.machine, on_section, &sections, NULL));
  fixture_init (&b, &config); /* its memory is zero */
  ck_assert (machine_load (b.machine, sections.sections, sections.n, NULL));
  machine_resume (b.machine);
  WAIT_UNTIL (g_atomic_int_get (&b.died));
  pause_now (&b);
  sections_clear (&sections);
  fixture_clear (&a);
  fixture_clear (&b);
}
END_TEST

/* The dirty log sees every page that a vCPU changes, from a copy on. */
START_TEST (the_dirty_log_misses_nothing)
{
  static const guint32 modes[] = { GDW_DIRTY_LOG_PLAIN, GDW_DIRTY_LOG_MANUAL };
  g_autofree guint8 *copy = NULL;
  guint64 bits[MEMORY / 4096 / 64];
  const GdwDirtyLog *log;
  Fixture f;

  boot_and_pause (&f, cores ());
  log = machine_dirty_log (f.machine);
  ck_assert (log->enable (log->self, modes[_i], NULL));
  memset (f.dirty, 0, MEMORY / 4096);
  copy = g_memdup2 (page_at (&f, 0), MEMORY);
  machine_resume (f.machine);
  run_passes (&f, 2);
  pause_now (&f);
  ck_assert (log->get (log->self, 0, bits, NULL));
  for (guint64 i = 0; i < MEMORY / 4096; i++)
    if (memcmp (copy + i * 4096, page_at (&f, i * 4096), 4096) != 0)
      ck_assert ((bits[i / 64] >> (i % 64) & 1) || f.dirty[i]);
  for (guint64 i = 0; i < WORKING_SET / 4096; i++)
    ck_assert (bits[(i + 512) / 64] >> (i % 64) & 1);
  ck_assert (log->disable (log->self, NULL));
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
  MachineConfig configs[] = { config_of (1), config_of (2), config_of (2), config_of (2),
                              config_of (2) };
  Fixture f;

  configs[0].zero = TRUE;
  configs[1].fill = FALSE;
  configs[2].writers = 1;
  configs[3].ws_bytes = 0;
  configs[4].rate = 20000;
  configs[4].chatty = TRUE;
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
  MachineConfig configs[] = { config_of (1), config_of (1), config_of (1),
                              config_of (1), config_of (1), config_of (1) };
  MachineEvents events = { .data = NULL };
  g_autoptr (GError) error = NULL;

  configs[0].vcpus = 0;
  configs[1].vcpus = 257;
  configs[2].ws_bytes = MEMORY;
  configs[3].writers = 2;
  configs[4].memory_bytes = MIB;
  configs[5].guest_file = "/dev/null";
  ck_assert (machine_new (&configs[_i], &events, &error) == NULL);
  ck_assert (error != NULL);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create (soft ? "machine-soft" : "machine-kvm");
  TCase *tcase = tcase_create ("machine");

  tcase_set_timeout (tcase, DEADLINE_S);
  tcase_add_loop_test (tcase, a_guest_that_runs_is_good, 0, 2);
  tcase_add_loop_test (tcase, a_guest_that_is_stopped_anywhere_is_good, 0, 2);
  tcase_add_test (tcase, nobody_writes_while_paused);
  tcase_add_loop_test (tcase, one_flipped_bit_is_found, 0, 6);
  tcase_add_loop_test (tcase, one_stale_page_is_found, 0, 2);
  tcase_add_test (tcase, one_torn_page_is_found);
  tcase_add_test (tcase, two_swapped_pages_are_found);
  tcase_add_test (tcase, a_lost_page_is_found);
  tcase_add_test (tcase, a_stale_state_page_is_found);
  tcase_add_test (tcase, the_device_reports_what_it_writes);
  tcase_add_loop_test (tcase, a_guest_goes_on_in_another_machine, 0, 4);
  tcase_add_test (tcase, a_machine_that_was_reset_takes_a_guest);
  tcase_add_test (tcase, damaged_state_is_refused);
  tcase_add_test (tcase, a_damaged_guest_dies_alone);
  tcase_add_loop_test (tcase, the_dirty_log_misses_nothing, 0, 2);
  tcase_add_test (tcase, a_held_guest_does_not_write);
  tcase_add_loop_test (tcase, other_workloads_are_good, 0, 5);
  tcase_add_test (tcase, a_check_ends_with_the_run);
  tcase_add_loop_test (tcase, impossible_machines_are_refused, 0, 6);
  suite_add_tcase (s, tcase);
  return s;
}

int
main (int argc, char **argv)
{
  SRunner *runner;

  soft = argc > 1 && strcmp (argv[1], "soft") == 0;
  if (!soft && access ("/dev/kvm", R_OK | W_OK) < 0) {
    printf ("1..0 # SKIP machine-kvm: there is no /dev/kvm\n");
    return EXIT_SUCCESS;
  }
  runner = srunner_create (suite ());
  srunner_set_tap (runner, "-");
  srunner_run_all (runner, CK_SILENT);
  srunner_free (runner);
  return EXIT_SUCCESS;
}
