/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The KVM dirty log under a real guest: two instructions in real mode, which
 * store one byte into the page that the test asks for. */

#include <godwit/error.h>
#include <godwit/kvm.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/suite.h"

/* Region 0: 256 pages at 0, in slot 3 (pages 0..63), nothing (64..127), slot 1
 * (128..255).  Region 1: 16 pages at 1 MiB, in slot 7.  Region 2: 164 pages after it, in
 * slots 5 (0..39), whose last word is not full, and 4 (64..163).  Region 3: 16 pages after
 * it, in slot 6, which the guest cannot write where KVM has that. */
#define LOW_PAGES 256
#define HIGH_PAGES 16
#define CUT_PAGES 164
#define CUT_FIRST (LOW_PAGES + HIGH_PAGES)
#define ROM_PAGES 16
#define ROM_FIRST (CUT_FIRST + CUT_PAGES)
#define ALL_SIZE ((guint64) (ROM_FIRST + ROM_PAGES) * GDW_PAGE_SIZE)
#define LOW_SIZE ((guint64) LOW_PAGES * GDW_PAGE_SIZE)
#define CODE_PAGE 2 /* read by the guest, which KVM may report */

static const guint8 code[] = { 0x26, 0xc6, 0x06, 0x00, 0x00, 0x01, /* movb $1, %es:0 */
                               0xe6, 0x10 };                       /* outb %al, $0x10 */

static int vm = -1, vcpu = -1;
static struct kvm_run *run;
static guint8 *memory;
static GdwKvmSlot slots[6];
static GdwDirtyLog *log_;
static guint64 low[4], high[1], cut[3], rom[1];

