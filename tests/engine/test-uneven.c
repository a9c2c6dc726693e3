/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Four links, and the last of them is slow: the guest does not wait for it. */
#include "pair.h"

#define LINKS 4
#define SLOW (LINKS - 1)
/* A sixtieth of the others' rate: of the last pages, which need a part of a second, it could
 * carry a few. */
#define RATES "|rate:bytes-per-second=16M|rate:bytes-per-second=256K,skip=3"
#define FEW_BYTES (192 << 10)

static guint64 at_pause[LINKS];

static guint64
sent_on (Side *side, guint link)
{
  return g_array_index (side_info (side).link_list, GdwLinkInfo, link).bytes;
}

static void
note_pause (Side *side, Call call)
{
  if (call == CALL_PAUSE && side_status (side) == GDW_STATUS_ACTIVE)
    for (guint i = 0; i < LINKS; i++)
      at_pause[i] = sent_on (side, i);
}

static const struct {
  const char *tracker;
  guint32 ring_entries;
} trackers[] = { { "manual-protect", 0 }, { "bitmap", 0 }, { "dirty-ring", 65536 } };

/* Returns how many of the last bytes the slow link carries. */
static guint64
migrate (guint with)
{
  Pair *pair = pair_new (&(PairConfig){ .writers = 1,
                                        .links = LINKS,
                                        .working_set = 12 * MIB,
                                        .tracker = trackers[with].tracker,
                                        .ring_entries = trackers[with].ring_entries });
  Side *source = &pair->source;
  guint64 slow, all = 0;

  source->on_call = note_pause;
  pair_begin (pair, RATES, "");
  pair_wait_ended (pair);
  for (guint i = 0; i < LINKS; i++)
    all += sent_on (source, i) - at_pause[i];
  slow = sent_on (source, SLOW) - at_pause[SLOW];
  ck_assert_uint_gt (at_pause[SLOW], 0);
  ck_assert_uint_gt (all, 2 * MIB);
  pair_expect_arrived (pair);
  pair_free (pair);
  return slow;
}

/* A busy machine may slow the other links down as well, but not each time. */
START_TEST (a_slow_link_gets_few_of_the_last_pages)
{
  guint64 slow = migrate (_i);

  for (guint again = 0; again < 2 && slow > FEW_BYTES; again++)
    slow = migrate (_i);
  ck_assert_uint_le (slow, FEW_BYTES);
}
END_TEST

/* Each round tells of as many bytes as its pages need. */
START_TEST (pages_and_bytes_of_a_round_belong_together)
{
  Pair *pair = pair_new (
      &(PairConfig){ .writers = 1, .rate = 20000, .links = LINKS, .working_set = 12 * MIB });
  const GArray *rounds;

  pair_begin (pair, RATES, "");
  pair_wait_ended (pair);
  rounds = side_info (&pair->source).round_list;
  ck_assert_uint_ge (rounds->len, 2);
  for (guint i = 0; i < rounds->len; i++) {
    const GdwRoundInfo *round = &g_array_index (rounds, GdwRoundInfo, i);
    guint64 data = round->pages * GDW_PAGE_SIZE;

    /* Each page is full, and a frame has a few bytes more a page. */
    ck_assert_uint_ge (round->bytes, data - data / 4);
    ck_assert_uint_le (round->bytes, data + data / 32);
  }
  pair_expect_arrived (pair);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  TCase *tests = add_case (suite, "uneven");

  tcase_add_loop_test (tests, a_slow_link_gets_few_of_the_last_pages, 0,
                       G_N_ELEMENTS (trackers));
  tcase_add_test (tests, pages_and_bytes_of_a_round_belong_together);
}

int
main (void)
{
  return engine_main ("uneven", add);
}
