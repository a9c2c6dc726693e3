/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <gio/gio.h>

#include <godwit/address.h>
#include <godwit/error.h>
#include <godwit/host.h>

G_BEGIN_DECLS

/**
 * GdwMigration:
 *
 * One VM and its migrations, outgoing or incoming, one after another.  All
 * calls are made on the thread of its GMainContext unless they say otherwise;
 * none of them blocks.  Signals are emitted there too.
 */
#define GDW_TYPE_MIGRATION (gdw_migration_get_type ())
G_DECLARE_FINAL_TYPE (GdwMigration, gdw_migration, GDW, MIGRATION, GObject)

/* Names as in QMP: gdw_status_name(). */
typedef enum {
  GDW_STATUS_NONE,
  GDW_STATUS_SETUP,
  GDW_STATUS_ACTIVE,
  GDW_STATUS_PRE_SWITCHOVER,
  GDW_STATUS_DEVICE,
  GDW_STATUS_CANCELLING,
  GDW_STATUS_CANCELLED,
  GDW_STATUS_FAILED,
  GDW_STATUS_COMPLETED,
  GDW_STATUS_N
} GdwStatus;

/* Whether the guest runs, and if not why.  Names as QEMU's RunState. */
typedef enum {
  GDW_RUN_STATE_PRELAUNCH, /* never ran */
  GDW_RUN_STATE_RUNNING,
  GDW_RUN_STATE_PAUSED,
  GDW_RUN_STATE_INMIGRATE,      /* waits for, or receives, an incoming migration */
  GDW_RUN_STATE_FINISH_MIGRATE, /* paused for the switchover */
  GDW_RUN_STATE_POSTMIGRATE,    /* the guest is the destination's now */
  GDW_RUN_STATE_INTERNAL_ERROR, /* the host could not resume it */
  GDW_RUN_STATE_N
} GdwRunState;

/* The side that has the guest after an attempt. */
typedef enum {
  GDW_OUTCOME_NONE, /* not decided yet */
  GDW_OUTCOME_SOURCE,
  GDW_OUTCOME_DESTINATION,
  GDW_OUTCOME_UNKNOWN, /* COMMIT was sent and the destination cannot be asked */
} GdwOutcome;

const char *gdw_status_name (GdwStatus status);
const char *gdw_run_state_name (GdwRunState state);

/* Signals: each has the migration and one plain argument. */

/**
 * GdwMigration::status:
 * @migration: whose
 * @status: a GdwStatus
 *
 * Each change.
 */

/**
 * GdwMigration::pass:
 * @migration: whose
 * @number: from 1
 *
 * A precopy round begins.
 */

/**
 * GdwMigration::run-state:
 * @migration: whose
 * @state: a GdwRunState
 *
 * Each change.
 */

/**
 * GdwMigration::ended:
 * @migration: whose
 * @status: a GdwStatus
 *
 * An attempt is over and all of its threads, links and callbacks are gone, except those that
 * ask or answer which side has the guest after a handover in doubt.
 */

/**
 * gdw_migration_new:
 * @host: the VM; the struct is copied, its callbacks must stay valid until the object is gone
 * @context: (nullable): of the thread for all work; NULL: the thread's default
 * @plugin_path: (nullable): folders separated by colons, searched before GODWIT_PLUGIN_PATH and
 *   the installed ones
 * @incoming: the VM waits for a migration (inmigrate), else for gdw_migration_cont (prelaunch)
 *
 * A migration for the VM behind @host.
 */
GdwMigration *gdw_migration_new (const GdwHost *host, GMainContext *context,
                                 const char *plugin_path, gboolean incoming, GError **error);

/**
 * GdwDone:
 * @migration: that was called
 * @error: (nullable): why it was not done
 * @data: (closure): of the caller
 *
 * The answer to one call.
 */
typedef void (*GdwDone) (GdwMigration *migration, const GError *error, gpointer data);

/**
 * gdw_migration_close:
 * @done: (scope async) (closure data): all of its threads, links and callbacks are gone
 *
 * Before the last unref, when the VMM ends: cancels an outgoing migration that has
 * not reached COMMIT, waits for the outcome of one that has, and fails an incoming
 * one.  Without it the object lives on until its migration has ended.
 */
void gdw_migration_close (GdwMigration *migration, GdwDone done, gpointer data);

/**
 * gdw_migration_cont:
 * @done: (scope async) (closure data): with an error or NULL
 *
 * Run the guest, or pause it with gdw_migration_stop(), as the operator says.  Refused while a
 * switchover is under way, when the guest is the destination's, and when the outcome is
 * unknown.  On an incoming VM, cont and stop only set whether it starts after COMMIT.
 */
void gdw_migration_cont (GdwMigration *migration, GdwDone done, gpointer data);

/**
 * gdw_migration_stop:
 * @done: (scope async) (closure data): with an error or NULL
 *
 * See gdw_migration_cont().
 */
void gdw_migration_stop (GdwMigration *migration, GdwDone done, gpointer data);

/* From now until the unblock the VM cannot be migrated from here, because of @reason, which is
 * copied and shown to the operator (blocked-reasons of query-migrate): "virtio-gpu: its state
 * cannot be saved".  Returns a number for unblock, or 0 while the VM is being migrated: then
 * the blocking change has to wait, or to be refused. */
guint gdw_migration_block (GdwMigration *migration, const char *reason, GError **error);
void gdw_migration_unblock (GdwMigration *migration, guint number);

