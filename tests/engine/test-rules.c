/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The rules by which no page is lost, each with the write that would be if it were broken.
 * mutants/ has an engine that breaks it, and these tests must fail there. */
#include "pair.h"

#include <string.h>
#include <sys/mman.h>

/* Two pages that share a word of every bitmap, at the beginning of the first sweep; nobody
 * else writes them. */
#define PAGE 1024u
#define NEIGHBOUR 1025u
#define AT(page) ((guint64) (page) << GDW_PAGE_SHIFT)
#define VALUE 0x5a

static gboolean
is_given (guint region, guint64 first, guint64 n, const guint64 *bits, guint64 page)
{
  return region == 0 && page >= first && page < first + n &&
         (bits[(page - first) / 64] >> ((page - first) % 64) & 1);
}

static void
arrive (Pair *pair)
{
  pair_wait_ended (pair);
  ck_assert_msg (side_status (&pair->source) == GDW_STATUS_COMPLETED, "%s",
                 side_error (&pair->source));
  ck_assert_msg (pair_is_equal (pair), "a page was lost");
}

/* A page is re-armed before it is read, and before it is found to be a hole or zero. */
static void
write_at_first_clear (Side *side, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  if (is_given (region, first, n, bits, PAGE) && g_atomic_int_add (&side->hook_state, 1) == 0)
    side_vcpu_writes (side, AT (PAGE), VALUE);
}

START_TEST (a_page_is_rearmed_before_it_is_read)
{
  Pair *pair = pair_new (&(PairConfig){ .empty = TRUE, .tracker = "manual-protect" });

  if (_i)
    memset (side_page (&pair->source, AT (PAGE)), 0, GDW_PAGE_SIZE);
  pair->source.on_clear = write_at_first_clear;
  pair_begin (pair, "", "");
  arrive (pair);
  ck_assert_int_gt (pair->source.hook_state, 0);
  ck_assert_uint_eq (*side_page (&pair->destination, AT (PAGE)), VALUE);
  pair_free (pair);
}
END_TEST

/* Exactly the pages that are sent are re-armed: 1: both are, 2: both were, for others are now,
 * 3: the one is written again, 4: while it is re-armed its neighbour is, 5: and was. */
static void
write_page_at_get (Side *side, guint region)
{
  if (g_atomic_int_compare_and_exchange (&side->hook_state, 2, 3))
    side_vcpu_writes (side, AT (PAGE), VALUE);
}

static void
write_neighbour_at_clear (Side *side, guint region, guint64 first, guint64 n,
                          const guint64 *bits)
{
  if (!is_given (region, first, n, bits, PAGE)) {
    g_atomic_int_compare_and_exchange (&side->hook_state, 1, 2);
    return;
  }
  if (g_atomic_int_compare_and_exchange (&side->hook_state, 0, 1))
    return;
  if (g_atomic_int_compare_and_exchange (&side->hook_state, 3, 4)) {
    side_vcpu_writes (side, AT (NEIGHBOUR), VALUE);
    g_atomic_int_set (&side->hook_state, 5);
  }
}

START_TEST (a_neighbour_that_is_not_sent_is_not_rearmed)
{
  Pair *pair = pair_new (&(PairConfig){ .tracker = "manual-protect" });

  pair->source.on_get = write_page_at_get;
  pair->source.on_clear = write_neighbour_at_clear;
  pair->source.holds = BIT (CALL_SAVE);
  pair_begin (pair, "", "");
  WAIT_UNTIL (pair->source.held && g_atomic_int_get (&pair->source.hook_state) == 5);
  side_release (&pair->source);
  arrive (pair);
  ck_assert_uint_eq (*side_page (&pair->destination, AT (NEIGHBOUR)), VALUE);
  pair_free (pair);
}
END_TEST

/* The last harvest is after everything that may write: a device ends its work while the
 * state is saved. */
static void
device_writes_at_save (Side *side, Call call)
{
  if (call == CALL_SAVE)
    side_device_writes (side, AT (PAGE), VALUE);
}

START_TEST (a_device_may_write_until_the_state_is_saved)
{
  Pair *pair = pair_new (&(PairConfig){ 0 });

  pair->source.on_call = device_writes_at_save;
  pair_begin (pair, "", "");
  arrive (pair);
  ck_assert_uint_eq (*side_page (&pair->destination, AT (PAGE)), VALUE);
  pair_free (pair);
}
END_TEST

/* A host that breaks its promise is seen by the comparison that all of these tests rest on. */
static void
device_writes_at_fence (Side *side, Call call)
{
  if (call == CALL_FENCE)
    side_device_writes (side, AT (PAGE), VALUE);
}

