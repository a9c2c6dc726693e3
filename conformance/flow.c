/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "flow.h"

#include <limits.h>
#include <string.h>

#define CHUNK (1u << 20)
/* Bytes between two vectors of a reader that must not change. */
#define GAP 3
#define GAP_BYTE 0xa5

#define IN_ORDER PROMISE ("transport.h", "Bytes of one link arrive in order, whole and once")

static guint64
word_at (guint64 tag, guint64 index)
{
  return (index + 1) * 0x9e3779b97f4a7c15u ^ tag * 0xff51afd7ed558ccdu;
}

static guint8
byte_at (guint64 tag, guint64 at)
{
  return (guint8) (word_at (tag, at / 8) >> at % 8 * 8);
}

void
flow_fill (guint8 *bytes, gsize size, guint64 tag, guint64 at)
{
  gsize i = 0;

  for (; i < size && (at + i) % 8; i++)
    bytes[i] = byte_at (tag, at + i);
  for (; i + 8 <= size; i += 8) {
    guint64 word = GUINT64_TO_LE (word_at (tag, (at + i) / 8));

    memcpy (bytes + i, &word, sizeof word);
  }
  for (; i < size; i++)
    bytes[i] = byte_at (tag, at + i);
}

static void
flow_check (const guint8 *bytes, gsize size, guint64 tag, guint64 at)
{
  for (gsize i = 0; i < size; i++) {
    if ((at + i) % 8 == 0 && i + 8 <= size) {
      guint64 word = GUINT64_TO_LE (word_at (tag, (at + i) / 8));

      if (memcmp (bytes + i, &word, sizeof word) == 0) {
        i += 7;
        continue;
      }
    }
    EXPECT (bytes[i] == byte_at (tag, at + i), IN_ORDER,
            "byte %" G_GUINT64_FORMAT " is %02x instead of %02x", at + i, bytes[i],
            byte_at (tag, at + i));
  }
}

/* Cuts the buffer into vectors with a gap after each but the last.  Returns their number and
 * the bytes in them, at most @most. */
static guint
cut (const Flow *flow, GRand *random, Guarded *buffer, gsize gap, gsize most, struct iovec *iov,
     gsize *bytes)
{
  guint wanted = MAX (flow->vectors, 1), n = 0;
  gsize room = MIN (buffer->size, most + gap * (wanted - 1));
  guint8 *at = buffer->data + buffer->size - room;

  *bytes = 0;
  while (n < wanted && room > 0) {
    gsize left = wanted - n, size = room;

    if (left > 1 && room > gap) {
      gsize share = MAX ((room - gap) / left, 1);

      size = 1 + (gsize) g_rand_int_range (random, 0, (gint32) MIN (2 * share, room - gap));
    }
    size = MIN (size, room);
    iov[n++] = (struct iovec){ at, size };
    *bytes += size;
    at += size;
    room -= size;
    if (left > 1 && room > gap) {
      memset (at, GAP_BYTE, gap);
      at += gap;
      room -= gap;
    }
  }
  return n;
}

static gsize
advance (struct iovec **iov, guint *n, gsize count)
{
  gsize left = 0;

  while (*n > 0 && count >= (*iov)->iov_len) {
    count -= (*iov)->iov_len;
    ++*iov;
    --*n;
  }
  if (*n > 0) {
    (*iov)->iov_base = (guint8 *) (*iov)->iov_base + count;
    (*iov)->iov_len -= count;
  }
  for (guint i = 0; i < *n; i++)
    left += (*iov)[i].iov_len;
  return left;
}

static void
add_done (Flow *flow, gsize count)
{
  __atomic_fetch_add (&flow->done, count, __ATOMIC_SEQ_CST);
}

guint64
flow_done (Flow *flow)
{
  return __atomic_load_n (&flow->done, __ATOMIC_SEQ_CST);
}

static Promise
blame_of (const Flow *flow)
{
  return flow->blame.words ? flow->blame : IN_ORDER;
}

/* Ends the test with an error of a call that may not fail. */
static gboolean
failed (Flow *flow, const char *what)
{
  if (flow->until_error || !flow->error)
    return flow->error != NULL;
  broken (blame_of (flow),
          "%s failed after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes: %s", what,
          flow->done, flow->size, flow->error->message);
}

