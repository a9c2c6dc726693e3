/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/source/converge.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

#define MIB G_GUINT64_CONSTANT (1048576)
#define UNKNOWN G_MAXUINT64

static const struct {
  GdwConvergeInput in;
  gboolean switch_over;
  guint64 expected_us;
} rows[] = {
  /* dirty, under way, bandwidth, fixed, limit, slowest link */
  { { 0, 0, 100, 0, 300000, 0 }, TRUE, 0 },
  { { 50 * MIB, 0, 100 * MIB, 0, 500000, 0 }, TRUE, 500000 },
  { { 50 * MIB, 0, 100 * MIB, 0, 499999, 0 }, FALSE, 500000 },
  /* bytes under way and the fixed cost count */
  { { 25 * MIB, 25 * MIB, 100 * MIB, 0, 500000, 0 }, TRUE, 500000 },
  { { 25 * MIB, 26 * MIB, 100 * MIB, 0, 500000, 0 }, FALSE, 510000 },
  { { 50 * MIB, 0, 100 * MIB, 1, 500000, 0 }, FALSE, 500001 },
  { { 0, 50 * MIB, 100 * MIB, 0, 400000, 0 }, FALSE, 500000 },
  /* a link that is slower than the mean of all, with what it has */
  { { 40 * MIB, 10 * MIB, 100 * MIB, 1, 700001, 700000 }, TRUE, 700001 },
  { { 40 * MIB, 10 * MIB, 100 * MIB, 1, 700000, 700000 }, FALSE, 700001 },
  { { 40 * MIB, 10 * MIB, 100 * MIB, 0, 500000, 400000 }, TRUE, 500000 },
  { { 40 * MIB, 10 * MIB, 100 * MIB, 0, 500000, UNKNOWN }, FALSE, UNKNOWN },
  /* nothing left: no further round could do better than the fixed cost */
  { { 0, 0, 100 * MIB, 400000, 300000, 0 }, TRUE, 400000 },
  { { 0, 0, 0, 400000, 300000, 0 }, TRUE, 400000 },
  { { 1, 0, 100 * MIB, 400000, 300000, 0 }, FALSE, 400001 },
  /* bandwidth unknown */
  { { 1, 0, 0, 0, 300000, 0 }, FALSE, UNKNOWN },
  { { 1, 0, 0, 0, G_MAXUINT64, 0 }, FALSE, UNKNOWN },
  /* no overflow: 8 EiB at 1 byte/s */
  { { G_MAXINT64, 0, 1, 0, 300000, 0 }, FALSE, UNKNOWN },
  { { G_MAXUINT64, G_MAXUINT64, G_MAXUINT64, 0, 2000000, 0 }, TRUE, 1000000 },
  { { 4096, 0, 4096, G_MAXUINT64, 300000, 0 }, FALSE, UNKNOWN },
  { { G_GUINT64_CONSTANT (1) << 50, 0, 1000000000, 0, 300000, 0 }, FALSE, 1125899906843 },
};

START_TEST (rows_decide_as_written)
{
  GdwConvergeDecision out = gdw_converge (&rows[_i].in);

  ck_assert_int_eq (out.switch_over, rows[_i].switch_over);
  ck_assert_uint_eq (out.expected_us, rows[_i].expected_us);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("converge");

  tcase_add_loop_test (tc, rows_decide_as_written, 0, G_N_ELEMENTS (rows));
  return suite_run ("converge", tc, NULL);
}
