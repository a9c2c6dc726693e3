/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The software machine: each vCPU is a thread that runs the guest's program on
 * the guest's memory, and marks each page after it has written it. */

#include "guest-check.h"
#include "machine-kind.h"
#include "soft-log.h"

#include <string.h>
#include <time.h>

#define CLOCK_KHZ 1000000 /* nanoseconds */

static inline guint64
now_ns (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (guint64) t.tv_sec * 1000000000 + t.tv_nsec;
}

#define WORKLOAD_NOW() now_ns ()
#define WORKLOAD_MARK(w, gpa) mark ((w), (gpa))
#define WORKLOAD_PUTC(w, c) put ((w), (c))
#define WORKLOAD_REGISTERS_OK(w) 1

static void mark (gpointer workload, guint64 gpa);
static void put (gpointer workload, char c);

#include "workload.h"

#define SPIN_NS 50000 /* a wait up to this is not worth a sleep */

typedef struct {
  Workload workload; /* must be first: mark() and put() get the vCPU from it */
  const MachineParts *parts;
  SoftLog *log;
  guint index;
  gboolean sane; /* memory and registers fit each other */
  guint64 pokes;
} SoftVcpu;

typedef struct {
  MachineParts parts;
  SoftLog *log;
  SoftVcpu *vcpus;
} Soft;

static void
mark (gpointer workload, guint64 gpa)
{
  const SoftVcpu *vcpu = workload;

  soft_log_mark (vcpu->log, vcpu->index, gpa);
}

static void
put (gpointer workload, char c)
{
  const MachineEvents *events = ((SoftVcpu *) workload)->parts->events;

  if (events->serial)
    events->serial (events->data, c);
}

static gboolean
registers_fit (const Workload *w)
{
  return w->r.phase <= WORKLOAD_CHECK_SLICE && w->r.at <= w->ram.pages &&
         (w->slice_pages ? w->r.cursor < w->slice_pages : w->r.cursor == 0);
}

/* Memory and registers may have come from an enemy. */
static void
soft_vcpu_begin (gpointer self)
{
  SoftVcpu *vcpu = self;
  const MachineParts *parts = vcpu->parts;
  const GdwRegion *regions = parts->memory->regions;
  const GdwRegion *high = memory_high (parts->memory);
  MachineStats stats;

  vcpu->sane = guest_check_stats (parts->memory, parts->vcpus, CLOCK_KHZ, &stats, NULL);
  if (!vcpu->sane)
    return;
  workload_attach (&vcpu->workload, regions[MEMORY_LOW].host_addr,
                   regions[MEMORY_ROM].host_addr, high ? high->host_addr : NULL, vcpu->index);
  vcpu->sane = registers_fit (&vcpu->workload);
}

static void
die (SoftVcpu *vcpu)
{
  const MachineEvents *events = vcpu->parts->events;
  g_autofree char *why = g_strdup_printf ("vcpu %u: cannot run: its registers or the guest's "
                                          "memory are damaged; migrate or boot again",
                                          vcpu->index);

  if (events->died)
    events->died (events->data, why);
  while (vcpu_threads_running (vcpu->parts->threads))
    vcpu_threads_sleep (vcpu->parts->threads, 1000000000, &vcpu->pokes);
}

GUEST_FN void
step_or_sleep (SoftVcpu *vcpu)
{
  guint64 ticks = workload_step (&vcpu->workload);

  if (ticks <= SPIN_NS)
    return;
  workload_will_sleep (&vcpu->workload, ticks);
  vcpu_threads_sleep (vcpu->parts->threads, ticks, &vcpu->pokes);
}

/* A step pushes a few entries at most, so there is always room for one. */
static void
soft_vcpu_run (gpointer self)
{
  SoftVcpu *vcpu = self;

  if (!vcpu->sane)
    die (vcpu);
  while (vcpu_threads_running (vcpu->parts->threads))
    if (soft_log_full (vcpu->log, vcpu->index))
      machine_ring_full (vcpu->parts, vcpu->index, &vcpu->pokes);
    else
      step_or_sleep (vcpu);
}

static const VcpuThreadsOps soft_vcpu_ops = { .begin = soft_vcpu_begin, .run = soft_vcpu_run };

static void
soft_close (gpointer self)
{
  Soft *soft = self;

  soft_log_free (soft->log);
  g_free (soft->vcpus);
  g_free (soft);
}

static gpointer
soft_open (const MachineParts *parts, GError **error)
{
  Soft *soft = g_new0 (Soft, 1);

  soft->parts = *parts;
  soft->log = soft_log_new (parts->memory, parts->vcpus, parts->ring_entries);
  soft->vcpus = g_new0 (SoftVcpu, parts->vcpus);
  for (guint i = 0; i < parts->vcpus; i++) {
    g_autofree char *name = g_strdup_printf ("vcpu-%u", i);

    soft->vcpus[i] = (SoftVcpu){ .parts = &soft->parts, .log = soft->log, .index = i };
    if (!vcpu_threads_add (parts->threads, &soft_vcpu_ops, &soft->vcpus[i], name, error)) {
      soft_close (soft);
      return NULL;
    }
  }
  return soft;
}

static const GdwDirtyLog *
soft_dirty_log (gpointer self)
{
  return soft_log_vtable (((Soft *) self)->log);
}

static guint64
soft_clock_khz (gpointer self)
{
  (void) self;
  return CLOCK_KHZ;
}

static gboolean
soft_boot (gpointer self, GError **error)
{
  Soft *soft = self;

  (void) error;
  for (guint i = 0; i < soft->parts.vcpus; i++) {
    soft_vcpu_begin (&soft->vcpus[i]);
    workload_start (&soft->vcpus[i].workload);
  }
  return TRUE;
}

/* A section is the registers, little endian. */
#define REGISTERS (sizeof (WorkloadRegisters) / sizeof (guint64))

static GBytes *
soft_save (gpointer self, guint vcpu, GError **error)
{
  const guint64 *r = (const guint64 *) &((Soft *) self)->vcpus[vcpu].workload.r;
  guint64 out[REGISTERS];

  (void) error;
  for (guint i = 0; i < REGISTERS; i++)
    out[i] = GUINT64_TO_LE (r[i]);
  return g_bytes_new (out, sizeof out);
}

static char *
soft_describe (gpointer self)
{
  return g_strdup ("soft");
}

static gboolean
soft_load (gpointer self, guint vcpu, GBytes *bytes, GError **error)
{
  guint64 *r = (guint64 *) &((Soft *) self)->vcpus[vcpu].workload.r;
  guint64 in[REGISTERS];

  if (g_bytes_get_size (bytes) != sizeof in) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "vcpu %u: loading its state failed: it has %" G_GSIZE_FORMAT
                 " bytes, not %" G_GSIZE_FORMAT "; is the source --accel soft too?",
                 vcpu, g_bytes_get_size (bytes), sizeof in);
    return FALSE;
  }
  memcpy (in, g_bytes_get_data (bytes, NULL), sizeof in);
  for (guint i = 0; i < REGISTERS; i++)
    r[i] = GUINT64_FROM_LE (in[i]);
  return TRUE;
}

const MachineKind machine_kind_soft = {
  .open = soft_open,
  .close = soft_close,
  .dirty_log = soft_dirty_log,
  .describe = soft_describe,
  .clock_khz = soft_clock_khz,
  .boot = soft_boot,
  .save = soft_save,
  .load = soft_load,
};
