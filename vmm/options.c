/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

#include "options.h"

#include "place.h"

#include <string.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX 65536

static gboolean
bad (GError **error, const char *option, const char *value, const char *todo)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "option '%s': cannot be used: '%s' is not possible; %s", option, value, todo);
  return FALSE;
}

/* A number, with the suffix K, M, G or T for a size. */
static gboolean
parse_number (const char *option, const char *text, gboolean size, guint64 *out, GError **error)
{
  static const char suffixes[] = "KMGT";
  const char *todo = size ? "write a size, for example 1G or 256M" : "write a number";
  char *end = NULL, *suffix;
  guint64 n = g_ascii_isdigit (*text) ? g_ascii_strtoull (text, &end, 10) : 0;
  guint shift = 0;

  if (end && size && *end && (suffix = strchr (suffixes, g_ascii_toupper (*end)))) {
    shift = 10 * (suffix - suffixes + 1);
    end++;
  }
  if (!end || *end || n > (guint64) G_MAXINT64 >> shift)
    return bad (error, option, text, todo);
  *out = n << shift;
  return TRUE;
}

static gboolean
parse_fill (MachineConfig *machine, const char *value, GError **error)
{
  if (strcmp (value, "random") && strcmp (value, "zero") && strcmp (value, "none"))
    return bad (error, "--workload fill", value, "write random, zero or none");
  machine->fill = strcmp (value, "none") != 0;
  machine->zero = strcmp (value, "zero") == 0;
  return TRUE;
}

static gboolean
parse_pair (MachineConfig *machine, const char *key, const char *value, GError **error)
{
  guint64 n;

  if (strcmp (key, "fill") == 0)
    return parse_fill (machine, value, error);
  if (strcmp (key, "ws") == 0)
    return parse_number ("--workload ws", value, TRUE, &machine->ws_bytes, error);
  if (strcmp (key, "from") == 0)
    return parse_number ("--workload from", value, TRUE, &machine->ws_from, error);
  if (strcmp (key, "rate") == 0)
    return parse_number ("--workload rate", value, FALSE, &machine->rate, error);
  if (strcmp (key, "chatty") == 0) {
    machine->chatty = strcmp (value, "on") == 0;
    return machine->chatty || strcmp (value, "off") == 0 ||
           bad (error, "--workload chatty", value, "write on or off");
  }
  if (strcmp (key, "writers") == 0) {
    if (!parse_number ("--workload writers", value, FALSE, &n, error))
      return FALSE;
    machine->writers = MIN (n, G_MAXUINT);
    return TRUE;
  }
  return bad (error, "--workload", key, "use ws, from, rate, writers, fill and chatty");
}

static gboolean
parse_workload (MachineConfig *machine, const char *text, GError **error)
{
  g_auto (GStrv) pairs = g_strsplit (text, ",", -1);

  for (char **pair = pairs; *pair; pair++) {
    char *value = strchr (*pair, '=');

    if (!value)
      return bad (error, "--workload", *pair, "write for example ws=256M,writers=2");
    *value++ = '\0';
    if (!parse_pair (machine, *pair, value, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
parse_accel (Options *options, const char *accel, GError **error)
{
  gboolean kvm = machine_has_kvm ();

  if (strcmp (accel, "auto") == 0)
    options->fell_back = options->machine.soft = !kvm;
  else if (strcmp (accel, "soft") == 0)
    options->machine.soft = TRUE;
  else if (strcmp (accel, "kvm") != 0)
    return bad (error, "--accel", accel, "write auto, kvm or soft");
  return TRUE;
}

static gboolean
parse_backend (MachineConfig *machine, const char *backend, GError **error)
{
  static const char *const names[] = { "anon", "memfd", "hugetlb" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (backend, names[i]) == 0) {
      machine->backend = (MemoryBackend) i;
      return TRUE;
    }
  return bad (error, "--mem-backend", backend, "write anon, memfd or hugetlb");
}

typedef struct {
  char *memory, *vcpus, *accel, *backend, *workload, *ring, *token;
} Texts;

static gboolean
read_token (Options *options, const char *file, GError **error)
{
  g_autoptr (GError) why = NULL;
  gsize size;

  if (!options->http)
    return bad (error, "--http-token", file, "give --http too, or leave it out");
  options->http_token = place_read (file, TOKEN_BYTES_MAX, &size, &why);
  if (!options->http_token) {
    g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
                 "option '--http-token': file '%s' cannot be used: %s; make it with: "
                 "head -c 32 /dev/urandom | base64 > FILE",
                 file, why->message);
    return FALSE;
  }
  g_strstrip (options->http_token);
  return TRUE;
}

static gboolean
parse_vcpus (MachineConfig *machine, const char *text, GError **error)
{
  guint64 n;

  if (!parse_number ("--vcpus", text, FALSE, &n, error))
    return FALSE;
  machine->vcpus = MIN (n, G_MAXUINT);
  return TRUE;
}

static gboolean
parse_texts (Options *options, const Texts *texts, GError **error)
{
  MachineConfig *machine = &options->machine;

  machine->guest_file = options->guest;
  if (options->uuid && !g_uuid_string_is_valid (options->uuid))
    return bad (error, "--uuid", options->uuid,
                "write one such as 550e8400-e29b-41d4-a716-446655440000");
  return parse_number ("--memory", texts->memory ? texts->memory : "1G", TRUE,
                       &machine->memory_bytes, error) &&
         parse_vcpus (machine, texts->vcpus ? texts->vcpus : "1", error) &&
         parse_accel (options, texts->accel ? texts->accel : "auto", error) &&
         parse_backend (machine, texts->backend ? texts->backend : "anon", error) &&
         (!texts->ring || parse_number ("--dirty-ring-size", texts->ring, FALSE,
                                        &machine->ring_entries, error)) &&
         (!texts->token || read_token (options, texts->token, error)) &&
         (!texts->workload || parse_workload (machine, texts->workload, error));
}

static gboolean
stray (GError **error, const char *word)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "command line: is not understood: '%s' belongs to no option; see --help", word);
  return FALSE;
}

static gboolean
parse_line (GOptionContext *context, int *argc, char ***argv, GError **error)
{
  g_autoptr (GError) why = NULL;

  if (g_option_context_parse (context, argc, argv, &why))
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_INVALID,
               "command line: is not understood: %s; see --help", why->message);
  return FALSE;
}

