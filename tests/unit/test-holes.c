/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/memory/holes.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 4096
#define SIZE ((gsize) PAGES * GDW_PAGE_SIZE)
#define HUGE_PAGES 512
#define PAGEMAP_SCAN_IOCTL 0xc0606610u

static const guint64 touched[] = { 0, 5, 63, 64, 1000, 1001, 1002, 2047, 3000, PAGES - 1 };
static guint64 bits[PAGES / 64];

static GdwRegion
map (int flags, int fd, guint64 offset)
{
  GdwRegion region = {
    .name = "ram", .size = SIZE, .page_size = 4096, .fd = fd, .fd_offset = offset
  };

  region.host_addr = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, (off_t) offset);
  ck_assert_ptr_ne (region.host_addr, MAP_FAILED);
  madvise (region.host_addr, SIZE, MADV_NOHUGEPAGE); /* for exact answers */
  return region;
}

static GdwRegion
anonymous (void)
{
  return map (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static GdwRegion
shared (guint64 offset)
{
  int fd = memfd_create ("ram", MFD_CLOEXEC);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (ftruncate (fd, (off_t) (offset + SIZE)), 0);
  return map (MAP_SHARED, fd, offset);
}

static GdwMapping
mapping_of (const GdwRegion *region)
{
  GdwMapping mapping;

  ck_assert (gdw_mappings_find (region, 1, &mapping, NULL));
  return mapping;
}

static void
touch (const GdwRegion *region)
{
  for (guint i = 0; i < G_N_ELEMENTS (touched); i++)
    region->host_addr[touched[i] * GDW_PAGE_SIZE + i] = 1;
}

/* All of @touched in [first, end), and nothing else; bit 0 is page @base. */
static void
expect_touched_from (guint64 base, guint64 first, guint64 end)
{
  guint64 expected[PAGES / 64] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (touched); i++)
    if (touched[i] >= first && touched[i] < end)
      expected[(touched[i] - base) / 64] |= G_GUINT64_CONSTANT (1)
                                            << ((touched[i] - base) % 64);
  for (guint w = 0; w < PAGES / 64; w++)
    ck_assert_msg (bits[w] == expected[w],
                   "word %u: %" G_GINT64_MODIFIER "x, not %" G_GINT64_MODIFIER "x", w, bits[w],
                   expected[w]);
}

static void
expect_touched (guint64 first, guint64 end)
{
  expect_touched_from (0, first, end);
}

static void
expect_all (void)
{
  for (guint w = 0; w < PAGES / 64; w++)
    ck_assert_uint_eq (bits[w], G_MAXUINT64);
}

START_TEST (exactly_the_written_pages)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, 0);
  touch (&region);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
}
END_TEST

/* More than any answer holds at once. */
START_TEST (every_other_page)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  for (guint64 page = 1; page < PAGES; page += 2)
    region.host_addr[page * GDW_PAGE_SIZE] = 1;
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  for (guint w = 0; w < PAGES / 64; w++)
    ck_assert_uint_eq (bits[w], 0xaaaaaaaaaaaaaaaa);
}
END_TEST

START_TEST (only_the_pages_asked_for)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  touch (&region);
  gdw_holes_find_populated (&region, mapping_of (&region), 5, 996,
                            bits); /* from one written page into a run of them */
  expect_touched_from (5, 5, 1001);
  memset (bits, 0, sizeof bits);
  gdw_holes_find_populated (&region, mapping_of (&region), 6, 50, bits);
  expect_touched (0, 0);
}
END_TEST

START_TEST (other_bits_stay)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  bits[3] = 0x5a;
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  ck_assert_uint_eq (bits[3], 0x5a);
}
END_TEST

/* A page that was given back reads as zero again. */
START_TEST (a_dropped_page_is_not_there)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  touch (&region);
  region.host_addr[20 * GDW_PAGE_SIZE] = 1;
  ck_assert_int_eq (madvise (region.host_addr + 20 * GDW_PAGE_SIZE, GDW_PAGE_SIZE,
                             _i ? MADV_DONTNEED : MADV_REMOVE),
                    0);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
}
END_TEST

START_TEST (a_file_is_looked_at_from_the_offset_of_the_region)
{
  GdwRegion region = shared (GDW_PAGE_SIZE * 7);
  guint8 byte = 1;

  ck_assert_int_eq (pwrite (region.fd, &byte, 1, 0), 1);
  touch (&region);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
}
END_TEST

START_TEST (the_files_offset_is_not_moved)
{
  GdwRegion region = shared (0);

  touch (&region);
  ck_assert_int_eq (lseek (region.fd, 12345, SEEK_SET), 12345);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  ck_assert_int_eq (lseek (region.fd, 0, SEEK_CUR), 12345);
}
END_TEST

START_TEST (writes_by_another_process_to_shared_memory_count)
{
  GdwRegion region = shared (0);
  pid_t child = fork ();

  if (child == 0) {
    touch (&region);
    _exit (0);
  }
  ck_assert_int_eq (waitpid (child, NULL, 0), child);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
}
END_TEST

