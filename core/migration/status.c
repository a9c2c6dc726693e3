/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/migration/status.h"

#define TO(status) (1u << GDW_STATUS_##status)

/* Both sides: a destination goes from active to completed, since only a source
 * pauses a guest.  Cancelling never completes: a source that cancels has not sent COMMIT. */
static const guint32 moves[GDW_STATUS_N] = {
  [GDW_STATUS_NONE] = TO (SETUP),
  [GDW_STATUS_SETUP] = TO (ACTIVE) | TO (CANCELLING) | TO (FAILED),
  [GDW_STATUS_ACTIVE] = TO (PRE_SWITCHOVER) | TO (DEVICE) | TO (COMPLETED) | TO (CANCELLING) |
                        TO (FAILED),
  [GDW_STATUS_PRE_SWITCHOVER] = TO (DEVICE) | TO (CANCELLING) | TO (FAILED),
  [GDW_STATUS_DEVICE] = TO (ACTIVE) | TO (COMPLETED) | TO (CANCELLING) | TO (FAILED),
  [GDW_STATUS_CANCELLING] = TO (CANCELLED) | TO (FAILED),
  [GDW_STATUS_CANCELLED] = TO (SETUP),
  [GDW_STATUS_FAILED] = TO (SETUP),
  [GDW_STATUS_COMPLETED] = TO (SETUP),
};

static const char *const status_names[GDW_STATUS_N] = {
  [GDW_STATUS_NONE] = "none",           [GDW_STATUS_SETUP] = "setup",
  [GDW_STATUS_ACTIVE] = "active",       [GDW_STATUS_PRE_SWITCHOVER] = "pre-switchover",
  [GDW_STATUS_DEVICE] = "device",       [GDW_STATUS_CANCELLING] = "cancelling",
  [GDW_STATUS_CANCELLED] = "cancelled", [GDW_STATUS_FAILED] = "failed",
  [GDW_STATUS_COMPLETED] = "completed",
};

static const char *const run_state_names[GDW_RUN_STATE_N] = {
  [GDW_RUN_STATE_PRELAUNCH] = "prelaunch",
  [GDW_RUN_STATE_RUNNING] = "running",
  [GDW_RUN_STATE_PAUSED] = "paused",
  [GDW_RUN_STATE_INMIGRATE] = "inmigrate",
  [GDW_RUN_STATE_FINISH_MIGRATE] = "finish-migrate",
  [GDW_RUN_STATE_POSTMIGRATE] = "postmigrate",
  [GDW_RUN_STATE_INTERNAL_ERROR] = "internal-error",
};

const char *
gdw_status_name (GdwStatus status)
{
  return (guint) status < GDW_STATUS_N ? status_names[status] : "unknown";
}

const char *
gdw_run_state_name (GdwRunState state)
{
  return (guint) state < GDW_RUN_STATE_N ? run_state_names[state] : "unknown";
}

gboolean
gdw_state_allows (GdwStatus from, GdwStatus to)
{
  return (guint) from < GDW_STATUS_N && (guint) to < GDW_STATUS_N && (moves[from] >> to) & 1;
}

gboolean
gdw_state_set (GdwState *state, GdwStatus to, GError **error)
{
  if (!gdw_state_allows (state->status, to)) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_BUSY,
                 "status '%s': cannot become '%s': a migration makes no such move; report this",
                 gdw_status_name (state->status), gdw_status_name (to));
    return FALSE;
  }
  state->status = to;
  return TRUE;
}
