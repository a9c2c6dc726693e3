/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* KVM's dirty rings under real guests, and the tracker over them: two instructions in real
 * mode, which store one byte into the page that the test asks for. */

#include <godwit/error.h>
#include <godwit/kvm.h>
#include <godwit/tracker.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <gmodule.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/suite.h"

/* Region 0: 256 pages at 0, in slot 3 (pages 0..63) and slot 1 (128..255).  Region 1: 16 pages
 * at 1 MiB, in slot 7. */
#define LOW_PAGES 256
#define HIGH_PAGES 16
#define ALL_PAGES (LOW_PAGES + HIGH_PAGES)
#define LOW_SIZE ((guint64) LOW_PAGES * GDW_PAGE_SIZE)
#define CODE_PAGE 2 /* read by the guest, which KVM may report */
#define VCPUS 2
#define MOST 4096u

static const guint8 code[] = { 0x26, 0xc6, 0x06, 0x00, 0x00, 0x01, /* movb $1, %es:0 */
                               0xe6, 0x10 };                       /* outb %al, $0x10 */
static const GdwRegion regions[] = { { .name = "low", .size = LOW_SIZE },
                                     { .name = "high", .size = HIGH_PAGES * GDW_PAGE_SIZE } };
static const GdwRegion *const table[] = { &regions[0], &regions[1] };

static int kvm = -1, vm = -1, vcpus[VCPUS];
static struct kvm_run *runs[VCPUS];
static guint8 *memory;
static GdwKvmSlot slots[3];
static GdwDirtyLog *log_;
static const GdwTracker *plugin;
static gpointer tracker;
static guint64 low[4], high[1];
static guint64 *const bits[] = { low, high };
static guint32 n_entries; /* the fewest that this processor can do with */

