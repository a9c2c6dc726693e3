/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A whole guest: KVM tests the processor's logging, software tests threads. */
#include <string.h>
#include <unistd.h>

#include "promise.h"
#include "suite.h"
#include "tracker-cases.h"
#include "vmm/machine.h"

TRACKER_GUEST_CASES (DECLARE_CASE)

#define MIB G_GUINT64_CONSTANT (1048576)
#define MEMORY (24 * MIB)
#define WORKING_SET (4 * MIB)
#define RING_ENTRIES 1024
#define FOLLOWS_S 8

typedef struct {
  const GdwTracker *tracker;
  gpointer self;
  Machine *machine;
  const Memory *memory;
  const GdwRegion *regions[MEMORY_REGIONS];
  guint64 *bits[MEMORY_REGIONS];
  guint8 *copy[MEMORY_REGIONS];
  GdwTrackerConfig config;
  GMutex lock;    /* of what follows */
  GArray *writes; /* Write: of the device, which no vCPU made */
  GError *error;  /* of the callback that answers */
  gboolean answered;
  guint64 reported; /* pages */
} Guest;

typedef struct {
  guint64 gpa, size;
} Write;

static void
device_wrote (gpointer data, guint64 gpa, guint64 size)
{
  Guest *guest = data;
  Write write = { gpa, size };

  g_mutex_lock (&guest->lock);
  g_array_append_val (guest->writes, write);
  g_mutex_unlock (&guest->lock);
}

static void
answered (gpointer data, const GError *error)
{
  Guest *guest = data;

  guest->answered = TRUE;
  guest->error = error ? g_error_copy (error) : NULL;
}

static guint
vcpus (void)
{
  return (guint) CLAMP (sysconf (_SC_NPROCESSORS_ONLN), 1, 4);
}

static guint64
bytes_of (const Guest *guest, guint region)
{
  return GDW_BITMAP_WORDS (gdw_region_pages (guest->regions[region])) * 8;
}

static void
guest_free (Guest *guest)
{
  if (guest->self)
    guest->tracker->close (guest->self);
  for (guint i = 0; guest->memory && i < guest->memory->n_regions; i++) {
    g_free (guest->bits[i]);
    g_free (guest->copy[i]);
  }
  machine_free (guest->machine);
  g_array_unref (guest->writes);
  g_mutex_clear (&guest->lock);
  g_free (guest);
}

static void
allocate (Guest *guest, const Subject *subject)
{
  guest->memory = machine_memory (guest->machine);
  for (guint i = 0; i < guest->memory->n_regions; i++) {
    guest->regions[i] = &guest->memory->regions[i];
    guest->bits[i] = g_malloc0 (bytes_of (guest, i));
    guest->copy[i] = g_malloc0 (guest->regions[i]->size);
  }
  guest->config = (GdwTrackerConfig){ .size = sizeof guest->config,
                                      .options = subject->values,
                                      .regions = guest->regions,
                                      .n_regions = guest->memory->n_regions,
                                      .dirty_log = machine_dirty_log (guest->machine) };
}

/* Returns NULL if the tracker refuses this machine, or if none can be made, with @error. */
static Guest *
guest_new (const Subject *subject, guint64 ring_entries, GError **error)
{
  Guest *guest = g_new0 (Guest, 1);
  MachineConfig config = { .soft = subject->host == HOST_SOFT,
                           .memory_bytes = MEMORY,
                           .vcpus = vcpus (),
                           .ring_entries = ring_entries,
                           .ws_bytes = WORKING_SET,
                           .writers = vcpus (),
                           .fill = TRUE };
  MachineEvents events = { .data = guest, .wrote = device_wrote };

  guest->tracker = (const GdwTracker *) subject->plugin;
  guest->writes = g_array_new (FALSE, FALSE, sizeof (Write));
  g_mutex_init (&guest->lock);
  guest->machine = machine_new (&config, &events, error);
  if (guest->machine && machine_boot (guest->machine, error)) {
    allocate (guest, subject);
    guest->self = guest->tracker->open (&guest->config, error);
    if (guest->self)
      return guest;
  }
  guest_free (guest);
  return NULL;
}

/* Makes a machine that the tracker accepts. */
static Guest *
some_guest (const Subject *subject)
{
  g_autoptr (GError) error = NULL, error_of_rings = NULL;
  Guest *guest;

  if (subject->host == HOST_KVM && !machine_has_kvm ())
    skip ("no /dev/kvm");
  guest = guest_new (subject, 0, &error);
  if (!guest)
    guest = guest_new (subject, RING_ENTRIES, &error_of_rings);
  EXPECT (guest, PROMISE ("tracker.h", "An instance for one migration"),
          "it takes no machine: %s; with dirty rings: %s", error->message,
          error_of_rings->message);
  return guest;
}

static void
expect (gboolean ok, const char *callback, const GError *error)
{
  EXPECT (ok, PROMISE ("tracker.h", "Set the bits of the pages written"), "%s failed: %s",
          callback, error ? error->message : "without an error");
}

static void
start (Guest *guest)
{
  g_autoptr (GError) error = NULL;

  expect (guest->tracker->start (guest->self, &error), "start", error);
}

static void
stop (Guest *guest)
{
  g_autoptr (GError) error = NULL;

  expect (guest->tracker->stop (guest->self, &error), "stop", error);
}

