/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "log-calls.h"

#define CANARY G_GUINT64_CONSTANT (0x5a3c96e1d2b4780f)
#define FEW 512u

const char *
log_mode_name (guint32 mode)
{
  return mode == GDW_DIRTY_LOG_PLAIN    ? "plain"
         : mode == GDW_DIRTY_LOG_MANUAL ? "manual"
         : mode == GDW_DIRTY_LOG_RING   ? "ring"
                                        : "manual and initially set";
}

LogModes
log_modes (const GdwDirtyLog *log)
{
  LogModes modes = { { 0 } };
  guint n = 0;

  if (log->modes & GDW_DIRTY_LOG_PLAIN)
    modes.mode[n++] = GDW_DIRTY_LOG_PLAIN;
  if (log->modes & GDW_DIRTY_LOG_MANUAL)
    modes.mode[n++] = GDW_DIRTY_LOG_MANUAL;
  if (log->modes & GDW_DIRTY_LOG_INITIALLY_SET)
    modes.mode[n++] = GDW_DIRTY_LOG_MANUAL | GDW_DIRTY_LOG_INITIALLY_SET;
  return modes;
}

gboolean
log_can (Try *t, guint32 mode)
{
  const GdwDirtyLog *log = t->vm.host.dirty_log;

  if (!log)
    return try_skip (t, "the host has no dirty log");
  if (!(log->modes & mode))
    return try_skip (t, "the dirty log has no mode %s", log_mode_name (mode));
  if (!t->test->vcpu_writes)
    return try_skip (t, "there is no vcpu_writes");
  return TRUE;
}

gboolean
log_enable (Vm *vm, guint32 mode)
{
  const GdwDirtyLog *log = vm->host.dirty_log;
  g_autofree char *what = g_strdup_printf ("enable (%s)", log_mode_name (mode));
  GError *error = NULL;
  g_autofree char *why = NULL;
  gboolean ok;

  watchdog_feed (vm->run->watchdog, "enable");
  ok = log->enable (log->self, mode, &error);
  why = error ? g_strdup (error->message) : NULL;
  if (ok)
    vm->log_mode = mode;
  if (!try_result (vm->run, what, ok, error))
    return FALSE;
  REQUIRE (vm->run, ok, PROMISE ("dirty-log.h", "what enable accepts"), "%s failed: %s", what,
           why);
  return TRUE;
}

gboolean
log_disable (Vm *vm)
{
  const GdwDirtyLog *log = vm->host.dirty_log;
  GError *error = NULL;
  g_autofree char *why = NULL;
  gboolean ok;

  watchdog_feed (vm->run->watchdog, "disable");
  ok = log->disable (log->self, &error);
  why = error ? g_strdup (error->message) : NULL;
  vm->log_mode = 0;
  if (!try_result (vm->run, "disable", ok, error))
    return FALSE;
  REQUIRE (vm->run, ok, PROMISE ("dirty-log.h", "Stop logging"), "disable failed: %s", why);
  return TRUE;
}

static guint64
pages_of (Vm *vm, guint region)
{
  guint n;

  return gdw_region_pages (&vm_regions (vm, &n)[region]);
}

static gboolean
end_is_good (Vm *vm, guint region, const guint64 *bits)
{
  guint64 pages = pages_of (vm, region), words = GDW_BITMAP_WORDS (pages);

  REQUIRE (vm->run, bits[words] == CANARY,
           PROMISE ("dirty-log.h", "GDW_BITMAP_WORDS (pages) words"),
           "get wrote behind the %" G_GUINT64_FORMAT " words of region %u", words, region);
  REQUIRE (vm->run, pages % 64 == 0 || bits[words - 1] >> (pages % 64) == 0,
           PROMISE ("types.h", "bits past the end of a region are zero"),
           "get of region %u, which has %" G_GUINT64_FORMAT " pages, gave %#" G_GINT64_MODIFIER
           "x as its last word",
           region, pages, bits[words - 1]);
  return TRUE;
}

gboolean
log_get (Vm *vm, guint region, guint64 **bits)
{
  const GdwDirtyLog *log = vm->host.dirty_log;
  guint64 words = GDW_BITMAP_WORDS (pages_of (vm, region));
  g_autofree guint64 *got = g_new (guint64, words + 1);
  GError *error = NULL;
  g_autofree char *why = NULL;
  gboolean ok;

  for (guint64 i = 0; i < words; i++)
    got[i] = ~G_GUINT64_CONSTANT (0);
  got[words] = CANARY;
  watchdog_feed (vm->run->watchdog, "get");
  ok = log->get (log->self, region, got, &error);
  why = error ? g_strdup (error->message) : NULL;
  if (!try_result (vm->run, "get", ok, error))
    return FALSE;
  REQUIRE (vm->run, ok, PROMISE ("dirty-log.h", "Copy the bits of @region over @bits"),
           "get of region %u failed: %s", region, why);
  if (!end_is_good (vm, region, got))
    return FALSE;
  *bits = g_steal_pointer (&got);
  return TRUE;
}

gboolean
log_clear (Vm *vm, guint region, guint64 first, guint64 n, const guint64 *bits)
{
  const GdwDirtyLog *log = vm->host.dirty_log;
  GError *error = NULL;
  g_autofree char *why = NULL;
  gboolean ok;

  watchdog_feed (vm->run->watchdog, "clear");
  ok = log->clear (log->self, region, first, n, bits, &error);
  why = error ? g_strdup (error->message) : NULL;
  if (!try_result (vm->run, "clear", ok, error))
    return FALSE;
  REQUIRE (vm->run, ok, PROMISE ("dirty-log.h", "Manual only: re-arm the pages of @region"),
           "clear of %" G_GUINT64_FORMAT " pages of region %u from %" G_GUINT64_FORMAT
           " on failed: %s",
           n, region, first, why);
  return TRUE;
}

gboolean
log_write (Vm *vm, guint region, guint64 page)
{
  const GdwConformanceHost *test = vm->run->test;

  watchdog_feed (vm->run->watchdog, "vcpu_writes");
  return test->vcpu_writes (test->data, region, page);
}

/* Chooses all pages of a small region; of others the ends, the borders of words, and a few
 * between. */
static gboolean
is_chosen (guint64 page, guint64 pages)
{
  return pages <= FEW || page < 2 || page % 64 == 0 || page % 64 == 63 || page + 66 > pages;
}

GArray *
log_write_some (Vm *vm, guint region)
{
  guint64 pages = pages_of (vm, region), step = MAX (pages / 64 / FEW, 1) * 64;
  GArray *written = g_array_new (FALSE, FALSE, sizeof (guint64));

  for (guint64 page = 0; page < pages; page++) {
    gboolean far = page / 64 % (step / 64) != 0 && page + 66 <= pages;

    if (!far && is_chosen (page, pages) && log_write (vm, region, page))
      g_array_append_val (written, page);
  }
  return written;
}

gboolean
log_expect (Vm *vm, guint region, guint64 page, gboolean dirty, Promise promise,
            const char *when)
{
  g_autofree guint64 *bits = NULL;

  if (!log_get (vm, region, &bits))
    return FALSE;
  REQUIRE (vm->run, bit_is_set (bits, page) == dirty, promise,
           "%s, get %s page %" G_GUINT64_FORMAT " of region %u", when,
           dirty ? "does not report" : "reports", page, region);
  return TRUE;
}
