/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "machine.h"

#include "guest-check.h"
#include "checks.h"
#include "errand.h"
#include "guest-image.h"
#include "guest-ram.h"
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATE_VERSION 1
#define WS_FROM (UINT64_C (2) << 20)
#define MIN_MEMORY (UINT64_C (4) << 20)
#define MIN_RING 256u
#define MAX_RING 65536u
#define RING_NAP_NS 1000000
#define HEART_BEAT_MS 1
#define SLEEP_US 500 /* waits longer than this are slept, not spun */

struct Machine {
  MachineConfig config;
  guint8 image[GUEST_IMAGE_BYTES];
  MachineEvents events;
  GMainContext *context;
  Memory memory;
  MachineParts parts;
  const MachineKind *kind;
  gpointer self; /* of the kind */
  Device device;
  Checks checks;
  guint outstanding; /* answers */
  GList *pausing;    /* of Answer: those that wait for the present pause */
};

typedef struct {
  Machine *machine;
  MachineDone done;
  gpointer data;
} Answer;

static Answer *
answer_new (Machine *machine, MachineDone done, gpointer data)
{
  Answer *answer = g_new (Answer, 1);

  *answer = (Answer){ machine, done, data };
  machine->outstanding++;
  return answer;
}

static void
answer_give (Answer *answer, const GError *error)
{
  answer->machine->outstanding--;
  answer->done (answer->data, error);
  g_free (answer);
}

/* Making one */

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID, "machine: cannot be built: %s", what);
  return FALSE;
}

static guint64
ws_from (const MachineConfig *c)
{
  return c->ws_from ? c->ws_from : WS_FROM;
}

static gboolean
ring_ok (guint64 entries, GError **error)
{
  if (entries == 0 ||
      (entries >= MIN_RING && entries <= MAX_RING && !(entries & (entries - 1))))
    return TRUE;
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_INVALID,
      "machine: cannot be built: a dirty ring of %" G_GUINT64_FORMAT
      " entries is not possible; --dirty-ring-size must be a power of two from %u to %u",
      entries, MIN_RING, MAX_RING);
  return FALSE;
}

static gboolean
memory_wrong (guint64 bytes, GError **error)
{
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_INVALID,
      "machine: cannot be built: %" G_GUINT64_FORMAT
      " bytes are not possible; --memory must be a multiple of 2M, and 4M at least, such "
      "as 512M",
      bytes);
  return FALSE;
}

static gboolean
config_ok (const MachineConfig *c, GError **error)
{
  guint64 ws_pages = c->ws_bytes / GUEST_PAGE, from = ws_from (c);

  if (c->memory_bytes < MIN_MEMORY || c->memory_bytes % (2 << 20))
    return memory_wrong (c->memory_bytes, error);
  if (c->vcpus < 1 || c->vcpus > GUEST_MAX_VCPUS)
    return refuse (error, "--vcpus must be between 1 and 256");
  if (from < GUEST_FIRST_PAGE * GUEST_PAGE || from % GUEST_PAGE)
    return refuse (error,
                   "the working set begins at a multiple of 4K, from 1M on; change from");
  if (from > c->memory_bytes || c->ws_bytes > c->memory_bytes - from)
    return refuse (error, "the working set needs ws + 2M of --memory, or ws + from; lower ws");
  if (ws_pages && (c->writers < 1 || c->writers > c->vcpus || c->writers > ws_pages))
    return refuse (error, "writers must be between 1 and the number of --vcpus, and have a "
                          "page of the working set each");
  return ring_ok (c->ring_entries, error);
}

static gboolean
bad_guest (const char *path, const char *why, GError **error)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "guest '%s': cannot be booted: %s; leave --guest out to use the built-in one",
               path, why);
  return FALSE;
}

static gboolean
load_image (Machine *machine, GError **error)
{
  const GuestConfig *config = (const GuestConfig *) (machine->image + 16);
  const char *path = machine->config.guest_file;
  g_autofree char *content = NULL;
  g_autoptr (GError) why = NULL;
  gsize size;

  memcpy (machine->image, guest_image, sizeof guest_image);
  if (!path)
    return TRUE;
  content = place_read (path, GUEST_IMAGE_BYTES + 1, &size, &why);
  if (!content)
    return bad_guest (path, why->message, error);
  memcpy (machine->image, content, MIN (size, GUEST_IMAGE_BYTES));
  return (size == GUEST_IMAGE_BYTES && config->magic == GUEST_MAGIC) ||
         bad_guest (path, "it is not a build of the boot guest", error);
}