static void
set_slots (void)
{
  const GdwKvmSlot all[] = {
    { .slot = 3, .size = LOW_SIZE / 4, .host_addr = memory },
    { .slot = 7,
      .guest_addr = LOW_SIZE,
      .size = HIGH_PAGES * GDW_PAGE_SIZE,
      .host_addr = memory + LOW_SIZE,
      .region = 1 },
    { .slot = 1,
      .guest_addr = LOW_SIZE / 2,
      .size = LOW_SIZE / 2,
      .host_addr = memory + LOW_SIZE / 2,
      .region_offset = LOW_SIZE / 2 },
  };

  memcpy (slots, all, sizeof slots);
  for (guint i = 0; i < G_N_ELEMENTS (slots); i++) {
    struct kvm_userspace_memory_region region = {
      .slot = slots[i].slot,
      .guest_phys_addr = slots[i].guest_addr,
      .memory_size = slots[i].size,
      .userspace_addr = (guintptr) slots[i].host_addr
    };

    ck_assert_int_eq (ioctl (vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
  }
}

static void
make_vcpu (guint index)
{
  gsize size = (gsize) ioctl (kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  struct kvm_sregs sregs;

  vcpus[index] = ioctl (vm, KVM_CREATE_VCPU, index);
  ck_assert_int_ge (vcpus[index], 0);
  runs[index] = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpus[index], 0);
  ck_assert_ptr_ne (runs[index], MAP_FAILED);
  ck_assert_int_eq (ioctl (vcpus[index], KVM_GET_SREGS, &sregs), 0);
  sregs.cs.base = sregs.cs.selector = 0;
  ck_assert_int_eq (ioctl (vcpus[index], KVM_SET_SREGS, &sregs), 0);
}

static void
load (void)
{
  gpointer symbol = NULL;
  g_autofree char *path = g_build_filename (g_getenv ("GODWIT_BUILD"), "trackers",
                                            "gdw-tracker-dirty-ring.so", NULL);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);

  ck_assert_msg (module != NULL, "%s", g_module_error ());
  g_module_make_resident (module);
  ck_assert (g_module_symbol (module, "gdw_plugin", &symbol));
  plugin = symbol;
}

static void
new_vm (void)
{
  kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  vm = ioctl (kvm, KVM_CREATE_VM, 0);
  ck_assert_int_ge (vm, 0);
}

/* After check's fork: a VM belongs to the process that made it. */
static void
setup (void)
{
  g_autoptr (GError) error = NULL;
  GdwTrackerConfig config = { .size = sizeof config, .regions = table, .n_regions = 2 };

  load ();
  new_vm ();
  for (n_entries = 256; !gdw_kvm_dirty_ring_enable (vm, n_entries, NULL); n_entries *= 2)
    ck_assert_uint_lt (n_entries, MOST);
  memory = mmap (NULL, ALL_PAGES * GDW_PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne (memory, MAP_FAILED);
  memcpy (memory + CODE_PAGE * GDW_PAGE_SIZE, code, sizeof code);
  set_slots ();
  for (guint i = 0; i < VCPUS; i++)
    make_vcpu (i);
  log_ = gdw_kvm_dirty_ring_new (vm, slots, G_N_ELEMENTS (slots), vcpus, VCPUS, n_entries,
                                 &error);
  ck_assert_msg (log_ != NULL, "%s", error ? error->message : "");
  config.dirty_log = log_;
  tracker = plugin->open (&config, &error);
  ck_assert_msg (tracker != NULL, "%s", error ? error->message : "");
}

static void
teardown (void)
{
  plugin->close (tracker);
  gdw_kvm_dirty_log_free (log_);
  for (guint i = 0; i < VCPUS; i++)
    close (vcpus[i]);
  close (vm);
  close (kvm);
}

/* @page: guest page number.  Gives why the vCPU left. */
static guint
guest_tries (guint vcpu, guint page)
{
  struct kvm_regs regs = { .rip = CODE_PAGE * GDW_PAGE_SIZE, .rflags = 2 };
  struct kvm_sregs sregs;

  ck_assert_int_eq (ioctl (vcpus[vcpu], KVM_GET_SREGS, &sregs), 0);
  sregs.es.selector = (guint16) MIN (page * 256, 0xff00);
  sregs.es.base = page * GDW_PAGE_SIZE; /* real mode reaches above 1 MiB only by base */
  ck_assert_int_eq (ioctl (vcpus[vcpu], KVM_SET_SREGS, &sregs), 0);
  ck_assert_int_eq (ioctl (vcpus[vcpu], KVM_SET_REGS, &regs), 0);
  ck_assert_int_eq (ioctl (vcpus[vcpu], KVM_RUN, 0), 0);
  return runs[vcpu]->exit_reason;
}

static void
guest_writes (guint vcpu, guint page)
{
  memory[page * GDW_PAGE_SIZE] = 0;
  ck_assert_uint_eq (guest_tries (vcpu, page), KVM_EXIT_IO);
  ck_assert_uint_eq (memory[page * GDW_PAGE_SIZE], 1);
}

static void
start (void)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (plugin->start (tracker, &error), "%s", error ? error->message : "");
}

static void
stop (void)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (plugin->stop (tracker, &error), "%s", error ? error->message : "");
}

static void
collect (void)
{
  g_autoptr (GError) error = NULL;

  memset (low, 0, sizeof low);
  memset (high, 0, sizeof high);
  ck_assert_msg (plugin->collect (tracker, bits, &error), "%s", error ? error->message : "");
  low[0] &= ~(G_GUINT64_CONSTANT (1) << CODE_PAGE);
}

static guint
count (void)
{
  guint n = 0;

  for (guint w = 0; w < G_N_ELEMENTS (low); w++)
    n += __builtin_popcountll (low[w]);
  return n + __builtin_popcountll (high[0]);
}

static void
expect (guint64 low_0, guint64 low_2, guint64 low_3, guint64 high_0)
{
  collect ();
  ck_assert_uint_eq (low[0], low_0);
  ck_assert_uint_eq (low[1], 0);
  ck_assert_uint_eq (low[2], low_2);
  ck_assert_uint_eq (low[3], low_3);
  ck_assert_uint_eq (high[0], high_0);
}

#define TOP (G_GUINT64_CONSTANT (1) << 63)

/* Slots are translated, in the order in which they are not. */
START_TEST (what_is_written_is_reported_once)
{
  ck_assert_uint_eq (log_->modes, GDW_DIRTY_LOG_RING);
  ck_assert_uint_eq (log_->n_rings, VCPUS);
  start ();
  guest_writes (0, 0);
  guest_writes (0, 63);
  guest_writes (1, 128);
  guest_writes (1, 255);
  guest_writes (0, LOW_PAGES + 15);
  expect (1 | TOP, 1, TOP, 1 << 15);
  expect (0, 0, 0, 0);
  guest_writes (1, 63);
  guest_writes (1, LOW_PAGES);
  expect (TOP, 0, 0, 1);
  stop ();
}
END_TEST

