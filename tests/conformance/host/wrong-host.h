/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "own-vm.h"

/* The right host with one mistake.  What each is: the table in docs/conformance.md. */
typedef struct WrongHost WrongHost;

typedef struct {
  const char *name;
  void (*make) (WrongHost *wrong); /* change the tables of callbacks; or NULL */
  gboolean silent;                 /* the machine reports nothing to the migration */
} Mistake;

struct WrongHost {
  const Mistake *mistake;
  OwnVm *vm;
  GdwHost right, host;
  const GdwDirtyLog *right_log;
  GdwDirtyLog log;
  GdwReply *reply; /* that a callback with a mistake answers */
  gboolean done;   /* some mistakes are made from then on, or once */
  guint64 kept;    /* by those that keep a number */
  GPtrArray *sections;
  GdwRegion regions[MEMORY_REGIONS];
  guint8 *moved;
};

/* All mistakes, in their kinds; the last has no name. */
extern const Mistake wrong_pauses[], wrong_states[], wrong_logs[];

/* FALSE: there is no mistake @name. */
gboolean wrong_host_init (WrongHost *wrong, const char *name, OwnVm *vm);
void wrong_host_clear (WrongHost *wrong);

/* Print the names of all. */
void wrong_host_names (void);

/* Returns the events for own_vm_open of a host with the mistake @name, or NULL. */
const MachineEvents *wrong_host_events (const char *name);
