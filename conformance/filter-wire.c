/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "filter-cases.h"
#include "flow.h"

FILTER_CASES (DECLARE_CASE)

void
filter_a_short_wire_loses_nothing (const Subject *subject)
{
  Pair pair;
  Flow out = { .tag = 1, .size = 60001, .chunk = 5000, .vectors = 9, .seed = subject->seed };
  Flow in = { .tag = 1, .size = 60001, .chunk = 3000, .vectors = 5, .seed = subject->seed };

  pair_open (&pair, subject);
  end_make_wire_short (pair.out);
  end_make_wire_short (pair.in);
  out.end = pair.out;
  in.end = pair.in;
  flow_start (&out, flow_write);
  flow_start (&in, flow_read);
  flow_end (&in);
  flow_end (&out);
  pair_close (&pair);
}

void
filter_an_error_of_the_wire_is_handed_on (const Subject *subject)
{
  Promise promise = PROMISE ("filter.h", "Errors and ends from @next are handed on");
  Pair pair;
  Flow out = { .size = (guint64) 256 << 20, .until_error = TRUE };
  Call reading = { .kind = CALL_READ, .size = 10 };

  pair_open (&pair, subject);
  end_make_wire_fail (pair.out);
  out.end = reading.end = pair.out;
  flow_start (&out, flow_write);
  flow_end (&out);
  EXPECT (out.error, promise, "write took %" G_GUINT64_FORMAT " bytes from a wire that fails",
          out.done);
  call_start (&reading);
  call_end (&reading, promise);
  EXPECT (reading.count < 0, promise, "read from a wire that fails gave %" G_GSSIZE_FORMAT,
          reading.count);
  pair_close (&pair);
}

void
filter_a_link_without_bytes_closes (const Subject *subject)
{
  Pair pair;

  pair_open (&pair, subject);
  for (guint i = 0; i < 20; i++) {
    end_close (pair.in);
    end_close (pair.out);
    pair_connect (&pair, &pair.in, &pair.out);
  }
  pair_close (&pair);
}
