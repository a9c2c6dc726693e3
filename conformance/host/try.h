/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/conformance.h>
#include <godwit/error.h>

#include "conformance/promise.h"
#include "watchdog.h"

/* One run of the suite over a host.  Main thread, but for what says otherwise. */
typedef struct Try Try;
typedef struct Asked Asked;

/* A VM as the suite knows it. */
typedef struct {
  Try *run;
  gboolean there;
  GdwHost host;
  gboolean other;   /* GdwConformanceHost.other */
  gboolean runs;    /* from the call of resume to the answer of pause */
  gboolean wrote;   /* its guest has come so far that it can be checked */
  guint32 log_mode; /* enabled, or 0 */
} Vm;

struct Try {
  const GdwConformanceHost *test;
  GMainContext *context;
  Watchdog *watchdog; /* fed with each callback that is called */
  Vm vm, other;
  GPtrArray *asked; /* of Asked: all calls of hosts that are answered later */
  const char *owed; /* the callback that has not been answered, or NULL */
  const char *stop; /* why no more tests can be run, or NULL */
  gboolean other_has_guest;

  /* Of the present test. */
  gint64 end_us;   /* monotonic */
  Promise promise; /* that was broken; no words: none was */
  char *happened;  /* or why it is skipped */
};

/* A test: FALSE if it failed or is skipped. */
typedef struct {
  const char *name;
  gboolean (*run) (Try *t);
} HostCase;

/* In a test, and in what it calls with the Try: unless @condition, it has failed. */
#define REQUIRE(t, condition, promise, ...)                                                    \
  do {                                                                                         \
    if (!(condition))                                                                          \
      return try_broken (t, promise, __VA_ARGS__);                                             \
  } while (0)

/* Both give FALSE.  The first of a test stays. */
gboolean try_broken (Try *t, Promise promise, const char *format, ...) G_GNUC_PRINTF (3, 4);
gboolean try_skip (Try *t, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A callback has given @ok, and @error, which is freed. */
gboolean try_result (Try *t, const char *callback, gboolean ok, GError *error);

/* Let the main loop run for a short while.  FALSE: the deadline of the test is over. */
gboolean try_iterate (Try *t);

/* The author's callback has run since @begin_us: that does not count. */
void try_extend (Try *t, gint64 begin_us);

/* Let the main loop run for @ms. */
void try_watch (Try *t, guint ms);