START_TEST (a_huge_page_counts_whole_and_alone)
{
  GdwRegion region = anonymous ();
  guint64 first = HUGE_PAGES - (guintptr) region.host_addr / GDW_PAGE_SIZE % HUGE_PAGES;

  ck_assert_int_eq (madvise (region.host_addr, SIZE, MADV_HUGEPAGE), 0);
  region.host_addr[(first + HUGE_PAGES + 3) * GDW_PAGE_SIZE] = 1;
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  ck_assert (bits[(first + HUGE_PAGES + 3) / 64] >> (first + HUGE_PAGES + 3) % 64 & 1);
  for (guint64 p = 0; p < PAGES; p++)
    if (bits[p / 64] >> (p % 64) & 1)
      ck_assert (p >= first + HUGE_PAGES && p < first + 2 * HUGE_PAGES);
}
END_TEST

/* Several mappings make one region. */
START_TEST (split_mappings_are_one_region)
{
  GdwRegion region = anonymous ();

  touch (&region);
  ck_assert_int_eq (mprotect (region.host_addr + 100 * GDW_PAGE_SIZE, GDW_PAGE_SIZE, PROT_READ),
                    0);
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
}
END_TEST

/* There a page that is not mapped reads as the file, not as zero. */
START_TEST (a_private_file_counts_whole)
{
  GdwRegion region = shared (0);
  GdwRegion copy;

  touch (&region);
  copy = map (MAP_PRIVATE, region.fd, 0);
  copy.fd = -1;
  gdw_holes_find_populated (&copy, mapping_of (&copy), 0, PAGES, bits);
  expect_all ();
}
END_TEST

/* A hole of its file says nothing: another page may be mapped there. */
START_TEST (shared_memory_without_its_file_counts_whole)
{
  GdwRegion region = shared (0);

  region.fd = -1;
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_all ();
}
END_TEST

START_TEST (what_is_not_to_be_given_back_counts_whole)
{
  GdwRegion region = _i ? anonymous () : shared (0);

  region.flags = GDW_REGION_NO_DISCARD;
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_all ();
}
END_TEST

START_TEST (a_file_that_cannot_be_asked_counts_whole)
{
  GdwRegion region = shared (0);
  int pipes[2];

  ck_assert_int_eq (pipe (pipes), 0);
  region.fd = _i ? pipes[0] : open ("/dev/zero", O_RDWR | O_CLOEXEC);
  gdw_holes_find_populated (&region, GDW_MAPPING_SHARED, 0, PAGES, bits);
  expect_all ();
}
END_TEST

START_TEST (without_proc_every_page_counts)
{
  struct rlimit limit, none;
  GdwRegion region = _i ? anonymous () : shared (0);
  GdwMapping mapping;

  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 0;
  mapping = mapping_of (&region);
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &none), 0); /* nothing can be opened */
  ck_assert_uint_eq (mapping_of (&region), GDW_MAPPING_OTHER);
  gdw_holes_find_populated (&region, mapping, 0, PAGES, bits);
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
  expect_all ();
}
END_TEST

/* From here on PAGEMAP_SCAN is what it is on a kernel before 6.7. */
static void
take_scan_away (void)
{
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[1])),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, PAGEMAP_SCAN_IOCTL, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (code), code };

  ck_assert_int_eq (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ck_assert_int_eq (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  ck_assert (ioctl (-1, PAGEMAP_SCAN_IOCTL, 0) == -1 && errno == ENOTTY);
}

START_TEST (an_older_kernel_gives_the_same_answer)
{
  GdwRegion region = anonymous ();

  touch (&region);
  take_scan_away ();
  gdw_holes_find_populated (&region, mapping_of (&region), 0, PAGES, bits);
  expect_touched (0, PAGES);
  memset (bits, 0, sizeof bits);
  gdw_holes_find_populated (&region, mapping_of (&region), 5, 996, bits);
  expect_touched_from (5, 5, 1001);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("populated");

  if (!suite_has ("holes", "/proc/self/pagemap"))
    return 0;
  tcase_set_timeout (tc, 30);
  tcase_add_loop_test (tc, exactly_the_written_pages, 0, 2);
  tcase_add_loop_test (tc, every_other_page, 0, 2);
  tcase_add_loop_test (tc, only_the_pages_asked_for, 0, 2);
  tcase_add_loop_test (tc, other_bits_stay, 0, 2);
  tcase_add_loop_test (tc, a_dropped_page_is_not_there, 0, 2);
  tcase_add_test (tc, a_file_is_looked_at_from_the_offset_of_the_region);
  tcase_add_test (tc, the_files_offset_is_not_moved);
  tcase_add_test (tc, writes_by_another_process_to_shared_memory_count);
  tcase_add_test (tc, a_huge_page_counts_whole_and_alone);
  tcase_add_test (tc, split_mappings_are_one_region);
  tcase_add_test (tc, a_private_file_counts_whole);
  tcase_add_test (tc, shared_memory_without_its_file_counts_whole);
  tcase_add_loop_test (tc, what_is_not_to_be_given_back_counts_whole, 0, 2);
  tcase_add_loop_test (tc, a_file_that_cannot_be_asked_counts_whole, 0, 2);
  tcase_add_loop_test (tc, without_proc_every_page_counts, 0, 2);
  tcase_add_test (tc, an_older_kernel_gives_the_same_answer);
  return suite_run ("holes", tc, NULL);
}
