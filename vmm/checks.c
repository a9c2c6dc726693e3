/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "checks.h"

#include "errand.h"
#include "guest-check.h"
#include "guest.h"

#include <gio/gio.h>

#define POLL_MS 5

typedef struct {
  Checks *checks;
  GCancellable *caller; /* or NULL */
  GCancellable *own;    /* a change of the machine's state cancels it, too */
  gulong handler;
  const char *stopped_by; /* the caller's, or NULL */
  MachineChecked done;
  gpointer data;
  guint64 request; /* for a check by the guest */
  GError *refused;
  MachineCheck result;
} Check;

/* Frees CHECK and takes ERROR. */
static void
finish (Check *check, GError *error)
{
  Checks *checks = check->checks;

  if (g_cancellable_is_cancelled (check->own)) {
    g_clear_error (&error);
    error = check->stopped_by
                ? g_error_new (GDW_ERROR, GDW_ERROR_BUSY,
                               "guest check: it did not end: the machine was %s; check again",
                               check->stopped_by)
                : g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "guest check: cancelled");
  }
  if (!error)
    guest_check_stats (checks->parts->memory, checks->parts->vcpus, checks->clock_khz,
                       &check->result.stats, &error);
  checks->pending = g_list_remove (checks->pending, check);
  if (check->caller)
    g_cancellable_disconnect (check->caller, check->handler);
  check->done (check->data, error ? NULL : &check->result, error);
  g_clear_error (&error);
  g_clear_object (&check->caller);
  g_object_unref (check->own);
  g_free (check);
}

/* Over memory that stands still, on its own thread */

static gboolean
check_memory (gpointer data, GError **error)
{
  Check *check = data;
  const MachineParts *parts = check->checks->parts;

  return guest_check_memory (parts->memory, parts->vcpus, check->checks->device->seq,
                             check->own, &check->result, error);
}

static void
memory_is_checked (gpointer data, GError *error)
{
  finish (data, error);
}

static void
check_by_vmm (Check *check)
{
  errand_run (check->checks->context, check_memory, memory_is_checked, check);
}

/* A check by the guest: raise the request, then poll until every vCPU has answered */

static const GuestVcpu *
guest_vcpu (const Check *check, guint index)
{
  return (const GuestVcpu *) memory_at (check->checks->parts->memory,
                                        GUEST_STATE + index * sizeof (GuestVcpu),
                                        sizeof (GuestVcpu));
}

static gboolean
guest_has_answered (Check *check)
{
  for (guint i = 0; i < check->checks->parts->vcpus; i++) {
    guint64 done = __atomic_load_n (&guest_vcpu (check, i)->check_done, __ATOMIC_ACQUIRE);

    if ((gint64) (done - check->request) < 0)
      return FALSE;
  }
  return TRUE;
}

static void
add_up (Check *check)
{
  for (guint i = 0; i < check->checks->parts->vcpus; i++) {
    const GuestVcpu *state = guest_vcpu (check, i);

    check->result.pages_checked += state->checked;
    if (state->bad && check->result.pages_bad == 0)
      check->result.first_bad = state->first_bad;
    check->result.pages_bad += state->bad;
  }
}

static gboolean
poll_guest (gpointer data)
{
  Check *check = data;

  if (!g_cancellable_is_cancelled (check->own)) {
    if (!guest_has_answered (check))
      return G_SOURCE_CONTINUE;
    add_up (check);
  }
  finish (check, NULL);
  return G_SOURCE_REMOVE;
}

static void
attach (Check *check, GSource *source, GSourceFunc func)
{
  g_source_set_callback (source, func, check, NULL);
  g_source_attach (source, check->checks->context);
  g_source_unref (source);
}

static void
check_by_guest (Check *check)
{
  const MachineParts *parts = check->checks->parts;
  GuestControl *control = memory_at (parts->memory, GUEST_CONTROL, sizeof *control);

  check->request = __atomic_add_fetch (&control->check, 1, __ATOMIC_SEQ_CST);
  if (parts->events->wrote)
    parts->events->wrote (parts->events->data, GUEST_CONTROL, GUEST_PAGE);
  vcpu_threads_poke (parts->threads);
  attach (check, g_timeout_source_new (POLL_MS), poll_guest);
}

static gboolean
refuse (gpointer data)
{
  Check *check = data;

  finish (check, g_steal_pointer (&check->refused));
  return G_SOURCE_REMOVE;
}

static void
cancel_own (GCancellable *caller, gpointer own)
{
  (void) caller;
  g_cancellable_cancel (own);
}

void
checks_add (Checks *checks, GCancellable *cancellable, MachineChecked done, gpointer data)
{
  const MachineParts *parts = checks->parts;
  Check *check = g_new0 (Check, 1);
  MachineStats stats;

  *check = (Check){ .checks = checks, .own = g_cancellable_new (), .done = done, .data = data };
  check->result.first_bad = ~UINT64_C (0);
  checks->pending = g_list_prepend (checks->pending, check);
  if (cancellable) {
    check->caller = g_object_ref (cancellable);
    check->handler = g_cancellable_connect (cancellable, G_CALLBACK (cancel_own),
                                            g_object_ref (check->own), g_object_unref);
  }
  if (!guest_check_stats (parts->memory, parts->vcpus, checks->clock_khz, &stats,
                          &check->refused))
    attach (check, g_idle_source_new (), refuse);
  else if (vcpu_threads_running (parts->threads))
    check_by_guest (check);
  else
    check_by_vmm (check);
}

void
checks_stop (Checks *checks, const char *what)
{
  for (GList *l = checks->pending; l; l = l->next) {
    Check *check = l->data;

    if (!g_cancellable_is_cancelled (check->own))
      check->stopped_by = what;
    g_cancellable_cancel (check->own);
  }
}
