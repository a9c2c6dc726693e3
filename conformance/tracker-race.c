/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* vCPUs write while pages are collected, re-armed and copied.  In the end the copy must equal
 * memory: each page was reported after its last write, and copied after that. */
#include <string.h>

#include "runner.h"
#include "tracker-cases.h"
#include "trace.h"
#include "trial.h"

TRACKER_CASES (DECLARE_CASE)

/* Time for each kind of host. */
#define QUICK_S 1
#define WHOLE_S 2

#define VCPUS_MAX 4
#define CHANNELS_MAX 2

/* The plan of a race. */
typedef struct {
  Shape shape;
  guint channels, sessions; /* sessions: from start to stop */
  guint writes;             /* by each vCPU */
  guint64 first, hot;       /* write only these @hot pages of region 0; 0: all pages */
} Plan;

typedef struct {
  const Plan *plan;
  Trial *trial;
  Trace *trace; /* or NULL */
  Schedule *schedule;
  gint64 until_us; /* free-running threads yield until then */
  guint64 seed;

  GMutex lock; /* of what follows */
  guint64 *pending[2];
  guint64 *copied[2];
  guint claims;    /* words that are being copied */
  gboolean barred; /* no more claims */

  gint writing; /* atomic: vCPUs that are not done */
  gint done;    /* atomic */
} Race;

typedef struct {
  Race *race;
  guint index; /* of the vCPU, or of the channel */
  guint actor;
  GRand *random;
  GThread *thread;
} Actor;

static void
say (Race *race, const char *what, guint region, guint64 page)
{
  if (race->trace)
    trace_add (race->trace, schedule_actor (race->schedule), what, region, page);
}

static void
point (Race *race)
{
  /* On a busy machine a yield may take as long as all writes. */
  if (race->schedule)
    schedule_point (race->schedule);
  else if (g_get_monotonic_time () < race->until_us)
    g_thread_yield ();
}

/* The vCPUs */

static gpointer
vcpu_thread (gpointer data)
{
  Actor *actor = data;
  Race *race = actor->race;
  Sim *sim = race->trial->sim;
  const Plan *plan = race->plan;

  schedule_enter (race->schedule, actor->actor);
  for (guint i = 0; i < plan->writes; i++) {
    guint region = plan->hot ? 0 : g_rand_int (actor->random) & 1;
    guint64 n = plan->hot ? plan->hot : sim_pages (sim, region);
    guint64 page = plan->first + g_rand_int (actor->random) % n;

    say (race, "stores", region, page);
    sim_write (sim, actor->index, region, page, (guint64) (actor->index + 1) << 32 | (i + 1));
    point (race);
  }
  g_atomic_int_add (&race->writing, -1);
  schedule_leave (race->schedule);
  return NULL;
}

/* The channels */

static guint64
claim (Race *race, guint *region, guint64 *word, guint64 start)
{
  guint64 taken = 0;

  g_mutex_lock (&race->lock);
  for (guint r = 0; r < 2 && !taken && !race->barred; r++) {
    guint64 n = GDW_BITMAP_WORDS (sim_pages (race->trial->sim, r));

    for (guint64 i = 0; i < n && !taken; i++) {
      *region = r;
      *word = (start + i) % n;
      taken = race->pending[r][*word];
      race->pending[r][*word] = 0;
    }
  }
  race->claims += taken != 0;
  g_mutex_unlock (&race->lock);
  return taken;
}

static void
copy (Race *race, guint region, guint64 word, guint64 pages)
{
  Trial *t = race->trial;
  guint64 first = word * 64;

  say (race, "re-arms the word of", region, first);
  trial_rearm (t, region, first, MIN (64, sim_pages (t->sim, region) - first), &pages);
  say (race, "has re-armed the word of", region, first);
  for (; pages; pages &= pages - 1) {
    guint64 page = first + (guint) __builtin_ctzll (pages);

    point (race);
    say (race, "copies", region, page);
    race->copied[region][page] = sim_read (t->sim, region, page);
  }
  g_mutex_lock (&race->lock);
  race->claims--;
  g_mutex_unlock (&race->lock);
}

static gpointer
channel_thread (gpointer data)
{
  Actor *actor = data;
  Race *race = actor->race;

  schedule_enter (race->schedule, actor->actor);
  while (!g_atomic_int_get (&race->done)) {
    guint region;
    guint64 word, pages = claim (race, &region, &word, g_rand_int (actor->random));

    if (pages)
      copy (race, region, word, pages);
    point (race);
  }
  schedule_leave (race->schedule);
  return NULL;
}

/* The harvest thread */

