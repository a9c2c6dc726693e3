/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

#include "control/address.h"
#include "control/fds.h"
#include "qapi/json.h"

#include <string.h>

/* The functions behind the commands, in the order of the schema; what each does is
 * said there.  What only asks about a migration is in query-migrate.c; those of plugins and
 * descriptors are in files of their own. */

/* What is switched on is the client's: qmp.c remembers it. */
gboolean
gdw_cmd_qmp_capabilities (GdwControl *control, const GdwQQmpCapabilitiesArgs *args,
                          GError **error)
{
  return TRUE;
}

GdwQVersionInfo *
gdw_cmd_query_version (GdwControl *control, GError **error)
{
  GdwQVersionInfo *version = g_new0 (GdwQVersionInfo, 1);
  version->qemu = g_new0 (GdwQVersionTriple, 1);
  version->qemu->major = 10;
  version->package = g_strdup ("godwit " GDW_VERSION);
  return version;
}

GPtrArray *
gdw_cmd_query_commands (GdwControl *control, GError **error)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_command_info_free);
  for (guint i = 0; i < gdw_n_commands; i++) {
    GdwQCommandInfo *info = g_new0 (GdwQCommandInfo, 1);
    info->name = g_strdup (gdw_commands[i].name);
    g_ptr_array_add (list, info);
  }
  return list;
}

gboolean
gdw_cmd_quit (GdwControl *control, GError **error)
{
  return gdw_control_quit (control, GDW_Q_SHUTDOWN_CAUSE_HOST_QMP_QUIT, error);
}

GdwQStatusInfo *
gdw_cmd_query_status (GdwControl *control, GError **error)
{
  GdwRunState state = gdw_migration_get_run_state (control->migration);
  GdwQStatusInfo *info = g_new0 (GdwQStatusInfo, 1);
  info->running = state == GDW_RUN_STATE_RUNNING;
  info->status = (GdwQRunState) gdw_visit_enum (&gdw_q_type_run_state,
                                                gdw_run_state_name (state));
  return info;
}

GdwQUuidInfo *
gdw_cmd_query_uuid (GdwControl *control, GError **error)
{
  GdwQUuidInfo *info = g_new0 (GdwQUuidInfo, 1);
  info->UUID = g_strdup (gdw_host_uuid (gdw_migration_host (control->migration)));
  return info;
}

static GError *
copy_error (const GError *error)
{
  return error ? g_error_copy (error) : NULL;
}

static void
stopped (GdwMigration *migration, const GError *error, gpointer call)
{
  gdw_cmd_stop_return (call, copy_error (error));
}

void
gdw_cmd_stop (GdwControl *control, GdwCall *call)
{
  gdw_migration_stop (control->migration, stopped, call);
}

static void
continued (GdwMigration *migration, const GError *error, gpointer call)
{
  gdw_cmd_cont_return (call, copy_error (error));
}

void
gdw_cmd_cont (GdwControl *control, GdwCall *call)
{
  gdw_migration_cont (control->migration, continued, call);
}

static void
checked (GdwMigration *migration, const GdwCheckResult *result, const GError *error,
         gpointer call)
{
  GdwQGuestCheck *check = error ? NULL : g_new0 (GdwQGuestCheck, 1);
  if (check)
    *check = (GdwQGuestCheck){ .passes = result->passes,
                               .pages_checked = result->pages_checked,
                               .pages_bad = result->pages_bad,
                               .running = result->running };
  gdw_cmd_x_guest_check_return (call, check, copy_error (error));
}

void
gdw_cmd_x_guest_check (GdwControl *control, GdwCall *call)
{
  gdw_migration_check (control->migration, checked, call);
}

static void
digested (GdwMigration *migration, char **digests, const GError *error, gpointer call)
{
  if (error) {
    gdw_cmd_x_memory_digest_return (call, NULL, copy_error (error));
    return;
  }
  const GdwHost *host = gdw_migration_host (migration);
  guint n_regions = 0;
  const GdwRegion *regions = host->regions (host->vm, &n_regions);
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_region_digest_free);
  for (guint i = 0; i < n_regions && digests[i]; i++) {
    GdwQRegionDigest *digest = g_new0 (GdwQRegionDigest, 1);
    digest->region = g_strdup (regions[i].name);
    digest->digest = g_strdup (digests[i]);
    g_ptr_array_add (list, digest);
  }
  gdw_cmd_x_memory_digest_return (call, list, NULL);
}

void
gdw_cmd_x_memory_digest (GdwControl *control, GdwCall *call)
{
  gdw_migration_digest (control->migration, digested, call);
}

gboolean
gdw_cmd_migrate (GdwControl *control, const GdwQMigrateArgs *args, GError **error)
{
  if (args->resume) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_BUSY,
                         "Cannot resume if there is no paused migration");
    return FALSE;
  }
  g_autofree char *text = gdw_control_address_text (args->uri, args->channels, error);
  int fd;
  g_autofree char *uri = text ? gdw_control_fds_resolve (control, text, &fd, error) : NULL;
  if (!uri || !gdw_migration_start (control->migration, uri, error))
    return FALSE;
  gdw_control_fds_used (control, fd);
  return TRUE;
}

