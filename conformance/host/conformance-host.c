/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <stdio.h>
#include <string.h>

#include "asked.h"
#include "host-cases.h"
#include "vm.h"

#define DEADLINE_S 30
/* Extra time to bring the VM to rest after a test. */
#define GRACE_S 10

#define ROW(name, function) { name, function },

HOST_CASES (DECLARE_HOST_CASE)

static const HostCase cases[] = { HOST_CASES (ROW) };

static const char *
verdict_text (const GdwConformanceResult *result)
{
  return result->verdict == GDW_CONFORMANCE_FAILED ? "not ok" : "ok";
}

static void
print_result (guint number, const GdwConformanceResult *result)
{
  printf ("%s %u - host: %s", verdict_text (result), number, result->name);
  if (result->verdict == GDW_CONFORMANCE_SKIPPED)
    printf (" # SKIP %s", result->happened);
  if (result->verdict == GDW_CONFORMANCE_FAILED)
    printf ("\n# expected: %s\n# promised: godwit/%s:%u\n# happened: %s", result->expected,
            result->header, result->line, result->happened);
  printf ("\n");
  fflush (stdout);
}

static void
report (Try *t, guint number, const char *name, gboolean passed)
{
  gboolean failed = !passed && t->promise.words;
  GdwConformanceResult result = { .size = sizeof result,
                                  .name = name,
                                  .verdict = passed   ? GDW_CONFORMANCE_PASSED
                                             : failed ? GDW_CONFORMANCE_FAILED
                                                      : GDW_CONFORMANCE_SKIPPED,
                                  .expected = t->promise.words,
                                  .header = t->promise.header,
                                  .line = failed ? promise_line (t->promise) : 0,
                                  .happened = passed ? NULL : t->happened };

  if (t->test->report)
    t->test->report (t->test->data, &result);
  else
    print_result (number, &result);
}

static gboolean
run_case (Try *t, const HostCase *c, guint deadline_s)
{
  gboolean ok;

  if (t->owed)
    return try_skip (t, "the host still owes the answer to %s", t->owed);
  if (t->stop)
    return try_skip (t, "%s", t->stop);
  t->end_us = g_get_monotonic_time () + deadline_s * G_USEC_PER_SEC;
  ok = c->run (t);
  if (!ok && !t->happened)
    try_skip (t, "vcpu_writes does not write a page that it has written before");
  t->end_us = MAX (t->end_us, g_get_monotonic_time () + GRACE_S * G_USEC_PER_SEC);
  if (t->vm.host.pause)
    ok = vm_settle (&t->vm) && ok;
  if (t->other.there && t->other.host.pause)
    ok = vm_settle (&t->other) && ok;
  watchdog_feed (t->watchdog, NULL);
  return ok;
}

static void
vm_init (Vm *vm, Try *t, const GdwHost *host, gboolean other)
{
  *vm = (Vm){ .run = t, .there = host != NULL, .other = other };
  if (host)
    memcpy (&vm->host, host, MIN (host->size, sizeof vm->host));
}

static gboolean
is_wanted (const GdwConformanceHost *test, const char *name)
{
  return !test->only || g_pattern_match_simple (test->only, name);
}

static guint
count_wanted (const GdwConformanceHost *test)
{
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    n += is_wanted (test, cases[i].name);
  return n;
}

guint
gdw_conformance_host (const GdwConformanceHost *given)
{
  GdwConformanceHost test = { 0 };
  Try t = { .test = &test };
  guint number = 0, failed = 0, deadline_s;

  memcpy (&test, given, MIN (given->size, sizeof test));
  deadline_s = test.deadline_s ? test.deadline_s : DEADLINE_S;
  t.watchdog = watchdog_new (deadline_s);
  t.context = g_main_context_ref_thread_default ();
  t.asked = g_ptr_array_new_with_free_func (asked_free);
  vm_init (&t.vm, &t, test.host, FALSE);
  vm_init (&t.other, &t, test.other, TRUE);
  if (!test.report)
    printf ("1..%u\n", count_wanted (&test));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gboolean passed;

    if (!is_wanted (&test, cases[i].name))
      continue;
    t.promise = (Promise){ 0 };
    passed = run_case (&t, &cases[i], deadline_s);
    report (&t, ++number, cases[i].name, passed);
    failed += !passed && t.promise.words;
    g_clear_pointer (&t.happened, g_free);
  }
  if (!t.owed) /* a late answer could still come */
    g_ptr_array_unref (t.asked);
  g_main_context_unref (t.context);
  watchdog_free (t.watchdog);
  return failed;
}
