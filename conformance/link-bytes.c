/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "flow.h"
#include "link-cases.h"

LINK_CASES (DECLARE_CASE)

#define MIB ((guint64) 1 << 20)
#define GIB ((guint64) 1 << 30)

void
link_bytes_of_any_size_arrive (const Subject *subject)
{
  static const guint64 sizes[] = { 1,    2,     63,    64,      4095,    4096,
                                   4097, 65535, 65537, MIB - 1, MIB + 1, 3 * MIB + 7 };
  Pair pair;

  pair_open (&pair, subject);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    note ("size %" G_GUINT64_FORMAT, sizes[i]);
    flow_through (pair.out, pair.in, 2 * i, sizes[i]);
    flow_through (pair.in, pair.out, 2 * i + 1, sizes[i]);
  }
  pair_close (&pair);
}

void
link_vectors_of_any_cut_arrive (const Subject *subject)
{
  static const guint counts[] = { 2, 3, 17, 64, 65, IOV_MAX };
  Pair pair;

  pair_open (&pair, subject);
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
    Flow out = { .end = pair.out,
                 .tag = i,
                 .size = MIB / 2 + i,
                 .chunk = 9000,
                 .vectors = counts[i],
                 .seed = subject->seed + i };
    Flow in = { .end = pair.in,
                .tag = i,
                .size = MIB / 2 + i,
                .chunk = 7000,
                .vectors = counts[G_N_ELEMENTS (counts) - 1 - i],
                .seed = subject->seed + i };

    note ("at most %u vectors written, %u read", out.vectors, in.vectors);
    flow_start (&out, flow_write);
    flow_start (&in, flow_read);
    flow_end (&in);
    flow_end (&out);
  }
  pair_close (&pair);
}

/* Offers much more in one call than fits into the link, so that counts are short. */
void
link_short_counts_lose_nothing (const Subject *subject)
{
  Pair pair;
  Flow out = {
    .tag = 1, .size = 64 * MIB, .chunk = 64 * MIB, .vectors = 33, .seed = subject->seed
  };
  Flow in = { .tag = 1, .size = 64 * MIB };

  pair_open (&pair, subject);
  out.end = pair.out;
  in.end = pair.in;
  flow_start (&out, flow_write);
  flow_start (&in, flow_read);
  flow_end (&in);
  flow_end (&out);
  pair_close (&pair);
}

void
link_more_than_2_gib_arrive (const Subject *subject)
{
  Pair pair;

  pair_open (&pair, subject);
  flow_through (pair.out, pair.in, 1, 4 * GIB + MIB + 1);
  pair_close (&pair);
}

static void
drain (gpointer data)
{
  Flow *flow = data;
  Guarded buffer = guarded_new (MIB);
  struct iovec iov = { buffer.data, buffer.size };
  gssize count;

  while ((count = end_read (flow->end, &iov, 1, NULL, &flow->error)) > 0)
    __atomic_fetch_add (&flow->done, (guint64) count, __ATOMIC_SEQ_CST);
}

/* Maps zeros that take no memory. */
void
link_one_call_may_offer_more_than_4_gib (const Subject *subject)
{
  static const guint64 sizes[] = { 2 * GIB + 1, 4 * GIB, 5 * GIB };
  gpointer zeros = mmap (NULL, 5 * GIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
  guint64 written = 0;
  Pair pair;
  Flow in = { 0 };

  if (zeros == MAP_FAILED)
    skip ("there are no 5 GiB of addresses");
  pair_open (&pair, subject);
  in.end = pair.in;
  flow_start (&in, drain);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    struct iovec iov[2] = { { zeros, sizes[i] / 2 }, { zeros, sizes[i] - sizes[i] / 2 } };
    g_autoptr (GError) error = NULL;
    gssize count = end_write (pair.out, iov, 2, NULL, &error);

    EXPECT (count > 0, PROMISE ("transport.h", "not empty, of any size"),
            "write of %" G_GUINT64_FORMAT " bytes failed: %s", sizes[i], error->message);
    written += (guint64) count;
  }
  if (!end_shutdown (pair.out)) {
    end_close (pair.out);
    pair.out = NULL;
  }
  flow_end (&in);
  EXPECT (in.done == written, PROMISE ("transport.h", "in order, whole and once"),
          "%" G_GUINT64_FORMAT " bytes were taken, %" G_GUINT64_FORMAT " came", written,
          in.done);
  pair_close (&pair);
}