gboolean
options_parse (Options *options, int *argc, char ***argv, GError **error)
{
  Texts texts = { 0 };
  const GOptionEntry entries[] = {
    { "qmp", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->qmp, "Serve QMP here; repeatable",
      "SOCKET" },
    { "http", 0, 0, G_OPTION_ARG_STRING, &options->http, "Serve HTTP here",
      "ADDRESS:PORT|unix:PATH" },
    { "http-token", 0, 0, G_OPTION_ARG_FILENAME, &texts.token,
      "Each HTTP request must bring the token in this file", "FILE" },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &texts.memory, "Guest memory (1G)", "SIZE" },
    { "vcpus", 0, 0, G_OPTION_ARG_STRING, &texts.vcpus, "Virtual CPUs (1)", "N" },
    { "accel", 0, 0, G_OPTION_ARG_STRING, &texts.accel, "auto, kvm or soft (auto)", "KIND" },
    { "mem-backend", 0, 0, G_OPTION_ARG_STRING, &texts.backend, "anon, memfd or hugetlb (anon)",
      "KIND" },
    { "dirty-ring-size", 0, 0, G_OPTION_ARG_STRING, &texts.ring,
      "Entries of each vCPU's dirty ring, 256 to 65536 (0: a dirty bitmap)", "N" },
    { "guest", 0, 0, G_OPTION_ARG_FILENAME, &options->guest, "Another build of the boot guest",
      "FILE" },
    { "workload", 0, 0, G_OPTION_ARG_STRING, &texts.workload,
      "ws=256M,from=2M,rate=PAGES_PER_S,writers=N,fill=random|zero|none,chatty=on|off",
      "LIST" },
    { "incoming", 0, 0, G_OPTION_ARG_STRING, &options->incoming,
      "Wait for a migration: defer, or the address to listen at", "URI" },
    { "paused", 0, 0, G_OPTION_ARG_NONE, &options->paused, "Do not run the guest yet", NULL },
    { "serial", 0, 0, G_OPTION_ARG_FILENAME, &options->serial, "Output of the serial port",
      "stdio|FILE" },
    { "run-log", 0, 0, G_OPTION_ARG_FILENAME, &options->run_log,
      "Log here when the guest runs and stops", "FILE" },
    { "plugin-path", 0, 0, G_OPTION_ARG_STRING, &options->plugin_path,
      "Look for plugins here first", "DIR[:DIR]" },
    { "uuid", 0, 0, G_OPTION_ARG_STRING, &options->uuid, "The UUID of the VM", "UUID" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  gboolean ok;

  *options = (Options){ .machine = { .writers = 1, .fill = TRUE } };
  g_option_context_set_summary (context, "A small virtual machine that can be migrated.");
  g_option_context_set_description (
      context,
      "Examples:\n"
      "  godwit-vmm --qmp a.sock --memory 2G --workload ws=256M --http 127.0.0.1:8080\n"
      "  godwit-vmm --qmp b.sock --memory 2G --incoming tcp:127.0.0.1:7000\n"
      "  godwitctl -s a.sock migrate tcp:127.0.0.1:7000 --follow\n");
  g_option_context_add_main_entries (context, entries, NULL);
  ok = parse_line (context, argc, argv, error);
  if (ok && *argc > 1)
    ok = stray (error, (*argv)[1]);
  ok = ok && parse_texts (options, &texts, error);
  g_free (texts.memory);
  g_free (texts.vcpus);
  g_free (texts.accel);
  g_free (texts.backend);
  g_free (texts.workload);
  g_free (texts.ring);
  g_free (texts.token);
  return ok;
}

void
options_clear (Options *options)
{
  g_strfreev (options->qmp);
  g_free (options->http);
  g_free (options->http_token);
  g_free (options->incoming);
  g_free (options->serial);
  g_free (options->run_log);
  g_free (options->plugin_path);
  g_free (options->uuid);
  g_free (options->guest);
}
