/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/control.h"

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