/* Begin to migrate to @uri ("tcp:HOST:PORT|filter..."), which gdw_address_parse() reads.  FALSE
 * only for errors that show at once; a failure to connect arrives as status failed. */
gboolean gdw_migration_start (GdwMigration *migration, const char *uri, GError **error);

/* Listen at @uri for a source.  FALSE only for errors that show at once.  The rest goes on in a
 * thread, as a resolver or a disk may take long: status setup says that it listens, failed that
 * it cannot. */
gboolean gdw_migration_incoming (GdwMigration *migration, const char *uri, GError **error);

/* The same for an address in parts, which need no escapes.  @address stays the caller's, who
 * may free it after the return. */
gboolean gdw_migration_start_to (GdwMigration *migration, const GdwAddress *address,
                                 GError **error);
gboolean gdw_migration_incoming_at (GdwMigration *migration, const GdwAddress *address,
                                    GError **error);

/**
 * gdw_migration_listen:
 * @address: where to listen
 * @done: (scope async) (closure data): it listens, or the error says why not
 *
 * gdw_migration_incoming_at() for one who waits for the answer, as a monitor does: if it cannot
 * listen no attempt has begun.  gdw_migration_cancel() gives it up until then.  After FALSE
 * @done is not called.
 */
gboolean gdw_migration_listen (GdwMigration *migration, const GdwAddress *address, GdwDone done,
                               gpointer data, GError **error);

/* Cancel the outgoing attempt.  Returns at once; it is no error if nothing runs.  After COMMIT
 * was sent it fails without effect. */
gboolean gdw_migration_cancel (GdwMigration *migration, GError **error);

/* Continue from pre-switchover; @expected must be the present status. */
gboolean gdw_migration_continue (GdwMigration *migration, GdwStatus expected, GError **error);

/**
 * gdw_migration_resolve:
 * @here: where the guest runs; here: it is resumed if it was running
 * @done: (scope async) (closure data): with an error or NULL
 *
 * Decides an unknown outcome as the operator says.
 */
void gdw_migration_resolve (GdwMigration *migration, gboolean here, GdwDone done,
                            gpointer data);

/* Report @size bytes from @guest_addr on as written by the VMM itself (device,
 * DMA).  Any thread, also vCPUs': after the write has landed, before the guest can see
 * its completion.  Cheap when no migration runs. */
void gdw_migration_mark_dirty (GdwMigration *migration, guint64 guest_addr, guint64 size);

/* A vCPU left the hypervisor because its dirty ring is full (KVM_EXIT_DIRTY_RING_FULL).  That
 * vCPU's thread, with no lock that pause needs.  Has the ring emptied and returns when there
 * may be room: run the vCPU again, and call again if it leaves for the same reason.  Returns at
 * once when no migration is tracking, and as soon as the guest is to be paused or the migration
 * was cancelled or failed: check whether the vCPU must stand still, as after every exit.  The
 * VMM holds a reference to @migration until no vCPU can call any more: pause the vCPUs, then
 * unref. */
void gdw_migration_ring_full (GdwMigration *migration, guint vcpu);

/* Capabilities and parameters by their QMP names; @value as a user would type it
 * ("on", "104857600", "bitmap").  Capabilities stay as they are while a migration runs; a
 * running migration follows max-bandwidth, downtime-limit, avail-switchover-bandwidth and
 * x-peer-timeout (x-max-downtime from the next switchover on), and keeps its tracker and links.
 */
gboolean gdw_migration_set_capability (GdwMigration *migration, const char *name, gboolean on,
                                       GError **error);
gboolean gdw_migration_set_parameter (GdwMigration *migration, const char *name,
                                      const char *value, GError **error);

/**
 * gdw_migration_set_capabilities:
 * @names: (array length=n): of capabilities
 * @states: (array length=n): on or off, of each
 *
 * All of them at once, or none with an error.
 */
gboolean gdw_migration_set_capabilities (GdwMigration *migration, const char *const *names,
                                         const gboolean *states, guint n, GError **error);

/**
 * gdw_migration_set_parameters:
 * @names: (array length=n): of parameters
 * @values: (array length=n): of each
 *
 * All of them at once, or none with an error.
 */
gboolean gdw_migration_set_parameters (GdwMigration *migration, const char *const *names,
                                       const char *const *values, guint n, GError **error);

/* Returns FALSE also if there is no such capability. */
gboolean gdw_migration_get_capability (GdwMigration *migration, const char *name);

/**
 * gdw_migration_get_parameter:
 *
 * Returns: (nullable) (transfer full): the text that would set it; NULL if there is no such
 * parameter
 */
char *gdw_migration_get_parameter (GdwMigration *migration, const char *name);

GdwStatus gdw_migration_get_status (GdwMigration *migration);
GdwRunState gdw_migration_get_run_state (GdwMigration *migration);
GdwOutcome gdw_migration_get_outcome (GdwMigration *migration);

/**
 * gdw_migration_get_id:
 *
 * Returns: (nullable): of the last attempt, the migration id as 32 hex digits
 */
const char *gdw_migration_get_id (GdwMigration *migration);

/**
 * gdw_migration_get_error:
 *
 * Returns: (nullable): of the last failed attempt, the root cause
 */
const GError *gdw_migration_get_error (GdwMigration *migration);

G_END_DECLS
