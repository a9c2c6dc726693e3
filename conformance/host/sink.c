/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "sink.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>

static const GdwRegion *
sink_regions (gpointer self, guint *n_regions)
{
  Sink *sink = self;

  *n_regions = sink->n_regions;
  return sink->regions;
}

static void
sink_pause (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
sink_resume (gpointer self, GdwReply *reply)
{
  gdw_reply_done (reply);
}

static void
sink_save (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  gdw_reply_done (reply);
}

static void
compare (Sink *sink)
{
  guint n;
  const GdwRegion *there = vm_regions (sink->vm, &n);

  for (guint r = 0; r < MIN (n, sink->n_regions); r++)
    for (guint64 at = 0; at < MIN (there[r].size, sink->regions[r].size); at += GDW_PAGE_SIZE)
      if (memcmp (there[r].host_addr + at, sink->regions[r].host_addr + at, GDW_PAGE_SIZE) !=
              0 &&
          sink->n_differ++ == 0)
        sink->differs_at = there[r].guest_addr + at;
  sink->compared = TRUE;
}

static void
sink_load (gpointer self, const GdwSection *sections, guint n_sections, GdwReply *reply,
           GCancellable *cancellable)
{
  compare (self);
  gdw_reply_fail (reply, g_error_new_literal (GDW_ERROR, GDW_ERROR_HOST,
                                              "host 'conformance': load_state was refused: the "
                                              "test has seen what it wanted; go on at the "
                                              "source"));
}

static void
on_ended (GdwMigration *migration, guint status, gpointer data)
{
  ((Sink *) data)->ended = TRUE;
}

/* Maps the regions of the VM in the sink's own memory. */
static gboolean
map (Sink *sink)
{
  const GdwRegion *regions = vm_regions (sink->vm, &sink->n_regions);

  sink->regions = g_memdup2 (regions, sink->n_regions * sizeof *regions);
  for (guint i = 0; i < sink->n_regions; i++) {
    GdwRegion *r = &sink->regions[i];

    r->host_addr = mmap (NULL, r->size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->host_addr == MAP_FAILED) {
      sink->n_regions = i;
      return try_skip (sink->vm->run, "there is no memory for a second copy of the guest's");
    }
    r->flags = GDW_REGION_ZERO;
    r->page_size = GDW_PAGE_SIZE;
    r->fd = -1;
  }
  return TRUE;
}

gboolean
sink_open (Sink *sink, Vm *vm)
{
  Try *t = vm->run;
  g_autoptr (GError) error = NULL;

  *sink = (Sink){ .vm = vm };
  sink->host = (GdwHost){ .size = sizeof sink->host,
                          .vm = sink,
                          .name = "conformance",
                          .regions = sink_regions,
                          .pause = sink_pause,
                          .resume = sink_resume,
                          .save_state = sink_save,
                          .load_state = sink_load };
  sink->folder = g_dir_make_tmp ("godwit-sink-XXXXXX", &error);
  if (!sink->folder)
    return try_skip (t, "%s", error->message);
  sink->uri = g_strdup_printf ("unix:%s/sink", sink->folder);
  if (!map (sink))
    return FALSE;
  sink->migration = gdw_migration_new (&sink->host, t->context, t->test->plugin_path, TRUE,
                                       &error);
  if (!sink->migration || !gdw_migration_incoming (sink->migration, sink->uri, &error))
    return try_skip (t, "nothing can be migrated here: %s", error->message);
  g_signal_connect (sink->migration, "ended", G_CALLBACK (on_ended), sink);
  while (gdw_migration_get_status (sink->migration) == GDW_STATUS_NONE && try_iterate (t))
    ;
  if (gdw_migration_get_status (sink->migration) != GDW_STATUS_SETUP)
    return try_skip (t, "nothing can be migrated here: there is no listener at '%s'",
                     sink->uri);
  return TRUE;
}

void
sink_close (Sink *sink)
{
  if (sink->migration)
    g_signal_handlers_disconnect_by_data (sink->migration, sink);
  g_clear_object (&sink->migration);
  for (guint i = 0; i < sink->n_regions; i++)
    munmap (sink->regions[i].host_addr, sink->regions[i].size);
  g_free (sink->regions);
  if (sink->folder) {
    g_autofree char *path = g_build_filename (sink->folder, "sink", NULL);

    g_unlink (path);
    g_rmdir (sink->folder);
  }
  g_free (sink->folder);
  g_free (sink->uri);
}
