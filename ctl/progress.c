/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "progress.h"

#include "error.h"
#include "qapi/number.h"

#include <string.h>

/* Keeps the numbers of a hostile server within 64 bits. */
#define RATE_MAX 1e18

const char *const progress_parts[PROGRESS_PARTS] = { "pause", "state",    "harvest",
                                                     "pages", "handover", "resume" };

static void
read_memory (Progress *p, JsonObject *ram)
{
  guint64 page = json_uint (ram, "page-size");

  p->has_memory = ram != NULL;
  p->sent = json_uint (ram, "transferred");
  p->remaining = json_uint (ram, "remaining");
  p->total = json_uint (ram, "total");
  p->rate = (guint64) CLAMP (json_number (ram, "mbps") * 1e6 / 8, 0, RATE_MAX);
  p->dirty_rate = json_uint (ram, "dirty-pages-rate") * page;
  p->rounds = json_uint (ram, "dirty-sync-count");
  p->zero_pages = json_uint (ram, "duplicate");
  p->normal_pages = json_uint (ram, "normal");
}

static void
read_blackout (Progress *p, JsonObject *blackout)
{
  p->has_blackout = blackout != NULL;
  for (guint i = 0; i < PROGRESS_PARTS; i++) {
    g_autofree char *name = g_strconcat (progress_parts[i], "-us", NULL);

    p->blackout_us[i] = json_uint (blackout, name);
  }
}

static void
read_rounds (Progress *p, JsonArray *rounds)
{
  p->round = g_array_new (FALSE, FALSE, sizeof (Round));
  for (guint i = 0; i < json_length (rounds); i++) {
    JsonObject *from = json_element (rounds, i);
    Round round = { json_uint (from, "pages"), json_uint (from, "bytes"),
                    json_uint (from, "ms"), json_uint (from, "dirty-pages") };

    g_array_append_val (p->round, round);
  }
}

static void
read_links (Progress *p, JsonArray *links)
{
  p->link = g_array_new (FALSE, FALSE, sizeof (Link));
  for (guint i = 0; i < json_length (links); i++) {
    JsonObject *from = json_element (links, i);
    Link link = { json_uint (from, "id"), json_uint (from, "bytes"), json_bool (from, "lost") };

    g_array_append_val (p->link, link);
  }
}

static void
read_warnings (Progress *p, JsonArray *warnings)
{
  p->warnings = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < json_length (warnings); i++) {
    const char *text = gdw_number_get_string (json_array_get_element (warnings, i));

    if (text)
      g_ptr_array_add (p->warnings, json_printable (text));
  }
}

/* In an address a backslash saves a bar or a comma, and each backslash directly before one. */
static char *
escape (const char *plain)
{
  GString *text = g_string_new (NULL);
  guint backslashes = 0;

  for (const char *p = plain; *p; p++) {
    if (*p == '|' || *p == ',')
      for (guint i = 0; i <= backslashes; i++)
        g_string_append_c (text, '\\');
    backslashes = *p == '\\' ? backslashes + 1 : 0;
    g_string_append_c (text, *p);
  }
  return g_string_free (text, FALSE);
}

/* In text a file that begins with "@" needs something before it. */
static const char *
mark_of_path (gboolean abstract, const char *path)
{
  if (abstract)
    return "@";
  return path[0] == '@' ? "./" : "";
}

/* Returns the address in the form that a user types at the source. */
static char *
read_address (JsonArray *addresses, const char *transport)
{
  JsonObject *address = json_length (addresses) ? json_element (addresses, 0) : NULL;
  g_autofree char *type = json_text (address, "type");
  g_autofree char *host = json_text (address, "host");
  g_autofree char *port = json_text (address, "port");
  g_autofree char *path = json_text (address, "path"), *typed = escape (path);
  gboolean six = strchr (host, ':') != NULL;

  if (strcmp (type, "inet") == 0)
    return g_strdup_printf ("%s:%s%s%s:%s", *transport ? transport : "tcp", six ? "[" : "",
                            host, six ? "]" : "", port);
  if (strcmp (type, "unix") == 0)
    return g_strconcat ("unix:", mark_of_path (json_bool (address, "abstract"), path), typed,
                        NULL);
  return NULL;
}

