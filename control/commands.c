/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

#include "control/address.h"
#include "control/fds.h"
#include "qapi/json.h"
#include "qapi/number.h"

#include <string.h>

/* The functions behind the commands, in the order of the schema, which says what each does.
 * Queries about a migration are in query-migrate.c; plugins and descriptors have their own
 * files. */

/* Capabilities belong to the client: qmp.c remembers them. */
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
  const GdwHost *host;
  guint n_regions = 0;
  const GdwRegion *regions;
  GPtrArray *list;

  if (error) {
    gdw_cmd_x_memory_digest_return (call, NULL, copy_error (error));
    return;
  }
  host = gdw_migration_host (migration);
  regions = host->regions (host->vm, &n_regions);
  list = g_ptr_array_new_with_free_func ((GDestroyNotify) gdw_q_region_digest_free);
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
  g_autoptr (GdwAddress) address = NULL;
  int fd;

  if (args->resume) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_BUSY,
                         "Cannot resume if there is no paused migration");
    return FALSE;
  }
  address = gdw_control_address (args->uri, args->channels, error);
  if (!address || !gdw_control_fds_resolve (control, address, &fd, error) ||
      !gdw_migration_start_to (control->migration, address, error))
    return FALSE;
  gdw_control_fds_used (control, fd);
  return TRUE;
}

static void
listening (GdwMigration *migration, const GError *error, gpointer call)
{
  gdw_cmd_migrate_incoming_return (call, copy_error (error));
}

/* Answers when it listens.  Until then no attempt can fail, so exit-on-error may be set now. */
void
gdw_cmd_migrate_incoming (GdwControl *control, const GdwQMigrateIncomingArgs *args,
                          GdwCall *call)
{
  GError *error = NULL;
  g_autoptr (GdwAddress) address = gdw_control_address (args->uri, args->channels, &error);
  int fd;

  if (!address || !gdw_control_fds_resolve (control, address, &fd, &error) ||
      !gdw_migration_listen (control->migration, address, listening, call, &error)) {
    gdw_cmd_migrate_incoming_return (call, error);
    return;
  }
  gdw_control_fds_used (control, fd);
  control->exit_on_error = args->exit_on_error;
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

gboolean
gdw_cmd_migrate_set_capabilities (GdwControl *control,
                                  const GdwQMigrateSetCapabilitiesArgs *args, GError **error)
{
  guint n = args->capabilities->len;
  g_autofree const char **names = g_new (const char *, n);
  g_autofree gboolean *states = g_new (gboolean, n);

  for (guint i = 0; i < n; i++) {
    const GdwQMigrationCapabilityStatus *set = g_ptr_array_index (args->capabilities, i);

    names[i] = gdw_q_migration_capability_name (set->capability);
    states[i] = set->state;
  }
  return gdw_migration_set_capabilities (control->migration, names, states, n, error);
}

GPtrArray *
gdw_cmd_query_migrate_capabilities (GdwControl *control, GError **error)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gdw_q_migration_capability_status_free);

  for (int i = 0; i < GDW_Q_MIGRATION_CAPABILITY__N; i++) {
    GdwQMigrationCapabilityStatus *status = g_new0 (GdwQMigrationCapabilityStatus, 1);

    status->capability = (GdwQMigrationCapability) i;
    status->state = gdw_migration_get_capability (
        control->migration, gdw_q_migration_capability_name (status->capability));
    g_ptr_array_add (list, status);
  }
  return list;
}

gboolean
gdw_cmd_migrate_set_parameters (GdwControl *control, const GdwQMigrationParameters *args,
                                GError **error)
{
  g_autoptr (JsonNode) node = gdw_q_migration_parameters_write (args);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &value)) {
    const char *text = gdw_number_get_string (value);

    g_ptr_array_add (names, (gpointer) name);
    g_ptr_array_add (values, text ? g_strdup (text) : gdw_json_write (value));
  }
  return gdw_migration_set_parameters (control->migration, (const char *const *) names->pdata,
                                       (const char *const *) values->pdata, names->len, error);
}

GdwQMigrationParameters *
gdw_cmd_query_migrate_parameters (GdwControl *control, GError **error)
{
  const GdwVisitType *type = &gdw_q_type_migration_parameters;
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (node, object);
  for (guint i = 0; i < type->n_members; i++) {
    const GdwVisitMember *member = &type->members[i];
    g_autofree char *text = gdw_migration_get_parameter (control->migration, member->name);

    if (member->type->kind == GDW_VISIT_STR)
      json_object_set_string_member (object, member->name, text);
    else
      json_object_set_member (object, member->name, gdw_json_parse (text, -1, error));
  }
  return gdw_q_migration_parameters_read (node, error);
}

GPtrArray *
gdw_cmd_query_qmp_schema (GdwControl *control, GError **error)
{
  g_autoptr (JsonNode) node = gdw_json_parse (gdw_qapi_schema, -1, error);

  return node ? gdw_visit_read (&gdw_q_type_schema_info_list, node, error) : NULL;
}

/* There is only one instance, so only an empty list leaves nothing to yank. */
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
