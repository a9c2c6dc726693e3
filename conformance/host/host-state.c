/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>

#include "host-cases.h"
#include "memory-print.h"

HOST_CASES (DECLARE_HOST_CASE)

#define TAKE_OVER PROMISE ("host.h", "take over @sections, valid until the reply")

static gboolean
name_is_good (Try *t, const GPtrArray *sections, guint i)
{
  Promise promise = PROMISE ("host.h", "@name is unique and at most 63 bytes");
  const GdwSection *section = sections->pdata[i];

  REQUIRE (t, section->name && *section->name && strlen (section->name) <= 63, promise,
           "section %u is named '%s'", i, section->name ? section->name : "(null)");
  for (guint k = 0; k < i; k++)
    REQUIRE (t, strcmp (section->name, ((GdwSection *) sections->pdata[k])->name) != 0, promise,
             "two sections are named '%s'", section->name);
  return TRUE;
}

gboolean
host_sections_have_names (Try *t)
{
  g_autoptr (GPtrArray) sections = NULL;

  if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !vm_save (&t->vm, &sections))
    return FALSE;
  REQUIRE (t, sections->len > 0,
           PROMISE ("host.h", "give its state with gdw_reply_add_section"),
           "save_state gave no section");
  for (guint i = 0; i < sections->len; i++)
    if (!name_is_good (t, sections, i))
      return FALSE;
  return TRUE;
}

static gboolean
equal (Try *t, const GdwSection *a, const GdwSection *b)
{
  const GdwConformanceHost *test = t->test;

  return test->sections_equal ? test->sections_equal (test->data, a->name, a->data, b->data)
                              : g_bytes_equal (a->data, b->data);
}

/* Compares a state with one that was saved again after @what. */
static gboolean
expect_same (Try *t, const GPtrArray *before, const GPtrArray *after, Promise promise,
             const char *what)
{
  for (guint i = 0; i < MIN (before->len, after->len); i++) {
    const GdwSection *a = before->pdata[i], *b = after->pdata[i];

    REQUIRE (t, strcmp (a->name, b->name) == 0, promise,
             "section %u was '%s', and is '%s' when saved after %s", i, a->name, b->name, what);
    REQUIRE (t, a->version == b->version && equal (t, a, b), promise,
             "section '%s' has another content when saved after %s", a->name, what);
  }
  REQUIRE (t, before->len == after->len, promise,
           "there were %u sections, and are %u when saved after %s", before->len, after->len,
           what);
  return TRUE;
}

gboolean
host_a_second_save_gives_the_same (Try *t)
{
  g_autoptr (GPtrArray) first = NULL, second = NULL;

  return vm_write_on (&t->vm) && vm_pause (&t->vm) && vm_save (&t->vm, &first) &&
         vm_save (&t->vm, &second) &&
         expect_same (t, first, second,
                      PROMISE ("host.h", "The guest is paused: give its state"),
                      "the first save");
}

static GdwSection *
section_new (const GdwSection *from, gsize bytes)
{
  GdwSection *section = g_new (GdwSection, 1);

  *section = (GdwSection){ from->name, from->version,
                           g_bytes_new_from_bytes (from->data, 0, bytes) };
  return section;
}

static void
free_section (gpointer data)
{
  g_bytes_unref (((GdwSection *) data)->data);
  g_free (data);
}

enum { MISSING, EMPTY, HALF };
static const char *const how_names[] = { "missing", "empty", "cut to half" };

/* Returns @sections with @at damaged, or with all damaged if @at is past the last. */
static GPtrArray *
damage (const GPtrArray *sections, guint at, guint how)
{
  GPtrArray *out = g_ptr_array_new_with_free_func (free_section);

  for (guint i = 0; i < sections->len; i++) {
    const GdwSection *section = sections->pdata[i];
    gsize bytes = g_bytes_get_size (section->data);
    gboolean hit = at == i || at == sections->len;

    if (!hit || how != MISSING)
      g_ptr_array_add (out, section_new (section, !hit ? bytes : how == HALF ? bytes / 2 : 0));
  }
  return out;
}

/* Only the host knows whether it can do without a part of one section; without a part of all
 * there is no guest. */
static gboolean
load_damaged (Try *t, const GPtrArray *sections, guint at, guint how)
{
  g_autoptr (GPtrArray) damaged = damage (sections, at, how);
  Asked *asked = vm_ask_load (&t->other, damaged);

  if (!asked_wait (asked))
    return FALSE;
  REQUIRE (t, asked->failed || at < sections->len,
           PROMISE ("host.h", "The content comes from a peer: check it"),
           "load_state took a state of which each section was %s", how_names[how]);
  return TRUE;
}

gboolean
host_damaged_state_is_refused (Try *t)
{
  g_autoptr (GPtrArray) sections = NULL;

  if (!t->other.there)
    return try_skip (t, "there is no other host");
  if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !vm_save (&t->vm, &sections))
    return FALSE;
  for (guint i = 0; i <= sections->len; i++)
    for (guint how = MISSING; how <= HALF; how++)
      if (!load_damaged (t, sections, i, how))
        return FALSE;
  return TRUE;
}

/* Loads the guest of @host in the other VM. */
static gboolean
go_over (Try *t)
{
  g_autoptr (GPtrArray) before = NULL, after = NULL, memory = NULL;

  if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !vm_save (&t->vm, &before))
    return FALSE;
  memory = memory_take (&t->vm);
  memory_put (&t->other, memory);
  if (!vm_load (&t->other, before) || !vm_save (&t->other, &after) ||
      !expect_same (t, before, after, TAKE_OVER, "load_state in the other VM"))
    return FALSE;
  t->other_has_guest = TRUE;
  t->other.wrote = t->vm.wrote;
  return TRUE;
}

