/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* Guest memory of every kind: what may be known of a page that is not there, and what gives
 * memory back as zeros, is not the same for all of them. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2 * MIB)
#define STALE 0x5a
#define UNTOUCHED (6 * MIB) /* here a source's file has content that nobody reads */

typedef enum {
  PRIVATE_ANONYMOUS,
  PINNED, /* the same, and not to be given back */
  SHARED_ANONYMOUS,
  MEMFD,
  MEMFD_WITHOUT_FD,
  PRIVATE_MEMFD,
  PRIVATE_FILE,
  SHARED_FILE,
  SHARED_FILE_WITHOUT_FD,
  HUGETLB,
  HUGETLB_WITHOUT_FD,
  PRIVATE_HUGETLB,
  KINDS
} Kind;

static const struct {
  const char *name;
  gboolean anonymous, private, disk, huge, with_fd;
} kinds[KINDS] = {
  [PRIVATE_ANONYMOUS] = { "private", .anonymous = TRUE, .private = TRUE },
  [PINNED] = { "pinned", .anonymous = TRUE, .private = TRUE },
  [SHARED_ANONYMOUS] = { "shared", .anonymous = TRUE },
  [MEMFD] = { "memfd", .with_fd = TRUE },
  [MEMFD_WITHOUT_FD] = { "memfd without fd" },
  [PRIVATE_MEMFD] = { "private memfd", .private = TRUE },
  [PRIVATE_FILE] = { "private file", .disk = TRUE, .private = TRUE },
  [SHARED_FILE] = { "file", .disk = TRUE, .with_fd = TRUE },
  [SHARED_FILE_WITHOUT_FD] = { "file without fd", .disk = TRUE },
  [HUGETLB] = { "hugetlb", .huge = TRUE, .with_fd = TRUE },
  [HUGETLB_WITHOUT_FD] = { "hugetlb without fd", .huge = TRUE },
  [PRIVATE_HUGETLB] = { "private hugetlb", .huge = TRUE, .private = TRUE, .anonymous = TRUE },
};

static GdwRegion *
low (Side *side)
{
  return &machine_memory (side->machine)->regions[MEMORY_LOW];
}

/* Where the region lies in the file: not at its beginning. */
static guint64
offset_of (Kind kind)
{
  return kinds[kind].huge ? HUGE_PAGE : 3 * GDW_PAGE_SIZE;
}

static int
new_file (Kind kind, guint64 size)
{
  char path[] = "/var/tmp/godwit-mappings-XXXXXX";
  int fd;

  if (kinds[kind].anonymous)
    return -1;
  if (kinds[kind].disk)
    fd = mkstemp (path);
  else
    fd = memfd_create ("ram", MFD_CLOEXEC | (kinds[kind].huge ? MFD_HUGETLB : 0));
  ck_assert_int_ge (fd, 0);
  if (kinds[kind].disk)
    unlink (path);
  ck_assert_int_eq (ftruncate (fd, (off_t) (offset_of (kind) + size)), 0);
  return fd;
}

/* The file has @content already, where the kernel lets it be written. */
static void
put_content (Kind kind, int fd, const guint8 *content, guint64 size)
{
  if (fd >= 0 && !kinds[kind].huge)
    ck_assert_int_eq (pwrite (fd, content, size, (off_t) offset_of (kind)), (gssize) size);
}

/* The region is of another kind from now on, at the same address, with @content; FALSE: there
 * are no huge pages. */
static gboolean
remap (Side *side, Kind kind, const guint8 *content)
{
  GdwRegion *region = low (side);
  int fd = new_file (kind, region->size);
  int flags = MAP_FIXED | (kinds[kind].private ? MAP_PRIVATE : MAP_SHARED) |
              (kinds[kind].anonymous ? MAP_ANONYMOUS : 0) |
              (kinds[kind].huge && fd < 0 ? MAP_HUGETLB : 0);
  off_t offset = fd >= 0 ? (off_t) offset_of (kind) : 0;

  put_content (kind, fd, content, region->size);
  if (mmap (region->host_addr, region->size, PROT_READ | PROT_WRITE, flags, fd, offset) ==
      MAP_FAILED) {
    ck_assert_msg (kinds[kind].huge && errno == ENOMEM, "%s", g_strerror (errno));
    return FALSE;
  }
  if (fd < 0 || kinds[kind].huge)
    memcpy (region->host_addr, content, region->size);
  region->fd = kinds[kind].with_fd ? fd : -1;
  region->fd_offset = kinds[kind].with_fd ? offset_of (kind) : 0;
  region->page_size = kinds[kind].huge ? HUGE_PAGE : GDW_PAGE_SIZE;
  region->flags &= ~GDW_REGION_ZERO;
  if (kind == PINNED)
    region->flags |= GDW_REGION_NO_DISCARD;
  return TRUE;
}

