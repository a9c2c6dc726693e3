/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>

#include "host-cases.h"
#include "memory-print.h"

HOST_CASES (DECLARE_HOST_CASE)

#define STILL                                                                                  \
  PROMISE ("host.h",                                                                           \
           "Answers when no vCPU, no device and no I/O in flight can write guest memory")
#define TURNS 20
/* A forgotten writer writes within this time; a correct pause passes on any machine. */
#define WATCH_MS 150

/* Checks that memory changes while the guest runs. */
static gboolean
expect_writes (Vm *vm)
{
  Try *t = vm->run;
  g_autoptr (Print) before = print_new (vm);
  guint64 at;

  for (;;) {
    g_autoptr (Print) now = print_new (vm);

    if (print_differ (before, now, &at))
      return TRUE;
    REQUIRE (t, try_iterate (t),
             PROMISE ("host.h", "Run the guest from where it was paused or loaded"),
             "the guest was resumed and told to write, and its memory does not change");
  }
}

static gboolean
expect_still (Vm *vm)
{
  g_autoptr (Print) before = print_new (vm), after = NULL;
  guint64 at = 0;

  try_watch (vm->run, WATCH_MS);
  after = print_new (vm);
  REQUIRE (vm->run, !print_differ (before, after, &at), STILL,
           "after the answer to pause, the page at guest address %#" G_GINT64_MODIFIER
           "x was written",
           at);
  return TRUE;
}

gboolean
host_resume_runs_the_guest (Try *t)
{
  if (!t->test->start_writes)
    return try_skip (t, "there is no start_writes");
  return vm_write_on (&t->vm) && expect_writes (&t->vm);
}

gboolean
host_pause_stops_every_writer (Try *t)
{
  if (!t->test->start_writes)
    return try_skip (t, "there is no start_writes");
  for (guint i = 0; i < 3; i++)
    if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !expect_still (&t->vm))
      return FALSE;
  return TRUE;
}

gboolean
host_pause_and_resume_take_turns (Try *t)
{
  for (guint i = 0; i < TURNS; i++)
    if (!vm_resume (&t->vm) || !vm_pause (&t->vm))
      return FALSE;
  return vm_write_on (&t->vm) && vm_pause (&t->vm) && vm_is_good (&t->vm);
}

/* Resume undoes a pause, whatever became of it. */
static gboolean
cancel_and_go_on (Try *t, gboolean before)
{
  Asked *asked;

  if (!vm_write_on (&t->vm))
    return FALSE;
  if (before) {
    asked = asked_new (t, "pause");
    g_cancellable_cancel (asked->cancellable);
    t->vm.host.pause (t->vm.host.vm, asked->reply, asked->cancellable);
  } else {
    asked = vm_ask_pause (&t->vm);
    g_cancellable_cancel (asked->cancellable);
  }
  if (!asked_wait (asked))
    return FALSE;
  t->vm.runs = asked->failed;
  if ((!asked->failed && !expect_still (&t->vm)) || !vm_write_on (&t->vm))
    return FALSE;
  if (t->test->start_writes && !expect_writes (&t->vm))
    return FALSE;
  return vm_pause (&t->vm) && expect_still (&t->vm) && vm_is_good (&t->vm);
}

gboolean
host_cancelled_pause_is_answered (Try *t)
{
  return cancel_and_go_on (t, FALSE) && cancel_and_go_on (t, TRUE) &&
         cancel_and_go_on (t, FALSE);
}

typedef struct {
  GdwRegion *regions;
  guint n;
} Seen;

static gboolean
stayed (Try *t, const Seen *seen, const char *callback)
{
  Promise promise = PROMISE ("host.h", "they stay as they are, and owned by the host");
  guint n;
  const GdwRegion *now = vm_regions (&t->vm, &n);

  REQUIRE (t, n == seen->n, promise, "after %s there are %u regions, before %u", callback, n,
           seen->n);
  for (guint i = 0; i < n; i++) {
    const GdwRegion *was = &seen->regions[i];

    REQUIRE (t,
             strcmp (now[i].name, was->name) == 0 && now[i].host_addr == was->host_addr &&
                 now[i].size == was->size && now[i].page_size == was->page_size &&
                 now[i].guest_addr == was->guest_addr && now[i].fd == was->fd &&
                 now[i].fd_offset == was->fd_offset,
             promise, "after %s, region '%s' is another one, or elsewhere", callback,
             was->name);
  }
  return TRUE;
}

gboolean
host_regions_stay_as_they_are (Try *t)
{
  g_autoptr (GPtrArray) sections = NULL;
  Seen seen;
  const GdwRegion *regions = vm_regions (&t->vm, &seen.n);
  gboolean ok;

  seen.regions = g_memdup2 (regions, seen.n * sizeof *regions);
  ok = vm_resume (&t->vm) && stayed (t, &seen, "resume") && vm_pause (&t->vm) &&
       stayed (t, &seen, "pause") && vm_save (&t->vm, &sections) &&
       stayed (t, &seen, "save_state");
  if (ok && t->vm.host.fence)
    ok = vm_fence (&t->vm) && stayed (t, &seen, "fence") && vm_reacquire (&t->vm) &&
         stayed (t, &seen, "reacquire");
  ok = ok && vm_resume (&t->vm) && stayed (t, &seen, "the second resume") &&
       vm_pause (&t->vm) && stayed (t, &seen, "the second pause");
  g_free (seen.regions);
  return ok;
}