void
link_read_gives_what_there_is (const Subject *subject)
{
  Pair pair;

  pair_open (&pair, subject);
  for (guint size = 1; size < 100; size += 33) {
    Call reading = { .kind = CALL_READ, .end = pair.in, .size = MIB };
    Flow out = { .end = pair.out, .tag = size, .size = size };

    call_start (&reading);
    flow_write (&out);
    call_end (&reading, PROMISE ("transport.h", "Read what there is, at least one byte"));
    EXPECT (reading.count > 0, PROMISE ("transport.h", "Read what there is, at least one byte"),
            "read gave %" G_GSSIZE_FORMAT, reading.count);
    if (reading.count < size) {
      Flow rest = {
        .end = pair.in, .tag = size, .size = size, .done = (guint64) reading.count
      };

      flow_read (&rest);
    }
    guarded_free (&reading.buffer);
  }
  pair_close (&pair);
}

void
link_write_leaves_the_bytes_alone (const Subject *subject)
{
  gsize size = 100000;
  Guarded bytes = guarded_new (size);
  g_autofree guint8 *before = g_malloc (size);
  struct iovec iov[2] = { { bytes.data, 1000 }, { bytes.data + 1000, size - 1000 } };
  g_autoptr (GError) error = NULL;
  Pair pair;
  Flow in = { .tag = 9, .size = size };
  gssize count;

  pair_open (&pair, subject);
  flow_fill (bytes.data, size, 9, 0);
  memcpy (before, bytes.data, size);
  count = end_write (pair.out, iov, 2, NULL, &error);
  EXPECT (count > 0, PROMISE ("transport.h", "Write some of @iov, at least one byte"),
          "write failed: %s", error->message);
  EXPECT (memcmp (before, bytes.data, size) == 0,
          PROMISE ("transport.h", "@iov and its bytes stay as they are"),
          "write changed the bytes it was given");
  in.end = pair.in;
  in.size = (guint64) count;
  flow_start (&in, flow_read);
  flow_end (&in);
  pair_close (&pair);
}

/* A waiting read must not block a write, because the peer answers only to that. */
void
link_read_and_write_run_at_once (const Subject *subject)
{
  Pair pair;
  Flow both[4];

  pair_open (&pair, subject);
  for (guint i = 0; i < 5; i++) {
    Call reading = { .kind = CALL_READ, .end = pair.out, .size = 1 };
    Call writing = { .kind = CALL_WRITE, .end = pair.out, .size = 1 };
    Flow ask = { .end = pair.in, .size = 1 };

    call_start (&reading);
    if (call_ends_within (&reading, 20))
      broken (PROMISE ("transport.h", "Read what there is, at least one byte"),
              "read gave %" G_GSSIZE_FORMAT ", and nothing had been written", reading.count);
    call_start (&writing);
    call_end (&writing, PROMISE ("transport.h", "one read and one write may run at the same "
                                                "time on two threads"));
    ask.end = pair.in;
    {
      Call asked = { .kind = CALL_READ, .end = pair.in, .size = 1 };

      call_start (&asked);
      call_end (&asked, PROMISE ("transport.h", "and without a further call"));
    }
    ask.end = pair.in;
    flow_write (&ask);
    call_end (&reading, PROMISE ("transport.h", "and without a further call"));
  }
  for (guint i = 0; i < 4; i++) {
    both[i] = (Flow){ .end = i % 2 ? pair.in : pair.out,
                      .tag = i == 0 || i == 3,
                      .size = 8 * MIB };
    flow_start (&both[i], i < 2 ? flow_write : flow_read);
  }
  for (guint i = 0; i < 4; i++)
    flow_end (&both[i]);
  pair_close (&pair);
}
