/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/source/converge.h"

/* Rounded up, so that no byte is free; saturates. */
static guint64
transfer_us (guint64 bytes, guint64 bandwidth)
{
  unsigned __int128 us = ((unsigned __int128) bytes * G_USEC_PER_SEC + bandwidth - 1) /
                         bandwidth;

  return us < G_MAXUINT64 ? (guint64) us : G_MAXUINT64;
}

GdwConvergeDecision
gdw_converge (const GdwConvergeInput *in)
{
  GdwConvergeDecision out = { .expected_us = G_MAXUINT64 };
  guint64 bytes, us = 0;
  gboolean within;

  if (!g_uint64_checked_add (&bytes, in->dirty_bytes, in->under_way_bytes))
    bytes = G_MAXUINT64;
  if (bytes > 0)
    us = in->bandwidth > 0 ? MAX (transfer_us (bytes, in->bandwidth), in->slowest_us)
                           : G_MAXUINT64;
  if (!g_uint64_checked_add (&out.expected_us, us, in->fixed_us))
    out.expected_us = G_MAXUINT64;

  within = out.expected_us != G_MAXUINT64 && out.expected_us <= in->limit_us;
  out.switch_over = within || bytes == 0;
  return out;
}
