/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "guarded.h"

#include <sys/mman.h>
#include <unistd.h>

Guarded
guarded_new (gsize size)
{
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  gsize whole = (size + page - 1) / page * page;
  Guarded guarded = { .size = size, .map_size = whole + page };

  guarded.map = mmap (NULL, guarded.map_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (guarded.map == MAP_FAILED || mprotect (guarded.map + whole, page, PROT_NONE) != 0)
    g_error ("no memory for a buffer of %" G_GSIZE_FORMAT " bytes", size);
  guarded.data = guarded.map + whole - size;
  return guarded;
}

void
guarded_free (Guarded *guarded)
{
  munmap (guarded->map, guarded->map_size);
  *guarded = (Guarded){ 0 };
}
