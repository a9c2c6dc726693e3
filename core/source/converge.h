/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* When to pause the guest: a pure function of what was measured. */
typedef struct {
  guint64 dirty_bytes;     /* not sent yet, or written since */
  guint64 under_way_bytes; /* sent, and not acknowledged */
  guint64 bandwidth;       /* bytes/s, avail-switchover-bandwidth or measured; 0: unknown */
  guint64 fixed_us;        /* pause, state, handover: known before a byte is sent */
  guint64 limit_us;        /* downtime-limit */
  guint64 slowest_us;      /* until the slowest link has carried its part of under_way_bytes */
} GdwConvergeInput;

typedef struct {
  gboolean switch_over;
  guint64 expected_us; /* the downtime if the guest were paused now; G_MAXUINT64: unknown */
} GdwConvergeDecision;

/* Switches when the expected downtime is within the limit, or nothing is left to
 * send: no further round could do better. */
GdwConvergeDecision gdw_converge (const GdwConvergeInput *in);
