/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine-kind.h"

/* A small device that writes guest memory by DMA: a page of a ring of 16 every
 * 10 ms, then the number of writes so far where the guest looks. */
typedef struct {
  MachineParts parts;
  guint64 seq; /* completed writes; belongs to the member's thread while that runs */
  guint64 pokes;
} Device;

/* One of the vCPU threads of @parts. */
gboolean device_init (Device *device, const MachineParts *parts, GError **error);

/* Call it while the vCPU threads stand still. */
GBytes *device_save (const Device *device);
gboolean device_load (Device *device, GBytes *bytes, GError **error);