START_TEST (a_page_is_reported_again_only_after_a_collect)
{
  start ();
  guest_writes (0, 130);
  guest_writes (0, 130);
  guest_writes (1, 130);
  collect ();
  ck_assert_uint_eq (count (), 1);
  guest_writes (0, 130);
  collect ();
  ck_assert_uint_eq (count (), 1);
  stop ();
}
END_TEST

/* One page after the other, those that are in a slot. */
static guint
nth_page (guint n)
{
  static const guint first[] = { 3, 128, LOW_PAGES }, end[] = { 64, 256, ALL_PAGES };

  for (guint i = 0;; i = (i + 1) % G_N_ELEMENTS (first)) {
    if (n < end[i] - first[i])
      return first[i] + n;
    n -= end[i] - first[i];
  }
}

START_TEST (a_full_ring_stops_its_vcpu_until_it_is_reset)
{
  guint n = 0, reason = KVM_EXIT_IO;

  if (n_entries > 256) {
    fprintf (stderr, "this guest is too small to fill a ring of %u: not tested\n", n_entries);
    return;
  }
  start ();
  while (reason == KVM_EXIT_IO && n < n_entries)
    reason = guest_tries (0, nth_page (n++));
  ck_assert_uint_eq (reason, KVM_EXIT_DIRTY_RING_FULL);
  ck_assert_uint_eq (guest_tries (0, 5), KVM_EXIT_DIRTY_RING_FULL);
  guest_writes (1, 5); /* its own ring has room */
  collect ();
  ck_assert_uint_ge (count (), n - 2);
  guest_writes (0, nth_page (n));
  stop ();
}
END_TEST

/* Four times round, nothing missed on the way. */
START_TEST (a_ring_wraps)
{
  guint n = 0;

  start ();
  while (log_->rings[0].next < 4 * n_entries) {
    guint before = n;

    for (; n < before + 100; n++)
      guest_writes (0, nth_page (n));
    collect ();
    for (guint i = before; i < n; i++) {
      guint page = nth_page (i);
      guint64 word = page < LOW_PAGES ? low[page / 64] : high[0];

      ck_assert_msg (word >> (page % 64) & 1, "page %u was lost", page);
    }
  }
  stop ();
}
END_TEST

START_TEST (nothing_is_stale_after_a_restart)
{
  start ();
  for (guint n = 0; n < 150; n++)
    guest_writes (0, nth_page (n));
  stop ();
  guest_writes (0, 140);
  start ();
  expect (0, 0, 0, 0);
  guest_writes (0, 140);
  expect (0, 1 << 12, 0, 0);
  for (guint n = 0; n < 150; n++)
    guest_writes (0, nth_page (n));
  stop ();
}
END_TEST

START_TEST (each_vcpu_is_counted)
{
  guint64 pages[VCPUS];

  start ();
  for (guint n = 0; n < 40; n++)
    guest_writes (1, nth_page (n));
  guest_writes (0, 200);
  collect ();
  ck_assert_uint_eq (plugin->vcpu_pages (tracker, pages, VCPUS), VCPUS);
  ck_assert_uint_ge (pages[1], 40);
  ck_assert_uint_le (pages[1], 41);
  ck_assert_uint_ge (pages[0], 1);
  ck_assert_uint_le (pages[0], 2);
  stop ();
}
END_TEST

/* Refusals */

static void
expect_failure (gboolean ok, GError **error, int number, const char *text)
{
  ck_assert (!ok);
  ck_assert_ptr_nonnull (*error);
  ck_assert_msg (g_error_matches (*error, GDW_ERROR, number), "%s", (*error)->message);
  ck_assert_msg (strstr ((*error)->message, text) != NULL, "%s", (*error)->message);
  g_clear_error (error);
}

