/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "machine.h"
#include "run-log.h"

/* The VM as godwit sees it. */
typedef struct {
  Machine *machine;
  GdwMigration *migration; /* NULL until there is one */
  RunLog run_log;
  GMainLoop *loop; /* host_quit ends it */
  gboolean failed; /* it ended because a migration failed */
} Host;

/* Fill @gdw for the VM behind @host. */
void host_init (Host *host, GdwHost *gdw);

/* Call it when the guest has stopped, to write the run log. */
void host_stopped (Host *host);

/* For MachineEvents.wrote and .ring_full. */
void host_wrote (gpointer host, guint64 gpa, guint64 size);
void host_ring_full (gpointer host, guint vcpu);