static Pair *
new_pair (void)
{
  return pair_new (&(PairConfig){ .empty = TRUE, .paused = TRUE });
}

static void
skip (Pair *pair, Kind kind)
{
  printf ("# SKIP %s: no huge pages are free\n", kinds[kind].name);
  pair_free (pair);
}

static void
migrate (Pair *pair, Kind kind)
{
  pair_begin (pair, "", "");
  pair_wait_ended (pair);
  ck_assert_msg (side_status (&pair->source) == GDW_STATUS_COMPLETED, "%s: source: %s",
                 kinds[kind].name, side_error (&pair->source));
  ck_assert_msg (side_status (&pair->destination) == GDW_STATUS_COMPLETED,
                 "%s: destination: %s", kinds[kind].name, side_error (&pair->destination));
}

static void
expect_equal (Pair *pair, Kind kind)
{
  ck_assert_msg (pair_is_equal (pair), "%s: the memory of the two sides differs",
                 kinds[kind].name);
}

static void
finish (Pair *pair, Kind kind)
{
  migrate (pair, kind);
  expect_equal (pair, kind);
}

/* Half of it was read and written since it was mapped, and half was not. */
static void
touch_half (Side *side, guint8 value)
{
  GdwRegion *region = low (side);

  for (guint64 at = 0; at < region->size; at += 2 * GDW_PAGE_SIZE)
    *(volatile guint8 *) &region->host_addr[at] = value;
}

START_TEST (a_destination_keeps_nothing_of_what_was_there)
{
  Pair *pair = new_pair ();
  guint64 size = low (&pair->destination)->size;
  g_autofree guint8 *stale = g_malloc (size);

  memset (stale, STALE, size);
  if (!remap (&pair->destination, _i, stale)) {
    skip (pair, _i);
    return;
  }
  touch_half (&pair->destination, STALE);
  finish (pair, _i);
  pair_free (pair);
}
END_TEST

START_TEST (a_source_sends_what_nobody_has_touched)
{
  Pair *pair = new_pair ();
  GdwRegion *region = low (&pair->source);
  g_autofree guint8 *content = g_memdup2 (region->host_addr, region->size);

  for (guint64 at = UNTOUCHED; at < region->size; at += 3 * GDW_PAGE_SIZE)
    memset (content + at, (int) (at >> GDW_PAGE_SHIFT) | 1, GDW_PAGE_SIZE);
  if (!remap (&pair->source, _i, content)) {
    skip (pair, _i);
    return;
  }
  finish (pair, _i);
  ck_assert_mem_eq (low (&pair->destination)->host_addr, content, region->size);
  pair_free (pair);
}
END_TEST

/* Counts resident pages: memory that must not be given back stays there, filled with zeros. */
static guint64
resident_pages (const GdwRegion *region)
{
  guint64 pages = gdw_region_pages (region), n = 0;
  g_autofree unsigned char *in_core = g_malloc (pages);

  ck_assert_int_eq (mincore (region->host_addr, region->size, in_core), 0);
  for (guint64 i = 0; i < pages; i++)
    n += in_core[i] & 1;
  return n;
}

static const struct {
  Kind kind;
  gboolean stays;
} memories[] = { { PRIVATE_ANONYMOUS, FALSE },
                 { SHARED_ANONYMOUS, FALSE },
                 { MEMFD, FALSE },
                 { MEMFD_WITHOUT_FD, FALSE },
                 { PINNED, TRUE },
                 { HUGETLB, TRUE } };

START_TEST (zeros_cost_no_memory_but_where_it_must_stay)
{
  Pair *pair = new_pair ();
  GdwRegion *region = low (&pair->destination);
  g_autofree guint8 *stale = g_malloc (region->size);
  Kind kind = memories[_i].kind;

  memset (stale, STALE, region->size);
  if (!remap (&pair->destination, kind, stale)) {
    skip (pair, kind);
    return;
  }
  migrate (pair, kind);
  if (memories[_i].stays)
    ck_assert_uint_eq (resident_pages (region), gdw_region_pages (region));
  else /* not all: the last runs of a round are short */
    ck_assert_uint_lt (resident_pages (region), gdw_region_pages (region) * 3 / 4);
  expect_equal (pair, kind);
  pair_free (pair);
}
END_TEST

/* Each makes a region that is not what it says. */

static void
name_another_file (GdwRegion *region)
{
  region->fd = new_file (MEMFD, region->size);
}

static void
name_another_offset (GdwRegion *region)
{
  region->fd_offset -= GDW_PAGE_SIZE;
}

