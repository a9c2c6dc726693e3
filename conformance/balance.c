/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "balance.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

static guint
entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  if (dir)
    g_dir_close (dir);
  return n;
}

static gsize
resident (void)
{
  FILE *file = fopen ("/proc/self/statm", "re");
  unsigned long pages = 0;

  if (file && fscanf (file, "%*u %lu", &pages) != 1)
    pages = 0;
  if (file)
    fclose (file);
  return pages * (gsize) sysconf (_SC_PAGESIZE);
}

Balance
balance_now (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return (Balance){ .fds = entries ("/proc/self/fd"),
                    .threads = entries ("/proc/self/task"),
                    .files = entries ("."),
                    .heap = info.uordblks + info.hblkhd,
                    .resident = resident () };
}
