/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* A whole VMM: 8 MiB of memory, and a thread that writes into it as its vCPU. */

#include <godwit/control.h>
#include <godwit/godwit.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES 2048

typedef struct {
  GMainLoop *loop;
  gboolean closed;
  GdwMigration *migration;
  GdwControl *control;

  GdwRegion memory;
  GdwDirtyLog dirty_log;
  guint64 dirty[GDW_BITMAP_WORDS (PAGES)]; /* atomic; one bit for each page */

  GThread *vcpu;     /* from the first resume on */
  GdwReply *pausing; /* the vCPU answers it when it has stopped */
  int stop;          /* atomic; the vCPU looks at it after each page */
  guint64 written;   /* the registers of the vCPU: how many pages it has written */
} Vm;

static void
add_memory (Vm *vm)
{
  gsize size = PAGES * GDW_PAGE_SIZE;
  void *at = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (at == MAP_FAILED)
    g_error ("small-vmm: no memory: %s", g_strerror (errno));
  vm->memory = (GdwRegion){ .name = "ram",
                            .size = size,
                            .host_addr = at,
                            .page_size = GDW_PAGE_SIZE,
                            .flags = GDW_REGION_ZERO,
                            .fd = -1 };
}

static const GdwRegion *
vm_regions (gpointer data, guint *n_regions)
{
  Vm *vm = data;

  *n_regions = 1;
  return &vm->memory;
}

static guint64 *
page_at (Vm *vm, guint64 page)
{
  return (guint64 *) (vm->memory.host_addr + page * GDW_PAGE_SIZE);
}

/* Mark whether the log is enabled or not: then no write can miss an enable. */
static void
dirty_mark (Vm *vm, guint64 page)
{
  __atomic_fetch_or (&vm->dirty[page / 64], (guint64) 1 << page % 64, __ATOMIC_SEQ_CST);
}

static gboolean
dirty_get (gpointer data, guint region, guint64 *bits, GError **error)
{
  Vm *vm = data;

  for (guint i = 0; i < G_N_ELEMENTS (vm->dirty); i++)
    bits[i] = __atomic_exchange_n (&vm->dirty[i], 0, __ATOMIC_SEQ_CST);
  return TRUE;
}

/* Forget what was written before: godwit sends every page after this. */
static gboolean
dirty_enable (gpointer data, guint32 mode, GError **error)
{
  guint64 forgotten[GDW_BITMAP_WORDS (PAGES)];

  return dirty_get (data, 0, forgotten, error);
}

static gboolean
dirty_disable (gpointer data, GError **error)
{
  return TRUE;
}

static void
add_dirty_log (Vm *vm)
{
  vm->dirty_log = (GdwDirtyLog){ .size = sizeof (GdwDirtyLog),
                                 .self = vm,
                                 .modes = GDW_DIRTY_LOG_PLAIN,
                                 .enable = dirty_enable,
                                 .disable = dirty_disable,
                                 .get = dirty_get };
}

/* Call it before the vCPU runs and after it has stopped: two logs show that only one ran at any
 * time. */
static void
tell (const char *what)
{
  printf ("%" G_GINT64_FORMAT "000 vcpu %s\n", g_get_monotonic_time (), what);
  fflush (stdout);
}

static gpointer
vcpu_run (gpointer data)
{
  Vm *vm = data;

  while (!g_atomic_int_get (&vm->stop)) {
    guint64 page = vm->written % PAGES;

    *page_at (vm, page) = ++vm->written;
    dirty_mark (vm, page);
    if (page % 16 == 0)
      g_usleep (1000);
  }
  tell ("stop");
  if (vm->pausing)
    gdw_reply_done (g_steal_pointer (&vm->pausing));
  return NULL;
}

static void
vm_pause (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  Vm *vm = data;

  vm->pausing = reply;
  g_atomic_int_set (&vm->stop, TRUE);
}

static void
vm_resume (gpointer data, GdwReply *reply)
{
  Vm *vm = data;

  g_clear_pointer (&vm->vcpu, g_thread_join); /* it has stopped */
  g_atomic_int_set (&vm->stop, FALSE);
  vm->memory.flags &= ~GDW_REGION_ZERO;
  tell ("run");
  vm->vcpu = g_thread_new ("vcpu", vcpu_run, vm);
  gdw_reply_done (reply);
}

static void
vm_save_state (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  Vm *vm = data;
  guint64 written = GUINT64_TO_LE (vm->written);
  g_autoptr (GBytes) bytes = g_bytes_new (&written, sizeof written);

  gdw_reply_add_section (reply, "vcpu", 1, bytes);
  gdw_reply_done (reply);
}

