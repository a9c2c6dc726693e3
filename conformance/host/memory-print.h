/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "vm.h"

/* All of a VM's memory at one moment, a number for each page. */
typedef struct Print Print;

Print *print_new (Vm *vm);
void print_free (Print *print);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Print, print_free)

/* The guest address of the first page in which they differ.  FALSE: none does. */
gboolean print_differ (const Print *a, const Print *b, guint64 *guest_addr);

/* A copy of the memory itself, to be put into a VM with the same regions. */
GPtrArray *memory_take (Vm *vm); /* of GBytes, one a region */
void memory_put (Vm *vm, const GPtrArray *memory);
