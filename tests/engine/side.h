/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

#include "core/migration/migration.h"
#include "vmm/machine.h"

/* One side of a migration under test: a software machine behind a GdwHost that keeps a
 * record of what it was asked and told, and can be made to hold, to fail or to write guest
 * memory.  Main thread, but for what says otherwise. */
typedef struct Side Side;

typedef enum {
  CALL_PAUSE,
  CALL_RESUME,
  CALL_SAVE,
  CALL_LOAD,
  CALL_FENCE,
  CALL_REACQUIRE,
  CALL_RESET,
  CALL_N
} Call;

#define BIT(call) (1u << (call))

struct Side {
  const char *name;
  Side *other; /* or NULL: the two never run together */
  Machine *machine;
  GdwHost host;
  GdwDirtyLog log; /* the machine's, with the hooks below */
  GdwMigration *migration;

  gint filled;        /* atomic: the guest's fill is done */
  gint came, left;    /* atomic: how often vCPUs came to the ring gate, and left it */
  gboolean runs;      /* from the call of resume to the answer of pause */
  gboolean fenced;    /* gave its resources up */
  const char *digest; /* of its machine, NULL: not offered; set before side_open */
  gboolean fences;    /* offers fence and reacquire; set before side_open */

  GString *events; /* statuses and run states in their order, a blank before each */
  guint64 rounds;
  guint ended; /* attempts */
  guint calls[CALL_N];

  /* Set by the test, which may change it at any time. */
  guint fails, holds;                      /* BIT (Call) */
  void (*on_call) (Side *side, Call call); /* before anything else */
  void (*on_event) (Side *side, const char *event);
  GQuark fails_domain; /* of the error, with its code; 0: GDW_ERROR_HOST */
  int fails_code;
  gint log_fails;   /* atomic: get, clear and reset_rings do */
  gint clear_fails; /* atomic: clear alone does */
  /* Before the log does it; harvest and channel threads. */
  void (*on_get) (Side *side, guint region);
  void (*on_clear) (Side *side, guint region, guint64 first, guint64 n, const guint64 *bits);
  void (*on_reset) (Side *side);
  gint hook_state; /* of the hooks; atomic */
  gpointer held;   /* the call that is held, or NULL */
};

/* @side is zero but for what the caller has set; @name lives on. */
void side_open (Side *side, const char *name, const MachineConfig *config, gboolean incoming);
/* As a VMM ends: the migration under way is settled first. */
void side_close (Side *side);

/* Go on with the call that is held. */
void side_release (Side *side);

GdwStatus side_status (Side *side);
const char *side_error (Side *side); /* of the last attempt, or "" */
GdwInfo side_info (Side *side);

/* The operator's cont and stop, answered; gives the error's text or NULL, to be freed. */
char *side_cont (Side *side);
char *side_stop (Side *side);
char *side_resolve (Side *side, gboolean here);

/* A vCPU writes the first byte of a page; any thread, and also while the guest stands still. */
void side_vcpu_writes (Side *side, guint64 gpa, guint8 value);
/* The VMM writes it, and says so. */
void side_device_writes (Side *side, guint64 gpa, guint8 value);
guint8 *side_page (Side *side, guint64 gpa);

/* The guest's own check, or the VMM's if it stands still: no page is bad. */
void side_expect_good_guest (Side *side);
