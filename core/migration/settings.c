/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Capabilities and parameters. */
#include <godwit/error.h>

#include "core/migration/migration-private.h"

gboolean
gdw_migration_set_capabilities (GdwMigration *migration, const char *const *names,
                                const gboolean *states, guint n, GError **error)
{
  GdwCapabilities capabilities = migration->capabilities;

  for (guint i = 0; i < n; i++) {
    const GdwSetting *setting = gdw_settings_find (gdw_capabilities, names[i]);

    if (!setting) {
      g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                   "capability '%s': it cannot be set: there is none of that name; look at "
                   "query-migrate-capabilities",
                   names[i]);
      return FALSE;
    }
    G_STRUCT_MEMBER (gboolean, &capabilities, setting->offset) = states[i] != FALSE;
  }
  if (gdw_migration_is_running (migration)) {
    g_set_error_literal (error, GDW_ERROR, GDW_ERROR_BUSY,
                         "There's a migration process in progress");
    return FALSE;
  }
  migration->capabilities = capabilities;
  return TRUE;
}

gboolean
gdw_migration_set_capability (GdwMigration *migration, const char *name, gboolean on,
                              GError **error)
{
  return gdw_migration_set_capabilities (migration, &name, &on, 1, error);
}

gboolean
gdw_migration_get_capability (GdwMigration *migration, const char *name)
{
  const GdwSetting *setting = gdw_settings_find (gdw_capabilities, name);

  return setting && G_STRUCT_MEMBER (gboolean, &migration->capabilities, setting->offset);
}

gboolean
gdw_migration_set_parameters (GdwMigration *migration, const char *const *names,
                              const char *const *values, guint n, GError **error)
{
  GdwParameters parameters;

  gdw_settings_copy (gdw_parameters, &parameters, &migration->parameters);
  for (guint i = 0; i < n; i++)
    if (!gdw_settings_set (gdw_parameters, &parameters, names[i], values[i], error)) {
      gdw_settings_clear (gdw_parameters, &parameters);
      return FALSE;
    }
  gdw_settings_clear (gdw_parameters, &migration->parameters);
  migration->parameters = parameters;
  if (migration->source)
    gdw_source_follow (migration->source);
  return TRUE;
}

gboolean
gdw_migration_set_parameter (GdwMigration *migration, const char *name, const char *value,
                             GError **error)
{
  return gdw_migration_set_parameters (migration, &name, &value, 1, error);
}

char *
gdw_migration_get_parameter (GdwMigration *migration, const char *name)
{
  const GdwSetting *setting = gdw_settings_find (gdw_parameters, name);

  return setting ? gdw_setting_get (setting, &migration->parameters) : NULL;
}
