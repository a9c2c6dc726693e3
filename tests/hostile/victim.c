/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "victim.h"

#include "tests/support/suite.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* As far as one frame could reach beyond a region. */
#define GUARD_BYTES ((gsize) 2 << 20)
#define ROM_ADDR 0x80000000u
#define CASE_TIMEOUT_S 240
#define REWRITTEN_PAGE 7u

static const struct {
  const char *name;
  guint64 guest_addr, pages;
} table[VICTIM_REGIONS] = { { "ram", 0, RAM_PAGES }, { "rom", ROM_ADDR, ROM_PAGES } };

static guint
count_entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

/* Memory. */

static guint8 *
map_guarded (gsize size)
{
  guint8 *at = mmap (NULL, size + 2 * GUARD_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  ck_assert (at != MAP_FAILED);
  ck_assert_int_eq (mprotect (at + GUARD_BYTES, size, PROT_READ | PROT_WRITE), 0);
  return at + GUARD_BYTES;
}

static void
map_regions (Victim *victim)
{
  for (guint i = 0; i < VICTIM_REGIONS; i++)
    victim->regions[i] = (GdwRegion){ .name = table[i].name,
                                      .guest_addr = table[i].guest_addr,
                                      .size = table[i].pages * GDW_PAGE_SIZE,
                                      .host_addr = map_guarded (table[i].pages * GDW_PAGE_SIZE),
                                      .page_size = GDW_PAGE_SIZE,
                                      .flags = GDW_REGION_ZERO,
                                      .fd = -1 };
}

guint8 *
victim_page (Victim *victim, guint region, guint64 page)
{
  return victim->regions[region].host_addr + page * GDW_PAGE_SIZE;
}

void
victim_fill_page (guint region, guint64 page, guint8 *data)
{
  if (page % 4 == 3)
    memset (data, 0, GDW_PAGE_SIZE);
  else
    for (guint i = 0; i < GDW_PAGE_SIZE; i++)
      data[i] = (guint8) (page * 31 + region * 7 + i * 13 + 1);
}

/* The host. */

static char *
host_machine_digest (gpointer vm)
{
  return g_strdup ("two vCPUs");
}

static const GdwRegion *
host_regions (gpointer vm, guint *n_regions)
{
  *n_regions = VICTIM_REGIONS;
  return ((Victim *) vm)->regions;
}

static void
host_pause (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  Victim *victim = vm;

  victim->pauses++;
  g_atomic_int_set (&victim->runs, FALSE);
  gdw_reply_done (reply);
}

static void
host_resume (gpointer vm, GdwReply *reply)
{
  Victim *victim = vm;

  ck_assert (!victim->runs);
  victim->resumes++;
  g_atomic_int_set (&victim->runs, TRUE);
  gdw_reply_done (reply);
}

static void
host_save_state (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  Victim *victim = vm;
  g_autoptr (GBytes) data = g_bytes_new_static ("the state", 9);

  ck_assert (!victim->runs);
  victim->saves++;
  gdw_reply_add_section (reply, "cpu", 1, data);
  gdw_reply_done (reply);
}

static void
host_load_state (gpointer vm, const GdwSection *sections, guint n_sections, GdwReply *reply,
                 GCancellable *cancellable)
{
  Victim *victim = vm;

  ck_assert (!victim->runs);
  victim->loads++;
  for (guint i = 0; i < n_sections; i++)
    g_string_append_printf (victim->loaded, " %s:%u:%" G_GSIZE_FORMAT, sections[i].name,
                            sections[i].version, g_bytes_get_size (sections[i].data));
  if (victim->holds)
    victim->held = reply;
  else
    gdw_reply_done (reply);
}

void
victim_release (Victim *victim)
{
  gdw_reply_done (g_steal_pointer (&victim->held));
}

static gboolean
log_enable (gpointer self, guint32 mode, GError **error)
{
  return TRUE;
}

static gboolean
log_disable (gpointer self, GError **error)
{
  return TRUE;
}

static gboolean
log_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  Victim *victim = self;

  memset (bits, 0, GDW_BITMAP_WORDS (table[region].pages) * sizeof *bits);
  if (region == 0 && !g_atomic_int_get (&victim->runs) && g_atomic_int_get (&victim->rewrites))
    bits[0] = G_GUINT64_CONSTANT (1) << REWRITTEN_PAGE;
  return TRUE;
}

static void
open_host (Victim *victim)
{
  victim->log = (GdwDirtyLog){ .size = sizeof victim->log,
                               .self = victim,
                               .modes = GDW_DIRTY_LOG_PLAIN,
                               .enable = log_enable,
                               .disable = log_disable,
                               .get = log_get };
  victim->host = (GdwHost){ .size = sizeof victim->host,
                            .vm = victim,
                            .name = "victim",
                            .regions = host_regions,
                            .dirty_log = &victim->log,
                            .pause = host_pause,
                            .resume = host_resume,
                            .save_state = host_save_state,
                            .load_state = host_load_state,
                            .machine_digest = host_machine_digest };
}

/* Its life. */

static void
on_status (GdwMigration *migration, guint status, gpointer data)
{
  g_string_append_printf (((Victim *) data)->statuses, " %s", gdw_status_name (status));
}