static gboolean
read_only (void)
{
  return ioctl (vm, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0;
}

static void
set_slots (void)
{
  const GdwKvmSlot all[] = {
    { .slot = 3, .size = LOW_SIZE / 4 },
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
    { .slot = 4,
      .guest_addr = (CUT_FIRST + 64) * GDW_PAGE_SIZE,
      .size = (CUT_PAGES - 64) * GDW_PAGE_SIZE,
      .host_addr = memory + (CUT_FIRST + 64) * GDW_PAGE_SIZE,
      .region = 2,
      .region_offset = 64 * GDW_PAGE_SIZE },
    { .slot = 5,
      .guest_addr = CUT_FIRST * GDW_PAGE_SIZE,
      .size = 40 * GDW_PAGE_SIZE,
      .host_addr = memory + CUT_FIRST * GDW_PAGE_SIZE,
      .region = 2 },
    { .slot = 6,
      .flags = read_only () ? KVM_MEM_READONLY : 0,
      .guest_addr = ROM_FIRST * GDW_PAGE_SIZE,
      .size = ROM_PAGES * GDW_PAGE_SIZE,
      .host_addr = memory + ROM_FIRST * GDW_PAGE_SIZE,
      .region = 3 },
  };

  memcpy (slots, all, sizeof slots);
  slots[0].host_addr = memory;
  for (guint i = 0; i < G_N_ELEMENTS (slots); i++) {
    struct kvm_userspace_memory_region region = {
      .slot = slots[i].slot,
      .flags = slots[i].flags,
      .guest_phys_addr = slots[i].guest_addr,
      .memory_size = slots[i].size,
      .userspace_addr = (guintptr) slots[i].host_addr
    };

    ck_assert_int_eq (ioctl (vm, KVM_SET_USER_MEMORY_REGION, &region), 0);
  }
}

static void
make_vcpu (int kvm)
{
  struct kvm_sregs sregs;
  gsize size;

  vcpu = ioctl (vm, KVM_CREATE_VCPU, 0);
  ck_assert_int_ge (vcpu, 0);
  size = (gsize) ioctl (kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  run = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
  ck_assert_ptr_ne (run, MAP_FAILED);
  ck_assert_int_eq (ioctl (vcpu, KVM_GET_SREGS, &sregs), 0);
  sregs.cs.base = sregs.cs.selector = 0;
  ck_assert_int_eq (ioctl (vcpu, KVM_SET_SREGS, &sregs), 0);
}

/* After check's fork: a VM belongs to the process that made it. */
static void
setup (void)
{
  g_autoptr (GError) error = NULL;
  int kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC);

  vm = ioctl (kvm, KVM_CREATE_VM, 0);
  ck_assert_int_ge (vm, 0);
  memory = mmap (NULL, ALL_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne (memory, MAP_FAILED);
  memcpy (memory + CODE_PAGE * GDW_PAGE_SIZE, code, sizeof code);
  set_slots ();
  make_vcpu (kvm);
  close (kvm);
  log_ = gdw_kvm_dirty_log_new (vm, slots, G_N_ELEMENTS (slots), &error);
  ck_assert_msg (log_ != NULL, "%s", error ? error->message : "");
}

static void
teardown (void)
{
  gdw_kvm_dirty_log_free (log_);
  close (vcpu);
  close (vm);
}

/* @page: guest page number.  The guest tries; how it ends. */
static guint32
guest_tries (guint page)
{
  struct kvm_regs regs = { .rip = CODE_PAGE * GDW_PAGE_SIZE, .rflags = 2 };
  struct kvm_sregs sregs;
  guint segment = MIN (page * 256, 0xff00);

  ck_assert_int_eq (ioctl (vcpu, KVM_GET_SREGS, &sregs), 0);
  sregs.es.selector = (guint16) segment;
  /* Real mode reaches above 1 MiB only by base. */
  sregs.es.base = page * GDW_PAGE_SIZE;
  ck_assert_int_eq (ioctl (vcpu, KVM_SET_SREGS, &sregs), 0);
  ck_assert_int_eq (ioctl (vcpu, KVM_SET_REGS, &regs), 0);
  memory[page * GDW_PAGE_SIZE] = 0;
  ck_assert_int_eq (ioctl (vcpu, KVM_RUN, 0), 0);
  return run->exit_reason;
}

static void
guest_writes (guint page)
{
  ck_assert_uint_eq (guest_tries (page), KVM_EXIT_IO);
  ck_assert_uint_eq (memory[page * GDW_PAGE_SIZE], 1);
}

static void
enable (guint32 mode)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = log_->enable (log_->self, mode, &error);

  ck_assert_msg (ok && error == NULL, "%s", error ? error->message : "");
}

static void
disable (void)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = log_->disable (log_->self, &error);

  ck_assert_msg (ok && error == NULL, "%s", error ? error->message : "");
}

/* Into @low, @high, @cut and @rom; what was there must not stay. */
static void
get (void)
{
  g_autoptr (GError) error = NULL;
  gboolean ok;

  memset (low, 0xff, sizeof low);
  memset (high, 0xff, sizeof high);
  memset (cut, 0xff, sizeof cut);
  memset (rom, 0xff, sizeof rom);
  ok = log_->get (log_->self, 0, low, &error) && log_->get (log_->self, 1, high, &error) &&
       log_->get (log_->self, 2, cut, &error) && log_->get (log_->self, 3, rom, &error);
  ck_assert_msg (ok && error == NULL, "%s", error ? error->message : "");
}

static void
get_expecting (guint64 low_0, guint64 low_2, guint64 low_3, guint64 high_0)
{
  get ();
  ck_assert_uint_eq (low[0] & ~(G_GUINT64_CONSTANT (1) << CODE_PAGE), low_0);
  ck_assert_uint_eq (low[1], 0);
  ck_assert_uint_eq (low[2], low_2);
  ck_assert_uint_eq (low[3], low_3);
  ck_assert_uint_eq (high[0], high_0);
}

static void
get_expecting_cut (guint64 cut_0, guint64 cut_1, guint64 cut_2)
{
  get ();
  ck_assert_uint_eq (cut[0], cut_0);
  ck_assert_uint_eq (cut[1], cut_1);
  ck_assert_uint_eq (cut[2], cut_2);
}

static void
clear (guint region, guint64 first, guint64 n, const guint64 *bits)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = log_->clear (log_->self, region, first, n, bits, &error);

  ck_assert_msg (ok && error == NULL, "%s", error ? error->message : "");
}

