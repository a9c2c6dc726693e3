/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/reply.h>
#include <string.h>

#include "vmm/guest-ram.h"
#include "wrong-host.h"

/* Mistakes in pause, resume, regions and answers. */

static void
early_pause (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
answers_pause_too_early (WrongHost *wrong)
{
  wrong->host.pause = early_pause;
}

/* I/O that was submitted lands later. */
static gboolean
land (gpointer data)
{
  WrongHost *wrong = data;
  guint64 *word = memory_at (machine_memory (wrong->vm->host.machine), GUEST_RING,
                             sizeof *word);

  ++*word;
  return G_SOURCE_REMOVE;
}

static void
pause_with_io (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  g_timeout_add (50, land, wrong);
  wrong->right.pause (wrong->right.vm, reply, cancellable);
}

static void
forgets_io_in_flight (WrongHost *wrong)
{
  wrong->host.pause = pause_with_io;
}

static void
pause_for_ever (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  for (;;)
    g_usleep (G_USEC_PER_SEC);
}

static void
never_returns (WrongHost *wrong)
{
  wrong->host.pause = pause_for_ever;
}

static void
drop_if_cancelled (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (cancellable && !g_cancellable_is_cancelled (cancellable) && !wrong->done) {
    wrong->reply = reply; /* and waits for a cancel that it never looks at */
    wrong->done = TRUE;
    return;
  }
  wrong->right.pause (wrong->right.vm, reply, cancellable);
}

static void
never_answers_a_cancelled_pause (WrongHost *wrong)
{
  wrong->host.pause = drop_if_cancelled;
}

static void
fail_if_cancelled (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (!g_cancellable_is_cancelled (cancellable)) {
    wrong->right.pause (wrong->right.vm, reply, cancellable);
    return;
  }
  wrong->done = TRUE;
  gdw_reply_fail (reply, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                      "host 'wrong': pause was cancelled"));
}

static void
resume_unless_cancelled (gpointer self, GdwReply *reply)
{
  WrongHost *wrong = self;

  if (wrong->done)
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                        "host 'wrong': resume failed: it was not paused"));
  else
    wrong->right.resume (wrong->right.vm, reply);
}

static void
cannot_resume_after_a_failed_pause (WrongHost *wrong)
{
  wrong->host.pause = fail_if_cancelled;
  wrong->host.resume = resume_unless_cancelled;
}

static void
resume_nothing (gpointer self, GdwReply *reply)
{
  gdw_reply_done (reply);
}

static void
resumes_nothing (WrongHost *wrong)
{
  wrong->host.resume = resume_nothing;
}

static void
resume_twice_only (gpointer self, GdwReply *reply)
{
  WrongHost *wrong = self;

  if (wrong->kept++ < 2)
    wrong->right.resume (wrong->right.vm, reply);
  else
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                        "host 'wrong': resume failed: too many threads"));
}

static void
resumes_a_few_times_only (WrongHost *wrong)
{
  wrong->host.resume = resume_twice_only;
}

/* After a pause the table is built anew, from a mapping that is not the same. */
static const GdwRegion *
moving_regions (gpointer self, guint *n_regions)
{
  WrongHost *wrong = self;
  const GdwRegion *regions = wrong->right.regions (wrong->right.vm, n_regions);

  if (!wrong->done)
    return regions;
  memcpy (wrong->regions, regions, *n_regions * sizeof *regions);
  wrong->regions[0].host_addr = wrong->moved;
  return wrong->regions;
}

static void
pause_and_move (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (!wrong->done)
    wrong->moved = g_malloc0 (machine_memory (wrong->vm->host.machine)->regions[0].size);
  wrong->done = TRUE;
  wrong->right.pause (wrong->right.vm, reply, cancellable);
}

static void
moves_regions (WrongHost *wrong)
{
  wrong->host.regions = moving_regions;
  wrong->host.pause = pause_and_move;
}

static const GdwRegion *
twins (gpointer self, guint *n_regions)
{
  WrongHost *wrong = self;
  const GdwRegion *regions = wrong->right.regions (wrong->right.vm, n_regions);

  memcpy (wrong->regions, regions, *n_regions * sizeof *regions);
  wrong->regions[1].name = regions[0].name;
  return wrong->regions;
}

static void
names_two_regions_the_same (WrongHost *wrong)
{
  wrong->host.regions = twins;
}

static const GdwRegion *
smaller_there (gpointer self, guint *n_regions)
{
  WrongHost *wrong = self;
  const GdwRegion *regions = wrong->right.regions (wrong->right.vm, n_regions);

  memcpy (wrong->regions, regions, *n_regions * sizeof *regions);
  if (g_str_equal (wrong->host.name, "other"))
    wrong->regions[0].size -= GDW_PAGE_SIZE;
  return wrong->regions;
}

static void
has_another_size_there (WrongHost *wrong)
{
  wrong->host.regions = smaller_there;
}

/* Used before: the flag stays. */
static void
claims_zero_memory (WrongHost *wrong)
{
  guint64 *word = memory_at (machine_memory (wrong->vm->host.machine), 4 * GDW_PAGE_SIZE,
                             sizeof *word);

  if (g_str_equal (wrong->host.name, "other"))
    *word = 1;
}

static void
fences_for_good (WrongHost *wrong)
{
  wrong->host.reacquire = NULL;
}

static void
reacquire_once (gpointer self, GdwReply *reply)
{
  WrongHost *wrong = self;

  if (wrong->kept++ == 0)
    wrong->right.reacquire (wrong->right.vm, reply);
  else
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                        "host 'wrong': reacquire failed: the lock is taken"));
}

static void
reacquires_once (WrongHost *wrong)
{
  wrong->host.reacquire = reacquire_once;
}

static void
check_no_page (gpointer self, gboolean running, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
checks_no_page (WrongHost *wrong)
{
  wrong->host.guest_check = check_no_page;
}

const Mistake wrong_pauses[] = {
  { .name = "answers-pause-too-early", .make = answers_pause_too_early },
  { .name = "forgets-io-in-flight", .make = forgets_io_in_flight },
  { .name = "never-returns", .make = never_returns },
  { .name = "never-answers-a-cancelled-pause", .make = never_answers_a_cancelled_pause },
  { .name = "cannot-resume-after-a-failed-pause", .make = cannot_resume_after_a_failed_pause },
  { .name = "resumes-nothing", .make = resumes_nothing },
  { .name = "resumes-a-few-times-only", .make = resumes_a_few_times_only },
  { .name = "moves-regions", .make = moves_regions },
  { .name = "names-two-regions-the-same", .make = names_two_regions_the_same },
  { .name = "has-another-size-there", .make = has_another_size_there },
  { .name = "claims-zero-memory", .make = claims_zero_memory },
  { .name = "fences-for-good", .make = fences_for_good },
  { .name = "reacquires-once", .make = reacquires_once },
  { .name = "checks-no-page", .make = checks_no_page },
  { .name = "forgets-to-report-the-device", .silent = TRUE },
  { 0 },
};