Progress *
progress_query (Client *client, GError **error)
{
  g_autoptr (JsonNode) node = client_execute (client, "query-migrate", NULL, error);
  JsonObject *info;
  Progress *p;

  if (!node)
    return NULL;
  info = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  p = g_new0 (Progress, 1);
  p->status = g_intern_string (json_string (info, "status"));
  p->status = p->status ? p->status : "none";
  p->outcome = g_intern_string (json_string (info, "x-outcome"));
  p->error = json_text (info, "error-desc");
  p->tracker = json_text (info, "x-tracker");
  p->transport = json_text (info, "x-transport");
  p->address = read_address (json_array (info, "socket-address"), p->transport);
  p->links = json_uint (info, "x-links");
  p->expected_us = json_uint (info, "x-predicted-downtime");
  if (!p->expected_us)
    p->expected_us = MIN (json_uint (info, "expected-downtime"), G_MAXUINT64 / 1000) * 1000;
  p->total_ms = json_uint (info, "total-time");
  p->setup_ms = json_uint (info, "setup-time");
  p->downtime_ms = json_uint (info, "downtime");
  read_memory (p, json_object (info, "ram"));
  /* The server reports measured rates only after the first round. */
  if (!p->rate && p->total_ms > p->setup_ms)
    p->rate = (guint64) MIN ((double) p->sent * 1000 / (double) (p->total_ms - p->setup_ms),
                             RATE_MAX);
  read_blackout (p, json_object (info, "blackout"));
  read_rounds (p, json_array (info, "x-rounds"));
  read_links (p, json_array (info, "x-link-stats"));
  read_warnings (p, json_array (info, "x-warnings"));
  return p;
}

void
progress_free (Progress *p)
{
  g_free (p->error);
  g_free (p->tracker);
  g_free (p->transport);
  g_free (p->address);
  g_array_unref (p->round);
  g_array_unref (p->link);
  g_ptr_array_unref (p->warnings);
  g_free (p);
}

gboolean
progress_is (const Progress *p, const char *status)
{
  return strcmp (p->status, status) == 0;
}

gboolean
progress_has_ended (const Progress *p)
{
  return progress_is (p, "none") || progress_is (p, "completed") || progress_is (p, "failed") ||
         progress_is (p, "cancelled");
}

static gboolean
is_unknown (const Progress *p)
{
  return progress_is (p, "failed") && g_strcmp0 (p->outcome, "unknown") == 0;
}

const char *
progress_word (const Progress *p)
{
  return is_unknown (p) ? "outcome unknown" : p->status;
}

int
progress_exit (const Progress *p)
{
  if (is_unknown (p))
    return EXIT_UNKNOWN;
  if (progress_is (p, "cancelled"))
    return EXIT_CANCELLED;
  return progress_is (p, "failed") ? EXIT_FAILED : EXIT_DONE;
}

void
progress_set_error (const Progress *p, GError **error)
{
  const char *why = *p->error ? p->error : "the server does not say why";

  if (is_unknown (p))
    g_set_error (
        error, CTL_ERROR, CTL_ERROR_REFUSED,
        "migration: outcome unknown: %s; the guest does not run here, it may run at the "
        "destination: ask there, and decide as godwitctl(1) says under OUTCOME UNKNOWN",
        why);
  else if (progress_is (p, "cancelled"))
    g_set_error (error, CTL_ERROR, CTL_ERROR_REFUSED,
                 "migration: cancelled: on request; the guest is at the source");
  else if (progress_is (p, "failed"))
    g_set_error (error, CTL_ERROR, CTL_ERROR_REFUSED, "migration: failed: %s", why);
}

double
progress_fraction (const Progress *p)
{
  if (progress_is (p, "completed"))
    return 1;
  if (!p->has_memory || !p->total)
    return 0;
  return 1 - (double) MIN (p->remaining, p->total) / (double) p->total;
}
