/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* What this process holds. */
typedef struct {
  guint fds, threads, files; /* files: in the working folder */
  gsize heap;                /* bytes that malloc has given out */
  gsize resident;            /* bytes of memory that are there */
} Balance;

Balance balance_now (void);
