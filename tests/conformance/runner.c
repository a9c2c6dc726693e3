/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "runner.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/module.h"
#include "plugins/options.h"

/* A test that takes longer hangs. */
#define DEADLINE_MS 60000
#define OUTPUT_MAX 65536

void
skip (const char *format, ...)
{
  va_list values;

  va_start (values, format);
  vfprintf (stderr, format, values);
  va_end (values);
  fflush (stderr);
  _exit (RUN_SKIPPED);
}

guint32
runner_kind (const char *file, char **name)
{
  static const char *const kinds[] = { "gdw-tracker-", "gdw-transport-", "gdw-filter-" };
  g_autofree char *base = g_path_get_basename (file);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize begin = strlen (kinds[i]), size = strlen (base);

    if (!g_str_has_prefix (base, kinds[i]) || !g_str_has_suffix (base, ".so") ||
        size <= begin + 3)
      continue;
    *name = g_strndup (base + begin, size - begin - 3);
    return i + 1;
  }
  return 0;
}

Subject *
runner_load (const Settings *settings, const char *file)
{
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  guint32 kind = runner_kind (file, &name);
  Subject *subject = g_new0 (Subject, 1);
  char *options = settings->options ? g_strjoinv (",", settings->options) : NULL;

  subject->settings = settings;
  subject->file = file;
  subject->plugin = gdw_module_load (file, kind, name, &error);
  if (subject->plugin)
    subject->values = gdw_options_parse (subject->plugin, options, &error);
  if (subject->values)
    return subject;
  fprintf (stderr, "%s\n", error->message);
  fflush (stderr);
  _exit (RUN_FAILED);
}

typedef struct {
  const Settings *settings;
  const char *file;
  const Case *test;
  HostKind host;
  guint64 seed;
} Run;

static void
run_in_child (const Run *run, int output)
{
  Subject *subject;

  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  alarm (2 * DEADLINE_MS / 1000); /* should it close its output and hang */
  dup2 (output, STDOUT_FILENO);
  dup2 (output, STDERR_FILENO);
  close (output);
  subject = runner_load (run->settings, run->file);
  subject->host = run->host;
  subject->seed = run->seed;
  run->test->run (subject);
  fflush (NULL);
  _exit (RUN_PASSED);
}

/* What the child says until it ends; FALSE if it does not in time. */
static gboolean
listen_to (int input, GString *said)
{
  gint64 until_us = g_get_monotonic_time () + DEADLINE_MS * (gint64) 1000;
  char buffer[4096];

  for (;;) {
    gint64 left_ms = (until_us - g_get_monotonic_time ()) / 1000;
    struct pollfd fd = { input, POLLIN, 0 };
    gssize n;

    if (left_ms <= 0)
      return FALSE;
    if (poll (&fd, 1, (int) left_ms) <= 0)
      continue;
    n = read (input, buffer, sizeof buffer);
    if (n <= 0)
      return TRUE;
    if (said->len < OUTPUT_MAX)
      g_string_append_len (said, buffer, n);
  }
}

/* What became of the child, in words; NULL if it passed. */
static char *
judge (int status, gboolean in_time)
{
  if (!in_time)
    return g_strdup_printf ("it did not end within %d s", DEADLINE_MS / 1000);
  if (WIFSIGNALED (status))
    return g_strdup_printf ("it crashed: %s", strsignal (WTERMSIG (status)));
  if (WEXITSTATUS (status) == RUN_PASSED)
    return NULL;
  return g_strdup_printf ("it ended with status %d", WEXITSTATUS (status));
}

static int
run_child (const Run *run, GString *said, gboolean *in_time)
{
  int fds[2], status = 0;
  pid_t pid;

  fflush (NULL);
  if (pipe (fds) < 0 || (pid = fork ()) < 0) {
    g_string_append (said, "no process could be started\n");
    return W_EXITCODE (RUN_FAILED, 0);
  }
  if (pid == 0) {
    close (fds[0]);
    run_in_child (run, fds[1]);
  }
  close (fds[1]);
  *in_time = listen_to (fds[0], said);
  if (!*in_time)
    kill (-pid, SIGKILL);
  waitpid (pid, &status, 0);
  kill (-pid, SIGKILL);
  close (fds[0]);
  return status;
}

static void
print_said (const GString *said)
{
  g_auto (GStrv) lines = g_strsplit (said->str, "\n", -1);

  for (guint i = 0; lines[i]; i++)
    if (*lines[i])
      printf ("# %s\n", lines[i]);
}

static const char *
host_name (HostKind host)
{
  return host == HOST_SOFT ? "soft/" : host == HOST_KVM ? "kvm/" : "";
}

/* As often as asked; the first failure counts. */
static void
run_test (const Run *template, Tally *tally)
{
  Run run = *template;
  g_autofree char *name = NULL, *why = NULL;
  g_autoptr (GString) said = g_string_new (NULL);
  gboolean in_time = TRUE;
  int status = 0;

  runner_kind (run.file, &name);
  for (guint i = 0; i < run.settings->repeat && !why; i++, run.seed++) {
    g_string_truncate (said, 0);
    status = run_child (&run, said, &in_time);
    if (in_time && WIFEXITED (status) && WEXITSTATUS (status) == RUN_SKIPPED)
      break;
    why = judge (status, in_time);
  }
  tally->n++;
  tally->failed += why != NULL;
  printf ("%sok %u - %s: %s%s%s%s\n", why ? "not " : "", tally->n, name, host_name (run.host),
          run.test->name, why || status == 0 ? "" : " # SKIP ",
          why || status == 0 ? "" : said->str);
  if (why) {
    print_said (said);
    printf ("# %s\n# again: godwit-conformance --only '%s' --seed %" G_GUINT64_FORMAT " %s\n",
            why, run.test->name, run.seed - 1, run.file);
  }
  fflush (stdout);
}

gboolean
runner_run (const Settings *settings, const char *file, Tally *tally)
{
  g_autofree char *name = NULL;
  guint32 kind = runner_kind (file, &name);
  const Case *test;

  if (!kind || access (file, R_OK) != 0) {
    fprintf (stderr,
             "godwit-conformance: %s: it is no plugin: %s; give gdw-KIND-NAME.so files\n", file,
             kind ? "it cannot be read" : "its name says no kind");
    return FALSE;
  }
  for (test = suite_cases (kind); test->name; test++) {
    Run run = { settings, file, test, HOST_NONE, settings->seed };

    if ((settings->quick && test->slow) ||
        (settings->only && !g_pattern_match_simple (settings->only, test->name)))
      continue;
    for (HostKind host = HOST_SOFT; kind == GDW_PLUGIN_TRACKER && host <= HOST_KVM; host++) {
      run.host = host;
      if (host == HOST_SOFT ? settings->soft : settings->kvm)
        run_test (&run, tally);
    }
    if (kind != GDW_PLUGIN_TRACKER)
      run_test (&run, tally);
  }
  return TRUE;
}