static void
vm_load_state (gpointer data, const GdwSection *sections, guint n_sections, GdwReply *reply,
               GCancellable *cancellable)
{
  Vm *vm = data;
  guint64 written;

  if (n_sections != 1 || !g_str_equal (sections->name, "vcpu") || sections->version != 1 ||
      g_bytes_get_size (sections->data) != sizeof written) {
    gdw_reply_fail (reply, g_error_new_literal (GDW_ERROR, GDW_ERROR_INVALID,
                                                "host 'small': cannot load the state: it is no "
                                                "'vcpu' of version 1; use the same release"));
    return;
  }
  memcpy (&written, g_bytes_get_data (sections->data, NULL), sizeof written);
  vm->written = GUINT64_FROM_LE (written);
  gdw_reply_done (reply);
}

/* Any two small VMMs of this release fit. */
static char *
vm_machine_digest (gpointer data)
{
  return g_strdup ("small-vmm, one vCPU, state version 1");
}

/* Page P holds the number of its last write, and is written every PAGES writes. */
static void
vm_guest_check (gpointer data, gboolean running, GdwReply *reply, GCancellable *cancellable)
{
  Vm *vm = data;
  guint64 bad = 0;

  if (running) {
    gdw_reply_fail (reply, g_error_new_literal (GDW_ERROR, GDW_ERROR_UNSUPPORTED,
                                                "host 'small': cannot check: the guest runs; "
                                                "stop it first"));
    return;
  }
  for (guint64 page = 0; page < PAGES; page++) {
    guint64 turns = (vm->written + PAGES - 1 - page) / PAGES;

    bad += *page_at (vm, page) != (turns ? (turns - 1) * PAGES + page + 1 : 0);
  }
  gdw_reply_set_check (reply, vm->written / PAGES, PAGES, bad);
  gdw_reply_done (reply);
}

static void
vm_quit (gpointer data, gboolean failed)
{
  Vm *vm = data;

  g_main_loop_quit (vm->loop);
}

static gboolean
add_migration (Vm *vm, const char *qmp, const char *address, GError **error)
{
  GdwHost host = { .size = sizeof host,
                   .vm = vm,
                   .name = "small",
                   .regions = vm_regions,
                   .dirty_log = &vm->dirty_log,
                   .pause = vm_pause,
                   .resume = vm_resume,
                   .save_state = vm_save_state,
                   .load_state = vm_load_state,
                   .guest_check = vm_guest_check,
                   .quit = vm_quit,
                   .machine_digest = vm_machine_digest };

  vm->migration = gdw_migration_new (&host, NULL, NULL, address != NULL, error);
  if (!vm->migration)
    return FALSE;
  vm->control = gdw_control_new (vm->migration);
  return gdw_control_listen_qmp (vm->control, qmp, error) &&
         (!address || gdw_migration_incoming (vm->migration, address, error));
}

static void
on_cont (GdwMigration *migration, const GError *error, gpointer data)
{
  if (error)
    g_printerr ("small-vmm: %s\n", error->message);
}

static void
on_closed (GdwMigration *migration, const GError *error, gpointer data)
{
  Vm *vm = data;

  vm->closed = TRUE;
  g_main_loop_quit (vm->loop);
}

/* A running migration ends first; the guest may write until then. */
static void
clear (Vm *vm)
{
  if (vm->migration)
    gdw_migration_close (vm->migration, on_closed, vm);
  while (vm->migration && !vm->closed)
    g_main_loop_run (vm->loop);
  g_atomic_int_set (&vm->stop, TRUE);
  g_clear_pointer (&vm->vcpu, g_thread_join);
  g_clear_pointer (&vm->control, gdw_control_free);
  g_clear_object (&vm->migration);
  g_clear_pointer (&vm->loop, g_main_loop_unref);
  munmap (vm->memory.host_addr, vm->memory.size);
}

int
main (int argc, char **argv)
{
  Vm vm = { .loop = g_main_loop_new (NULL, FALSE) };
  g_autofree char *qmp = NULL, *incoming = NULL;
  g_autoptr (GError) error = NULL;
  const GOptionEntry entries[] = {
    { "qmp", 0, 0, G_OPTION_ARG_FILENAME, &qmp, "The socket to serve QMP at", "PATH" },
    { "incoming", 0, 0, G_OPTION_ARG_STRING, &incoming, "Wait for a guest there", "ADDRESS" },
    { NULL }
  };
  g_autoptr (GOptionContext) options = g_option_context_new (NULL);

  g_option_context_add_main_entries (options, entries, NULL);
  add_memory (&vm);
  add_dirty_log (&vm);
  if (g_option_context_parse (options, &argc, &argv, &error) &&
      add_migration (&vm, qmp ? qmp : "small-vmm.sock", incoming, &error)) {
    gdw_migration_cont (vm.migration, on_cont, NULL);
    g_main_loop_run (vm.loop);
  }
  if (error)
    g_printerr ("small-vmm: %s\n", error->message);
  clear (&vm);
  return error ? 1 : 0;
}
