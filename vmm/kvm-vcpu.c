/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "kvm.h"

#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>

/* A kick is immediate_exit, for a vCPU about to enter, and a signal, for one that is inside;
 * either alone would miss some. */
#define KICK_SIGNAL (SIGRTMIN + 1)

static void
ignore (int sig)
{
  (void) sig;
}

void
kvm_vcpu_setup_signal (void)
{
  struct sigaction action = { .sa_handler = ignore };

  sigaction (KICK_SIGNAL, &action, NULL);
}

static void
kvm_vcpu_begin (gpointer self)
{
  KvmVcpu *vcpu = self;

  __atomic_store_n (&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

static void
kvm_vcpu_kick (gpointer self, pthread_t thread)
{
  KvmVcpu *vcpu = self;

  __atomic_store_n (&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
  pthread_kill (thread, KICK_SIGNAL);
}

static void
die (KvmVcpu *vcpu, const char *what, guint64 code)
{
  const MachineEvents *events = vcpu->parts.events;
  g_autofree char *why = NULL;
  struct kvm_regs regs = { 0 };

  ioctl (vcpu->fd, KVM_GET_REGS, &regs);
  why = g_strdup_printf ("vcpu %u: the guest stopped at %#" G_GINT64_MODIFIER
                         "x: %s %" G_GUINT64_FORMAT "; its memory or state is damaged",
                         vcpu->index, (guint64) regs.rip, what, code);
  if (events->died)
    events->died (events->data, why);
  else
    g_warning ("%s", why);
  while (vcpu_threads_running (vcpu->parts.threads))
    vcpu_threads_sleep (vcpu->parts.threads, 1000000000, &vcpu->pokes);
}

static gboolean
port_write (KvmVcpu *vcpu)
{
  struct kvm_run *run = vcpu->run;
  const guint8 *data = (const guint8 *) run + run->io.data_offset;

  if (run->io.direction != KVM_EXIT_IO_OUT || run->io.count != 1)
    return FALSE;
  if (run->io.port == GUEST_SERIAL_PORT && run->io.size == 1) {
    if (vcpu->parts.events->serial)
      vcpu->parts.events->serial (vcpu->parts.events->data, *data);
    return TRUE;
  }
  if (run->io.port == GUEST_SLEEP_PORT && run->io.size == 4) {
    guint64 ticks = (guint64) * (const guint32 *) data << 10;

    vcpu_threads_sleep (vcpu->parts.threads, ticks * 1000000 / vcpu->clock_khz, &vcpu->pokes);
    return TRUE;
  }
  return FALSE;
}

/* Leaves only when KVM_RUN was interrupted: by then KVM has finished an OUT that it had handed
 * to us, and the registers can be saved. */
static void
kvm_vcpu_run (gpointer self)
{
  KvmVcpu *vcpu = self;

  for (;;) {
    if (ioctl (vcpu->fd, KVM_RUN, 0) < 0) {
      int err = errno;

      if (err == EINTR || err == EAGAIN) {
        if (!vcpu_threads_running (vcpu->parts.threads))
          return;
        continue;
      }
      die (vcpu, "KVM_RUN: errno", err);
      return;
    }
    if (vcpu->run->exit_reason == KVM_EXIT_IO && port_write (vcpu))
      continue;
    if (vcpu->run->exit_reason == KVM_EXIT_INTR)
      continue;
    if (vcpu->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) {
      machine_ring_full (&vcpu->parts, vcpu->index, &vcpu->pokes);
      continue;
    }
    die (vcpu, "exit reason", vcpu->run->exit_reason);
    return;
  }
}

const VcpuThreadsOps kvm_vcpu_ops = {
  .begin = kvm_vcpu_begin,
  .run = kvm_vcpu_run,
  .kick = kvm_vcpu_kick,
};
