/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "own-vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/guest.h"

/* A page that the boot guest leaves alone. */
#define CODE 0x6e000u

/* mov (%rax), %cl; mov %cl, (%rax); out %eax, (%dx): the last one leaves the guest. */
static const guint8 code[] = { 0x8a, 0x08, 0x88, 0x08, 0xef };

/* KVM gives its descriptors names. */
static int
find_fd (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  int fd = -1;

  while (fd < 0 && dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
    g_autofree char *target = g_file_read_link (path, NULL);

    if (g_strcmp0 (target, "anon_inode:kvm-vcpu:0") == 0)
      fd = atoi (name);
  }
  g_clear_pointer (&dir, g_dir_close);
  return fd;
}

gboolean
own_vcpu_open (OwnVcpu *vcpu, GError **error)
{
  int kvm = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  int bytes = ioctl (kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  gpointer run = MAP_FAILED;

  *vcpu = (OwnVcpu){ .fd = find_fd () };
  if (vcpu->fd >= 0 && bytes > 0)
    run = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
  close (kvm);
  if (run == MAP_FAILED) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_FAILED, "own host: the first vCPU is not found");
    return FALSE;
  }
  vcpu->run = run;
  vcpu->run_bytes = bytes;
  return TRUE;
}

void
own_vcpu_close (OwnVcpu *vcpu)
{
  if (vcpu->run)
    munmap (vcpu->run, vcpu->run_bytes);
  vcpu->run = NULL;
}

/* KVM ends an OUT at the next KVM_RUN, which goes no further. */
static gboolean
run_code (OwnVcpu *vcpu)
{
  int status;

  vcpu->run->immediate_exit = 0;
  do
    status = ioctl (vcpu->fd, KVM_RUN, 0);
  while (status < 0 && errno == EINTR);
  if (status < 0 || vcpu->run->exit_reason != KVM_EXIT_IO)
    return FALSE;
  vcpu->run->immediate_exit = 1;
  return ioctl (vcpu->fd, KVM_RUN, 0) < 0 && errno == EINTR;
}

gboolean
own_vcpu_store (OwnVcpu *vcpu, const Memory *memory, guint64 gpa)
{
  guint8 *place = memory_at (memory, CODE, sizeof code), was[sizeof code];
  guint8 immediate_exit = vcpu->run->immediate_exit;
  struct kvm_regs before, regs;
  gboolean ok;

  if (ioctl (vcpu->fd, KVM_GET_REGS, &before) < 0)
    return FALSE;
  regs = before;
  regs.rip = CODE;
  regs.rax = gpa;
  regs.rdx = GUEST_SLEEP_PORT;
  memcpy (was, place, sizeof was);
  memcpy (place, code, sizeof code);
  ok = ioctl (vcpu->fd, KVM_SET_REGS, &regs) == 0 && run_code (vcpu);
  memcpy (place, was, sizeof was);
  vcpu->run->immediate_exit = immediate_exit;
  return ioctl (vcpu->fd, KVM_SET_REGS, &before) == 0 && ok;
}
