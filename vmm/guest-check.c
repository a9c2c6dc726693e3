/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "guest-check.h"

#include "guest-ram.h"

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "guest check: no check is possible: %s; boot a guest, or migrate one here", why);
  return FALSE;
}

/* Takes the guest's memory from its configuration, if that is possible. */
static gboolean
ram_init (GuestRam *ram, const Memory *memory, guint vcpus, GError **error)
{
  const GdwRegion *low = &memory->regions[MEMORY_LOW], *high = memory_high (memory);
  const GdwRegion *rom = &memory->regions[MEMORY_ROM];
  const volatile GuestConfig *config;

  guest_ram (ram, low->host_addr, rom->host_addr, high ? high->host_addr : NULL);
  config = guest_config (ram);
  if (config->magic != GUEST_MAGIC)
    return refuse (error, "memory holds no boot guest");
  if (config->vcpus != vcpus || ram->writers > vcpus ||
      ram->lo_pages != low->size / GUEST_PAGE || ram->rom_pages != rom->size / GUEST_PAGE ||
      ram->pages != ram->lo_pages + (high ? high->size / GUEST_PAGE : 0))
    return refuse (error, "the guest was made for another machine");
  if (ram->ws_first < GUEST_FIRST_PAGE || ram->ws_first > ram->ws_end ||
      ram->ws_end > ram->pages)
    return refuse (error, "the guest's working set is outside its memory");
  return TRUE;
}

static void
note (MachineCheck *check, guint64 gpa, gboolean ok)
{
  check->pages_checked++;
  if (!ok && check->pages_bad++ == 0)
    check->first_bad = gpa;
}

GUEST_FN void
check_static (const GuestRam *ram, GCancellable *cancel, MachineCheck *check)
{
  for (guint64 page = GUEST_FIRST_PAGE;
       page < ram->pages && !g_cancellable_is_cancelled (cancel); page++) {
    if (page == ram->ws_first)
      page = ram->ws_end;
    if (page < ram->pages)
      note (check, guest_gpa (ram, page), guest_page_ok (ram, page, 0, FALSE));
  }
}

/* A vCPU may stand between a page's counter and its own count of pages: the
 * page that is next may lead by one. */
GUEST_FN void
check_slice (const GuestRam *ram, guint64 index, GCancellable *cancel, MachineCheck *check)
{
  guint64 written = guest_state (ram, index)->written;
  guint64 first, n;

  guest_slice (ram, index, &first, &n);
  for (guint64 i = 0; i < n && !g_cancellable_is_cancelled (cancel); i++)
    note (check, guest_gpa (ram, first + i),
          guest_page_ok (ram, first + i, written / n + (i < written % n), i == written % n));
}

GUEST_FN void
check_shared (const GuestRam *ram, guint64 device_seq, MachineCheck *check)
{
  guint64 at = GUEST_CONTROL, bad = guest_rom_bad (ram, &at);

  bad += guest_ring_bad (ram, TRUE, &at);

  if (guest_control (ram)->device_seq != device_seq)
    bad++;
  if (bad && check->pages_bad == 0)
    check->first_bad = at;
  check->pages_bad += bad;
}

gboolean
guest_check_memory (const Memory *memory, guint vcpus, guint64 device_seq, GCancellable *cancel,
                    MachineCheck *check, GError **error)
{
  GuestRam ram;

  *check = (MachineCheck){ .first_bad = ~UINT64_C (0) };
  if (!ram_init (&ram, memory, vcpus, error))
    return FALSE;
  if (guest_control (&ram)->filled < vcpus)
    return refuse (error, "the guest was stopped before its memory was filled");
  check_static (&ram, cancel, check);
  for (guint i = 0; i < ram.writers; i++)
    check_slice (&ram, i, cancel, check);
  check_shared (&ram, device_seq, check);
  return TRUE;
}

gboolean
guest_check_stats (const Memory *memory, guint vcpus, guint64 clock_khz, MachineStats *stats,
                   GError **error)
{
  guint64 passes = G_MAXUINT64;
  GuestRam ram;

  *stats = (MachineStats){ .passes = 0 };
  if (!ram_init (&ram, memory, vcpus, error))
    return FALSE;
  for (guint i = 0; i < vcpus; i++) {
    volatile GuestVcpu *state = guest_state (&ram, i);
    guint64 written = state->written, gap = state->longest_gap / MAX (clock_khz / 1000, 1);
    guint64 first, n;

    guest_slice (&ram, i, &first, &n);
    stats->pages_written += written;
    if (n)
      passes = MIN (passes, written / n);
    stats->longest_gap_us = MAX (stats->longest_gap_us, gap);
  }
  stats->passes = passes == G_MAXUINT64 ? 0 : passes;
  return TRUE;
}
