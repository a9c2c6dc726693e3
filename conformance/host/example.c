/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* The smallest VMM that can be tested: a thread acts as its vCPU and counts up in a page.  With
 * -DWRONG=1 its pause forgets that thread. */

#include <godwit/conformance.h>

#include <godwit/error.h>
#include <string.h>

#ifndef WRONG
#define WRONG 0
#endif

#define PAGES 67

typedef struct {
  guint8 memory[PAGES * GDW_PAGE_SIZE];
  GdwRegion region;
  GThread *vcpu;
  gint runs;  /* atomic */
  gint count; /* atomic; the register of the vCPU, and what it writes */
} Vm;

static gpointer
vcpu (gpointer data)
{
  Vm *vm = data;

  while (g_atomic_int_get (&vm->runs)) {
    g_atomic_int_inc (&vm->count);
    g_atomic_int_set ((gint *) vm->memory, g_atomic_int_get (&vm->count));
    g_usleep (100);
  }
  return NULL;
}

static const GdwRegion *
regions (gpointer data, guint *n_regions)
{
  Vm *vm = data;

  *n_regions = 1;
  return &vm->region;
}

static void
do_pause (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  Vm *vm = data;

  if (!WRONG) {
    g_atomic_int_set (&vm->runs, FALSE);
    g_thread_join (vm->vcpu);
  }
  gdw_reply_done (reply);
}

static void
resume (gpointer data, GdwReply *reply)
{
  Vm *vm = data;

  if (!g_atomic_int_get (&vm->runs)) {
    g_atomic_int_set (&vm->runs, TRUE);
    vm->vcpu = g_thread_new ("vcpu", vcpu, vm);
  }
  gdw_reply_done (reply);
}

static void
save (gpointer data, GdwReply *reply, GCancellable *cancellable)
{
  Vm *vm = data;
  gint count = g_atomic_int_get (&vm->count);
  GBytes *bytes = g_bytes_new (&count, sizeof count);

  gdw_reply_add_section (reply, "vcpu", 1, bytes);
  g_bytes_unref (bytes);
  gdw_reply_done (reply);
}

static void
load (gpointer data, const GdwSection *sections, guint n, GdwReply *reply,
      GCancellable *cancellable)
{
  Vm *vm = data;
  gint count;

  if (n != 1 || strcmp (sections[0].name, "vcpu") != 0 ||
      g_bytes_get_size (sections[0].data) != sizeof count) {
    gdw_reply_fail (reply,
                    g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                 "host 'example': load_state failed: section 'vcpu' is missing "
                                 "or damaged; use the same VMM on both sides"));
    return;
  }
  memcpy (&count, g_bytes_get_data (sections[0].data, NULL), sizeof count);
  g_atomic_int_set (&vm->count, count);
  gdw_reply_done (reply);
}

static void
vm_init (Vm *vm, GdwHost *host)
{
  vm->region = (GdwRegion){ .name = "ram",
                            .size = sizeof vm->memory,
                            .host_addr = vm->memory,
                            .page_size = GDW_PAGE_SIZE,
                            .fd = -1 };
  *host = (GdwHost){ .size = sizeof *host,
                     .vm = vm,
                     .regions = regions,
                     .pause = do_pause,
                     .resume = resume,
                     .save_state = save,
                     .load_state = load };
}

static gboolean
start_writes (gpointer data, gboolean other)
{
  Vm *vm = &((Vm *) data)[other];
  gint count = g_atomic_int_get (&vm->count);

  while (g_atomic_int_get (&vm->count) == count)
    g_usleep (1000);
  return TRUE;
}

int
main (void)
{
  Vm *vms = g_new0 (Vm, 2);
  GdwHost host, other;
  GdwConformanceHost test = { .size = sizeof test,
                              .data = vms,
                              .host = &host,
                              .other = &other,
                              .start_writes = start_writes };

  vm_init (&vms[0], &host);
  vm_init (&vms[1], &other);
  return gdw_conformance_host (&test) > 0;
}
