/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/filter.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>

/* Where a tracker is tried. */
typedef enum { HOST_NONE, HOST_SOFT, HOST_KVM } HostKind;

/* What the user said. */
typedef struct {
  char *only; /* glob, or NULL */
  gboolean quick;
  gboolean soft, kvm;
  char *uri;      /* where a transport listens, or NULL: what is free here */
  char *over;     /* what a filter wraps, or NULL */
  char **options; /* K=V, or NULL */
  guint64 seed;
  guint repeat;
} Settings;

/* The plugin under test, loaded in the process of one test. */
typedef struct {
  const Settings *settings;
  const char *file;
  const char *folder;       /* fresh, empty, the working folder; gone after the test */
  const GdwPlugin *plugin;  /* complete, as the loader gives it */
  const GdwValue *values;   /* of its options */
  HostKind host;            /* trackers */
  const GdwTransport *over; /* filters: what is below, of --over or of the suite */
  const GdwValue *over_values;
  guint64 seed; /* of this test, this time */
} Subject;

/* A test.  It runs in a process of its own; it ends by returning (passed), by skip() or by a
 * failed EXPECT, and may leave behind whatever it likes. */
typedef struct {
  const char *name; /* what it shows, in words-with-hyphens */
  gboolean slow;    /* not with --quick */
  void (*run) (const Subject *subject);
  gboolean guest; /* of a tracker: also over KVM */
} Case;

/* All of one kind of plugin; the last has no name. */
const Case *suite_cases (guint32 kind);

/* In the file of a test: its prototype. */
#define DECLARE_CASE(name, slow, function) void function (const Subject *subject);

void skip (const char *format, ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;
