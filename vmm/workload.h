/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* The workload of one vCPU, step by step: fill, write, check.  The boot guest and the software
 * vCPUs compile this same text.  A file that includes it defines
 *
 *    WORKLOAD_NOW()            ticks of a clock
 *    WORKLOAD_MARK(w, gpa)     the page at GPA was just written
 *    WORKLOAD_PUTC(w, c)       one character to the serial port
 *    WORKLOAD_REGISTERS_OK(w)  registers that only the check looks at are intact
 *
 * Clock readings are only ever subtracted: after a migration the clock may be
 * another one. */

#include "guest-ram.h"

enum {
  WORKLOAD_FILL,
  WORKLOAD_BARRIER,
  WORKLOAD_RUN,
  WORKLOAD_CHECK_STATIC,
  WORKLOAD_CHECK_SLICE
};

/* Ticks: how long a vCPU with nothing to do may sleep, and how late a writer
 * may be and still catch up. */
#define WORKLOAD_IDLE_TICKS (UINT64_C (1) << 28)
#define WORKLOAD_LATE_TICKS (UINT64_C (1) << 20)
#define WORKLOAD_NONE (~UINT64_C (0))

/* The registers of the program: everything that a vCPU needs besides guest memory. */
typedef struct {
  uint64_t phase;
  uint64_t at;     /* page cursor of fill and check */
  uint64_t cursor; /* next page in the slice */
  uint64_t written;
  uint64_t next;    /* when the next page is due */
  uint64_t last;    /* the last look at the clock */
  uint64_t gap;     /* longest since the heart-beat */
  uint64_t beat;    /* when the last heart-beat was */
  uint64_t request; /* the check being worked on */
  uint64_t checked;
  uint64_t bad;
  uint64_t first_bad;
} WorkloadRegisters;

typedef struct {
  GuestRam ram;
  uint64_t index;
  uint64_t vcpus;
  uint64_t share_first; /* this vCPU's part of all RAM: to fill, and to check */
  uint64_t share_end;
  uint64_t slice_first; /* this vCPU's part of the working set */
  uint64_t slice_pages;
  WorkloadRegisters r;
} Workload;

/* Derives everything but the registers from guest memory. */
GUEST_FN void
workload_attach (Workload *w, uint8_t *low, uint8_t *rom, uint8_t *high, uint64_t index)
{
  uint64_t n;

  guest_ram (&w->ram, low, rom, high);
  w->index = index;
  w->vcpus = guest_config (&w->ram)->vcpus;
  guest_slice (&w->ram, index, &w->slice_first, &w->slice_pages);
  n = w->ram.pages - GUEST_FIRST_PAGE;
  w->share_first = GUEST_FIRST_PAGE + n * index / w->vcpus;
  w->share_end = GUEST_FIRST_PAGE + n * (index + 1) / w->vcpus;
}

GUEST_FN void
workload_start (Workload *w)
{
  w->r = (WorkloadRegisters){ .phase = WORKLOAD_FILL, .at = w->share_first };
}

/* One step each.  They return for how many ticks there is nothing to do. */

GUEST_FN uint64_t
workload_fill_step (Workload *w)
{
  if ((w->ram.flags & GUEST_FILL) && w->r.at < w->share_end) {
    guest_fill_page (guest_page (&w->ram, w->r.at), w->r.at, (w->ram.flags & GUEST_ZERO) != 0);
    WORKLOAD_MARK (w, guest_gpa (&w->ram, w->r.at));
    w->r.at++;
    return 0;
  }
  __atomic_fetch_add (&guest_control (&w->ram)->filled, 1, __ATOMIC_SEQ_CST);
  WORKLOAD_MARK (w, GUEST_CONTROL);
  w->r.phase = WORKLOAD_BARRIER;
  return 0;
}

GUEST_FN uint64_t
workload_barrier_step (Workload *w)
{
  if (guest_control (&w->ram)->filled < w->vcpus)
    return WORKLOAD_LATE_TICKS;
  if (w->index == 0)
    WORKLOAD_PUTC (w, '!');
  w->r.phase = WORKLOAD_RUN;
  w->r.last = w->r.next = w->r.beat = WORKLOAD_NOW ();
  return 0;
}

GUEST_FN void
workload_checked (Workload *w, uint64_t page, int ok)
{
  w->r.checked++;
  if (!ok && w->r.bad++ == 0)
    w->r.first_bad = guest_gpa (&w->ram, page);
}

GUEST_FN uint64_t
workload_check_static_step (Workload *w)
{
  if (w->r.at >= w->ram.ws_first && w->r.at < w->ram.ws_end)
    w->r.at = w->ram.ws_end;
  if (w->r.at < w->share_end) {
    workload_checked (w, w->r.at, guest_page_ok (&w->ram, w->r.at, 0, 0));
    w->r.at++;
    return 0;
  }
  w->r.at = 0;
  w->r.phase = WORKLOAD_CHECK_SLICE;
  return 0;
}

/* The device's ring and the ROM belong to no vCPU. */
GUEST_FN void
workload_check_shared (Workload *w)
{
  uint64_t at = 0, bad = guest_rom_bad (&w->ram, &at) + guest_ring_bad (&w->ram, 0, &at);

  if (bad && w->r.bad == 0)
    w->r.first_bad = at;
  w->r.bad += bad;
}

