/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* A checksum of each page of a VM's memory at one moment. */
typedef struct Print Print;

Print *print_new (Vm *vm);
void print_free (Print *print);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Print, print_free)

/* Finds the guest address of the first page that differs.  Returns FALSE if none does. */
gboolean print_differ (const Print *a, const Print *b, guint64 *guest_addr);

/* Copies the memory, to put it into a VM with the same regions. */
GPtrArray *memory_take (Vm *vm); /* of GBytes, one a region */
void memory_put (Vm *vm, const GPtrArray *memory);
