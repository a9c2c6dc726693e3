/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "side.h"
#include "wait.h"

/* A source and a destination in one process and one main loop, over unix sockets in a
 * folder of their own. */

#define MIB (UINT64_C (1) << 20)

typedef struct {
  guint writers;         /* 0: the guest does nothing once it has filled its memory */
  guint64 rate;          /* pages/s of all writers; 0: as fast as it goes */
  guint64 working_set;   /* of the writers, bytes; 0: 4 MiB of the 16 */
  guint links;           /* 0: one, without multifd */
  gboolean memfd;        /* else anonymous memory */
  guint32 ring_entries;  /* of each vCPU's dirty ring; 0: a bitmap */
  gboolean empty;        /* the guest does not fill its memory */
  gboolean paused;       /* the source's guest does not run */
  gboolean fences;       /* the source's host has fence and reacquire */
  const char *tracker;   /* NULL: auto */
  guint peer_timeout_ms; /* 0: the default */
  const char *source_digest, *destination_digest; /* of their machines; NULL: not offered */
} PairConfig;

typedef struct {
  PairConfig config;
  MachineConfig machine;
  Side source, destination;
  char *folder;
  char *address; /* where the destination listens, without filters */
  guint n_addresses;
  gint faults; /* atomic: filters that acted */
} Pair;

/* The source's guest runs (unless paused) and has filled its memory; the destination has
 * been told to stay paused after COMMIT.  Before the first thread. */
Pair *pair_new (const PairConfig *config);
void pair_free (Pair *pair);

/* The destination listens and the source begins; each with its filters ("|fault:..." or ""). */
void pair_listen (Pair *pair, const char *filters);
void pair_migrate (Pair *pair, const char *filters);

/* Both at once, and until both attempts are over. */
void pair_begin (Pair *pair, const char *source_filters, const char *destination_filters);
void pair_wait_ended (Pair *pair);

gboolean pair_fault_acted (Pair *pair);

/* Another destination, as new, for the next attempt. */
void pair_renew_destination (Pair *pair);

/* Neither guest runs: compares the memory byte for byte. */
gboolean pair_is_equal (Pair *pair);

/* The guest is at the destination, which stands still: memory is equal, the statuses are, and
 * it runs there without a bad page. */
void pair_expect_arrived (Pair *pair);

/* The guest is at the source, as it was before; the destination has failed with the text of
 * the source. */
void pair_expect_kept (Pair *pair, GdwStatus status);

/* A further attempt, to another destination, is complete. */
void pair_expect_next_completes (Pair *pair);

/* The plugins of tests/plugins, beside those of this build. */
void pair_find_test_plugins (void);

/* Descriptors and threads of the process. */
guint count_descriptors (void);
guint count_threads (void);

/* A test program of one suite: ADD its tests. */
int engine_main (const char *name, void (*add) (Suite *suite));
TCase *add_case (Suite *suite, const char *name);
