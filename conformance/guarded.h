/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* A buffer before an inaccessible page: one byte too far is a crash, which fails the test. */
typedef struct {
  guint8 *data;
  gsize size;
  guint8 *map;
  gsize map_size;
} Guarded;

/* Filled with zeros; @size is at least 1. */
Guarded guarded_new (gsize size);
void guarded_free (Guarded *guarded);