static gboolean
has_mode (guint32 mode)
{
  if ((log_->modes & mode) == mode)
    return TRUE;
  fprintf (stderr, "this kernel has no dirty log mode %u: not tested\n", mode);
  return FALSE;
}

START_TEST (plain_reports_once_and_re_arms)
{
  enable (GDW_DIRTY_LOG_PLAIN);
  get_expecting (0, 0, 0, 0);
  guest_writes (0);
  guest_writes (63);
  guest_writes (128);
  guest_writes (255);
  guest_writes (256 + 15);
  get_expecting (1 | G_GUINT64_CONSTANT (1) << 63, 1, G_GUINT64_CONSTANT (1) << 63, 1 << 15);
  get_expecting (0, 0, 0, 0);
  guest_writes (63);
  guest_writes (256);
  get_expecting (G_GUINT64_CONSTANT (1) << 63, 0, 0, 1);
  disable ();
}
END_TEST

START_TEST (manual_repeats_until_cleared)
{
  const guint64 page_128[] = { 1 };

  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  guest_writes (128);
  guest_writes (129);
  get_expecting (0, 3, 0, 0);
  get_expecting (0, 3, 0, 0);
  clear (0, 128, 64, page_128);
  get_expecting (0, 2, 0, 0);
  guest_writes (128);
  get_expecting (0, 3, 0, 0);
  disable ();
}
END_TEST

/* One range over both slots and what lies between, and one that ends where the
 * region ends, not at a multiple of 64. */
START_TEST (clear_reaches_each_slot_in_its_range)
{
  guint64 some[4] = { 1 << 8, 0, 0, 3 };
  const guint64 tail[] = { 1 << 15 };

  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  guest_writes (8);
  guest_writes (9);
  guest_writes (192);
  guest_writes (193);
  guest_writes (194);
  guest_writes (256 + 1);
  guest_writes (256 + 15);
  clear (0, 0, LOW_PAGES, some);
  clear (1, 0, HIGH_PAGES, tail);
  get_expecting (1 << 9, 0, 4, 2);
  some[0] = 4; /* page 194 by a range of its own */
  clear (0, 192, 64, some);
  some[0] = 0; /* nothing to clear */
  clear (0, 0, 64, some);
  get_expecting (1 << 9, 0, 0, 2);
  disable ();
}
END_TEST

#define BIT(n) (G_GUINT64_CONSTANT (1) << (n))

/* The last page of one slot and the first of the next, in words that no other slot has. */
START_TEST (slots_meet_inside_a_region)
{
  const guint64 all[3] = { BIT (40) - 1, G_MAXUINT64, BIT (36) - 1 };
  guint64 second[2] = { BIT (1), 0 };

  enable (GDW_DIRTY_LOG_PLAIN);
  guest_writes (CUT_FIRST + 39);
  guest_writes (CUT_FIRST + 64);
  guest_writes (CUT_FIRST + 163);
  get_expecting_cut (BIT (39), BIT (0), BIT (35));
  get_expecting_cut (0, 0, 0);
  disable ();
  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  guest_writes (CUT_FIRST);
  guest_writes (CUT_FIRST + 39);
  guest_writes (CUT_FIRST + 65);
  guest_writes (CUT_FIRST + 162);
  guest_writes (CUT_FIRST + 163);
  clear (2, 64, CUT_PAGES - 64, second);
  get_expecting_cut (BIT (0) | BIT (39), 0, BIT (34) | BIT (35));
  clear (2, 0, CUT_PAGES, all);
  get_expecting_cut (0, 0, 0);
  guest_writes (CUT_FIRST + 39);
  guest_writes (CUT_FIRST + 163);
  get_expecting_cut (BIT (39), 0, BIT (35));
  disable ();
}
END_TEST

START_TEST (initially_set_leaves_out_what_is_in_no_slot)
{
  if (!has_mode (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET))
    return;
  enable (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET);
  get_expecting_cut (BIT (40) - 1, G_MAXUINT64, BIT (36) - 1);
  disable ();
}
END_TEST

