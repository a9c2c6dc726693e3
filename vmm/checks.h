/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "device.h"

/* The running checks of one machine.  Main thread only. */
typedef struct {
  const MachineParts *parts;
  const Device *device;
  guint64 clock_khz;
  GMainContext *context;
  GList *pending;
} Checks;

/* See machine_check(). */
void checks_add (Checks *checks, GCancellable *cancellable, MachineChecked done, gpointer data);

/* The machine is about to be WHAT: the running checks end with that error. */
void checks_stop (Checks *checks, const char *what);