START_TEST (a_host_that_writes_after_the_last_harvest_is_seen)
{
  Pair *pair = pair_new (&(PairConfig){ .fences = TRUE });

  pair->source.on_call = device_writes_at_fence;
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_uint_eq (side_status (&pair->source), GDW_STATUS_COMPLETED);
  ck_assert (!pair_is_equal (pair));
  pair_free (pair);
}
END_TEST

/* A page that arrives damaged is sent again. */
static const struct {
  const char *filters;
  guint links;
} flips[] = {
  { "|fault:at=MEM,kind=flip,n=3", 0 },
  { "|fault:at=MEM,kind=flip,n=5,seed=7", 0 },
  { "|fault:at=1M,kind=flip", 4 },
};

START_TEST (a_damaged_page_is_sent_again)
{
  Pair *pair = pair_new (&(PairConfig){ .links = flips[_i].links });

  pair_begin (pair, flips[_i].filters, "");
  arrive (pair);
  ck_assert (pair_fault_acted (pair));
  ck_assert_uint_gt (side_info (&pair->source).normal_pages +
                         side_info (&pair->source).zero_pages,
                     16 * MIB / GDW_PAGE_SIZE);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static guint64
resident_bytes (const GdwRegion *region)
{
  guint64 pages = gdw_region_pages (region), n = 0;
  g_autofree unsigned char *in_core = g_malloc (pages);

  ck_assert_int_eq (mincore (region->host_addr, region->size, in_core), 0);
  for (guint64 i = 0; i < pages; i++)
    n += in_core[i] & 1;
  return n * GDW_PAGE_SIZE;
}

/* Zero travels as a run, onto memory that the destination's host has used; what is behind it
 * is given back, but for huge pages ... */
START_TEST (a_zero_run_clears_what_was_there)
{
  Pair *pair = pair_new (&(PairConfig){ .empty = TRUE, .memfd = _i == 1 });
  Memory *memory = machine_memory (pair->destination.machine);
  gboolean huge = _i == 2;

  if (huge)
    memory->regions[0].page_size = 2 << 20;
  memory_is_used (memory);
  memset (memory->regions[0].host_addr, VALUE, memory->regions[0].size);
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  if (huge)
    ck_assert_uint_eq (resident_bytes (&memory->regions[0]), 16 * MIB);
  else /* not all: the last runs of a round are short */
    ck_assert_uint_lt (resident_bytes (&memory->regions[0]), 12 * MIB);
  arrive (pair);
  ck_assert_uint_eq (*side_page (&pair->destination, AT (PAGE)), 0);
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

/* ... and onto a page that the migration itself has brought before. */
static void
note_first_clear (Side *side, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  gboolean given = is_given (region, first, n, bits, PAGE);

  g_atomic_int_compare_and_exchange (&side->hook_state, given ? 0 : 1, given ? 1 : 2);
}

static void
write_zero_at_get (Side *side, guint region)
{
  if (!g_atomic_int_compare_and_exchange (&side->hook_state, 2, 3))
    return;
  memset (side_page (side, AT (PAGE)), 0, GDW_PAGE_SIZE);
  side_vcpu_writes (side, AT (PAGE), 0);
}

START_TEST (a_zero_run_clears_what_was_sent_before)
{
  Pair *pair = pair_new (&(PairConfig){ .tracker = "manual-protect" });

  pair->source.on_clear = note_first_clear;
  pair->source.on_get = write_zero_at_get;
  ck_assert_uint_ne (*(guint64 *) side_page (&pair->source, AT (PAGE)), 0);
  pair_begin (pair, "", "");
  arrive (pair);
  ck_assert_int_eq (pair->source.hook_state, 3);
  ck_assert_uint_eq (*(guint64 *) side_page (&pair->destination, AT (PAGE)), 0);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  tcase_add_loop_test (add_case (suite, "rearm"), a_page_is_rearmed_before_it_is_read, 0, 2);
  tcase_add_test (add_case (suite, "neighbour"), a_neighbour_that_is_not_sent_is_not_rearmed);
  tcase_add_test (add_case (suite, "device"), a_device_may_write_until_the_state_is_saved);
  tcase_add_test (add_case (suite, "host"), a_host_that_writes_after_the_last_harvest_is_seen);
  tcase_add_loop_test (add_case (suite, "damage"), a_damaged_page_is_sent_again, 0,
                       G_N_ELEMENTS (flips));
  tcase_add_loop_test (add_case (suite, "used"), a_zero_run_clears_what_was_there, 0, 3);
  tcase_add_test (add_case (suite, "zero"), a_zero_run_clears_what_was_sent_before);
}

int
main (void)
{
  return engine_main ("rules", add);
}
