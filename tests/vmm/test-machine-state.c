/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A guest's state and its dirty log: test-machine-state kvm|soft. */

#include "fixture.h"

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
  memcpy (page_at (to, GUEST_ROM), page_at (from, GUEST_ROM), GUEST_ROM_PAGES * 4096);
}

START_TEST (a_guest_goes_on_in_another_machine)
{
  MachineConfig config = config_of (_i & 1 ? cores () : 1);
  Sections sections = { .n = 0 };
  Fixture a, b;

  if (_i & 4)
    config.vcpus = 2, config.writers = 1; /* the other one sleeps */
  config.backend = _i & 2 ? MEMORY_MEMFD : MEMORY_ANON;
  boot (&a, &config);
  run_passes (&a, 2);
  pause_now (&a);
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
  ck_assert_int_eq (page_at (&a, GUEST_ROM)[1], 0);
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

static void
add (TCase *tests)
{
  tcase_add_loop_test (tests, a_guest_goes_on_in_another_machine, 0, 6);
  tcase_add_test (tests, a_machine_that_was_reset_takes_a_guest);
  tcase_add_test (tests, damaged_state_is_refused);
  tcase_add_test (tests, a_damaged_guest_dies_alone);
  tcase_add_loop_test (tests, the_dirty_log_misses_nothing, 0, 2);
}

int
main (int argc, char **argv)
{
  return fixture_main (argc, argv, "machine-state", add);
}