/* Logged like the others, and read-only before, meanwhile and after. */
START_TEST (a_read_only_slot_is_logged)
{
  static const guint32 modes[] = { GDW_DIRTY_LOG_PLAIN, GDW_DIRTY_LOG_MANUAL,
                                   GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET };
  const guint64 all[] = { (1 << ROM_PAGES) - 1 };

  if (!has_mode (modes[_i]) || !read_only ())
    return;
  enable (modes[_i]);
  get ();
  ck_assert_uint_eq (rom[0], modes[_i] & GDW_DIRTY_LOG_INITIALLY_SET ? all[0] : 0);
  if (modes[_i] & GDW_DIRTY_LOG_MANUAL)
    clear (3, 0, ROM_PAGES, all);
  ck_assert_uint_eq (guest_tries (ROM_FIRST), KVM_EXIT_MMIO);
  ck_assert_uint_eq (memory[ROM_FIRST * GDW_PAGE_SIZE], 0);
  get ();
  ck_assert_uint_eq (rom[0], 0);
  disable ();
  ck_assert_uint_eq (ioctl (vcpu, KVM_RUN, 0), 0); /* ends the instruction */
  ck_assert_uint_eq (guest_tries (ROM_FIRST), KVM_EXIT_MMIO);
  ck_assert_uint_eq (memory[ROM_FIRST * GDW_PAGE_SIZE], 0);
}
END_TEST

START_TEST (initially_set_begins_with_every_page)
{
  const guint64 both[] = { 3 };

  if (!has_mode (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET))
    return;
  for (int again = 0; again < 2; again++) {
    enable (GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET);
    get ();
    ck_assert_uint_eq (low[0], G_MAXUINT64);
    ck_assert_uint_eq (low[1], 0);
    ck_assert_uint_eq (low[2], G_MAXUINT64);
    ck_assert_uint_eq (low[3], G_MAXUINT64);
    ck_assert_uint_eq (high[0], (1 << HIGH_PAGES) - 1);
    clear (0, 128, 64, both);
    guest_writes (128);
    get ();
    ck_assert_uint_eq (low[2], G_MAXUINT64 - 2);
    disable ();
  }
}
END_TEST

/* The VM's mode goes with the log: plain after manual re-arms at get again. */
START_TEST (modes_alternate_and_disable_forgets)
{
  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  guest_writes (8);
  disable ();
  enable (GDW_DIRTY_LOG_PLAIN);
  get_expecting (0, 0, 0, 0);
  guest_writes (9);
  get_expecting (1 << 9, 0, 0, 0);
  get_expecting (0, 0, 0, 0);
  disable ();
  enable (GDW_DIRTY_LOG_MANUAL);
  guest_writes (10);
  get_expecting (1 << 10, 0, 0, 0);
  get_expecting (1 << 10, 0, 0, 0);
  disable ();
}
END_TEST

/* KVM itself: is this slot logged? */
static gboolean
is_logged (guint32 slot)
{
  guint64 bits[4];
  struct kvm_dirty_log raw = { .slot = slot, .dirty_bitmap = bits };

  return ioctl (vm, KVM_GET_DIRTY_LOG, &raw) == 0;
}

START_TEST (disable_stops_every_slot)
{
  enable (GDW_DIRTY_LOG_PLAIN);
  ck_assert (is_logged (1) && is_logged (3) && is_logged (7));
  disable ();
  ck_assert (!is_logged (1) && !is_logged (3) && !is_logged (7));
  disable (); /* no error */
}
END_TEST

