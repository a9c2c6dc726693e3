/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/filter.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>

/* The host on which a tracker is tested. */
typedef enum { HOST_NONE, HOST_SOFT, HOST_KVM } HostKind;

/* The settings of the user. */
typedef struct {
  char *only; /* glob, or NULL */
  gboolean quick;
  gboolean soft, kvm;
  char *uri;      /* the address where a transport listens, or NULL for a free one */
  char *over;     /* the transport that a filter wraps, or NULL */
  char **options; /* K=V, or NULL */
  guint64 seed;
  guint repeat;
} Settings;

/* The plugin under test, loaded in the process of one test. */
typedef struct {
  const Settings *settings;
  const char *file;
  const char *folder;       /* the working folder: fresh, empty, and deleted after the test */
  const GdwPlugin *plugin;  /* complete, as the loader returns it */
  const GdwValue *values;   /* of its options */
  HostKind host;            /* trackers */
  const GdwTransport *over; /* for filters: the transport below, of --over or of the suite */
  const GdwValue *over_values;
  guint64 seed; /* of this run of the test */
} Subject;

/* A test.  It runs in its own process and ends by returning (passed), by skip() or by a failed
 * EXPECT.  It need not clean up. */
typedef struct {
  const char *name; /* says what the test shows, in words-with-hyphens */
  gboolean slow;    /* not with --quick */
  void (*run) (const Subject *subject);
  gboolean guest; /* for a tracker: also over KVM */
} Case;

/* Returns all tests for a kind of plugin; the last one has no name. */
const Case *suite_cases (guint32 kind);

/* Declares the function of a test, in its file. */
#define DECLARE_CASE(name, slow, function) void function (const Subject *subject);

void skip (const char *format, ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;