GUEST_FN void
workload_check_end (Workload *w)
{
  volatile GuestVcpu *state = guest_state (&w->ram, w->index);

  if (w->index == 0)
    workload_check_shared (w);
  if ((state->written != w->r.written || !WORKLOAD_REGISTERS_OK (w)) && w->r.bad++ == 0)
    w->r.first_bad = GUEST_STATE;
  state->checked = w->r.checked;
  state->bad = w->r.bad;
  state->first_bad = w->r.first_bad;
  state->check_done = w->r.request;
  WORKLOAD_MARK (w, GUEST_STATE + w->index * sizeof (GuestVcpu));
  w->r.phase = WORKLOAD_RUN;
  w->r.last = w->r.next = WORKLOAD_NOW ();
}

GUEST_FN uint64_t
workload_check_slice_step (Workload *w)
{
  uint64_t passes;

  if (w->r.at >= w->slice_pages) {
    workload_check_end (w);
    return 0;
  }
  passes = (w->r.written - w->r.cursor) / w->slice_pages;
  workload_checked (
      w, w->slice_first + w->r.at,
      guest_page_ok (&w->ram, w->slice_first + w->r.at, passes + (w->r.at < w->r.cursor), 0));
  w->r.at++;
  return 0;
}

GUEST_FN void
workload_check_begin (Workload *w)
{
  w->r.request = guest_control (&w->ram)->check;
  w->r.checked = w->r.bad = 0;
  w->r.first_bad = WORKLOAD_NONE;
  w->r.at = w->share_first;
  w->r.phase = WORKLOAD_CHECK_STATIC;
}

/* The counter first, then WRITTEN: after a stop between the two, only the page at written % n
 * is one ahead. */
GUEST_FN void
workload_write_page (Workload *w)
{
  uint64_t page = w->slice_first + w->r.cursor;

  guest_page (&w->ram, page)[guest_counter (page)]++;
  WORKLOAD_MARK (w, guest_gpa (&w->ram, page));
  guest_state (&w->ram, w->index)->written = ++w->r.written;
  WORKLOAD_MARK (w, GUEST_STATE + w->index * sizeof (GuestVcpu));
  if (++w->r.cursor < w->slice_pages)
    return;
  w->r.cursor = 0;
  if (!(w->ram.flags & GUEST_QUIET))
    WORKLOAD_PUTC (w, '\n');
}

/* 'A' + k: the longest gap since the last beat was in [2^(7+k), 2^(8+k)). */
GUEST_FN void
workload_beat (Workload *w, uint64_t now)
{
  int k = 63 - __builtin_clzll (w->r.gap | 128) - 7;

  WORKLOAD_PUTC (w, 'A' + k);
  w->r.gap = 0;
  w->r.beat = now;
  w->r.last = WORKLOAD_NOW (); /* the guest's own OUT is not a gap */
}

GUEST_FN void
workload_look (Workload *w, uint64_t now)
{
  volatile GuestVcpu *state = guest_state (&w->ram, w->index);
  uint64_t gap = now - w->r.last;

  w->r.last = now;
  if (gap >> 63) /* another clock, or woken early */
    gap = 0;
  if (gap > w->r.gap) {
    w->r.gap = gap;
    if (gap > state->longest_gap) {
      state->longest_gap = gap;
      WORKLOAD_MARK (w, GUEST_STATE + w->index * sizeof (GuestVcpu));
    }
  }
  if (!(w->ram.flags & GUEST_QUIET) && now - w->r.beat >= guest_config (&w->ram)->hb_ticks)
    workload_beat (w, now);
}

GUEST_FN uint64_t
workload_run_step (Workload *w)
{
  volatile GuestControl *control = guest_control (&w->ram);
  uint64_t now = WORKLOAD_NOW (), ticks = guest_config (&w->ram)->page_ticks;

  workload_look (w, now);
  if (control->check != w->r.request) {
    workload_check_begin (w);
    return 0;
  }
  if (w->slice_pages == 0 || control->hold)
    return WORKLOAD_IDLE_TICKS;
  if (ticks) {
    uint64_t late = now - w->r.next;

    if (-late <= ticks && late)
      return -late;
    if (late > ticks + WORKLOAD_LATE_TICKS)
      w->r.next = now;
    w->r.next += ticks;
  }
  workload_write_page (w);
  return 0;
}

GUEST_FN uint64_t
workload_step (Workload *w)
{
  if (w->r.phase == WORKLOAD_RUN)
    return workload_run_step (w);
  if (w->r.phase == WORKLOAD_FILL)
    return workload_fill_step (w);
  if (w->r.phase == WORKLOAD_BARRIER)
    return workload_barrier_step (w);
  if (w->r.phase == WORKLOAD_CHECK_STATIC)
    return workload_check_static_step (w);
  return workload_check_slice_step (w);
}

/* Sleeping TICKS is not a gap; oversleeping is. */
GUEST_FN void
workload_will_sleep (Workload *w, uint64_t ticks)
{
  w->r.last += ticks;
}
