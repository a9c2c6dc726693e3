/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "guest.h"

/* The guest's RAM as it is mapped here, and the contents of its pages: page p is filled with
 * pattern words (or zeros), and each pass of its writer adds one to one quadword of it, whose
 * place depends on p.  So recomputing finds one stale, lost, swapped or half copied page.  A
 * page number counts RAM without the hole below 4 GiB. */

/* The engine reads guest memory while the guest writes it; this is not a data race to
 * report. */
#define GUEST_FN __attribute__ ((no_sanitize ("thread"), unused)) static inline

typedef struct {
  uint8_t *low;      /* guest address 0 */
  uint8_t *rom;      /* GUEST_ROM */
  uint8_t *high;     /* guest address 4 GiB */
  uint64_t lo_pages; /* end of RAM below 4 GiB */
  uint64_t pages;    /* end of RAM */
  uint64_t ws_first; /* working set [first, end) */
  uint64_t ws_end;
  uint64_t writers; /* the writers that share it */
  uint64_t flags;
  uint64_t rom_pages;
} GuestRam;

GUEST_FN uint64_t
guest_gpa (const GuestRam *ram, uint64_t page)
{
  return page < ram->lo_pages ? page * GUEST_PAGE
                              : GUEST_HIGH + (page - ram->lo_pages) * GUEST_PAGE;
}

GUEST_FN volatile uint64_t *
guest_page (const GuestRam *ram, uint64_t page)
{
  uint8_t *p = page < ram->lo_pages ? ram->low + page * GUEST_PAGE
                                    : ram->high + (page - ram->lo_pages) * GUEST_PAGE;

  return (volatile uint64_t *) p;
}

GUEST_FN volatile GuestConfig *
guest_config (const GuestRam *ram)
{
  return (volatile GuestConfig *) (ram->low + GUEST_IMAGE + 16);
}

GUEST_FN volatile GuestControl *
guest_control (const GuestRam *ram)
{
  return (volatile GuestControl *) (ram->low + GUEST_CONTROL);
}

GUEST_FN volatile GuestVcpu *
guest_state (const GuestRam *ram, uint64_t index)
{
  return (volatile GuestVcpu *) (ram->low + GUEST_STATE) + index;
}

/* The page format */

GUEST_FN uint64_t
guest_word (uint64_t key, uint64_t j)
{
  uint64_t x = (key * 512 + j + 1) * UINT64_C (0x9e3779b97f4a7c15);

  x = (x ^ (x >> 32)) * UINT64_C (0xd6e8feb86659fd93);
  return x ^ (x >> 29);
}

GUEST_FN uint64_t
guest_counter (uint64_t page)
{
  return (page * 37) & 511;
}

GUEST_FN void
guest_fill_page (volatile uint64_t *mem, uint64_t key, int zero)
{
  for (uint64_t j = 0; j < 512; j++)
    mem[j] = zero ? 0 : guest_word (key, j);
}

GUEST_FN uint64_t
guest_differs (const uint64_t *mem, uint64_t from, uint64_t to, uint64_t key, int zero)
{
  uint64_t diff = 0;

  if (zero)
    for (uint64_t j = from; j < to; j++)
      diff |= mem[j];
  else
    for (uint64_t j = from; j < to; j++)
      diff |= mem[j] ^ guest_word (key, j);
  return diff;
}

/* TRUE if PAGE is its fill and COUNT passes; with MAY_LEAD one pass more is right, too. */
GUEST_FN int
guest_page_ok (const GuestRam *ram, uint64_t page, uint64_t count, int may_lead)
{
  const uint64_t *mem = (const uint64_t *) guest_page (ram, page);
  int zero = !(ram->flags & GUEST_FILL) || (ram->flags & GUEST_ZERO);
  uint64_t c = guest_counter (page);
  uint64_t lead = mem[c] - (zero ? 0 : guest_word (page, c)) - count;

  return (lead == 0 || (may_lead && lead == 1)) && !guest_differs (mem, 0, c, page, zero) &&
         !guest_differs (mem, c + 1, 512, page, zero);
}

/* The device fills page SEQ % 16 of its ring with a pattern of SEQ. */
GUEST_FN uint64_t
guest_ring_key (uint64_t seq)
{
  return (UINT64_C (1) << 50) + seq;
}

/* Counts the bad pages of the ring, and gives the first.  While the device runs, the next slot
 * may be half written and is left out. */
GUEST_FN uint64_t
guest_ring_bad (const GuestRam *ram, int stopped, uint64_t *first_bad)
{
  volatile GuestControl *control = guest_control (ram);
  uint64_t bad = 0;

  for (uint64_t slot = 0; slot < GUEST_RING_PAGES; slot++) {
    const uint64_t *mem = (const uint64_t *) (ram->low + GUEST_RING + slot * GUEST_PAGE);
    uint64_t seq, of, diff;

    do {
      seq = __atomic_load_n (&control->device_seq, __ATOMIC_ACQUIRE);
      of = seq - ((seq - slot) & (GUEST_RING_PAGES - 1)); /* the last write of this slot */
      diff = 0;
      if (of - 1 < seq && (stopped || of + GUEST_RING_PAGES != seq + 1))
        diff = guest_differs (mem, 0, 512, guest_ring_key (of), 0);
      __atomic_thread_fence (__ATOMIC_ACQUIRE);
    } while (control->device_seq != seq);
    if (diff && bad++ == 0)
      *first_bad = GUEST_RING + slot * GUEST_PAGE;
  }
  return bad;
}

/* The program that starts the guest fills the ROM with this; nothing writes it afterwards. */
GUEST_FN uint64_t
guest_rom_key (uint64_t page)
{
  return (UINT64_C (1) << 51) + page;
}

GUEST_FN uint64_t
guest_rom_bad (const GuestRam *ram, uint64_t *first_bad)
{
  uint64_t bad = 0;

  for (uint64_t page = 0; page < ram->rom_pages; page++) {
    const uint64_t *mem = (const uint64_t *) (ram->rom + page * GUEST_PAGE);

    if (guest_differs (mem, 0, 512, guest_rom_key (page), 0) && bad++ == 0)
      *first_bad = GUEST_ROM + page * GUEST_PAGE;
  }
  return bad;
}

/* Takes the values of the guest's configuration, unchecked. */
GUEST_FN void
guest_ram (GuestRam *ram, uint8_t *low, uint8_t *rom, uint8_t *high)
{
  volatile GuestConfig *config;
  uint64_t above;

  ram->low = low;
  ram->rom = rom;
  ram->high = high;
  config = guest_config (ram);
  above = config->hi_end ? config->hi_end - GUEST_HIGH : 0;
  ram->lo_pages = config->lo_end / GUEST_PAGE;
  ram->pages = ram->lo_pages + above / GUEST_PAGE;
  ram->ws_first = config->ws_start / GUEST_PAGE;
  ram->ws_end = config->ws_end / GUEST_PAGE;
  ram->writers = config->writers;
  ram->flags = config->flags;
  ram->rom_pages = config->rom_pages;
}

/* The part of the working set that vCPU INDEX writes. */
GUEST_FN void
guest_slice (const GuestRam *ram, uint64_t index, uint64_t *first, uint64_t *pages)
{
  uint64_t n = ram->ws_end - ram->ws_first;

  *first = ram->ws_first;
  *pages = 0;
  if (index >= ram->writers)
    return;
  *first = ram->ws_first + n * index / ram->writers;
  *pages = ram->ws_first + n * (index + 1) / ram->writers - *first;
}
