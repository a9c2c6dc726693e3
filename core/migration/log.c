/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/migration/log.h"

#include <string.h>

#include "core/migration/migration.h"

#define FIELDS_MAX 24u

struct GdwLog {
  GdwMigration *migration;
  GLogLevelFlags level; /* the least severe that is logged; 0: none */
};

/* One entry; it owns the values. */
typedef struct {
  GLogLevelFlags level;
  GLogField fields[FIELDS_MAX];
  guint n;
} Entry;

static GLogLevelFlags
level_of (const char *name)
{
  if (!name || !*name)
    return 0;
  if (strcmp (name, "debug") == 0)
    return G_LOG_LEVEL_DEBUG;
  if (strcmp (name, "info") == 0)
    return G_LOG_LEVEL_INFO;
  if (strcmp (name, "warning") != 0)
    g_warning ("GODWIT_LOG: '%s' is not possible: write debug, info or warning", name);
  return G_LOG_LEVEL_WARNING;
}

G_GNUC_PRINTF (3, 4)
static void
add (Entry *entry, const char *key, const char *format, ...)
{
  va_list args;

  g_return_if_fail (entry->n < FIELDS_MAX);
  va_start (args, format);
  entry->fields[entry->n++] = (GLogField){ key, g_strdup_vprintf (format, args), -1 };
  va_end (args);
}

static void
add_number (Entry *entry, const char *key, guint64 value)
{
  add (entry, key, "%" G_GUINT64_FORMAT, value);
}

/* Returns FALSE if nobody wants it. */
static gboolean
begin (const GdwLog *log, Entry *entry, GLogLevelFlags level)
{
  const char *name = gdw_migration_host (log->migration)->name;
  const char *id = gdw_migration_get_id (log->migration);
  GdwInfo info;

  *entry = (Entry){ .level = level };
  if (level > log->level)
    return FALSE;
  gdw_migration_get_info (log->migration, &info);
  add (entry, "PRIORITY", "%s",
       level == G_LOG_LEVEL_WARNING ? "4"
       : level == G_LOG_LEVEL_INFO  ? "6"
                                    : "7");
  add (entry, "GLIB_DOMAIN", "godwit");
  add (entry, "GODWIT_SIDE", "%s", info.incoming ? "destination" : "source");
  if (name)
    add (entry, "GODWIT_VM", "%s", name);
  if (id)
    add (entry, "GODWIT_MIGRATION_ID", "%s", id);
  return TRUE;
}

/* Text from a peer or an address must not begin a line of its own. */
static char *
on_one_line (const char *text)
{
  GString *line = g_string_new (NULL);

  for (; *text; text++) {
    if (g_ascii_iscntrl (*text))
      g_string_append_printf (line, "\\x%02x", (guint) *text);
    else
      g_string_append_c (line, *text);
  }
  return g_string_free (line, FALSE);
}

/* Writes "source 8c1f2a07: MESSAGE".  This part of the id tells two migrations apart. */
G_GNUC_PRINTF (3, 4)
static void
end (const GdwLog *log, Entry *entry, const char *format, ...)
{
  const char *id = gdw_migration_get_id (log->migration);
  g_autofree char *raw = NULL, *text = NULL;
  GdwInfo info;
  va_list args;

  gdw_migration_get_info (log->migration, &info);
  va_start (args, format);
  raw = g_strdup_vprintf (format, args);
  va_end (args);
  text = on_one_line (raw);
  add (entry, "MESSAGE", "%s%s%.8s: %s", info.incoming ? "destination" : "source",
       id ? " " : "", id ? id : "", text);
  g_log_structured_array (entry->level, entry->fields, entry->n);
  for (guint i = 0; i < entry->n; i++)
    g_free ((gpointer) entry->fields[i].value);
}

static void
on_failed (const GdwLog *log)
{
  const GError *error = gdw_migration_get_error (log->migration);
  Entry entry;

  if (!begin (log, &entry, G_LOG_LEVEL_WARNING))
    return;
  add (&entry, "GODWIT_STATUS", "failed");
  add (&entry, "GODWIT_ERROR", "%s", error ? error->message : "");
  end (log, &entry, "failed: %s", error ? error->message : "no reason is known");
}