gboolean
gdw_cmd_migrate_incoming (GdwControl *control, const GdwQMigrateIncomingArgs *args,
                          GError **error)
{
  g_autofree char *text = gdw_control_address_text (args->uri, args->channels, error);
  int fd;
  g_autofree char *uri = text ? gdw_control_fds_resolve (control, text, &fd, error) : NULL;
  if (!uri || !gdw_migration_incoming (control->migration, uri, error))
    return FALSE;
  gdw_control_fds_used (control, fd);
  control->exit_on_error = args->exit_on_error;
  return TRUE;
}

gboolean
gdw_cmd_migrate_cancel (GdwControl *control, GError **error)
{
  return gdw_migration_cancel (control->migration, error);
}

gboolean
gdw_cmd_migrate_continue (GdwControl *control, const GdwQMigrateContinueArgs *args,
                          GError **error)
{
  GdwStatus status = gdw_migration_get_status (control->migration);
  if (strcmp (gdw_status_name (status), gdw_q_migration_status_name (args->state)) != 0) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY, "Migration not in expected state: %s",
                 gdw_status_name (status));
    return FALSE;
  }
  return gdw_migration_continue (control->migration, status, error);
}

static void
resolved (GdwMigration *migration, const GError *error, gpointer call)
{
  gdw_cmd_x_migrate_resolve_return (call, copy_error (error));
}

void
gdw_cmd_x_migrate_resolve (GdwControl *control, const GdwQXMigrateResolveArgs *args,
                           GdwCall *call)
{
  gdw_migration_resolve (control->migration, args->run == GDW_Q_RESOLVE_RUN_HERE, resolved,
                         call);
}

/* Where the state of a capability is. */
static gboolean *
capability (GdwCapabilities *capabilities, GdwQMigrationCapability which)
{
  switch (which) {
  case GDW_Q_MIGRATION_CAPABILITY_EVENTS:
    return &capabilities->events;
  case GDW_Q_MIGRATION_CAPABILITY_MULTIFD:
    return &capabilities->multifd;
  case GDW_Q_MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER:
    return &capabilities->pause_before_switchover;
  case GDW_Q_MIGRATION_CAPABILITY_VALIDATE_UUID:
    return &capabilities->validate_uuid;
  default:
    return &capabilities->return_path;
  }
}

gboolean
gdw_cmd_migrate_set_capabilities (GdwControl *control,
                                  const GdwQMigrateSetCapabilitiesArgs *args, GError **error)
{
  GdwCapabilities capabilities = *gdw_migration_capabilities (control->migration);
  for (guint i = 0; i < args->capabilities->len; i++) {
    const GdwQMigrationCapabilityStatus *set = g_ptr_array_index (args->capabilities, i);
    *capability (&capabilities, set->capability) = set->state;
  }
  return gdw_migration_set_capabilities (control->migration, &capabilities, error);
}

GPtrArray *
gdw_cmd_query_migrate_capabilities (GdwControl *control, GError **error)
{
  GdwCapabilities capabilities = *gdw_migration_capabilities (control->migration);
  GPtrArray *list = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gdw_q_migration_capability_status_free);
  for (int i = 0; i < GDW_Q_MIGRATION_CAPABILITY__N; i++) {
    GdwQMigrationCapabilityStatus *status = g_new0 (GdwQMigrationCapabilityStatus, 1);
    status->capability = (GdwQMigrationCapability) i;
    status->state = *capability (&capabilities, status->capability);
    g_ptr_array_add (list, status);
  }
  return list;
}

/* A copy of the parameters in force; free it. */
static GdwQMigrationParameters *
copy_parameters (GdwControl *control)
{
  GdwQMigrationParameters *copy = g_new0 (GdwQMigrationParameters, 1);
  gdw_q_migration_parameters_apply (copy, gdw_migration_parameters (control->migration));
  return copy;
}

gboolean
gdw_cmd_migrate_set_parameters (GdwControl *control, const GdwQMigrationParameters *args,
                                GError **error)
{
  g_autoptr (GdwQMigrationParameters) parameters = copy_parameters (control);
  gdw_q_migration_parameters_apply (parameters, args);
  gdw_migration_set_parameters (control->migration, parameters);
  return TRUE;
}

GdwQMigrationParameters *
gdw_cmd_query_migrate_parameters (GdwControl *control, GError **error)
{
  return copy_parameters (control);
}

GPtrArray *
gdw_cmd_query_qmp_schema (GdwControl *control, GError **error)
{
  g_autoptr (JsonNode) node = gdw_json_parse (gdw_qapi_schema, -1, error);
  return node ? gdw_visit_read (&gdw_q_type_schema_info_list, node, error) : NULL;
}

/* There is one kind of instance, so one name is as good as any number of them. */
gboolean
gdw_cmd_yank (GdwControl *control, const GdwQYankArgs *args, GError **error)
{
  if (args->instances->len == 0 || gdw_migration_yank (control->migration))
    return TRUE;
  g_set_error_literal (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_DEVICE_NOT_FOUND,
                       "Instance not found");
  return FALSE;
}

GPtrArray *
gdw_cmd_query_yank (GdwControl *control, GError **error)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_yank_instance_free);
  if (gdw_migration_can_yank (control->migration)) {
    GdwQYankInstance *instance = g_new0 (GdwQYankInstance, 1);
    instance->type = GDW_Q_YANK_INSTANCE_TYPE_MIGRATION;
    g_ptr_array_add (list, instance);
  }
  return list;
}
