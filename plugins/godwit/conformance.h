/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/host.h>
#include <godwit/migration.h>

G_BEGIN_DECLS

/* Checks that a VMM's GdwHost keeps the promises of host.h and dirty-log.h.  For the tests of a
 * VMM, in the library libgodwit-conformance (pkg-config godwit-conformance). */

typedef enum {
  GDW_CONFORMANCE_PASSED,
  GDW_CONFORMANCE_FAILED,
  GDW_CONFORMANCE_SKIPPED,
} GdwConformanceVerdict;

/* The result of one test; valid during the call of report. */
typedef struct {
  gsize size;       /* sizeof (GdwConformanceResult) of the library */
  const char *name; /* of the test, words-with-hyphens */
  GdwConformanceVerdict verdict;
  const char *expected; /* failed: the words of the header; else NULL, as the next two */
  const char *header;   /* failed: the header below <godwit/> that has them */
  guint line;           /* failed: their line there */
  const char *happened; /* failed: what the host did instead; skipped: why; passed: NULL */
} GdwConformanceResult;

/* The host under test, and callbacks for things that only the VMM's author can do.  Each
 * callback runs on the thread of gdw_conformance_host, may iterate the thread-default main
 * context, and gets @data.  All are optional: the tests that need an absent one are skipped, by
 * name. */
typedef struct {
  gsize size;    /* sizeof (GdwConformanceHost) */
  gpointer data; /* first argument of the callbacks */

  /* Required.  The host of a VM with a guest that stands still: booted and never run, or
   * paused.  Small: all its memory is read often.  It must have no GdwMigration. */
  const GdwHost *host;

  /* Or NULL.  The host of another VM of the same configuration, which waits for an incoming
   * migration: its guest has never run.  The state of @host is loaded there. */
  const GdwHost *other;

  const char *only;        /* glob of the names of the tests to run; NULL: all */
  const char *plugin_path; /* for gdw_migration_new */
  guint deadline_s;        /* of one test; 0: 30 s.  A callback that has not returned after that
                            * time ends the process, with abort and a line on stderr */

  /* Called after each test.  NULL: TAP goes to stdout. */
  void (*report) (gpointer data, const GdwConformanceResult *result);

  /* The guest of @host, or of @other if @other, was resumed: have it write memory all the time,
   * in fast succession, as long as it runs, and return when it and each device that writes by
   * itself have written since the call.  From then on guest_check is called.  FALSE: they have
   * not, after a time that the author sets. */
  gboolean (*start_writes) (gpointer data, gboolean other);

  /* The guest of @host is paused: have a vCPU store the byte that is there to page @page of
   * @region, and write no other page.  Return when the write is done and in the dirty log, and
   * no vCPU runs.  FALSE: vCPUs can't write this page. */
  gboolean (*vcpu_writes) (gpointer data, guint region, guint64 page);

  /* Calls of gdw_migration_mark_dirty and gdw_migration_ring_full by the VM of @host go to
   * @migration from now on; NULL: nowhere.  The guest is paused. */
  void (*set_migration) (gpointer data, GdwMigration *migration);

  /* The guest of @host runs: have a device change guest memory, where that does no harm, and
   * report it as always.  Return when it has landed and was reported, with the place in
   * @guest_addr, and its size.  The place may differ each time. */
  void (*device_writes) (gpointer data, guint64 *guest_addr, guint64 *size);

  /* Tells whether two sections of that name, saved from the same state, the second after a
   * load, are equal except for clocks that run on while a guest is paused.  Absent: all bytes
   * must be. */
  gboolean (*sections_equal) (gpointer data, const char *name, GBytes *before, GBytes *after);
} GdwConformanceHost;

/* Run the tests one after another on this thread, which must own its thread-default main
 * context; the call iterates it.  Calls the callbacks of the hosts as a GdwMigration would.
 * @test and the hosts stay valid until it returns, and @host ends paused.  Returns how many
 * tests failed; if the host still owes an answer after a test, the remaining tests do not run
 * and are reported as skipped. */
guint gdw_conformance_host (const GdwConformanceHost *test);

G_END_DECLS