/* @all: as at the start of a migration. */
static void
publish (Race *race, gboolean all)
{
  Trial *t = race->trial;

  g_mutex_lock (&race->lock);
  for (guint r = 0; r < 2; r++)
    for (guint64 page = 0; page < sim_pages (t->sim, r); page++) {
      guint64 bit = G_GUINT64_CONSTANT (1) << page % 64;

      if (!all && !(t->bits[r][page / 64] & bit))
        continue;
      race->pending[r][page / 64] |= bit;
      if (!all)
        say (race, "finds reported", r, page);
    }
  for (guint r = 0; r < 2; r++)
    memset (t->bits[r], 0, t->sets[r].size);
  g_mutex_unlock (&race->lock);
}

static void
collect (Race *race)
{
  say (race, "collects", 0, TRACE_NO_PAGE);
  trial_collect (race->trial);
  publish (race, FALSE);
  point (race);
}

static gboolean
idle (Race *race, gboolean bar)
{
  gboolean found = FALSE;

  g_mutex_lock (&race->lock);
  race->barred = bar;
  found = race->claims > 0;
  for (guint r = 0; r < 2 && !bar; r++)
    for (guint64 i = 0; i < GDW_BITMAP_WORDS (sim_pages (race->trial->sim, r)); i++)
      found |= race->pending[r][i] != 0;
  g_mutex_unlock (&race->lock);
  return !found;
}

/* Ends as a cancelled attempt does: nothing re-arms any more when tracking stops. */
static void
give_up_session (Race *race, GRand *random)
{
  for (guint n = g_rand_int (random) % 6; n > 0; n--)
    collect (race);
  while (!idle (race, TRUE))
    point (race);
  say (race, "stops", 0, TRACE_NO_PAGE);
  trial_stop (race->trial);
  idle (race, FALSE);
}

static gpointer
sync_thread (gpointer data)
{
  Actor *actor = data;
  Race *race = actor->race;

  schedule_enter (race->schedule, actor->actor);
  for (guint i = 1; i <= race->plan->sessions; i++) {
    say (race, "starts", 0, TRACE_NO_PAGE);
    idle (race, TRUE);
    trial_start (race->trial);
    publish (race, TRUE);
    idle (race, FALSE);
    if (i < race->plan->sessions)
      give_up_session (race, actor->random);
  }
  while (g_atomic_int_get (&race->writing))
    collect (race);
  say (race, "the vCPUs stand still", 0, TRACE_NO_PAGE);
  collect (race);
  while (!idle (race, FALSE))
    point (race);
  g_atomic_int_set (&race->done, TRUE);
  trial_stop (race->trial);
  schedule_leave (race->schedule);
  return NULL;
}

/* The race */

static void
expect_equal (const Race *race)
{
  const Sim *sim = race->trial->sim;

  for (guint r = 0; r < 2; r++)
    for (guint64 page = 0; page < sim_pages (sim, r); page++) {
      if (race->copied[r][page] == sim_read (sim, r, page))
        continue;
      if (race->trace)
        trace_print (race->trace, r, page);
      note (RUN_SEED "%" G_GUINT64_FORMAT, race->seed);
      broken (PROMISE ("tracker.h", "A write that lands during the call is reported by this "
                                    "collect or a later one, never by none"),
              "the last write to page %" G_GUINT64_FORMAT " of region %u was lost: it holds "
              "%#" G_GINT64_MODIFIER "x, its copy %#" G_GINT64_MODIFIER "x",
              page, r, sim_read (sim, r, page), race->copied[r][page]);
    }
}

static GRand *
rand_of (guint64 seed, guint actor)
{
  const guint32 words[] = { (guint32) seed, (guint32) (seed >> 32), actor };

  return g_rand_new_with_seed_array (words, G_N_ELEMENTS (words));
}

static void
run_actors (Race *race, Actor *actors)
{
  static const GThreadFunc functions[] = { sync_thread, channel_thread, vcpu_thread };
  guint n = 1 + race->plan->channels + race->plan->shape.vcpus;

  for (guint i = 0; i < n; i++) {
    guint role = i == 0 ? 0 : i <= race->plan->channels ? 1 : 2;

    actors[i] = (Actor){ .race = race, .actor = i };
    actors[i].index = role == 2 ? i - 1 - race->plan->channels : i;
    actors[i].random = rand_of (race->seed, i);
    actors[i].thread = g_thread_new ("race", functions[role], &actors[i]);
  }
  for (guint i = 0; i < n; i++) {
    g_thread_join (actors[i].thread);
    g_rand_free (actors[i].random);
  }
}

