/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/pageset.h"
#include "tests/support/suite.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define ALL (~G_GUINT64_CONSTANT (0))

/* Ends inside a word, at a word, empty, and longer than a block. */
static const guint64 sizes[] = { 100, 64 * 20, 0, 64 * 700 + 1 };
#define N_REGIONS G_N_ELEMENTS (sizes)
#define TOTAL (100 + 64 * 20 + 64 * 700 + 1)

static guint64
counted (const GdwPageset *set)
{
  guint64 n = 0;

  for (guint r = 0; r < set->n_regions; r++)
    for (guint64 p = 0; p < GDW_BITMAP_WORDS (set->pages[r]) * 64; p++)
      n += set->bits[r][p / 64] >> (p % 64) & 1;
  return n;
}

static gboolean
has (const GdwPageset *set, guint region, guint64 page)
{
  return __atomic_load_n (&set->bits[region][page / 64], __ATOMIC_RELAXED) >> (page % 64) & 1;
}

START_TEST (new_is_empty_and_fill_stops_at_the_end)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);

  ck_assert_uint_eq (gdw_pageset_count (set), 0);
  ck_assert_uint_eq (counted (set), 0);
  gdw_pageset_fill (set);
  ck_assert_uint_eq (gdw_pageset_count (set), TOTAL);
  ck_assert_uint_eq (counted (set), TOTAL);
  ck_assert_uint_eq (set->bits[0][1], (G_GUINT64_CONSTANT (1) << 36) - 1);
  ck_assert (has (set, 3, sizes[3] - 1));
  gdw_pageset_free (set);
}
END_TEST

START_TEST (add_and_remove_agree_with_a_plain_array)
{
  guint64 pages[] = { 1000 };
  GdwPageset *set = gdw_pageset_new (pages, 1);
  guint8 model[1000] = { 0 };
  guint64 count = 0;
  GRand *rand = g_rand_new_with_seed (1);

  for (int round = 0; round < 20000; round++) {
    guint64 first = (guint64) g_rand_int_range (rand, 0, 1000);
    guint64 n = (guint64) g_rand_int_range (rand, 0, round % 2 ? 4 : 1001);
    gboolean add = g_rand_boolean (rand);
    guint64 changed = 0;

    n = MIN (n, 1000 - first);
    for (guint64 p = first; p < first + n; p++) {
      changed += model[p] != add;
      model[p] = (guint8) add;
    }
    count += add ? changed : -changed;
    ck_assert_uint_eq (add ? gdw_pageset_add (set, 0, first, n)
                           : gdw_pageset_remove (set, 0, first, n),
                       changed);
    ck_assert_uint_eq (gdw_pageset_count (set), count);
  }
  for (guint64 p = 0; p < 1000; p++)
    ck_assert_int_eq (has (set, 0, p), model[p]);
  ck_assert_uint_eq (counted (set), count);
  g_rand_free (rand);
  gdw_pageset_free (set);
}
END_TEST

START_TEST (merge_counts_what_is_new_and_empties)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  GdwPageset *from = gdw_pageset_new (sizes, N_REGIONS);

  gdw_pageset_add (set, 0, 10, 5);
  from->bits[0][0] = 0x3ff << 8; /* pages 8..17: 10..14 are known */
  from->bits[1][19] = ALL;
  from->bits[3][0] = 1;
  from->bits[3][511] = from->bits[3][512] = 3; /* both sides of a block's end */
  from->bits[3][700] = 1;
  gdw_pageset_note (from);
  ck_assert_uint_eq (gdw_pageset_merge (set, from), 5 + 64 + 1 + 4 + 1);
  ck_assert_uint_eq (gdw_pageset_count (set), 5 + 5 + 64 + 1 + 4 + 1);
  ck_assert_uint_eq (counted (set), gdw_pageset_count (set));
  ck_assert (has (set, 3, 512 * 64 + 1));
  ck_assert_uint_eq (counted (from), 0);
  ck_assert_uint_eq (gdw_pageset_count (from), 0);
  ck_assert_uint_eq (gdw_pageset_merge (set, from), 0);
  gdw_pageset_free (set);
  gdw_pageset_free (from);
}
END_TEST