Machine *
machine_new (const MachineConfig *config, const MachineEvents *events, GError **error)
{
  g_autofree Machine *machine = g_new0 (Machine, 1);

  machine->config = *config;
  machine->events = *events;
  if (!config_ok (config, error) || !load_image (machine, error))
    return NULL;
  if (!memory_init (&machine->memory, config->memory_bytes, config->backend, error)) {
    memory_clear (&machine->memory);
    return NULL;
  }
  machine->context = g_main_context_ref_thread_default ();
  machine->parts = (MachineParts){ .vcpus = config->vcpus,
                                   .ring_entries = config->ring_entries,
                                   .memory = &machine->memory,
                                   .threads = vcpu_threads_new (),
                                   .events = &machine->events };
  machine->kind = config->soft ? &machine_kind_soft : &machine_kind_kvm;
  machine->self = machine->kind->open (&machine->parts, error);
  if (!machine->self || !device_init (&machine->device, &machine->parts, error)) {
    machine_free (g_steal_pointer (&machine));
    return NULL;
  }
  machine->checks = (Checks){ .parts = &machine->parts,
                              .device = &machine->device,
                              .clock_khz = machine->kind->clock_khz (machine->self),
                              .context = machine->context };
  return g_steal_pointer (&machine);
}

void
machine_free (Machine *machine)
{
  if (!machine)
    return;
  checks_stop (&machine->checks, "destroyed");
  while (machine->outstanding || machine->checks.pending)
    g_main_context_iteration (machine->context, TRUE);
  vcpu_threads_free (machine->parts.threads);
  if (machine->self)
    machine->kind->close (machine->self);
  memory_clear (&machine->memory);
  g_main_context_unref (machine->context);
  g_free (machine);
}

void
machine_ring_full (const MachineParts *parts, guint vcpu, guint64 *pokes)
{
  if (parts->events->ring_full)
    parts->events->ring_full (parts->events->data, vcpu);
  else
    vcpu_threads_sleep (parts->threads, RING_NAP_NS, pokes);
}

Memory *
machine_memory (Machine *machine)
{
  return &machine->memory;
}

char *
machine_describe (Machine *machine)
{
  g_autofree char *kind = machine->kind->describe (machine->self);

  return g_strdup_printf ("godwit-vmm, --accel %s, --vcpus %u, state version %u", kind,
                          machine->parts.vcpus, STATE_VERSION);
}

const GdwDirtyLog *
machine_dirty_log (Machine *machine)
{
  return machine->kind->dirty_log (machine->self);
}

static void
configure (Machine *machine, GuestConfig *guest)
{
  const MachineConfig *c = &machine->config;
  guint64 khz = machine->kind->clock_khz (machine->self);
  guint64 entry = guest->entry, from = ws_from (c);
  const GdwRegion *high = memory_high (&machine->memory);

  *guest = (GuestConfig){
    .magic = GUEST_MAGIC,
    .lo_end = machine->memory.regions[MEMORY_LOW].size,
    .hi_end = high ? GUEST_HIGH + high->size : 0,
    .ws_start = from,
    .ws_end = from + c->ws_bytes / GUEST_PAGE * GUEST_PAGE,
    .page_ticks = c->rate ? khz * 1000 * c->writers / c->rate : 0,
    .hb_ticks = khz * HEART_BEAT_MS,
    .flags = (c->fill ? GUEST_FILL : 0) | (c->zero ? GUEST_ZERO : 0) |
             (c->chatty ? 0 : GUEST_QUIET),
    .vcpus = c->vcpus,
    .writers = c->ws_bytes ? c->writers : 0,
    .sleep_ticks = khz * SLEEP_US / 1000,
    .entry = entry,
    .rom_pages = GUEST_ROM_PAGES,
  };
}

gboolean
machine_boot (Machine *machine, GError **error)
{
  guint8 *image = memory_at (&machine->memory, GUEST_IMAGE, GUEST_IMAGE_BYTES);

  memory_is_used (&machine->memory);
  memcpy (image, machine->image, GUEST_IMAGE_BYTES);
  for (guint i = 0; i < GUEST_ROM_PAGES; i++)
    guest_fill_page (memory_at (&machine->memory, GUEST_ROM + i * GUEST_PAGE, GUEST_PAGE),
                     guest_rom_key (i), FALSE);
  configure (machine, (GuestConfig *) (image + 16));
  return machine->kind->boot (machine->self, error);
}

/* Running and standing still */

static gboolean
paused (gpointer data)
{
  Machine *machine = data;
  g_autoptr (GList) waiting = g_steal_pointer (&machine->pausing);

  for (GList *l = waiting; l; l = l->next)
    answer_give (l->data, NULL);
  return G_SOURCE_REMOVE;
}

