/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Resources that this process holds. */
typedef struct {
  guint fds, threads, files; /* files: in the working folder */
  gsize heap;                /* bytes that malloc has allocated */
  gsize resident;            /* bytes of resident memory */
} Balance;

Balance balance_now (void);