START_TEST (what_is_put_is_merged)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  GdwPageset *from = gdw_pageset_new (sizes, N_REGIONS);
  guint64 first = 64 * 64 * 2 - 3; /* from the second block through the third to the fourth */

  gdw_pageset_put (from, 3, first, 64 * 64 + 5);
  gdw_pageset_put (from, 3, first + 1, 1);
  gdw_pageset_put (from, 0, 99, 1);
  ck_assert_uint_eq (gdw_pageset_count (from), 0);
  ck_assert_uint_eq (gdw_pageset_merge (set, from), 64 * 64 + 5 + 1);
  ck_assert (has (set, 0, 99) && !has (set, 3, first - 1) && has (set, 3, first));
  ck_assert (has (set, 3, first + 64 * 64 + 4) && !has (set, 3, first + 64 * 64 + 5));
  ck_assert_uint_eq (counted (from), 0);
  gdw_pageset_free (set);
  gdw_pageset_free (from);
}
END_TEST

START_TEST (merge_drops_bits_past_the_end)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  GdwPageset *from = gdw_pageset_new (sizes, N_REGIONS);

  from->bits[0][1] = ALL;
  from->bits[3][700] = ALL;
  gdw_pageset_note (from);
  ck_assert_uint_eq (gdw_pageset_merge (set, from), 36 + 1);
  ck_assert_uint_eq (counted (set), 37);
  gdw_pageset_free (set);
  gdw_pageset_free (from);
}
END_TEST

START_TEST (take_moves_all_but_the_busy)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  GdwPageset *busy = gdw_pageset_new (sizes, N_REGIONS);
  guint64 words[3] = { ALL, ALL, ALL };

  gdw_pageset_add (set, 1, 60, 70); /* words 0..2 */
  gdw_pageset_add (busy, 1, 64, 60);
  ck_assert_uint_eq (gdw_pageset_take (set, busy, 1, 0, 3, words), 10);
  ck_assert_uint_eq (words[0], G_GUINT64_CONSTANT (15) << 60);
  ck_assert_uint_eq (words[1], G_GUINT64_CONSTANT (15) << 60);
  ck_assert_uint_eq (words[2], 3);
  ck_assert_uint_eq (gdw_pageset_count (set), 60);
  ck_assert_uint_eq (counted (set), 60);
  ck_assert (has (set, 1, 64));
  ck_assert_uint_eq (gdw_pageset_take (set, NULL, 1, 1, 1, words), 60);
  ck_assert_uint_eq (words[0], ALL >> 4);
  ck_assert_uint_eq (gdw_pageset_count (set), 0);
  ck_assert_uint_eq (gdw_pageset_count (busy), 60);
  gdw_pageset_free (set);
  gdw_pageset_free (busy);
}
END_TEST

/* Takes all that next finds; how many pages that are. */
static guint64
take_all (GdwPageset *set, const GdwPageset *busy)
{
  guint64 taken = 0, bits;

  for (guint r = 0; r < set->n_regions; r++)
    for (guint64 word = 0; gdw_pageset_next (set, busy, r, &word); word++) {
      guint64 n = gdw_pageset_take (set, busy, r, word, 1, &bits);

      ck_assert_uint_gt (n, 0);
      taken += n;
    }
  return taken;
}

START_TEST (next_finds_what_was_filled)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  guint64 word = 0;

  ck_assert (!gdw_pageset_next (set, NULL, 3, &word));
  gdw_pageset_fill (set);
  ck_assert_uint_eq (take_all (set, NULL), TOTAL);
  ck_assert_uint_eq (take_all (set, NULL), 0);
  gdw_pageset_free (set);
}
END_TEST

/* It begins anywhere, and what lies before its beginning is found the next time. */
START_TEST (next_forgets_no_page_before_its_beginning)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  guint64 word = 70;

  gdw_pageset_add (set, 3, 65 * 64, 1); /* in the second block, as word 70 */
  ck_assert (!gdw_pageset_next (set, NULL, 3, &word));
  word = 0;
  ck_assert (gdw_pageset_next (set, NULL, 3, &word));
  ck_assert_uint_eq (word, 65);
  gdw_pageset_free (set);
}
END_TEST

