/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "memory.h"

#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE (2u << 20)
#define HUGE_PAGES_PATH "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* One region to make: its place in the guest, and in the file, if it has one. */
typedef struct {
  const char *name;
  guint64 gpa;
  guint64 size;
  int fd;
  guint64 offset;
  guint32 page_size;
} Piece;

static gboolean
fail (GError **error, const char *what, guint64 bytes)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "guest memory: %s %" G_GUINT64_FORMAT
               " bytes failed: %s; use a smaller --memory",
               what, bytes, g_strerror (errno));
  return FALSE;
}

static guint64
huge_pages (const char *which)
{
  g_autofree char *path = g_strconcat (HUGE_PAGES_PATH, which, NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static gboolean
fail_huge (GError **error, guint64 bytes)
{
  int err = errno;
  guint64 need = bytes / HUGE_PAGE, reserved = huge_pages ("resv_hugepages");
  guint64 left = huge_pages ("free_hugepages");

  left = left > reserved ? left - reserved : 0;
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "guest memory: taking huge pages failed: %s: %" G_GUINT64_FORMAT
               " of 2 MiB are needed and %" G_GUINT64_FORMAT
               " are free; say sysctl vm.nr_hugepages=%" G_GUINT64_FORMAT
               " as root, or use --mem-backend memfd",
               g_strerror (err), need, left,
               huge_pages ("nr_hugepages") + (need > left ? need - left : 0));
  return FALSE;
}

/* If the addresses in the guest and in the host have the same offset in a huge page, both can
 * use huge pages. */
static guint8 *
map_aligned (const Piece *piece)
{
  int flags = piece->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  guint64 room = piece->size + HUGE_PAGE;
  guint8 *start, *host;

  if (piece->page_size == HUGE_PAGE) /* the kernel aligns it and reserves the pages */
    return mmap (NULL, piece->size, PROT_READ | PROT_WRITE, flags, piece->fd, piece->offset);
  start = mmap (NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
    return MAP_FAILED;
  host = start + (HUGE_PAGE - (guintptr) start % HUGE_PAGE) % HUGE_PAGE;
  host = mmap (host, piece->size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE | MAP_FIXED,
               piece->fd, piece->offset);
  if (host == MAP_FAILED) {
    munmap (start, room);
    return MAP_FAILED;
  }
  if (host > start)
    munmap (start, host - start);
  munmap (host + piece->size, start + room - (host + piece->size));
  return host;
}

static gboolean
map (Memory *memory, const Piece *piece, GError **error)
{
  GdwRegion *region = &memory->regions[memory->n_regions];
  guint8 *host = map_aligned (piece);

  if (host == MAP_FAILED)
    return piece->page_size == HUGE_PAGE ? fail_huge (error, piece->size)
                                         : fail (error, "mapping", piece->size);
  if (piece->fd < 0)
    madvise (host, piece->size, MADV_HUGEPAGE);
  madvise (host, piece->size, MADV_DONTDUMP);
  *region = (GdwRegion){ .name = piece->name,
                         .guest_addr = piece->gpa,
                         .size = piece->size,
                         .host_addr = host,
                         .page_size = piece->page_size,
                         .flags = GDW_REGION_ZERO,
                         .fd = piece->fd,
                         .fd_offset = piece->offset };
  memory->n_regions++;
  return TRUE;
}

/* Take the pages now: a limit of the cgroup or of the NUMA node could still refuse reserved
 * pages to a fault, and the guest would die of SIGBUS. */
static gboolean
take_huge_pages (const Memory *memory, guint64 bytes, GError **error)
{
  int err;

  do
    err = fallocate (memory->fd, 0, 0, bytes);
  while (err < 0 && errno == EINTR);
  return err == 0 || fail_huge (error, bytes);
}

static gboolean
make_file (Memory *memory, guint64 bytes, gboolean huge, GError **error)
{
  memory->fd = memfd_create ("guest-memory",
                             MFD_CLOEXEC | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
  if (memory->fd >= 0 && ftruncate (memory->fd, bytes) == 0)
    return TRUE;
  return huge ? fail_huge (error, bytes) : fail (error, "making a memfd of", bytes);
}

/* One file holds all of it, except a ROM beside huge pages, which is smaller than one. */
gboolean
memory_init (Memory *memory, guint64 bytes, MemoryBackend backend, GError **error)
{
  gboolean huge = backend == MEMORY_HUGETLB;
  Piece low = { .name = "ram-low",
                .size = MIN (bytes, GUEST_LOW_MAX),
                .page_size = huge ? HUGE_PAGE : GDW_PAGE_SIZE };
  Piece high = low, rom = { .name = "rom",
                            .gpa = GUEST_ROM,
                            .size = GUEST_ROM_PAGES * GUEST_PAGE,
                            .page_size = GDW_PAGE_SIZE };

  *memory = (Memory){ .fd = -1 };
  if (backend != MEMORY_ANON && !make_file (memory, bytes + (huge ? 0 : rom.size), huge, error))
    return FALSE;
  low.fd = high.fd = memory->fd;
  rom.fd = huge ? -1 : memory->fd;
  rom.offset = rom.fd < 0 ? 0 : bytes;
  high.name = "ram-high";
  high.gpa = GUEST_HIGH;
  high.size = bytes - low.size;
  high.offset = high.fd < 0 ? 0 : low.size;
  return map (memory, &low, error) && map (memory, &rom, error) &&
         (high.size == 0 || map (memory, &high, error)) &&
         (!huge || take_huge_pages (memory, bytes, error));
}

void
memory_clear (Memory *memory)
{
  for (guint i = 0; i < memory->n_regions; i++)
    munmap (memory->regions[i].host_addr, memory->regions[i].size);
  if (memory->fd >= 0)
    close (memory->fd);
  *memory = (Memory){ .fd = -1 };
}

gboolean
memory_zero (Memory *memory, GError **error)
{
  for (guint i = 0; i < memory->n_regions; i++) {
    GdwRegion *r = &memory->regions[i];
    int err = 0;

    if (r->page_size != GDW_PAGE_SIZE)
      memset (r->host_addr, 0, r->size);
    else if (r->fd < 0)
      err = madvise (r->host_addr, r->size, MADV_DONTNEED);
    else
      err = fallocate (r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, r->fd_offset,
                       r->size);
    if (err < 0)
      return fail (error, "giving back", r->size);
    r->flags |= GDW_REGION_ZERO;
  }
  return TRUE;
}

void
memory_is_used (Memory *memory)
{
  for (guint i = 0; i < memory->n_regions; i++)
    memory->regions[i].flags &= ~GDW_REGION_ZERO;
}

const GdwRegion *
memory_high (const Memory *memory)
{
  return memory->n_regions > MEMORY_HIGH ? &memory->regions[MEMORY_HIGH] : NULL;
}

gpointer
memory_at (const Memory *memory, guint64 gpa, guint64 size)
{
  for (guint i = 0; i < memory->n_regions; i++) {
    const GdwRegion *r = &memory->regions[i];

    if (gpa >= r->guest_addr && size <= r->size && gpa - r->guest_addr <= r->size - size)
      return r->host_addr + (gpa - r->guest_addr);
  }
  return NULL;
}