/* The VMM's own logging, of a frame buffer say, finds the VM in plain mode. */
START_TEST (disable_leaves_the_vm_in_plain_mode)
{
  struct kvm_userspace_memory_region own = { .slot = slots[2].slot,
                                             .flags = KVM_MEM_LOG_DIRTY_PAGES,
                                             .guest_phys_addr = slots[2].guest_addr,
                                             .memory_size = slots[2].size,
                                             .userspace_addr = (guintptr) slots[2].host_addr };
  guint64 bits[2] = { 0 };
  struct kvm_dirty_log raw = { .slot = slots[2].slot, .dirty_bitmap = bits };

  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  disable ();
  ck_assert_int_eq (ioctl (vm, KVM_SET_USER_MEMORY_REGION, &own), 0);
  guest_writes (130);
  ck_assert_int_eq (ioctl (vm, KVM_GET_DIRTY_LOG, &raw), 0);
  ck_assert_uint_eq (bits[0], 4);
  ck_assert_int_eq (ioctl (vm, KVM_GET_DIRTY_LOG, &raw), 0);
  ck_assert_uint_eq (bits[0], 0);
}
END_TEST

START_TEST (a_slot_that_fails_undoes_the_others)
{
  g_autoptr (GError) error = NULL;

  gdw_kvm_dirty_log_free (log_);
  slots[2].guest_addr += 4 * LOW_SIZE; /* KVM moves no slot that way: not set so */
  slots[2].size /= 2;                  /* and resizes none */
  log_ = gdw_kvm_dirty_log_new (vm, slots, G_N_ELEMENTS (slots), NULL);
  ck_assert (!log_->enable (log_->self, GDW_DIRTY_LOG_PLAIN, &error));
  ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_HOST));
  ck_assert_msg (
      g_str_has_prefix (error->message, "dirty log 'kvm': switching logging on of slot 1 "),
      "%s", error->message);
  ck_assert (!is_logged (1) && !is_logged (3) && !is_logged (7));
}
END_TEST

static void
expect_failure (gboolean ok, GError **error, int code_, const char *text)
{
  ck_assert (!ok);
  ck_assert_ptr_nonnull (*error);
  ck_assert_msg (g_error_matches (*error, GDW_ERROR, code_) &&
                     g_str_has_prefix ((*error)->message, text),
                 "%s", (*error)->message);
  g_clear_error (error);
}

START_TEST (calls_out_of_order_are_refused)
{
  GError *error = NULL;
  gpointer self = log_->self;

  expect_failure (log_->get (self, 0, low, &error), &error, GDW_ERROR_BUSY,
                  "dirty log 'kvm': get failed: it is not enabled");
  expect_failure (log_->enable (self, 0, &error), &error, GDW_ERROR_UNSUPPORTED,
                  "dirty log 'kvm': enable failed: ");
  expect_failure (log_->enable (self, GDW_DIRTY_LOG_INITIALLY_SET, &error), &error,
                  GDW_ERROR_UNSUPPORTED, "dirty log 'kvm': enable failed: ");
  expect_failure (log_->enable (self, 1u << 9, &error), &error, GDW_ERROR_UNSUPPORTED,
                  "dirty log 'kvm': enable failed: ");
  enable (GDW_DIRTY_LOG_PLAIN);
  expect_failure (log_->enable (self, GDW_DIRTY_LOG_PLAIN, &error), &error, GDW_ERROR_BUSY,
                  "dirty log 'kvm': enable failed: it is enabled");
  expect_failure (log_->clear (self, 0, 0, 64, low, &error), &error, GDW_ERROR_BUSY,
                  "dirty log 'kvm': clear failed: ");
  expect_failure (log_->get (self, 4, low, &error), &error, GDW_ERROR_NOT_FOUND,
                  "dirty log 'kvm': region 4 has no slot");
  disable ();
}
END_TEST

START_TEST (clear_that_breaks_the_alignment_is_refused)
{
  GError *error = NULL;
  const guint64 bits[] = { 1 }, none[] = { 0 };

  if (!has_mode (GDW_DIRTY_LOG_MANUAL))
    return;
  enable (GDW_DIRTY_LOG_MANUAL);
  expect_failure (log_->clear (log_->self, 0, 130, 64, bits, &error), &error, GDW_ERROR_INVALID,
                  "dirty log 'kvm': clear failed: its start ");
  expect_failure (log_->clear (log_->self, 0, 128, 10, bits, &error), &error, GDW_ERROR_HOST,
                  "dirty log 'kvm': clear of slot 1 failed: ");
  clear (0, 128, 10, none); /* KVM is not asked: nothing to refuse */
  disable ();
}
END_TEST