START_TEST (a_busy_page_is_found_once_it_is_requeued)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  GdwPageset *busy = gdw_pageset_new (sizes, N_REGIONS);

  gdw_pageset_add (set, 3, 64 * 63, 130); /* the end of a block and the next one */
  gdw_pageset_add (busy, 3, 64 * 63, 129);
  ck_assert_uint_eq (take_all (set, busy), 1);
  ck_assert_uint_eq (take_all (set, busy), 0);
  ck_assert_uint_eq (gdw_pageset_count (set), 129);
  gdw_pageset_remove (busy, 3, 64 * 63, 129);
  ck_assert (!gdw_pageset_requeue (set, 3, 64 * 65 + 1, 64));
  ck_assert (!gdw_pageset_requeue (set, 3, 0, 64 * 63));
  ck_assert (gdw_pageset_requeue (set, 3, 64 * 63, 129));
  ck_assert_uint_eq (take_all (set, busy), 129);
  gdw_pageset_free (set);
  gdw_pageset_free (busy);
}
END_TEST

START_TEST (next_word_finds_each_word_from_each_start)
{
  guint64 words[40] = { 0 };

  for (guint64 at = 0; at < 40; at++) {
    words[at] = G_GUINT64_CONSTANT (1) << at;
    for (guint64 from = 0; from <= 40; from++)
      for (guint64 end = from; end <= 40; end++) {
        guint64 expected = at >= from && at < end ? at : end;

        ck_assert_uint_eq (gdw_bits_next_word (words, from, end), expected);
      }
    words[at] = 0;
  }
}
END_TEST

static gboolean
is_set (const guint64 *words, guint64 bit)
{
  return words[bit / 64] >> (bit % 64) & 1;
}

/* Against bit by bit. */
static void
compare_runs (const guint64 *words, guint64 from, guint64 end)
{
  guint64 first = 0, n = 0;

  for (guint64 at = from, stop; at < end; at = stop) {
    while (at < end && !is_set (words, at))
      at++;
    for (stop = at; stop < end && is_set (words, stop);)
      stop++;
    ck_assert_int_eq (gdw_bits_next_run (words, from, end, &first, &n), stop > at);
    if (stop > at) {
      ck_assert_uint_eq (first, at);
      ck_assert_uint_eq (n, stop - at);
    }
    from = stop;
  }
}

START_TEST (runs_are_exact_at_every_density)
{
  guint64 words[64];
  GRand *rand = g_rand_new_with_seed (2);

  for (int density = 0; density <= 100; density += 5)
    for (int round = 0; round < 40; round++) {
      guint64 from;

      memset (words, 0, sizeof words);
      for (guint b = 0; b < 64 * 64; b++)
        if (g_rand_int_range (rand, 0, 100) < density)
          words[b / 64] |= G_GUINT64_CONSTANT (1) << (b % 64);
      compare_runs (words, 0, 64 * 64);
      from = (guint64) g_rand_int_range (rand, 0, 64 * 64);
      compare_runs (words, from, (guint64) g_rand_int_range (rand, (gint32) from, 64 * 64 + 1));
    }
  g_rand_free (rand);
}
END_TEST

START_TEST (a_run_goes_over_words_and_stops_at_the_end)
{
  guint64 words[] = { ALL << 63, ALL, ALL, 1, 0 }, first, n;

  ck_assert (gdw_bits_next_run (words, 0, 320, &first, &n));
  ck_assert_uint_eq (first, 63);
  ck_assert_uint_eq (n, 130);
  ck_assert (gdw_bits_next_run (words, 70, 190, &first, &n));
  ck_assert_uint_eq (first, 70);
  ck_assert_uint_eq (n, 120);
  ck_assert (!gdw_bits_next_run (words, 193, 320, &first, &n));
  ck_assert (!gdw_bits_next_run (words, 64, 64, &first, &n));
}
END_TEST

/* Threads that add, merge, take and remove what they like: what was new must be what
 * was taken or is there, and the count right all along. */
typedef struct {
  GdwPageset *set;
  guint32 seed;
  guint64 in, out;
} Party;