static void
on_status (GdwMigration *migration, guint status, GdwLog *log)
{
  Entry entry;

  if (status == GDW_STATUS_FAILED) {
    on_failed (log);
    return;
  }
  if (!begin (log, &entry, G_LOG_LEVEL_INFO))
    return;
  add (&entry, "GODWIT_STATUS", "%s", gdw_status_name (status));
  end (log, &entry, "%s", gdw_status_name (status));
}

static void
on_run_state (GdwMigration *migration, guint state, GdwLog *log)
{
  Entry entry;

  if (!begin (log, &entry, G_LOG_LEVEL_INFO))
    return;
  add (&entry, "GODWIT_RUN_STATE", "%s", gdw_run_state_name (state));
  end (log, &entry, "the guest is %s", gdw_run_state_name (state));
}

/* When a round begins, the entry tells of the round before. */
static void
on_round (GdwMigration *migration, guint64 number, GdwLog *log)
{
  GdwRoundInfo last = { 0 };
  GdwInfo info;
  Entry entry;

  if (!begin (log, &entry, G_LOG_LEVEL_DEBUG))
    return;
  gdw_migration_get_info (migration, &info);
  if (number > 1 && info.round_list && info.round_list->len)
    last = g_array_index (info.round_list, GdwRoundInfo, info.round_list->len - 1);
  add_number (&entry, "GODWIT_ROUND", number);
  add_number (&entry, "GODWIT_PAGES", last.pages);
  add_number (&entry, "GODWIT_BYTES", last.bytes);
  add_number (&entry, "GODWIT_MS", last.ms);
  add_number (&entry, "GODWIT_DIRTY_PAGES", last.dirty_pages);
  end (log, &entry,
       "round %" G_GUINT64_FORMAT "; the last one: %" G_GUINT64_FORMAT
       " pages in %" G_GUINT64_FORMAT " ms, %" G_GUINT64_FORMAT " dirty",
       number, last.pages, last.ms, last.dirty_pages);
}

static void
warn (const GdwLog *log, const char *text)
{
  Entry entry;

  if (begin (log, &entry, G_LOG_LEVEL_WARNING))
    end (log, &entry, "%s", text);
}

static void
on_ended (GdwMigration *migration, guint status, GdwLog *log)
{
  static const char *const outcomes[] = { "none", "source", "destination", "unknown" };
  GdwInfo info;
  Entry entry;

  gdw_migration_get_info (migration, &info);
  for (guint i = 0; info.warnings && i < info.warnings->len; i++)
    warn (log, info.warnings->pdata[i]);
  if (!begin (log, &entry, G_LOG_LEVEL_INFO))
    return;
  add (&entry, "GODWIT_STATUS", "%s", gdw_status_name (status));
  add (&entry, "GODWIT_OUTCOME", "%s", outcomes[info.outcome]);
  add (&entry, "GODWIT_TRANSPORT", "%s", info.transport ? info.transport : "");
  add (&entry, "GODWIT_TRACKER", "%s", info.tracker ? info.tracker : "");
  add_number (&entry, "GODWIT_BYTES", info.transferred_bytes);
  add_number (&entry, "GODWIT_ROUNDS", info.rounds);
  add_number (&entry, "GODWIT_MS", info.total_time_ms);
  add_number (&entry, "GODWIT_DOWNTIME_MS", info.downtime_ms);
  end (log, &entry,
       "ended %s after %" G_GUINT64_FORMAT " ms, %" G_GUINT64_FORMAT
       " rounds and %" G_GUINT64_FORMAT " bytes; who has the guest: %s",
       gdw_status_name (status), info.total_time_ms, info.rounds, info.transferred_bytes,
       outcomes[info.outcome]);
}

GdwLog *
gdw_log_new (GdwMigration *migration)
{
  GdwLog *log = g_new0 (GdwLog, 1);

  log->migration = migration;
  log->level = level_of (g_getenv ("GODWIT_LOG"));
  if (!log->level)
    return log;
  g_signal_connect (migration, "status", G_CALLBACK (on_status), log);
  g_signal_connect (migration, "run-state", G_CALLBACK (on_run_state), log);
  g_signal_connect (migration, "pass", G_CALLBACK (on_round), log);
  g_signal_connect (migration, "ended", G_CALLBACK (on_ended), log);
  return log;
}

void
gdw_log_free (GdwLog *log)
{
  g_free (log);
}
