/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/crc32c.h"

#include <string.h>

/* A CRC is linear: the entry of a byte is the sum of the entries of its bits. */
#define BIT(n, bit, value) (((n) >> (bit) &1) * (value))
#define E1(n)                                                                                  \
  (BIT (n, 0, 0xf26b8303u) ^ BIT (n, 1, 0xe13b70f7u) ^ BIT (n, 2, 0xc79a971fu) ^               \
   BIT (n, 3, 0x8ad958cfu) ^ BIT (n, 4, 0x105ec76fu) ^ BIT (n, 5, 0x20bd8edeu) ^               \
   BIT (n, 6, 0x417b1dbcu) ^ BIT (n, 7, 0x82f63b78u))
#define E4(n) E1 (n), E1 (n + 1), E1 (n + 2), E1 (n + 3)
#define E16(n) E4 (n), E4 (n + 4), E4 (n + 8), E4 (n + 12)
#define E64(n) E16 (n), E16 (n + 16), E16 (n + 32), E16 (n + 48)

static const guint32 table[256] = { E64 (0u), E64 (64u), E64 (128u), E64 (192u) };

guint32
gdw_crc32c_portable (guint32 crc, gconstpointer data, gsize size)
{
  const guint8 *at = data;

  crc = ~crc;
  for (gsize i = 0; i < size; i++)
    crc = table[(crc ^ at[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

#ifdef __x86_64__
#include <immintrin.h>

#define FAST __attribute__ ((target ("sse4.2,pclmul")))

/* Three lanes are a page less 16 bytes. */
#define LANE 1360u
/* x^(8 n - 33) mod P, bits reflected, for n = LANE and 2 LANE: the carry-less product with
 * it, reduced by one crc32 instruction, moves a CRC on over n zero bytes. */
#define OVER_ONE_LANE 0x3f70cc6f
#define OVER_TWO_LANES 0x5aa1f3cf

FAST static inline guint64
word (const guint8 *at)
{
  guint64 value;

  memcpy (&value, at, sizeof value);
  return value;
}

FAST static inline guint64
move_on (guint64 crc, int over)
{
  __m128i product = _mm_clmulepi64_si128 (_mm_cvtsi64_si128 (crc), _mm_cvtsi32_si128 (over), 0);

  return _mm_cvtsi128_si64 (product);
}

/* The instruction takes three cycles, and one can start in each cycle: three lanes keep it
 * busy. */
FAST static guint64
three_lanes (guint64 first, const guint8 *at)
{
  guint64 second = 0, third = 0;

  for (const guint8 *end = at + LANE; at < end; at += 8) {
    first = _mm_crc32_u64 (first, word (at));
    second = _mm_crc32_u64 (second, word (at + LANE));
    third = _mm_crc32_u64 (third, word (at + 2 * LANE));
  }
  return third ^
         _mm_crc32_u64 (0, move_on (first, OVER_TWO_LANES) ^ move_on (second, OVER_ONE_LANE));
}

FAST static guint32
crc32c_fast (guint32 start, const guint8 *at, gsize size)
{
  guint64 crc = ~start;

  for (; size >= 3 * LANE; at += 3 * LANE, size -= 3 * LANE)
    crc = three_lanes (crc, at);
  for (; size >= 8; at += 8, size -= 8)
    crc = _mm_crc32_u64 (crc, word (at));
  for (; size > 0; at++, size--)
    crc = _mm_crc32_u8 (crc, *at);
  return ~(guint32) crc;
}
#endif

guint32
gdw_crc32c (guint32 crc, gconstpointer data, gsize size)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports ("sse4.2") && __builtin_cpu_supports ("pclmul"))
    return crc32c_fast (crc, data, size);
#endif
  return gdw_crc32c_portable (crc, data, size);
}
