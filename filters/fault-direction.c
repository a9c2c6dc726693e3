/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "fault-direction.h"

#include <godwit/frame.h>
#include <limits.h>
#include <string.h>

void
way_init (Way *way, gboolean frames, guint64 step)
{
  way->frames = frames;
  way->phase = WAY_PASS;
  way->kept = g_byte_array_new ();
  way->left = frames ? 0 : step ? step : WAY_NO_END;
}

gsize
way_kept (const Way *way)
{
  return way->kept->len - way->passed;
}

guint64
way_payload_bytes (const Way *way)
{
  const guint8 *length = way->kept->data + GDW_FRAME_OFFSET_PAYLOAD;

  return length[0] | length[1] << 8 | length[2] << 16 | (guint64) length[3] << 24;
}

gboolean
way_is_no_frame (const Way *way)
{
  gboolean differs = FALSE;

  for (guint i = 0; i < MIN (way->kept->len, 4); i++)
    differs = differs || way->kept->data[i] != (guint8) (GDW_FRAME_MAGIC >> 8 * i);
  return differs ||
         (way->kept->len >= WAY_HEAD_BYTES && way_payload_bytes (way) > GDW_FRAME_PAYLOAD_MAX);
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
way_alter (Way *way, FaultKind kind, guint64 seed)
{
  guint length = way->kept->len;
  guint start = way->frames && length > GDW_FRAME_HEADER_BYTES ? GDW_FRAME_HEADER_BYTES : 0;
  guint64 bit;

  switch (kind) {
  case FAULT_FLIP:
    bit = mix (seed) % ((length - start) * 8);
    way->kept->data[start + bit / 8] ^= (guint8) (1u << bit % 8);
    break;
  case FAULT_DUPLICATE:
    g_byte_array_set_size (way->kept, 2 * length);
    memcpy (way->kept->data + length, way->kept->data, length);
    break;
  case FAULT_SHORT:
    g_byte_array_set_size (way->kept, length / 2);
    way->ends = TRUE;
    break;
  default:
    g_byte_array_set_size (way->kept, 0);
    break;
  }
  way->phase = WAY_PASS;
}

guint
way_cut (const struct iovec *iov, guint n, gsize skip, guint64 most, struct iovec *part,
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
way_total (const struct iovec *iov, guint n)
{
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    total += iov[i].iov_len;
  return total;
}

void
way_advance (Way *way, gsize count)
{
  if (way->left != WAY_NO_END)
    way->left -= count;
}

gssize
way_give (Way *way, const struct iovec *iov, guint n)
{
  gsize given = 0;

  for (guint i = 0; i < n && way_kept (way) > 0; i++) {
    gsize length = MIN (iov[i].iov_len, way_kept (way));
    memcpy (iov[i].iov_base, way->kept->data + way->passed, length);
    way->passed += length;
    given += length;
  }
  return (gssize) given;
}