static Guarded
buffer_of (Flow *flow)
{
  gsize chunk = flow->chunk ? flow->chunk : CHUNK;
  gsize gaps = (gsize) MAX (flow->vectors, 1) * GAP;

  return guarded_new ((gsize) MIN (chunk, flow->size) + gaps);
}

void
flow_write (gpointer data)
{
  Flow *flow = data;
  Guarded buffer = buffer_of (flow);
  g_autofree struct iovec *vectors = g_new (struct iovec, IOV_MAX);
  GRand *random = g_rand_new_with_seed ((guint32) flow->seed);
  gsize chunk = flow->chunk ? flow->chunk : CHUNK;

  while (flow->done < flow->size && !flow->error) {
    struct iovec *iov = vectors;
    gsize left;
    guint n = cut (flow, random, &buffer, 0, (gsize) MIN (chunk, flow->size - flow->done), iov,
                   &left);
    guint64 at = flow->done;

    for (guint i = 0; i < n; at += iov[i++].iov_len)
      flow_fill (iov[i].iov_base, iov[i].iov_len, flow->tag, at);
    while (left > 0) {
      gssize count = end_write (flow->end, iov, n, flow->cancellable, &flow->error);

      if (failed (flow, "write"))
        break;
      add_done (flow, (gsize) count);
      left = advance (&iov, &n, (gsize) count);
    }
  }
  g_rand_free (random);
  guarded_free (&buffer);
}

/* Checks the bytes of each vector, and that nothing else has changed. */
static void
check_read (const Flow *flow, const Guarded *buffer, const struct iovec *iov, guint n,
            gsize count)
{
  guint64 at = flow->done;

  for (guint i = 0; i < n; i++) {
    gsize size = MIN (iov[i].iov_len, count);
    const guint8 *gap = (guint8 *) iov[i].iov_base + iov[i].iov_len;

    flow_check (iov[i].iov_base, size, flow->tag, at);
    at += size;
    count -= size;
    for (guint g = 0; g < GAP && i + 1 < n && iov[i + 1].iov_base == gap + GAP; g++)
      EXPECT (gap[g] == GAP_BYTE, PROMISE ("transport.h", "nothing else is touched"),
              "read wrote %u bytes behind vector %u of %u", g + 1, i, n);
  }
}

void
flow_read (gpointer data)
{
  Flow *flow = data;
  Guarded buffer = buffer_of (flow);
  g_autofree struct iovec *iov = g_new (struct iovec, IOV_MAX);
  GRand *random = g_rand_new_with_seed ((guint32) flow->seed + 1);
  gsize chunk = flow->chunk ? flow->chunk : CHUNK;
  gssize count = 1;

  while (count > 0 && (flow->to_end || flow->done < flow->size)) {
    gsize left = (gsize) MIN (chunk, flow->size - flow->done), room;
    guint n = cut (flow, random, &buffer, GAP, MAX (left, 1), iov, &room);

    count = end_read (flow->end, iov, n, flow->cancellable, &flow->error);
    if (failed (flow, "read"))
      break;
    EXPECT (count > 0 || flow->to_end,
            PROMISE ("transport.h", "0: the peer has shut down its end"),
            "read gave 0 after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
            " bytes, and the peer has not shut down",
            flow->done, flow->size);
    check_read (flow, &buffer, iov, n, (gsize) count);
    add_done (flow, (gsize) count);
    EXPECT (flow->done <= flow->size, IN_ORDER,
            "%" G_GUINT64_FORMAT " bytes came, only %" G_GUINT64_FORMAT " were written",
            flow->done, flow->size);
  }
  g_rand_free (random);
  guarded_free (&buffer);
}

void
flow_start (Flow *flow, void (*function) (gpointer flow))
{
  flow->call = (Call){ .kind = CALL_FUNCTION, .function = function, .data = flow };
  call_start (&flow->call);
}

/* The flow must make progress, at any speed. */
void
flow_end (Flow *flow)
{
  guint64 before;

  do {
    before = flow_done (flow);
    if (call_ends_within (&flow->call, 8000))
      return;
  } while (flow_done (flow) > before);
  broken (blame_of (flow),
          "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes, and no more in 8 s", before,
          flow->size);
}

void
flow_through (End *from, End *to, guint64 tag, guint64 size)
{
  Flow out = { .end = from, .tag = tag, .size = size };
  Flow in = { .end = to, .tag = tag, .size = size };

  flow_start (&out, flow_write);
  flow_start (&in, flow_read);
  flow_end (&in);
  flow_end (&out);
}
