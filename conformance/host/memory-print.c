/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "memory-print.h"

#include <string.h>

struct Print {
  GdwRegion *regions;
  guint n;
  guint64 **pages;
};

static guint64
number_of (const guint8 *page)
{
  const volatile guint64 *words = (const volatile guint64 *) page;
  guint64 number = 0;

  for (guint i = 0; i < GDW_PAGE_SIZE / sizeof *words; i++)
    number = ((number ^ words[i]) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) ^ (number >> 29);
  return number;
}

Print *
print_new (Vm *vm)
{
  Print *print = g_new0 (Print, 1);
  const GdwRegion *regions = vm_regions (vm, &print->n);

  print->regions = g_memdup2 (regions, print->n * sizeof *regions);
  print->pages = g_new0 (guint64 *, print->n);
  for (guint r = 0; r < print->n; r++) {
    guint64 n = gdw_region_pages (&regions[r]);

    print->pages[r] = g_new (guint64, n);
    for (guint64 i = 0; i < n; i++)
      print->pages[r][i] = number_of (regions[r].host_addr + i * GDW_PAGE_SIZE);
  }
  return print;
}

void
print_free (Print *print)
{
  for (guint r = 0; r < print->n; r++)
    g_free (print->pages[r]);
  g_free (print->pages);
  g_free (print->regions);
  g_free (print);
}

gboolean
print_differ (const Print *a, const Print *b, guint64 *guest_addr)
{
  for (guint r = 0; r < MIN (a->n, b->n); r++) {
    guint64 n = MIN (gdw_region_pages (&a->regions[r]), gdw_region_pages (&b->regions[r]));

    for (guint64 i = 0; i < n; i++)
      if (a->pages[r][i] != b->pages[r][i]) {
        *guest_addr = a->regions[r].guest_addr + i * GDW_PAGE_SIZE;
        return TRUE;
      }
  }
  return FALSE;
}

GPtrArray *
memory_take (Vm *vm)
{
  GPtrArray *memory = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  guint n;
  const GdwRegion *regions = vm_regions (vm, &n);

  for (guint r = 0; r < n; r++)
    g_ptr_array_add (memory, g_bytes_new (regions[r].host_addr, regions[r].size));
  return memory;
}

/* Zero pages stay untouched, so that they take no memory. */
static void
put_page (guint8 *to, const guint8 *from)
{
  if (memcmp (to, from, GDW_PAGE_SIZE) != 0)
    memcpy (to, from, GDW_PAGE_SIZE);
}

void
memory_put (Vm *vm, const GPtrArray *memory)
{
  guint n;
  const GdwRegion *regions = vm_regions (vm, &n);

  for (guint r = 0; r < MIN (n, memory->len); r++) {
    gsize size;
    const guint8 *bytes = g_bytes_get_data (memory->pdata[r], &size);

    for (gsize at = 0; at < MIN (size, regions[r].size); at += GDW_PAGE_SIZE)
      put_page (regions[r].host_addr + at, bytes + at);
  }
}
