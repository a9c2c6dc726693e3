/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/conformance.h>
#include <godwit/error.h>

#include "conformance/promise.h"
#include "watchdog.h"

/* One run of the suite over a host.  Main thread only, unless a comment says otherwise. */
typedef struct Try Try;
typedef struct Asked Asked;

/* A VM, as the suite sees it. */
typedef struct {
  Try *run;
  gboolean there;
  GdwHost host;
  gboolean other;   /* GdwConformanceHost.other */
  gboolean runs;    /* from the call of resume to the answer of pause */
  gboolean wrote;   /* its guest has progressed enough for a check */
  guint32 log_mode; /* enabled, or 0 */
} Vm;

struct Try {
  const GdwConformanceHost *test;
  GMainContext *context;
  Watchdog *watchdog; /* fed whenever a callback is called */
  Vm vm, other;
  GPtrArray *asked; /* of Asked: all calls of hosts with a later answer */
  const char *owed; /* the callback that has not been answered, or NULL */
  const char *stop; /* why no more tests can be run, or NULL */
  gboolean other_has_guest;

  /* For the present test. */
  gint64 end_us;   /* monotonic */
  Promise promise; /* the broken promise; empty if none is broken */
  char *happened;  /* or why it is skipped */
};

/* A test.  It returns FALSE if it failed or was skipped. */
typedef struct {
  const char *name;
  gboolean (*run) (Try *t);
} HostCase;

/* Fails the test unless @condition holds.  For tests and functions that they call with the
 * Try. */
#define REQUIRE(t, condition, promise, ...)                                                    \
  do {                                                                                         \
    if (!(condition))                                                                          \
      return try_broken (t, promise, __VA_ARGS__);                                             \
  } while (0)

/* Both return FALSE.  The first one of a test counts. */
gboolean try_broken (Try *t, Promise promise, const char *format, ...) G_GNUC_PRINTF (3, 4);
gboolean try_skip (Try *t, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Checks that a callback returned @ok and set or left @error, which is freed. */
gboolean try_result (Try *t, const char *callback, gboolean ok, GError *error);

/* Runs the main loop for a moment.  Returns FALSE when the deadline of the test is over. */
gboolean try_iterate (Try *t);

/* Extends the deadline by the time since @begin_us, which the author's callback took. */
void try_extend (Try *t, gint64 begin_us);

/* Runs the main loop for @ms. */
void try_watch (Try *t, guint ms);