START_TEST (there_is_no_bitmap)
{
  GError *error = NULL;
  guint region;
  guint64 page;

  expect_failure (log_->enable (log_, GDW_DIRTY_LOG_PLAIN, &error), &error,
                  GDW_ERROR_UNSUPPORTED, "dirty log 'kvm': enable failed");
  start ();
  expect_failure (log_->get (log_, 0, low, &error), &error, GDW_ERROR_UNSUPPORTED,
                  "dirty log 'kvm': get failed: this VM has dirty rings; harvest them");
  expect_failure (log_->clear (log_, 0, 0, 64, low, &error), &error, GDW_ERROR_UNSUPPORTED,
                  "dirty log 'kvm': clear failed: this VM has dirty rings; harvest them");
  expect_failure (log_->locate (log_, 9, 5, &region, &page, &error), &error, GDW_ERROR_HOST,
                  "dirty log 'kvm': page 5 of slot 9 was written and is in no region");
  expect_failure (log_->locate (log_, 3, 64, &region, &page, &error), &error, GDW_ERROR_HOST,
                  "page 64 of slot 3");
  ck_assert (log_->locate (log_, 1, 3, &region, &page, &error));
  ck_assert_uint_eq (region, 0);
  ck_assert_uint_eq (page, 131);
  stop ();
}
END_TEST

START_TEST (a_size_that_is_not_possible_is_named)
{
  static const guint32 bad[] = { 0, 1, 128, 1000, 70000, 131072 };
  GError *error = NULL;

  new_vm ();
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text = g_strdup_printf (
        "dirty log 'kvm': making dirty rings of %u entries failed: it must be a power of two "
        "from 256 to ",
        bad[i]);

    expect_failure (gdw_kvm_dirty_ring_enable (vm, bad[i], &error), &error, GDW_ERROR_INVALID,
                    text);
  }
  ck_assert (gdw_kvm_dirty_ring_enable (vm, 65536, NULL));
  expect_failure (gdw_kvm_dirty_ring_enable (vm, 4096, &error), &error, GDW_ERROR_HOST,
                  "of 4096 entries failed: Invalid argument; do it once, before the first "
                  "vCPU");
}
END_TEST

START_TEST (rings_come_before_the_first_vcpu)
{
  GError *error = NULL;

  new_vm ();
  ck_assert_int_ge (ioctl (vm, KVM_CREATE_VCPU, 0), 0);
  expect_failure (gdw_kvm_dirty_ring_enable (vm, 4096, &error), &error, GDW_ERROR_HOST,
                  "before the first vCPU");
}
END_TEST

START_TEST (a_vm_without_such_rings_is_refused)
{
  GError *error = NULL;
  int fd;

  new_vm ();
  fd = ioctl (vm, KVM_CREATE_VCPU, 0);
  expect_failure (gdw_kvm_dirty_ring_new (vm, slots, 0, &fd, 1, 256, &error) != NULL, &error,
                  GDW_ERROR_UNSUPPORTED,
                  "dirty log 'kvm': mapping the rings failed: this VM has none");
}
END_TEST

static gboolean
can_run (void)
{
  int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  int machine = fd >= 0 ? ioctl (fd, KVM_CREATE_VM, 0) : -1;
  gboolean ok = FALSE;

  if (machine < 0)
    printf ("1..0 # SKIP skipped: no /dev/kvm\n");
  else if (ioctl (machine, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING_ACQ_REL) <= 0 &&
           ioctl (machine, KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING) <= 0)
    printf ("1..0 # SKIP skipped: this kernel has no dirty rings\n");
  else
    ok = TRUE;
  close (machine);
  close (fd);
  return ok;
}

int
main (void)
{
  TCase *guests = tcase_create ("guests"), *vms = tcase_create ("vms");

  if (!can_run ())
    return EXIT_SUCCESS;
  tcase_add_checked_fixture (guests, setup, teardown);
  tcase_add_test (guests, what_is_written_is_reported_once);
  tcase_add_test (guests, a_page_is_reported_again_only_after_a_collect);
  tcase_add_test (guests, a_full_ring_stops_its_vcpu_until_it_is_reset);
  tcase_add_test (guests, a_ring_wraps);
  tcase_add_test (guests, nothing_is_stale_after_a_restart);
  tcase_add_test (guests, each_vcpu_is_counted);
  tcase_add_test (guests, there_is_no_bitmap);
  tcase_add_test (vms, a_size_that_is_not_possible_is_named);
  tcase_add_test (vms, rings_come_before_the_first_vcpu);
  tcase_add_test (vms, a_vm_without_such_rings_is_refused);
  return suite_run ("kvm-ring", guests, vms, NULL);
}
