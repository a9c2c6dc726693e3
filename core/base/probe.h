/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* USDT probes of the provider godwit, for bpftrace and perf: each is one no-op instruction
 * while nobody traces it.  @id: the migration, as hex digits, or NULL. docs/usage.md has the
 * list. */
#ifdef GDW_HAVE_SDT
#include <sys/sdt.h>
#else
#define STAP_PROBE3(provider, name, ...)
#define STAP_PROBE5(provider, name, ...)
#define STAP_PROBE6(provider, name, ...)
#endif

/* @incoming: 1 at a destination. */
static inline void
gdw_probe_status (const char *id, const char *status, int incoming)
{
  STAP_PROBE3 (godwit, status, id ? id : "", status, incoming);
}

/* A round has ended; @dirty: pages left. */
static inline void
gdw_probe_round (const char *id, guint64 number, guint64 pages, guint64 bytes, guint64 ms,
                 guint64 dirty)
{
  STAP_PROBE6 (godwit, round, id, number, pages, bytes, ms, dirty);
}

/* @found: pages clean before; @final: 1: the last one, of the paused guest. */
static inline void
gdw_probe_dirty_sync (const char *id, guint64 found, guint64 dirty, guint64 us, int final)
{
  STAP_PROBE5 (godwit, harvest, id, found, dirty, us, final);
}