/* The host must report what the device wrote. */
static void
add_writes (Guest *guest)
{
  g_mutex_lock (&guest->lock);
  for (guint i = 0; i < guest->writes->len; i++) {
    const Write *write = &g_array_index (guest->writes, Write, i);

    for (guint r = 0; r < guest->memory->n_regions; r++) {
      const GdwRegion *region = guest->regions[r];
      guint64 end = write->gpa + write->size - 1;

      for (guint64 gpa = write->gpa / GDW_PAGE_SIZE * GDW_PAGE_SIZE; gpa <= end;
           gpa += GDW_PAGE_SIZE)
        if (gpa >= region->guest_addr && gpa < region->guest_addr + region->size) {
          guint64 page = (gpa - region->guest_addr) / GDW_PAGE_SIZE;

          guest->bits[r][page / 64] |= G_GUINT64_CONSTANT (1) << page % 64;
        }
    }
  }
  g_array_set_size (guest->writes, 0);
  g_mutex_unlock (&guest->lock);
}

static void
collect (Guest *guest)
{
  g_autoptr (GError) error = NULL;

  expect (guest->tracker->collect (guest->self, guest->bits, &error), "collect", error);
}

/* Re-arms and copies all reported pages. */
static guint64
take (Guest *guest)
{
  guint64 taken = 0;

  for (guint r = 0; r < guest->memory->n_regions; r++) {
    const GdwRegion *region = guest->regions[r];
    guint64 pages = gdw_region_pages (region);
    g_autoptr (GError) error = NULL;

    if (guest->tracker->traits & GDW_TRACKER_REARMS_AT_REARM)
      expect (guest->tracker->rearm (guest->self, r, 0, pages, guest->bits[r], &error), "rearm",
              error);
    for (guint64 page = 0; page < pages; page++) {
      if (!((guest->bits[r][page / 64] >> page % 64) & 1))
        continue;
      memcpy (guest->copy[r] + page * GDW_PAGE_SIZE, region->host_addr + page * GDW_PAGE_SIZE,
              GDW_PAGE_SIZE);
      taken++;
    }
    memset (guest->bits[r], 0, bytes_of (guest, r));
  }
  guest->reported += taken;
  return taken;
}

static void
copy_all (Guest *guest)
{
  for (guint r = 0; r < guest->memory->n_regions; r++)
    for (guint64 page = 0; page < gdw_region_pages (guest->regions[r]); page++)
      guest->bits[r][page / 64] |= G_GUINT64_CONSTANT (1) << page % 64;
  take (guest);
}

static void
pause_guest (Guest *guest)
{
  guest->answered = FALSE;
  machine_pause (guest->machine, answered, guest);
  while (!guest->answered)
    g_main_context_iteration (NULL, TRUE);
  if (guest->error)
    skip ("the guest could not be paused: %s", guest->error->message);
}

/* Follows the running guest until this many pages were reported, or as many as a busy machine
 * reports in time. */
static void
follow (Guest *guest, guint64 pages)
{
  gint64 until_us = g_get_monotonic_time () + FOLLOWS_S * G_TIME_SPAN_SECOND;

  guest->reported = 0;
  while (guest->reported < pages && g_get_monotonic_time () < until_us) {
    g_main_context_iteration (NULL, FALSE);
    collect (guest);
    add_writes (guest);
    take (guest);
  }
  EXPECT (guest->reported > 0, PROMISE ("tracker.h", "Set the bits of the pages written"),
          "a guest writes all the time, and in %d s no page was reported", FOLLOWS_S);
}

static void
expect_equal (const Guest *guest)
{
  for (guint r = 0; r < guest->memory->n_regions; r++) {
    const GdwRegion *region = guest->regions[r];

    for (guint64 at = 0; at < region->size; at += GDW_PAGE_SIZE)
      EXPECT (
          memcmp (guest->copy[r] + at, region->host_addr + at, GDW_PAGE_SIZE) == 0,
          PROMISE ("tracker.h", "The collect after the guest was paused reports everything"),
          "the last write to page %" G_GUINT64_FORMAT " of region '%s' was lost",
          at / GDW_PAGE_SIZE, region->name);
  }
}

static void
finish (Guest *guest)
{
  pause_guest (guest);
  collect (guest);
  add_writes (guest);
  take (guest);
  expect_equal (guest);
}

static guint64
enough (const Subject *subject)
{
  return subject->settings->quick ? 20000 : 200000;
}

void
race_with_a_guest_runs_free (const Subject *subject)
{
  Guest *guest = some_guest (subject);

  machine_resume (guest->machine);
  start (guest);
  copy_all (guest);
  follow (guest, enough (subject));
  finish (guest);
  stop (guest);
  guest_free (guest);
}

/* The guest continues to write from one start to the next. */
void
race_of_a_guest_and_restart_runs_free (const Subject *subject)
{
  Guest *guest = some_guest (subject);

  machine_resume (guest->machine);
  for (guint i = 0; i < 3; i++) {
    start (guest);
    copy_all (guest);
    follow (guest, enough (subject) / 8);
    stop (guest);
  }
  start (guest);
  copy_all (guest);
  finish (guest);
  stop (guest);
  guest_free (guest);
}

void
a_paused_guest_reports_nothing (const Subject *subject)
{
  Guest *guest = some_guest (subject);

  machine_resume (guest->machine);
  start (guest);
  copy_all (guest);
  follow (guest, 1000);
  finish (guest);
  for (guint i = 0; i < 3; i++) {
    guint64 taken;

    collect (guest);
    taken = take (guest);
    EXPECT (taken == 0, PROMISE ("tracker.h", "leave all other bits alone"),
            "the guest is paused and all was re-armed, and %" G_GUINT64_FORMAT
            " pages are reported",
            taken);
  }
  stop (guest);
  guest_free (guest);
}
