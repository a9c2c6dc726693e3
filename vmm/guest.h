/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* The layout of guest memory that the boot guest, the software vCPUs and the VMM share.  It is
 * plain C, because the guest has no library.
 *
 *    0x07c00  image; at offset 16 of it the GuestConfig
 *    0x10000  page tables: PML4, PDPT, then page directories
 *    0x54000  TSS with an I/O bitmap of zeros: every port is open to CPL 3
 *    0x58000  stacks
 *    0x60000  GuestVcpu, one per vCPU
 *    0x6f000  GuestControl
 *    0x70000  the device's ring of 16 pages
 *    1 MiB..  RAM of the workload, to lo_end, and on from 4 GiB to hi_end
 *    the last 64 KiB below 4 GiB: ROM
 *
 * A "page number" here counts RAM without the hole below 4 GiB. */

#include <stdint.h>

#define GUEST_IMAGE 0x7c00u
#define GUEST_IMAGE_BYTES 4096u
#define GUEST_PAGE_TABLES 0x10000u
#define GUEST_PAGE_TABLES_END 0x52000u
#define GUEST_TSS 0x54000u
#define GUEST_TSS_LIMIT 0x2068u
#define GUEST_STACKS 0x58000u
#define GUEST_STACK_BYTES 512u
#define GUEST_STATE 0x60000u
#define GUEST_CONTROL 0x6f000u
#define GUEST_RING 0x70000u
#define GUEST_RING_PAGES 16u
#define GUEST_FIRST_PAGE 256u
#define GUEST_HIGH (UINT64_C (1) << 32)
#define GUEST_ROM_PAGES 16u
#define GUEST_ROM (GUEST_HIGH - GUEST_ROM_PAGES * GUEST_PAGE)
#define GUEST_LOW_MAX (UINT64_C (3) << 30)
#define GUEST_PAGE 4096u
#define GUEST_MAX_VCPUS 256u

#define GUEST_MAGIC UINT64_C (0x545345554747494d) /* "MIGGUEST" */

#define GUEST_FILL 1u  /* write all memory before anything else */
#define GUEST_HALT 2u  /* then halt for ever (only with a BIOS) */
#define GUEST_QUIET 4u /* no '\n' per pass and no heart-beat */
#define GUEST_ZERO 8u  /* the fill is zeros, not noise */

#define GUEST_SERIAL_PORT 0x3f8u
#define GUEST_SLEEP_PORT 0xe8u /* 32 bits: sleep for this many 1024 ticks */

/* The program that starts the guest writes it. */
typedef struct {
  uint64_t magic;
  uint64_t lo_end;     /* end of RAM below 4 GiB */
  uint64_t hi_end;     /* end of RAM above 4 GiB, 0 = none */
  uint64_t ws_start;   /* working set, as page number * 4096 */
  uint64_t ws_end;     /* = ws_start: no dirtying */
  uint64_t page_ticks; /* least ticks between two page writes of one writer */
  uint64_t hb_ticks;   /* ticks between heart-beats */
  uint64_t flags;
  uint64_t vcpus;
  uint64_t writers;     /* the number of vCPUs, from the first on, that share the working set */
  uint64_t sleep_ticks; /* use the sleep port for longer waits; 0 = there is none */
  uint64_t entry;       /* set by the image: CPL 3 entry, RDI = vCPU index */
  uint64_t rom_pages;   /* pages of GUEST_ROM to check, 0 = there is no such ROM */
} GuestConfig;

/* The live page: the words of the VMM and of the device, and the barrier. */
typedef struct {
  uint64_t hold;       /* not 0: writers wait */
  uint64_t check;      /* raised by one: every vCPU checks its share once */
  uint64_t device_seq; /* completed writes of the device */
  uint64_t filled;     /* vCPUs that ended their fill */
} GuestControl;

/* Only the vCPU writes it.  WRITTEN says everything about its slice of n pages: written / n
 * passes are complete and the next page is written % n. */
typedef struct {
  uint64_t written;
  uint64_t longest_gap; /* ticks between two looks at the clock */
  uint64_t check_done;  /* the check request that the fields below answer */
  uint64_t checked;     /* pages */
  uint64_t bad;
  uint64_t first_bad; /* guest-physical address, or ~0 */
  uint64_t unused[10];
} GuestVcpu;
