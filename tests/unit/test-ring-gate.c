/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Where a vCPU whose ring is full waits, and when it does not. */
#include "core/guest/ring-gate.h"

#include <pthread.h>

#include "tests/engine/wait.h"
#include "tests/support/suite.h"

typedef struct {
  GdwRingGate *gate;
  gint asked, came, left; /* atomic */
  pthread_t vcpus[4];
  guint n_vcpus;
} Fixture;

static void
ask (gpointer data)
{
  g_atomic_int_inc (&((Fixture *) data)->asked);
}

static gpointer
vcpu_thread (gpointer data)
{
  Fixture *f = data;

  g_atomic_int_inc (&f->came);
  gdw_ring_gate_wait (f->gate);
  g_atomic_int_inc (&f->left);
  return NULL;
}

static void
send_vcpu (Fixture *f)
{
  ck_assert_int_eq (pthread_create (&f->vcpus[f->n_vcpus++], NULL, vcpu_thread, f), 0);
}

/* Sends vCPUs to the gate until @n wait there: each has asked. */
static void
send_vcpus (Fixture *f, gint n)
{
  for (gint i = 0; i < n; i++)
    send_vcpu (f);
  WAIT_UNTIL (g_atomic_int_get (&f->asked) == n);
  ck_assert_int_eq (g_atomic_int_get (&f->left), 0);
}

static void
expect_left (Fixture *f)
{
  WAIT_UNTIL (g_atomic_int_get (&f->left) == (gint) f->n_vcpus);
}

static void
set_up (Fixture *f, gboolean attached)
{
  *f = (Fixture){ .gate = gdw_ring_gate_new () };
  if (attached)
    gdw_ring_gate_attach (f->gate, ask, f);
}

static void
tear_down (Fixture *f)
{
  for (guint i = 0; i < f->n_vcpus; i++)
    pthread_join (f->vcpus[i], NULL);
  gdw_ring_gate_free (f->gate);
}

/* The calls that release the waiting vCPUs. */
static void (*const ways_out[]) (GdwRingGate *gate) = {
  gdw_ring_gate_served, gdw_ring_gate_open, gdw_ring_gate_guest_stops, gdw_ring_gate_detach
};

START_TEST (all_who_wait_go_on)
{
  Fixture f;

  set_up (&f, TRUE);
  send_vcpus (&f, 4);
  ways_out[_i](f.gate);
  expect_left (&f);
  tear_down (&f);
}
END_TEST

/* Served is for those who are there; the rest is for those who come, too. */
START_TEST (an_open_gate_is_passed)
{
  Fixture f;

  set_up (&f, TRUE);
  ways_out[_i](f.gate);
  send_vcpu (&f);
  if (_i == 0) {
    WAIT_UNTIL (g_atomic_int_get (&f.asked) == 1);
    ck_assert_int_eq (g_atomic_int_get (&f.left), 0);
    gdw_ring_gate_served (f.gate);
  }
  expect_left (&f);
  tear_down (&f);
}
END_TEST

/* A harvest that nobody waits for still makes room, unless the guest is to stand still. */
START_TEST (who_passes_may_ask)
{
  Fixture f;

  set_up (&f, TRUE);
  gdw_ring_gate_open (f.gate);
  gdw_ring_gate_wait (f.gate);
  ck_assert_int_eq (f.asked, 1);
  gdw_ring_gate_guest_stops (f.gate);
  gdw_ring_gate_wait (f.gate);
  ck_assert_int_eq (f.asked, 1);
  gdw_ring_gate_guest_runs (f.gate);
  gdw_ring_gate_wait (f.gate);
  ck_assert_int_eq (f.asked, 2);
  gdw_ring_gate_detach (f.gate);
  gdw_ring_gate_wait (f.gate);
  ck_assert_int_eq (f.asked, 2);
  tear_down (&f);
}
END_TEST

/* Each reason to be open is one of its own. */
START_TEST (it_shuts_when_no_reason_is_left)
{
  Fixture f;

  set_up (&f, FALSE);
  gdw_ring_gate_wait (f.gate);
  gdw_ring_gate_guest_stops (f.gate);
  gdw_ring_gate_open (f.gate);
  gdw_ring_gate_attach (f.gate, ask, &f);
  gdw_ring_gate_wait (f.gate);
  gdw_ring_gate_guest_runs (f.gate);
  gdw_ring_gate_wait (f.gate);
  f.asked = 0;
  gdw_ring_gate_close (f.gate);
  send_vcpus (&f, 2);
  gdw_ring_gate_served (f.gate);
  expect_left (&f);
  tear_down (&f);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("ring-door");

  tcase_set_timeout (tc, 60);
  tcase_add_loop_test (tc, all_who_wait_go_on, 0, G_N_ELEMENTS (ways_out));
  tcase_add_loop_test (tc, an_open_gate_is_passed, 0, G_N_ELEMENTS (ways_out));
  tcase_add_test (tc, who_passes_may_ask);
  tcase_add_test (tc, it_shuts_when_no_reason_is_left);
  return suite_run ("ring-gate", tc, NULL);
}
