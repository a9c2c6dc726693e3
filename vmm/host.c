/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The VMM's side of godwit: it fills a GdwHost.  Each callback returns at once, and answers
 * lengthy work later through its reply. */

#include "host.h"

/* One callback that has not answered yet. */
typedef struct {
  Host *host;
  GdwReply *reply;
} Call;

static Call *
call_new (Host *host, GdwReply *reply)
{
  Call *call = g_new (Call, 1);

  *call = (Call){ host, reply };
  return call;
}

static void
call_answer (Call *call, const GError *error)
{
  if (error)
    gdw_reply_fail (call->reply, g_error_copy (error));
  else
    gdw_reply_done (call->reply);
  g_free (call);
}

static const char *
migration_id (Host *host)
{
  return host->migration ? gdw_migration_get_id (host->migration) : NULL;
}

static const GdwRegion *
host_regions (gpointer vm, guint *n_regions)
{
  Host *host = vm;
  Memory *memory = machine_memory (host->machine);

  *n_regions = memory->n_regions;
  return memory->regions;
}

static char *
host_machine_digest (gpointer vm)
{
  return machine_describe (((Host *) vm)->machine);
}

/* If the log cannot say so, it goes on saying that the guest runs, and save_state fails. */
void
host_stopped (Host *host)
{
  g_autoptr (GError) error = NULL;

  if (!run_log_stop (&host->run_log, migration_id (host), &error))
    run_log_complain (error);
}

static void
paused (gpointer data, const GError *error)
{
  Call *call = data;

  host_stopped (call->host);
  call_answer (call, error);
}

static void
host_pause (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  Host *host = vm;

  machine_pause (host->machine, paused, call_new (host, reply));
}

static void
host_resume (gpointer vm, GdwReply *reply)
{
  Host *host = vm;

  run_log_run (&host->run_log, migration_id (host));
  machine_resume (host->machine);
  gdw_reply_done (reply);
}

static void
add_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  gdw_reply_add_section (data, name, version, bytes);
}

static void
host_save_state (gpointer vm, GdwReply *reply, GCancellable *cancellable)
{
  Host *host = vm;
  GError *error = NULL;

  if (run_log_stop (&host->run_log, migration_id (host), &error) &&
      machine_save (host->machine, add_section, reply, &error))
    gdw_reply_done (reply);
  else
    gdw_reply_fail (reply, error);
}

static void
host_load_state (gpointer vm, const GdwSection *sections, guint n_sections, GdwReply *reply,
                 GCancellable *cancellable)
{
  Host *host = vm;
  GError *error = NULL;

  /* After COMMIT the guest runs in any case, so reserve the place of its line before. */
  if (run_log_stop (&host->run_log, migration_id (host), &error) &&
      machine_load (host->machine, sections, n_sections, &error))
    gdw_reply_done (reply);
  else
    gdw_reply_fail (reply, error);
}

static void
was_reset (gpointer data, const GError *error)
{
  call_answer (data, error);
}

static void
host_reset (gpointer vm, GdwReply *reply)
{
  Host *host = vm;

  machine_reset (host->machine, was_reset, call_new (host, reply));
}

static void
checked (gpointer data, const MachineCheck *check, const GError *error)
{
  Call *call = data;

  if (check)
    gdw_reply_set_check (call->reply, check->stats.passes, check->pages_checked,
                         check->pages_bad);
  call_answer (call, error);
}

static void
host_guest_check (gpointer vm, gboolean running, GdwReply *reply, GCancellable *cancellable)
{
  Host *host = vm;

  machine_check (host->machine, cancellable, checked, call_new (host, reply));
}

static void
host_quit (gpointer vm, gboolean failed)
{
  Host *host = vm;

  host->failed |= failed;
  g_main_loop_quit (host->loop);
}

/* Report what a device writes: KVM's dirty log does not see it. */
void
host_wrote (gpointer data, guint64 gpa, guint64 size)
{
  Host *host = data;

  if (host->migration)
    gdw_migration_mark_dirty (host->migration, gpa, size);
}

void
host_ring_full (gpointer data, guint vcpu)
{
  Host *host = data;

  if (host->migration)
    gdw_migration_ring_full (host->migration, vcpu);
}

void
host_init (Host *host, GdwHost *gdw)
{
  *gdw = (GdwHost){ .size = sizeof (GdwHost),
                    .vm = host,
                    .dirty_log = machine_dirty_log (host->machine),
                    .regions = host_regions,
                    .pause = host_pause,
                    .resume = host_resume,
                    .save_state = host_save_state,
                    .load_state = host_load_state,
                    .reset = host_reset,
                    .guest_check = host_guest_check,
                    .quit = host_quit,
                    .machine_digest = host_machine_digest };
}
