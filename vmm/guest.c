/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The boot guest's program, run by each vCPU at CPL 3.  It writes to the
 * serial port
 *
 *    '!'   the fill is done
 *    '\n'  this vCPU's part of the working set was written once more
 *    'A'+k heart-beat; the longest gap between two looks at the TSC since the
 *          last one was in [2^(7+k), 2^(8+k)) ticks
 *
 * and keeps its figures in GuestVcpu. */

#include "guest.h"

#define WORKLOAD_NOW() __builtin_ia32_rdtsc ()
#define WORKLOAD_MARK(w, gpa) ((void) 0)
#define WORKLOAD_PUTC(w, c) __asm__ volatile("outb %b0, %w1" : : "a"(c), "d"(GUEST_SERIAL_PORT))
#define WORKLOAD_REGISTERS_OK(w) registers_ok ((w)->index)

/* The program itself does not use this register, so it shows the check whether the whole vCPU
 * came along. */
static inline uint64_t
sse_mark (uint64_t index)
{
  return UINT64_C (0x676f64776974) * (index + 1);
}

static inline int
registers_ok (uint64_t index)
{
  uint64_t sse;

  __asm__ volatile("movq %%xmm5, %0" : "=r"(sse));
  return sse == sse_mark (index);
}

#include "workload.h"

void guest_main (uint64_t index);

void
guest_main (uint64_t index)
{
  uint64_t sleep_ticks;
  Workload w;

  __asm__ volatile("movq %0, %%xmm5" : : "r"(sse_mark (index)));
  workload_attach (&w, 0, (uint8_t *) GUEST_ROM, (uint8_t *) GUEST_HIGH, index);
  workload_start (&w);
  sleep_ticks = guest_config (&w.ram)->sleep_ticks;
  for (;;) {
    uint64_t ticks = workload_step (&w);

    if (w.r.phase == WORKLOAD_BARRIER && (w.ram.flags & GUEST_HALT))
      return;
    if (ticks == 0)
      continue;
    if (sleep_ticks == 0 || ticks < sleep_ticks) {
      __builtin_ia32_pause ();
      continue;
    }
    workload_will_sleep (&w, ticks);
    __asm__ volatile("outl %0, %w1" : : "a"((uint32_t) (ticks >> 10)), "d"(GUEST_SLEEP_PORT));
  }
}