START_TEST (slots_that_cannot_be_logged_are_refused)
{
  static const struct {
    GdwKvmSlot other;
    const char *text;
  } rows[] = {
    { { .slot = 9 }, "dirty log 'kvm': slot 9 cannot be logged: its size" },
    { { .slot = 9, .size = 5000 }, "dirty log 'kvm': slot 9 cannot be logged: its size" },
    { { .slot = 9, .size = 8192, .region_offset = 63 * GDW_PAGE_SIZE, .region = 1 },
      "dirty log 'kvm': slot 9 cannot be logged: its place" },
    { { .slot = 9, .size = 8192, .region_offset = 128 * GDW_PAGE_SIZE },
      "dirty log 'kvm': slots " },
  };
  GError *error = NULL;
  GdwKvmSlot more[G_N_ELEMENTS (slots) + 1];

  memcpy (more, slots, sizeof slots);
  more[G_N_ELEMENTS (slots)] = rows[_i].other;
  expect_failure (gdw_kvm_dirty_log_new (vm, more, G_N_ELEMENTS (more), &error) != NULL, &error,
                  GDW_ERROR_INVALID, rows[_i].text);
}
END_TEST

START_TEST (what_is_no_vm_is_refused)
{
  GError *error = NULL;

  expect_failure (gdw_kvm_dirty_log_new (-1, slots, 3, &error) != NULL, &error,
                  GDW_ERROR_INVALID, "dirty log 'kvm': asking what this VM can do failed: ");
}
END_TEST

START_TEST (a_vm_with_a_ring_is_refused)
{
  GError *error = NULL;
  int kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC), other = ioctl (kvm, KVM_CREATE_VM, 0);
  struct kvm_enable_cap ring = { .cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL, .args = { 65536 } };

  ck_assert_int_ge (other, 0);
  if (ioctl (other, KVM_ENABLE_CAP, &ring) != 0) {
    fprintf (stderr, "this kernel has no dirty ring: not tested\n");
    return;
  }
  expect_failure (gdw_kvm_dirty_log_new (other, slots, 3, &error) != NULL, &error,
                  GDW_ERROR_UNSUPPORTED, "dirty log 'kvm': this VM has a dirty ring");
  close (other);
  close (kvm);
}
END_TEST

int
main (void)
{
  int kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC), machine = ioctl (kvm, KVM_CREATE_VM, 0);
  TCase *tc;

  if (machine < 0) {
    printf ("1..0 # SKIP kvm-log: /dev/kvm cannot be used: %s\n", g_strerror (errno));
    return 0;
  }
  close (machine);
  close (kvm);
  tc = tcase_create ("kvm-log");
  tcase_set_timeout (tc, 30);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, plain_reports_once_and_re_arms);
  tcase_add_test (tc, manual_repeats_until_cleared);
  tcase_add_test (tc, clear_reaches_each_slot_in_its_range);
  tcase_add_test (tc, slots_meet_inside_a_region);
  tcase_add_test (tc, initially_set_leaves_out_what_is_in_no_slot);
  tcase_add_loop_test (tc, a_read_only_slot_is_logged, 0, 3);
  tcase_add_test (tc, initially_set_begins_with_every_page);
  tcase_add_test (tc, modes_alternate_and_disable_forgets);
  tcase_add_test (tc, disable_stops_every_slot);
  tcase_add_test (tc, disable_leaves_the_vm_in_plain_mode);
  tcase_add_test (tc, a_slot_that_fails_undoes_the_others);
  tcase_add_test (tc, calls_out_of_order_are_refused);
  tcase_add_test (tc, clear_that_breaks_the_alignment_is_refused);
  tcase_add_loop_test (tc, slots_that_cannot_be_logged_are_refused, 0, 4);
  tcase_add_test (tc, what_is_no_vm_is_refused);
  tcase_add_test (tc, a_vm_with_a_ring_is_refused);
  return suite_run ("kvm-log", tc, NULL);
}