gboolean
host_state_goes_over_unchanged (Try *t)
{
  return t->other.there ? go_over (t) : try_skip (t, "there is no other host");
}

gboolean
host_a_loaded_guest_runs_on (Try *t)
{
  g_autoptr (Print) before = NULL, after = NULL;
  guint64 at;

  if (!t->other.there)
    return try_skip (t, "there is no other host");
  if (!t->other_has_guest && !go_over (t))
    return FALSE;
  before = print_new (&t->other);
  if (!vm_is_good (&t->other) || !vm_write_on (&t->other) || !vm_is_good (&t->other) ||
      !vm_pause (&t->other))
    return FALSE;
  after = print_new (&t->other);
  REQUIRE (t, !t->test->start_writes || print_differ (before, after, &at),
           PROMISE ("host.h", "Run the guest from where it was paused or loaded"),
           "the guest was loaded, resumed and told to write, and its memory did not change");
  return vm_is_good (&t->other);
}

gboolean
host_reset_makes_room_for_the_guest (Try *t)
{
  g_autoptr (GPtrArray) before = NULL, after = NULL, memory = NULL;
  gboolean sane;

  if (!t->vm.host.reset)
    return try_skip (t, "the host has no reset");
  if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !vm_save (&t->vm, &before))
    return FALSE;
  memory = memory_take (&t->vm);
  if (!vm_reset (&t->vm))
    return FALSE;
  sane = host_regions_make_sense (t);
  memory_put (&t->vm, memory);
  if (!vm_load (&t->vm, before)) {
    t->stop = "the host has lost its guest";
    return FALSE;
  }
  return sane && vm_save (&t->vm, &after) &&
         expect_same (t, before, after, TAKE_OVER, "reset and load_state") &&
         vm_write_on (&t->vm) && vm_is_good (&t->vm) && vm_pause (&t->vm) &&
         vm_is_good (&t->vm);
}

static gboolean
cancel (Asked *asked)
{
  g_cancellable_cancel (asked->cancellable);
  return asked_wait (asked);
}

/* Each cancelled call can be repeated, or undone by its opposite. */
gboolean
host_cancelled_calls_are_answered (Try *t)
{
  g_autoptr (GPtrArray) sections = NULL;

  if (!vm_write_on (&t->vm) || !vm_pause (&t->vm) || !cancel (vm_ask_save (&t->vm)) ||
      !vm_save (&t->vm, &sections))
    return FALSE;
  if (t->other.there && !t->other_has_guest && !cancel (vm_ask_load (&t->other, sections)))
    return FALSE;
  if (t->vm.host.fence && (!cancel (vm_ask_fence (&t->vm)) || !vm_reacquire (&t->vm)))
    return FALSE;
  if (t->vm.host.guest_check && !cancel (vm_ask_check (&t->vm)))
    return FALSE;
  return vm_resume (&t->vm) && vm_pause (&t->vm) && vm_is_good (&t->vm);
}

gboolean
host_fence_and_reacquire_take_turns (Try *t)
{
  if (!t->vm.host.fence)
    return try_skip (t, "the host has no fence");
  for (guint i = 0; i < 3; i++)
    if (!vm_resume (&t->vm) || !vm_pause (&t->vm) || !vm_fence (&t->vm) ||
        !vm_reacquire (&t->vm))
      return FALSE;
  return vm_write_on (&t->vm) && vm_pause (&t->vm) && vm_is_good (&t->vm);
}

gboolean
host_guest_check_counts_pages (Try *t)
{
  if (!t->vm.host.guest_check)
    return try_skip (t, "the host has no guest_check");
  if (!t->test->start_writes)
    return try_skip (t, "there is no start_writes");
  return vm_write_on (&t->vm) && vm_is_good (&t->vm) && vm_pause (&t->vm) &&
         vm_is_good (&t->vm);
}

/* Checks all failures of this test and of the earlier ones. */
gboolean
host_failures_say_why (Try *t)
{
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();

  if (t->other.there && !t->other_has_guest && !asked_wait (vm_ask_load (&t->other, nothing)))
    return FALSE;
  if (!cancel (vm_ask_save (&t->vm)))
    return FALSE;
  for (guint i = 0; i < t->asked->len; i++) {
    const Asked *asked = t->asked->pdata[i];

    REQUIRE (t, !asked->failed || asked->error,
             PROMISE ("host.h", "Takes @error, which says host 'NAME': what failed"),
             "the answer to %s was gdw_reply_fail with NULL", asked->callback);
  }
  return TRUE;
}

gboolean
host_every_call_is_answered_once (Try *t)
{
  g_autoptr (GPtrArray) sections = NULL;

  if (!vm_resume (&t->vm) || !vm_pause (&t->vm) || !vm_save (&t->vm, &sections))
    return FALSE;
  try_watch (t, 50);
  for (guint i = 0; i < t->asked->len; i++) {
    Asked *asked = t->asked->pdata[i];

    REQUIRE (t, asked_answers (asked) == 1,
             PROMISE ("host.h", "Exactly one call of done or fail, on any thread"),
             "%s was answered %u times", asked->callback, asked_answers (asked));
    REQUIRE (t, asked->added_late == 0, PROMISE ("host.h", "In save_state only, before done"),
             "%s added a section after it had answered", asked->callback);
  }
  return TRUE;
}