static void
still (gpointer data)
{
  Machine *machine = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, paused, machine, NULL);
  g_source_attach (source, machine->context);
}

void
machine_pause (Machine *machine, MachineDone done, gpointer data)
{
  gboolean first = machine->pausing == NULL;

  machine->pausing = g_list_append (machine->pausing, answer_new (machine, done, data));
  if (!first)
    return;
  if (machine_is_running (machine))
    checks_stop (&machine->checks, "paused");
  vcpu_threads_pause (machine->parts.threads, still, machine);
}

void
machine_resume (Machine *machine)
{
  if (machine_is_running (machine))
    return;
  checks_stop (&machine->checks, "resumed");
  vcpu_threads_resume (machine->parts.threads);
}

gboolean
machine_is_running (Machine *machine)
{
  return vcpu_threads_running (machine->parts.threads);
}

void
machine_hold (Machine *machine, gboolean hold)
{
  GuestControl *control = memory_at (&machine->memory, GUEST_CONTROL, sizeof *control);

  __atomic_store_n (&control->hold, hold, __ATOMIC_SEQ_CST);
  if (machine->events.wrote)
    machine->events.wrote (machine->events.data, GUEST_CONTROL, GUEST_PAGE);
  vcpu_threads_poke (machine->parts.threads);
}

/* State: a section for each vCPU, one for the device */

gboolean
machine_save (Machine *machine, MachineSection section, gpointer data, GError **error)
{
  g_autoptr (GBytes) device = device_save (&machine->device);

  for (guint i = 0; i < machine->parts.vcpus; i++) {
    g_autofree char *name = g_strdup_printf ("vcpu-%u", i);
    g_autoptr (GBytes) bytes = machine->kind->save (machine->self, i, error);

    if (!bytes)
      return FALSE;
    section (data, name, STATE_VERSION, bytes);
  }
  section (data, "devices", STATE_VERSION, device);
  return TRUE;
}

static GBytes *
find (const GdwSection *sections, guint n, const char *name, GError **error)
{
  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (sections[i].name, name) != 0)
      continue;
    if (sections[i].version == STATE_VERSION && sections[i].data)
      return sections[i].data;
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "machine: loading section '%s' failed: its version is %u, not %u; use the "
                 "same godwit-vmm on both sides",
                 name, sections[i].version, STATE_VERSION);
    return NULL;
  }
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "machine: loading section '%s' failed: the source sent none; use the same "
               "--vcpus and --accel on both sides",
               name);
  return NULL;
}

gboolean
machine_load (Machine *machine, const GdwSection *sections, guint n_sections, GError **error)
{
  GBytes *bytes;

  if (n_sections != machine->parts.vcpus + 1) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
                 "machine: loading the state failed: it has %u sections, not %u; use the "
                 "same --vcpus on both sides",
                 n_sections, machine->parts.vcpus + 1);
    return FALSE;
  }
  for (guint i = 0; i < machine->parts.vcpus; i++) {
    g_autofree char *name = g_strdup_printf ("vcpu-%u", i);

    bytes = find (sections, n_sections, name, error);
    if (!bytes || !machine->kind->load (machine->self, i, bytes, error))
      return FALSE;
  }
  memory_is_used (&machine->memory);
  bytes = find (sections, n_sections, "devices", error);
  return bytes && device_load (&machine->device, bytes, error);
}

typedef struct {
  Memory *memory;
  gpointer answer;
} Zeroing;

static gboolean
zero (gpointer data, GError **error)
{
  return memory_zero (((Zeroing *) data)->memory, error);
}

static void
zeroed (gpointer data, GError *error)
{
  g_autofree Zeroing *zeroing = data;

  answer_give (zeroing->answer, error);
  g_clear_error (&error);
}

void
machine_reset (Machine *machine, MachineDone done, gpointer data)
{
  Zeroing *zeroing = g_new (Zeroing, 1);

  checks_stop (&machine->checks, "reset");
  machine->device.seq = 0;
  *zeroing = (Zeroing){ &machine->memory, answer_new (machine, done, data) };
  errand_run (machine->checks.context, zero, zeroed, zeroing);
}

/* Looking into it */

void
machine_check (Machine *machine, GCancellable *cancellable, MachineChecked done, gpointer data)
{
  checks_add (&machine->checks, cancellable, done, data);
}

gboolean
machine_stats (Machine *machine, MachineStats *stats, GError **error)
{
  return guest_check_stats (&machine->memory, machine->parts.vcpus, machine->checks.clock_khz,
                            stats, error);
}