static void *
party (void *data)
{
  Party *self = data;
  GRand *rand = g_rand_new_with_seed (self->seed);
  GdwPageset *own = gdw_pageset_new (sizes, N_REGIONS);
  guint64 words[16];

  for (int round = 0; round < 3000; round++) {
    guint64 first = (guint64) g_rand_int_range (rand, 0, 16 * 64);
    guint64 n = (guint64) g_rand_int_range (rand, 0, 200);

    switch (g_rand_int_range (rand, 0, 4)) {
    case 0:
      self->in += gdw_pageset_add (self->set, 1, first, n);
      break;
    case 1:
      for (guint64 p = first; p < first + n; p += 3)
        own->bits[1][p / 64] |= G_GUINT64_CONSTANT (1) << (p % 64);
      gdw_pageset_note (own);
      self->in += gdw_pageset_merge (self->set, own);
      break;
    case 2:
      self->out += gdw_pageset_take (self->set, NULL, 1, first / 64 % 4, 16, words);
      break;
    default:
      self->out += gdw_pageset_remove (self->set, 1, first, n);
    }
    ck_assert_uint_le (gdw_pageset_count (self->set), 8 * TOTAL);
  }
  g_rand_free (rand);
  gdw_pageset_free (own);
  return NULL;
}

START_TEST (the_count_is_exact_after_a_crowd)
{
  GdwPageset *set = gdw_pageset_new (sizes, N_REGIONS);
  Party parties[4];
  pthread_t threads[4];
  guint64 in = 0, out = 0;

  for (guint i = 0; i < 4; i++) {
    parties[i] = (Party){ .set = set, .seed = 100 + i };
    ck_assert (pthread_create (&threads[i], NULL, party, &parties[i]) == 0);
  }
  for (guint i = 0; i < 4; i++) {
    pthread_join (threads[i], NULL);
    in += parties[i].in;
    out += parties[i].out;
  }
  ck_assert_uint_eq (gdw_pageset_count (set), counted (set));
  ck_assert_uint_eq (gdw_pageset_count (set), in - out);
  gdw_pageset_free (set);
}
END_TEST

/* One thread adds, one takes, in the same two words.  Nothing is lost, and the
 * count may be above the truth meanwhile, never below. */
#define MEETINGS 200000
#define TAKES_AT_MOST 2000000 /* on a machine where they hardly meet */

typedef struct {
  GdwPageset *set;
  gint stop;
  guint64 added;
} Adder;

static void *
add_until_stopped (void *data)
{
  Adder *adder = data;

  for (guint64 i = 0; !__atomic_load_n (&adder->stop, __ATOMIC_RELAXED); i++)
    adder->added += gdw_pageset_add (adder->set, 0, i % 100, 1);
  return NULL;
}

