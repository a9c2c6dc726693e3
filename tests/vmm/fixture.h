/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#pragma once

/* A machine under test, and what the tests do with it. */

#include "tests/support/suite.h"
#include "vmm/guest-ram.h"
#include "vmm/machine.h"

#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C (1) << 20)
#define MEMORY (24 * MIB)
#define WORKING_SET (4 * MIB)
#define DEADLINE_S 30

static gboolean soft; /* set once, by fixture_main */

typedef struct {
  Machine *machine;
  gint filled;   /* atomic: '!' came */
  gint wrote;    /* atomic: reports of the VMM's writes */
  gint died;     /* atomic */
  gint full;     /* atomic: how often a vCPU came with a full ring */
  guint8 *dirty; /* one byte a page of ram-low, of what was reported */
} Fixture;

typedef struct {
  gboolean called;
  MachineCheck check;
  GError *error;
} Answer;

static inline guint
cores (void)
{
  return CLAMP (sysconf (_SC_NPROCESSORS_ONLN), 1, 4);
}

/* Events */

static inline void
on_serial (gpointer data, char c)
{
  if (c == '!')
    g_atomic_int_inc (&((Fixture *) data)->filled);
}

static inline void
on_wrote (gpointer data, guint64 gpa, guint64 size)
{
  Fixture *f = data;

  for (guint64 at = gpa / 4096; at <= (gpa + size - 1) / 4096; at++)
    __atomic_store_n (&f->dirty[at], 1, __ATOMIC_SEQ_CST);
  g_atomic_int_inc (&f->wrote);
}

static inline void
on_died (gpointer data, const char *why)
{
  g_atomic_int_inc (&((Fixture *) data)->died);
  g_printerr ("# %s\n", why);
}

static inline void
on_ring_full (gpointer data, guint vcpu)
{
  g_atomic_int_inc (&((Fixture *) data)->full);
  sched_yield ();
}

/* Waiting: a tick a millisecond, until the test's own deadline */

static inline gboolean
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

static inline void
on_done (gpointer data, const GError *error)
{
  Answer *answer = data;

  answer->called = TRUE;
  answer->error = error ? g_error_copy (error) : NULL;
}

static inline void
on_checked (gpointer data, const MachineCheck *check, const GError *error)
{
  Answer *answer = data;

  if (check)
    answer->check = *check;
  on_done (answer, error);
}

/* A machine of VCPUS, all of them writers */

static inline MachineConfig
config_of (guint vcpus)
{
  return (MachineConfig){ .soft = soft,
                          .memory_bytes = MEMORY,
                          .vcpus = vcpus,
                          .ws_bytes = WORKING_SET,
                          .writers = vcpus,
                          .fill = TRUE };
}

static inline void
fixture_init (Fixture *f, const MachineConfig *config)
{
  GError *error = NULL;
  MachineEvents events = { .data = f,
                           .serial = on_serial,
                           .wrote = on_wrote,
                           .died = on_died,
                           .ring_full = on_ring_full };

  memset (f, 0, sizeof *f);
  f->dirty = g_malloc0 (MEMORY / 4096);
  f->machine = machine_new (config, &events, &error);
  ck_assert_msg (f->machine != NULL, "%s", error ? error->message : "");
}

static inline void
fixture_clear (Fixture *f)
{
  machine_free (f->machine);
  g_free (f->dirty);
}

static inline void
boot (Fixture *f, const MachineConfig *config)
{
  fixture_init (f, config);
  ck_assert (machine_boot (f->machine, NULL));
  machine_resume (f->machine);
  WAIT_UNTIL (g_atomic_int_get (&f->filled));
}

static inline MachineStats
stats (Fixture *f)
{
  MachineStats s = { 0 };

  ck_assert (machine_stats (f->machine, &s, NULL));
  return s;
}

static inline guint64
written (Fixture *f, guint vcpu)
{
  const GuestVcpu *state = memory_at (machine_memory (f->machine),
                                      GUEST_STATE + vcpu * sizeof *state, sizeof *state);

  return __atomic_load_n (&state->written, __ATOMIC_SEQ_CST);
}

/* Every writer writes all of its slice N times more. */
static inline void
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

static inline void
pause_now (Fixture *f)
{
  Answer answer = { 0 };

  machine_pause (f->machine, on_done, &answer);
  WAIT_UNTIL (answer.called);
  ck_assert (answer.error == NULL);
}

static inline MachineCheck
check_now (Fixture *f)
{
  Answer answer = { 0 };

  machine_check (f->machine, NULL, on_checked, &answer);
  WAIT_UNTIL (answer.called);
  ck_assert_msg (answer.error == NULL, "%s", answer.error ? answer.error->message : "");
  ck_assert_uint_eq (answer.check.pages_checked, MEMORY / 4096 - GUEST_FIRST_PAGE);
  return answer.check;
}

static inline guint8 *
page_at (Fixture *f, guint64 gpa)
{
  return memory_at (machine_memory (f->machine), gpa, 4096);
}

/* Exactly @bad pages are bad, the first at @gpa: the VMM finds it, and the guest. */
static inline void
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

static inline void
boot_and_pause (Fixture *f, guint vcpus)
{
  MachineConfig config = config_of (vcpus);

  boot (f, &config);
  run_passes (f, 2);
  pause_now (f);
}

/* The program NAME kvm|soft with ADD's tests. */
static inline int
fixture_main (int argc, char **argv, const char *name, void (*add) (TCase *))
{
  TCase *tests;

  soft = argc > 1 && strcmp (argv[1], "soft") == 0;
  if (!soft && !machine_has_kvm ()) {
    printf ("1..0 # SKIP %s on KVM: there is no /dev/kvm\n", name);
    return EXIT_SUCCESS;
  }
  tests = tcase_create (name);
  tcase_set_timeout (tests, DEADLINE_S);
  add (tests);
  return suite_run (name, tests, NULL);
}
