/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "fault-direction.h"

#include <godwit/frame.h>
#include <limits.h>
#include <string.h>

void
direction_init (Direction *direction, gboolean frames, guint64 step)
{
  direction->frames = frames;
  direction->phase = DIRECTION_PASS;
  direction->kept = g_byte_array_new ();
  direction->left = frames ? 0 : step ? step : DIRECTION_NO_END;
}

gsize
direction_kept (const Direction *direction)
{
  return direction->kept->len - direction->passed;
}

guint64
direction_payload_bytes (const Direction *direction)
{
  const guint8 *length = direction->kept->data + GDW_FRAME_OFFSET_PAYLOAD;

  return length[0] | length[1] << 8 | length[2] << 16 | (guint64) length[3] << 24;
}

gboolean
direction_is_no_frame (const Direction *direction)
{
  gboolean differs = FALSE;

  for (guint i = 0; i < MIN (direction->kept->len, 4); i++)
    differs = differs || direction->kept->data[i] != (guint8) (GDW_FRAME_MAGIC >> 8 * i);
  return differs || (direction->kept->len >= DIRECTION_HEAD_BYTES &&
                     direction_payload_bytes (direction) > GDW_FRAME_PAYLOAD_MAX);
}

/* splitmix64: any seed gives well spread bits. */
static guint64
mix (guint64 x)
{
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void
direction_alter (Direction *direction, FaultKind kind, guint64 seed)
{
  guint length = direction->kept->len;
  guint start = direction->frames && length > GDW_FRAME_HEADER_BYTES ? GDW_FRAME_HEADER_BYTES
                                                                     : 0;
  guint64 bit;

  switch (kind) {
  case FAULT_FLIP:
    bit = mix (seed) % ((length - start) * 8);
    direction->kept->data[start + bit / 8] ^= (guint8) (1u << bit % 8);
    break;
  case FAULT_DUPLICATE:
    g_byte_array_set_size (direction->kept, 2 * length);
    memcpy (direction->kept->data + length, direction->kept->data, length);
    break;
  case FAULT_SHORT:
    g_byte_array_set_size (direction->kept, length / 2);
    direction->ends = TRUE;
    break;
  default:
    g_byte_array_set_size (direction->kept, 0);
    break;
  }
  direction->phase = DIRECTION_PASS;
}

guint
direction_cut (const struct iovec *iov, guint n, gsize skip, guint64 most, struct iovec *part,
               guint used)
{
  for (guint i = 0; i < n && most > 0 && used < IOV_MAX; i++) {
    gsize length;

    if (skip >= iov[i].iov_len) {
      skip -= iov[i].iov_len;
      continue;
    }
    length = (gsize) MIN (iov[i].iov_len - skip, most);
    part[used].iov_base = (guint8 *) iov[i].iov_base + skip;
    part[used++].iov_len = length;
    most -= length;
    skip = 0;
  }
  return used;
}

gsize
direction_total (const struct iovec *iov, guint n)
{
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    total += iov[i].iov_len;
  return total;
}

void
direction_advance (Direction *direction, gsize count)
{
  if (direction->left != DIRECTION_NO_END)
    direction->left -= count;
}

gssize
direction_give (Direction *direction, const struct iovec *iov, guint n)
{
  gsize given = 0;

  for (guint i = 0; i < n && direction_kept (direction) > 0; i++) {
    gsize length = MIN (iov[i].iov_len, direction_kept (direction));

    memcpy (iov[i].iov_base, direction->kept->data + direction->passed, length);
    direction->passed += length;
    given += length;
  }
  return (gssize) given;
}