static void
on_ended (GdwMigration *migration, guint status, gpointer data)
{
  ((Victim *) data)->ended++;
}

static void
on_cont (GdwMigration *migration, const GError *error, gpointer data)
{
  ck_assert_msg (!error, "%s", error ? error->message : "");
  *(gboolean *) data = TRUE;
}

static void
start_guest (Victim *victim)
{
  gboolean done = FALSE;

  for (guint i = 0; i < VICTIM_REGIONS; i++)
    for (guint64 page = 0; page < table[i].pages; page++)
      victim_fill_page (i, page, victim_page (victim, i, page));
  gdw_migration_cont (victim->migration, on_cont, &done);
  WAIT_UNTIL (done && victim->runs);
}

Victim *
victim_new (gboolean incoming)
{
  Victim *victim = g_new0 (Victim, 1);
  g_autoptr (GError) error = NULL;

  g_main_context_default (); /* it has a descriptor of its own */
  victim->descriptors = count_entries ("/proc/self/fd");
  victim->threads = count_entries ("/proc/self/task");
  victim->folder = g_dir_make_tmp ("godwit-hostile-XXXXXX", NULL);
  victim->uri = g_strdup_printf ("unix:%s/here", victim->folder);
  victim->loaded = g_string_new (NULL);
  victim->statuses = g_string_new (NULL);
  map_regions (victim);
  open_host (victim);
  victim->migration = gdw_migration_new (&victim->host, NULL, NULL, incoming, &error);
  ck_assert_msg (victim->migration != NULL, "%s", error ? error->message : "");
  g_signal_connect (victim->migration, "status", G_CALLBACK (on_status), victim);
  g_signal_connect (victim->migration, "ended", G_CALLBACK (on_ended), victim);
  if (!incoming)
    start_guest (victim);
  return victim;
}

void
victim_set (Victim *victim, const char *parameter, const char *value)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_set_parameter (victim->migration, parameter, value, &error),
                 "%s", error ? error->message : "");
}

void
victim_listen (Victim *victim)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (gdw_migration_incoming (victim->migration, victim->uri, &error), "%s",
                 error ? error->message : "");
  WAIT_UNTIL (gdw_migration_get_status (victim->migration) == GDW_STATUS_SETUP);
}

void
victim_migrate (Victim *victim, const char *path, guint links)
{
  g_autofree char *uri = g_strconcat ("unix:", path, NULL);
  g_autofree char *channels = g_strdup_printf ("%u", links);
  g_autoptr (GError) error = NULL;

  ck_assert (gdw_migration_set_capability (victim->migration, "multifd", links > 1, NULL));
  victim_set (victim, "multifd-channels", channels);
  victim_set (victim, "downtime-limit", "60000");
  ck_assert_msg (gdw_migration_start (victim->migration, uri, &error), "%s",
                 error ? error->message : "");
}

static void
on_closed (GdwMigration *migration, const GError *error, gpointer data)
{
  *(gboolean *) data = TRUE;
}

static void
on_gone (gpointer data, GObject *object)
{
  *(gboolean *) data = TRUE;
}

void
victim_free (Victim *victim)
{
  gboolean closed = FALSE, gone = FALSE;

  gdw_migration_close (victim->migration, on_closed, &closed);
  WAIT_UNTIL (closed);
  g_object_weak_ref (G_OBJECT (victim->migration), on_gone, &gone);
  g_object_unref (victim->migration);
  WAIT_UNTIL (gone);
  for (guint i = 0; i < VICTIM_REGIONS; i++)
    munmap (victim->regions[i].host_addr - GUARD_BYTES,
            victim->regions[i].size + 2 * GUARD_BYTES);
  /* A joined thread is listed for a moment. */
  WAIT_UNTIL (count_entries ("/proc/self/task") <= victim->threads);
  ck_assert_uint_eq (count_entries ("/proc/self/fd"), victim->descriptors);
  ck_assert_int_eq (g_rmdir (victim->folder), 0);
  g_string_free (victim->loaded, TRUE);
  g_string_free (victim->statuses, TRUE);
  g_free (victim->folder);
  g_free (victim->uri);
  g_free (victim);
}

GdwStatus
victim_status (Victim *victim)
{
  return gdw_migration_get_status (victim->migration);
}

const char *
victim_error (Victim *victim)
{
  const GError *error = gdw_migration_get_error (victim->migration);

  return error ? error->message : "";
}

GdwInfo
victim_info (Victim *victim)
{
  GdwInfo info;

  gdw_migration_get_info (victim->migration, &info);
  return info;
}

void
victim_expect_failed (Victim *victim, const char *text)
{
  WAIT_UNTIL (victim_status (victim) == GDW_STATUS_FAILED);
  ck_assert_msg (strstr (victim_error (victim), text) != NULL, "'%s' is not in '%s'", text,
                 victim_error (victim));
}

int
hostile_main (const char *name, void (*add) (TCase *tests))
{
  TCase *tests = tcase_create (name);

  tcase_set_timeout (tests, CASE_TIMEOUT_S);
  add (tests);
  return suite_run (name, tests, NULL);
}