static void
name_an_offset_inside_a_page (GdwRegion *region)
{
  region->fd_offset += 1;
}

static void
close_it (GdwRegion *region)
{
  close (region->fd);
}

static void
cut_the_file (GdwRegion *region)
{
  ck_assert_int_eq (ftruncate (region->fd, (off_t) region->size), 0);
}

static void
name_a_pipe (GdwRegion *region)
{
  int ends[2];

  ck_assert_int_eq (pipe (ends), 0);
  region->fd = ends[0];
}

static void
map_it_privately (GdwRegion *region)
{
  ck_assert_ptr_ne (mmap (region->host_addr, region->size, PROT_READ | PROT_WRITE,
                          MAP_FIXED | MAP_PRIVATE, region->fd, (off_t) region->fd_offset),
                    MAP_FAILED);
}

/* The last page is of another file. */
static void
map_another_end (GdwRegion *region)
{
  guint64 at = region->size - GDW_PAGE_SIZE;

  ck_assert_ptr_ne (mmap (region->host_addr + at, GDW_PAGE_SIZE, PROT_READ | PROT_WRITE,
                          MAP_FIXED | MAP_SHARED, new_file (MEMFD, region->size),
                          (off_t) (region->fd_offset + at)),
                    MAP_FAILED);
}

static void
name_a_file_for_anonymous_memory (GdwRegion *region)
{
  ck_assert_ptr_ne (mmap (region->host_addr, region->size, PROT_READ | PROT_WRITE,
                          MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                    MAP_FAILED);
}

static void
leave_a_gap (GdwRegion *region)
{
  ck_assert_int_eq (munmap (region->host_addr + MIB, GDW_PAGE_SIZE), 0);
}

static const struct {
  void (*spoil) (GdwRegion *region);
  const char *why;
} wrongs[] = {
  { name_another_file, "another file" },
  { name_another_offset, "its fd_offset" },
  { name_an_offset_inside_a_page, "its fd" },
  { close_it, "its fd" },
  { cut_the_file, "ends" },
  { name_a_pipe, "its fd" },
  { map_it_privately, "private" },
  { map_another_end, "another file" },
  { name_a_file_for_anonymous_memory, "private" },
  { leave_a_gap, "not mapped" },
};

/* A source at once; a destination when it would listen. */
static char *
begin_wrong (Side *side, const char *uri, gboolean incoming)
{
  g_autoptr (GError) error = NULL;

  if (!incoming) {
    ck_assert (!gdw_migration_start (side->migration, uri, &error));
    ck_assert (g_error_matches (error, GDW_ERROR, GDW_ERROR_HOST));
    ck_assert_str_eq (side->events->str, "");
    return g_strdup (error->message);
  }
  ck_assert (gdw_migration_incoming (side->migration, uri, &error));
  WAIT_UNTIL (side->ended);
  side->ended = 0;
  ck_assert_uint_eq (side_status (side), GDW_STATUS_FAILED);
  return g_strdup (side_error (side));
}

START_TEST (a_region_that_is_not_what_it_says_is_refused_at_the_start)
{
  Pair *pair = new_pair ();
  Side *side = _i % 2 ? &pair->source : &pair->destination;
  GdwRegion *region = low (side);
  g_autofree guint8 *content = g_memdup2 (region->host_addr, region->size);
  g_autofree char *at = g_build_filename (pair->folder, "wrong", NULL);
  g_autofree char *uri = g_strconcat ("unix:", at, NULL);
  g_autofree char *text = NULL;

  ck_assert (remap (side, MEMFD, content));
  wrongs[_i / 2].spoil (region);
  text = begin_wrong (side, uri, side == &pair->destination);
  ck_assert_msg (strstr (text, "region 'ram-low'") && strstr (text, wrongs[_i / 2].why), "%s",
                 text);
  ck_assert (remap (side, MEMFD, content)); /* corrected, it is migrated */
  finish (pair, MEMFD);
  pair_free (pair);
}
END_TEST

static void
add (Suite *suite)
{
  tcase_add_loop_test (add_case (suite, "stale"), a_destination_keeps_nothing_of_what_was_there,
                       0, KINDS);
  tcase_add_loop_test (add_case (suite, "untouched"), a_source_sends_what_nobody_has_touched, 0,
                       KINDS);
  tcase_add_loop_test (add_case (suite, "given-back"),
                       zeros_cost_no_memory_but_where_it_must_stay, 0, G_N_ELEMENTS (memories));
  tcase_add_loop_test (add_case (suite, "wrong"),
                       a_region_that_is_not_what_it_says_is_refused_at_the_start, 0,
                       2 * G_N_ELEMENTS (wrongs));
}

int
main (void)
{
  return engine_main ("mappings", add);
}
