/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* states PAGE: prints the page with its generated parts made anew from the tables. */
#include <stdio.h>
#include <string.h>

#include "core/destination/phase.h"
#include "core/migration/status.h"
#include "core/source/phase.h"

#define MARK "<!-- generated: "
#define END "<!-- end -->"

/* In the picture a name has no '-'. */
static char *
picture_name (GdwStatus status)
{
  return g_strdelimit (g_strdup (gdw_status_name (status)), "-", '_');
}

static void
add_picture_of_statuses (GString *out)
{
  g_string_append (out, "```mermaid\nstateDiagram-v2\n  [*] --> none\n");
  for (GdwStatus s = 0; s < GDW_STATUS_N; s++) {
    g_autofree char *name = picture_name (s);

    if (strcmp (name, gdw_status_name (s)) != 0)
      g_string_append_printf (out, "  state \"%s\" as %s\n", gdw_status_name (s), name);
  }
  for (GdwStatus from = 0; from < GDW_STATUS_N; from++)
    for (GdwStatus to = 0; to < GDW_STATUS_N; to++) {
      g_autofree char *a = picture_name (from), *b = picture_name (to);

      if (gdw_state_allows (from, to))
        g_string_append_printf (out, "  %s --> %s\n", a, b);
    }
  g_string_append (out, "```\n\n");
}

static void
add_statuses (GString *out)
{
  add_picture_of_statuses (out);
  g_string_append (out, "| status | may become |\n| --- | --- |\n");
  for (GdwStatus from = 0; from < GDW_STATUS_N; from++) {
    const char *comma = "";

    g_string_append_printf (out, "| %s | ", gdw_status_name (from));
    for (GdwStatus to = 0; to < GDW_STATUS_N; to++)
      if (gdw_state_allows (from, to)) {
        g_string_append_printf (out, "%s%s", comma, gdw_status_name (to));
        comma = ", ";
      }
    g_string_append (out, " |\n");
  }
}

static void
add_status_of (GString *out, const GdwPhase *phase)
{
  g_string_append (out, phase->status == GDW_STATUS_NONE ? "as before"
                                                         : gdw_status_name (phase->status));
  if (phase->cancelled != GDW_STATUS_NONE)
    g_string_append_printf (out, "; of a cancel: %s", gdw_status_name (phase->cancelled));
  if (phase->moved != GDW_STATUS_NONE)
    g_string_append_printf (out, "; if the guest has moved: %s",
                            gdw_status_name (phase->moved));
}

static void
add_phases (GString *out, const GdwPhase *table, guint n)
{
  g_string_append (out, "| phase | status | waits for | may become | the source may take the "
                        "guest back |\n| --- | --- | --- | --- | --- |\n");
  for (guint i = 0; i < n; i++) {
    const char *comma = "";

    g_string_append_printf (out, "| %s | ", table[i].name);
    add_status_of (out, &table[i]);
    g_string_append_printf (out, " | %s | ", table[i].waits_for);
    for (guint to = 0; to < n; to++)
      if (table[i].next & (1u << to)) {
        g_string_append_printf (out, "%s%s", comma, table[to].name);
        comma = ", ";
      }
    g_string_append_printf (out, " | %s |\n", table[i].reclaim ? "yes" : "no");
  }
}

static gboolean
add_part (GString *out, const char *name)
{
  if (g_str_has_prefix (name, "status "))
    add_statuses (out);
  else if (g_str_has_prefix (name, "source "))
    add_phases (out, gdw_source_phases, GDW_SOURCE_N_PHASES);
  else if (g_str_has_prefix (name, "destination "))
    add_phases (out, gdw_destination_phases, GDW_DESTINATION_N_PHASES);
  else
    return FALSE;
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *page = NULL;
  const char *at, *mark, *end;

  if (argc != 2 || !g_file_get_contents (argv[1], &page, NULL, NULL)) {
    fprintf (stderr, "states: give the page to print anew\n");
    return 1;
  }
  for (at = page; (mark = strstr (at, MARK)); at = end) {
    end = strstr (mark, END);
    g_string_append_len (out, at, mark - at);
    g_string_append_len (out, mark, strcspn (mark, "\n") + 1);
    g_string_append_c (out, '\n');
    if (!end || !add_part (out, mark + strlen (MARK))) {
      fprintf (stderr, "states: %s: a part of no known name, or without its end\n", argv[1]);
      return 1;
    }
    g_string_append_c (out, '\n');
  }
  g_string_append (out, at);
  fputs (out->str, stdout);
  return 0;
}
