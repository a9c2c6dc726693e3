/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "sim.h"

#include <sys/mman.h>

#include "sim-log.h"

/* Regions begin here, so that a guest address differs from an offset. */
#define FIRST_ADDRESS G_GUINT64_CONSTANT (0x100000000)
#define GAP G_GUINT64_CONSTANT (0x40000000)

const SimKind sim_kinds[] = {
  { "a plain dirty log", GDW_DIRTY_LOG_PLAIN, 0 },
  { "a manual dirty log", GDW_DIRTY_LOG_MANUAL, 0 },
  { "a manual dirty log, initially set", GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET,
    0 },
  { "a dirty log of all modes",
    GDW_DIRTY_LOG_PLAIN | GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET, 0 },
  { "dirty rings", GDW_DIRTY_LOG_RING, 1024 },
  { "no dirty log", 0, 0 },
  { NULL, 0, 0 },
};

Sim *
sim_new (const SimKind *kind, const guint64 *pages, guint n_regions, guint n_vcpus)
{
  Sim *sim = g_new0 (Sim, 1);
  guint64 address = FIRST_ADDRESS;

  sim->kind = kind;
  sim->n_regions = n_regions;
  sim->n_vcpus = n_vcpus;
  sim->regions = g_new (const GdwRegion *, n_regions);
  for (guint i = 0; i < n_regions; i++) {
    GdwRegion *region = g_new (GdwRegion, 1);
    guint64 size = pages[i] * GDW_PAGE_SIZE;
    guint8 *at = mmap (NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
      g_error ("no address space for %" G_GUINT64_FORMAT " bytes of guest memory", size);
    *region = (GdwRegion){
      g_strdup_printf ("ram-%u", i), address, size, at, GDW_PAGE_SIZE, 0, -1, 0
    };
    sim->regions[i] = region;
    address += size + GAP;
  }
  sim_log_init (sim);
  return sim;
}

void
sim_free (Sim *sim)
{
  sim_log_clear (sim);
  for (guint i = 0; i < sim->n_regions; i++) {
    munmap (sim->regions[i]->host_addr, sim->regions[i]->size);
    g_free ((char *) sim->regions[i]->name);
    g_free ((GdwRegion *) sim->regions[i]);
  }
  g_free (sim->regions);
  g_free (sim);
}

/* Not the first word: a tracker that compares only that one must fail. */
static guint64 *
word_of (const Sim *sim, guint region, guint64 page)
{
  return (guint64 *) (sim->regions[region]->host_addr + page * GDW_PAGE_SIZE) + page % 512;
}

guint64
sim_read (const Sim *sim, guint region, guint64 page)
{
  return __atomic_load_n (word_of (sim, region, page), __ATOMIC_SEQ_CST);
}

void
sim_write (Sim *sim, guint vcpu, guint region, guint64 page, guint64 value)
{
  sim_log_await_room (sim, vcpu);
  __atomic_store_n (word_of (sim, region, page), value, __ATOMIC_SEQ_CST);
  schedule_point (sim->schedule);
  sim_log_mark (sim, vcpu, region, page);
}