static void
run_race (Trial *t, const Plan *plan, guint64 seed, gboolean scheduled)
{
  Race race = { .plan = plan, .trial = t, .seed = seed };
  Actor actors[1 + CHANNELS_MAX + VCPUS_MAX];

  g_mutex_init (&race.lock);
  for (guint r = 0; r < 2; r++) {
    race.pending[r] = g_new0 (guint64, GDW_BITMAP_WORDS (sim_pages (t->sim, r)));
    race.copied[r] = g_new0 (guint64, sim_pages (t->sim, r));
  }
  race.writing = (gint) plan->shape.vcpus;
  race.until_us = g_get_monotonic_time () + QUICK_S * G_TIME_SPAN_SECOND;
  if (scheduled) {
    race.schedule = schedule_new (seed, 1 + plan->channels + plan->shape.vcpus);
    race.trace = trace_new (plan->channels);
  }
  t->sim->schedule = race.schedule;
  run_actors (&race, actors);
  t->sim->schedule = NULL;
  expect_equal (&race);
  g_clear_pointer (&race.schedule, schedule_free);
  g_clear_pointer (&race.trace, trace_free);
  for (guint r = 0; r < 2; r++) {
    g_free (race.pending[r]);
    g_free (race.copied[r]);
  }
  g_mutex_clear (&race.lock);
}

/* Races on this kind of host at least once, until N times or until BUDGET_US are over: a busy
 * machine switches slowly.  Returns FALSE if the tracker refuses the host. */
static gboolean
race_some (const Subject *subject, const SimKind *kind, const Plan *plan, guint n,
           gint64 budget_us)
{
  gint64 until_us = g_get_monotonic_time () + budget_us;

  for (guint64 i = 0; i < n && (i == 0 || g_get_monotonic_time () < until_us); i++) {
    g_autoptr (GError) error = NULL;
    Trial *t = trial_new (subject, kind, &plan->shape, &error);

    if (!t)
      return FALSE;
    /* The first race uses the test's seed, so that any race can be repeated as the first. */
    run_race (t, plan, subject->seed + (i << 32), n > 1);
    trial_free (t);
  }
  return TRUE;
}

static gboolean
race_by_seed (const Subject *subject, const SimKind *kinds, const Plan *plan)
{
  gboolean quick = subject->settings->quick, any = FALSE;

  for (const SimKind *kind = kinds; kind->name; kind++)
    any |= race_some (subject, kind, plan, quick ? 100 : 150,
                      (quick ? QUICK_S : WHOLE_S) * G_TIME_SPAN_SECOND);
  return any;
}

static void
race_freely (const Subject *subject, const Plan *quick, const Plan *whole)
{
  for (const SimKind *kind = sim_kinds; kind->name; kind++)
    race_some (subject, kind, subject->settings->quick ? quick : whole, 1, 0);
}

void
race_of_writes_by_seed (const Subject *subject)
{
  static const Plan plan = { { { 70, 3 }, 2 }, 1, 1, 20, 62, 5 };

  race_by_seed (subject, sim_kinds, &plan);
}

void
race_of_rearm_and_collect_by_seed (const Subject *subject)
{
  static const Plan plan = { { { 64, 5 }, 4 }, 2, 1, 20, 8, 4 };

  race_by_seed (subject, sim_kinds, &plan);
}

void
race_at_restart_by_seed (const Subject *subject)
{
  static const Plan plan = { { { 66, 3 }, 2 }, 1, 3, 25, 62, 3 };

  race_by_seed (subject, sim_kinds, &plan);
}

void
race_with_full_rings_by_seed (const Subject *subject)
{
  static const SimKind kinds[] = { { "rings of 4", GDW_DIRTY_LOG_RING, 4 },
                                   { "rings of 8", GDW_DIRTY_LOG_RING, 8 },
                                   { NULL, 0, 0 } };
  static const Plan plan = { { { 70, 3 }, 3 }, 1, 2, 20, 60, 10 };

  if (!race_by_seed (subject, kinds, &plan))
    skip ("the tracker does not use dirty rings");
}

void
race_of_writes_runs_free (const Subject *subject)
{
  static const Plan quick = { { { 1000, 130 }, 4 }, 2, 1, 5000, 0, 0 };
  static const Plan whole = { { { 1000, 130 }, 4 }, 2, 1, 50000, 0, 0 };

  race_freely (subject, &quick, &whole);
}

/* The vCPUs write pages whose bits share one word. */
void
race_for_one_word_runs_free (const Subject *subject)
{
  static const Plan quick = { { { 64, 1 }, 4 }, 2, 1, 5000, 0, 64 };
  static const Plan whole = { { { 64, 1 }, 4 }, 2, 1, 50000, 0, 64 };

  race_freely (subject, &quick, &whole);
}