START_TEST (nothing_is_lost_between_adding_and_taking)
{
  Adder adder = { .set = gdw_pageset_new (sizes, N_REGIONS) };
  guint64 taken = 0, words[2];
  pthread_t thread;

  ck_assert (pthread_create (&thread, NULL, add_until_stopped, &adder) == 0);
  for (int takes = 0, met = 0; met < MEETINGS && takes < TAKES_AT_MOST; takes++) {
    guint64 got = gdw_pageset_take (adder.set, NULL, 0, 0, 2, words);

    met += got > 0;
    taken += got;
    if (gdw_pageset_count (adder.set) > 101) /* below zero would be huge */
      ck_abort_msg ("count %" G_GUINT64_FORMAT, gdw_pageset_count (adder.set));
  }
  __atomic_store_n (&adder.stop, 1, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
  ck_assert_uint_eq (adder.added, taken + counted (adder.set));
  ck_assert_uint_eq (adder.added, taken + gdw_pageset_count (adder.set));
  gdw_pageset_free (adder.set);
}
END_TEST

/* The set that is merged from is added to all the while: marks of the VMM. */
START_TEST (nothing_is_lost_between_adding_and_merging)
{
  Adder adder = { .set = gdw_pageset_new (sizes, 1) };
  GdwPageset *into = gdw_pageset_new (sizes, 1);
  guint64 merged = 0, words[2];
  pthread_t thread;

  ck_assert (pthread_create (&thread, NULL, add_until_stopped, &adder) == 0);
  for (int merges = 0, met = 0; met < MEETINGS && merges < TAKES_AT_MOST; merges++) {
    guint64 got = gdw_pageset_merge (into, adder.set);

    met += got > 0;
    merged += got;
    if (gdw_pageset_take (into, NULL, 0, 0, 2, words) != got)
      ck_abort_msg ("not what was merged");
  }
  __atomic_store_n (&adder.stop, 1, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
  ck_assert_uint_eq (adder.added, merged + counted (adder.set));
  ck_assert_uint_eq (gdw_pageset_count (into), 0);
  gdw_pageset_free (adder.set);
  gdw_pageset_free (into);
}
END_TEST

/* A thread that takes a bit sees the page as it was when the bit was set: plain memory,
 * so that a thread sanitizer checks it too. */
typedef struct {
  GdwPageset *set;
  guint64 content[64 * 20];
} Handed;

static void *
hand_over (void *data)
{
  Handed *handed = data;

  for (guint64 p = 0; p < 64 * 20; p++) {
    handed->content[p] = p + 1;
    gdw_pageset_add (handed->set, 1, p, 1);
  }
  return NULL;
}

START_TEST (who_takes_a_bit_sees_the_page)
{
  Handed *handed = g_new0 (Handed, 1);
  pthread_t thread;

  handed->set = gdw_pageset_new (sizes, N_REGIONS);
  ck_assert (pthread_create (&thread, NULL, hand_over, handed) == 0);
  for (guint64 got = 0; got < 64 * 20;) {
    guint64 words[20], first, n;

    got += gdw_pageset_take (handed->set, NULL, 1, 0, 20, words);
    for (guint64 at = 0; gdw_bits_next_run (words, at, 64 * 20, &first, &n); at = first + n)
      for (guint64 p = first; p < first + n; p++)
        ck_assert_uint_eq (handed->content[p], p + 1);
  }
  pthread_join (thread, NULL);
  gdw_pageset_free (handed->set);
  g_free (handed);
}
END_TEST

/* A page is stored, then marked, while its bit is set already and is being taken: either
 * the taker reads the new page or the bit is set afterwards. */
#define ROUNDS 100000

typedef struct {
  GdwPageset *set;
  gint go, done;                                /* number of the round */
  gint content __attribute__ ((aligned (256))); /* as far away as a page is */
} Again;

static void
wait_for (gint *what, gint value)
{
  for (guint spins = 0; __atomic_load_n (what, __ATOMIC_ACQUIRE) != value; spins++)
    if (spins > 1000)
      sched_yield ();
}

static void *
store_and_mark (void *data)
{
  Again *again = data;

  for (gint round = 1; round <= ROUNDS; round++) {
    wait_for (&again->go, round);
    has (again->set, 0, 7); /* the bit is at hand, the page is not */
    __atomic_store_n (&again->content, round, __ATOMIC_RELAXED);
    gdw_pageset_add (again->set, 0, 7, 1);
    __atomic_store_n (&again->done, round, __ATOMIC_RELEASE);
  }
  return NULL;
}

START_TEST (a_mark_on_a_set_bit_is_not_lost)
{
  Again again = { .set = gdw_pageset_new (sizes, N_REGIONS) };
  pthread_t thread;
  int pause = 0;

  ck_assert (pthread_create (&thread, NULL, store_and_mark, &again) == 0);
  for (gint round = 1; round <= ROUNDS; round++) {
    guint64 word;
    gint seen;

    gdw_pageset_add (again.set, 0, 7, 1);
    __atomic_store_n (&again.go, round, __ATOMIC_RELEASE);
    for (int i = 0; i < pause; i++)
      __asm__ volatile("");
    gdw_pageset_take (again.set, NULL, 0, 0, 1, &word);
    seen = __atomic_load_n (&again.content, __ATOMIC_RELAXED);
    wait_for (&again.done, round);
    if (seen != round && !has (again.set, 0, 7))
      ck_abort_msg ("lost in round %d", round);
    /* The first one waits longer, so that they keep meeting. */
    pause = CLAMP (pause + (seen == round ? -1 : 1), 0, 10000);
  }
  pthread_join (thread, NULL);
  gdw_pageset_free (again.set);
}
END_TEST

/* A block gets more pages while its bit is cleared, because the first one was taken: they are
 * found now or the next time. */
#define BLOCK_PAGES (64 * GDW_BLOCK_WORDS)
#define BLOCKS 4096
#define PASSES 10

static void *
add_to_each_block (void *data)
{
  Again *again = data;

  for (gint pass = 1; pass <= PASSES; pass++) {
    wait_for (&again->go, pass);
    for (guint64 page = 0; page < BLOCKS * BLOCK_PAGES; page += BLOCK_PAGES) {
      gdw_pageset_add (again->set, 0, page, 1);
      if (page / BLOCK_PAGES % 64 == 0) /* on a busy machine they hardly meet otherwise */
        sched_yield ();
      for (guint64 i = page * 2654435761 >> 16 & 127; i > 0; i--)
        __asm__ volatile("");
      /* A word is added quickly, many are not. */
      gdw_pageset_add (again->set, 0, page + 1, page / BLOCK_PAGES % 2 ? 1 : 1000);
    }
    __atomic_store_n (&again->done, pass, __ATOMIC_RELEASE);
  }
  return NULL;
}

static guint64
merge_all (GdwPageset *set, GdwPageset *into)
{
  guint64 merged = gdw_pageset_merge (into, set);

  ck_assert_uint_eq (take_all (into, NULL), merged);
  return merged;
}

static void
meet_in_each_block (gboolean merge)
{
  static const guint64 pages = BLOCKS * BLOCK_PAGES;
  Again again = { .set = gdw_pageset_new (&pages, 1) };
  GdwPageset *into = gdw_pageset_new (&pages, 1);
  pthread_t thread;

  ck_assert (pthread_create (&thread, NULL, add_to_each_block, &again) == 0);
  for (gint pass = 1; pass <= PASSES; pass++) {
    guint64 found = 0;
    guint spins = 0;
    gboolean done;

    __atomic_store_n (&again.go, pass, __ATOMIC_RELEASE);
    do {
      guint64 now;

      done = __atomic_load_n (&again.done, __ATOMIC_ACQUIRE) == pass;
      now = merge ? merge_all (again.set, into) : take_all (again.set, NULL);
      found += now;
      spins = now ? 0 : spins + 1;
      if (spins > 1000)
        sched_yield ();
    } while (!done);
    if (found != BLOCKS / 2 * (2 + 1001))
      ck_abort_msg ("pass %d: %" G_GUINT64_FORMAT " pages were found", pass, found);
  }
  pthread_join (thread, NULL);
  gdw_pageset_free (again.set);
  gdw_pageset_free (into);
}

START_TEST (no_page_is_lost_as_its_block_is_left)
{
  meet_in_each_block (FALSE);
}
END_TEST

START_TEST (no_page_is_lost_as_its_block_is_merged)
{
  meet_in_each_block (TRUE);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("pageset"), *blocks = tcase_create ("blocks");

  tcase_set_timeout (tc, 30);
  tcase_set_timeout (blocks, 30);
  tcase_add_test (tc, new_is_empty_and_fill_stops_at_the_end);
  tcase_add_test (tc, add_and_remove_agree_with_a_plain_array);
  tcase_add_test (tc, merge_counts_what_is_new_and_empties);
  tcase_add_test (tc, what_is_put_is_merged);
  tcase_add_test (tc, merge_drops_bits_past_the_end);
  tcase_add_test (tc, take_moves_all_but_the_busy);
  tcase_add_test (tc, next_finds_what_was_filled);
  tcase_add_test (tc, next_forgets_no_page_before_its_beginning);
  tcase_add_test (tc, a_busy_page_is_found_once_it_is_requeued);
  tcase_add_test (tc, next_word_finds_each_word_from_each_start);
  tcase_add_test (tc, runs_are_exact_at_every_density);
  tcase_add_test (tc, a_run_goes_over_words_and_stops_at_the_end);
  tcase_add_test (tc, the_count_is_exact_after_a_crowd);
  tcase_add_test (tc, nothing_is_lost_between_adding_and_taking);
  tcase_add_test (tc, nothing_is_lost_between_adding_and_merging);
  tcase_add_test (tc, who_takes_a_bit_sees_the_page);
  tcase_add_test (tc, a_mark_on_a_set_bit_is_not_lost);
  tcase_add_test (blocks, no_page_is_lost_as_its_block_is_left);
  tcase_add_test (blocks, no_page_is_lost_as_its_block_is_merged);
  return suite_run ("pageset", tc, blocks, NULL);
}
