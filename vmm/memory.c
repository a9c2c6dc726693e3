/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "memory.h"

#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

static gboolean
fail (GError **error, const char *what, guint64 bytes)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_HOST,
               "guest memory: %s %" G_GUINT64_FORMAT
               " bytes failed: %s; use a smaller --memory",
               what, bytes, g_strerror (errno));
  return FALSE;
}

static gboolean
map (Memory *memory, const char *name, guint64 gpa, guint64 size, GError **error)
{
  GdwRegion *region = &memory->regions[memory->n_regions];
  guint64 offset = memory->n_regions ? memory->regions[0].size
                                     : 0; /* both regions share one file */
  int flags = memory->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
                             : MAP_SHARED | MAP_NORESERVE;
  guint8 *host = mmap (NULL, size, PROT_READ | PROT_WRITE, flags, memory->fd,
                       memory->fd < 0 ? 0 : offset);

  if (host == MAP_FAILED)
    return fail (error, "mapping", size);
  if (memory->fd < 0)
    madvise (host, size, MADV_HUGEPAGE);
  madvise (host, size, MADV_DONTDUMP);
  *region = (GdwRegion){ .name = name,
                         .guest_addr = gpa,
                         .size = size,
                         .host_addr = host,
                         .page_size = GDW_PAGE_SIZE,
                         .flags = GDW_REGION_ZERO,
                         .fd = memory->fd,
                         .fd_offset = memory->fd < 0 ? 0 : offset };
  memory->n_regions++;
  return TRUE;
}

gboolean
memory_init (Memory *memory, guint64 bytes, gboolean memfd, GError **error)
{
  guint64 low = MIN (bytes, GUEST_LOW_MAX);

  *memory = (Memory){ .fd = -1 };
  if (memfd) {
    memory->fd = memfd_create ("guest-memory", MFD_CLOEXEC);
    if (memory->fd < 0 || ftruncate (memory->fd, bytes) < 0)
      return fail (error, "making a memfd of", bytes);
  }
  return map (memory, "ram-low", 0, low, error) &&
         (bytes == low || map (memory, "ram-high", GUEST_HIGH, bytes - low, error));
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
    int err = memory->fd < 0
                  ? madvise (r->host_addr, r->size, MADV_DONTNEED)
                  : fallocate (memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               r->fd_offset, r->size);

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
