/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "vm.h"

#define STILL                                                                                  \
  PROMISE ("host.h",                                                                           \
           "Answers when no vCPU, no device and no I/O in flight can write guest memory")
#define RUN PROMISE ("host.h", "Run the guest from where it was paused or loaded")
#define SAVE PROMISE ("host.h", "give its state with gdw_reply_add_section")
#define LOAD PROMISE ("host.h", "The guest has never run here: take over @sections")

Asked *
vm_ask_pause (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "pause");

  vm->host.pause (vm->host.vm, asked->reply, asked->cancellable);
  return asked;
}

Asked *
vm_ask_save (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "save_state");

  vm->host.save_state (vm->host.vm, asked->reply, asked->cancellable);
  return asked;
}

Asked *
vm_ask_load (Vm *vm, const GPtrArray *sections)
{
  Asked *asked = asked_new (vm->run, "load_state");
  GdwSection *list = g_new0 (GdwSection, sections->len + 1);

  for (guint i = 0; i < sections->len; i++)
    list[i] = *(const GdwSection *) sections->pdata[i];
  asked->list = list;
  vm->host.load_state (vm->host.vm, list, sections->len, asked->reply, asked->cancellable);
  return asked;
}

Asked *
vm_ask_fence (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "fence");

  vm->host.fence (vm->host.vm, asked->reply, asked->cancellable);
  return asked;
}

Asked *
vm_ask_check (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "guest_check");

  vm->host.guest_check (vm->host.vm, vm->runs, asked->reply, asked->cancellable);
  return asked;
}

gboolean
vm_pause (Vm *vm)
{
  if (!vm->runs)
    return TRUE;
  if (!asked_succeeds (vm_ask_pause (vm), STILL))
    return FALSE;
  vm->runs = FALSE;
  return TRUE;
}

gboolean
vm_resume (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "resume");

  vm->runs = TRUE;
  vm->host.resume (vm->host.vm, asked->reply);
  return asked_succeeds (asked, RUN);
}

gboolean
vm_save (Vm *vm, GPtrArray **sections)
{
  Asked *asked = vm_ask_save (vm);

  if (!asked_succeeds (asked, SAVE))
    return FALSE;
  *sections = g_ptr_array_ref (asked->sections);
  return TRUE;
}

gboolean
vm_load (Vm *vm, const GPtrArray *sections)
{
  return asked_succeeds (vm_ask_load (vm, sections), LOAD);
}

gboolean
vm_fence (Vm *vm)
{
  return asked_succeeds (vm_ask_fence (vm),
                         PROMISE ("host.h", "give up disk locks and leases"));
}

gboolean
vm_reacquire (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "reacquire");

  vm->host.reacquire (vm->host.vm, asked->reply);
  return asked_succeeds (asked, PROMISE ("host.h", "Take back what fence gave up"));
}

gboolean
vm_reset (Vm *vm)
{
  Asked *asked = asked_new (vm->run, "reset");

  vm->host.reset (vm->host.vm, asked->reply);
  return asked_succeeds (asked,
                         PROMISE ("host.h", "Make the VM ready for an incoming migration"));
}

gboolean
vm_is_good (Vm *vm)
{
  Promise promise = PROMISE ("host.h", "Check every page of guest memory");
  Asked *asked;

  if (!vm->host.guest_check || !vm->wrote)
    return TRUE;
  asked = vm_ask_check (vm);
  if (!asked_succeeds (asked, promise))
    return FALSE;
  REQUIRE (vm->run, asked->pages_checked > 0, promise, "guest_check checked no page");
  REQUIRE (vm->run, asked->pages_bad == 0, promise,
           "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " pages are bad", asked->pages_bad,
           asked->pages_checked);
  return TRUE;
}

gboolean
vm_start_writes (Vm *vm)
{
  const GdwConformanceHost *test = vm->run->test;
  gint64 begin_us = g_get_monotonic_time ();

  if (!test->start_writes)
    return TRUE;
  watchdog_feed (vm->run->watchdog, "start_writes");
  vm->wrote = test->start_writes (test->data, vm->other);
  try_extend (vm->run, begin_us);
  REQUIRE (vm->run, vm->wrote, RUN,
           "the guest was resumed, and start_writes says that it does "
           "not write");
  return TRUE;
}

gboolean
vm_write_on (Vm *vm)
{
  return vm_resume (vm) && vm_start_writes (vm);
}

const GdwRegion *
vm_regions (Vm *vm, guint *n)
{
  return vm->host.regions (vm->host.vm, n);
}

gboolean
vm_settle (Vm *vm)
{
  const GdwDirtyLog *log = vm->host.dirty_log;
  g_autoptr (GError) error = NULL;

  if (!vm->there || vm->run->owed)
    return FALSE;
  if (log && vm->log_mode)
    log->disable (log->self, &error);
  vm->log_mode = 0;
  return vm_pause (vm);
}
