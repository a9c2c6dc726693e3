/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "over.h"
#include "plugins/module.h"
#include "plugins/options.h"

/* A test that takes longer counts as hung. */
#define DEADLINE_S 60
#define SLOW_DEADLINE_S 600
#define OUTPUT_MAX 65536

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

/* Loads the plugin of @file with its options in this process.  Ends the process if that fails,
 * with RUN_SKIPPED if the command line is wrong. */
static Subject *
load_subject (const Settings *settings, const char *file)
{
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;
  guint32 kind = runner_kind (file, &name);
  Subject *subject = g_new0 (Subject, 1);
  g_autofree char *options = NULL;

  subject->settings = settings;
  subject->file = file;
  subject->plugin = gdw_module_load (file, kind, name, &error);
  if (!subject->plugin) {
    fprintf (stderr, "%s\n", error->message);
    fflush (stderr);
    _exit (RUN_FAILED);
  }
  options = over_options (settings, subject->plugin);
  subject->values = gdw_options_parse (subject->plugin, options, &error);
  if (!subject->values)
    skip ("%s", error->message);
  if (kind == GDW_PLUGIN_FILTER)
    over_load (subject);
  return subject;
}

typedef struct {
  const Settings *settings;
  const char *file, *folder;
  const Case *test; /* NULL to only load it */
  HostKind host;
  guint64 seed;
} Run;

static void
run_test (gconstpointer data)
{
  const Run *run = data;
  Subject *subject = load_subject (run->settings, run->file);

  subject->host = run->host;
  subject->seed = run->seed;
  subject->folder = run->folder;
  if (chdir (run->folder) != 0)
    skip ("the temporary folder is gone");
  if (run->test)
    run->test->run (subject);
}

/* Collects the output of the child until it ends.  Returns FALSE if it does not end in time. */
static gboolean
listen_to (int input, guint deadline_s, GString *said)
{
  gint64 until_us = g_get_monotonic_time () + deadline_s * (gint64) G_USEC_PER_SEC;
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

/* Describes how the child ended; NULL if it did what it should. */
static char *
judge (int status, gboolean in_time, guint deadline_s, gboolean *skipped)
{
  *skipped = FALSE;
  if (!in_time)
    return g_strdup_printf ("it did not end within %u s", deadline_s);
  if (WIFSIGNALED (status))
    return g_strdup_printf ("it crashed: %s", strsignal (WTERMSIG (status)));
  *skipped = WEXITSTATUS (status) == RUN_SKIPPED;
  if (*skipped || WEXITSTATUS (status) == RUN_PASSED)
    return NULL;
  if (WEXITSTATUS (status) == RUN_FAILED)
    return g_strdup ("it failed");
  return g_strdup_printf ("something ended the process with status %d before the test was over",
                          WEXITSTATUS (status));
}

static void
become_child (int output, guint deadline_s)
{
  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  alarm (2 * deadline_s); /* in case the child closes its output and hangs */
  dup2 (output, STDOUT_FILENO);
  dup2 (output, STDERR_FILENO);
  close (output);
}

char *
runner_isolate (void (*function) (gconstpointer data), gconstpointer data, guint deadline_s,
                GString *said, gboolean *skipped)
{
  int fds[2], status = 0;
  gboolean in_time;
  pid_t pid;

  *skipped = FALSE;
  fflush (NULL);
  if (pipe2 (fds, O_CLOEXEC) < 0 || (pid = fork ()) < 0)
    return g_strdup_printf ("no process could be started: %s", g_strerror (errno));
  if (pid == 0) {
    close (fds[0]);
    become_child (fds[1], deadline_s);
    function (data);
    fflush (NULL);
    _exit (RUN_PASSED);
  }
  close (fds[1]);
  in_time = listen_to (fds[0], deadline_s, said);
  if (!in_time)
    kill (-pid, SIGKILL);
  waitpid (pid, &status, 0);
  kill (-pid, SIGKILL);
  close (fds[0]);
  return judge (status, in_time, deadline_s, skipped);
}

static int
remove_one (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  return remove (path);
}

/* Runs it in a fresh folder. */
static char *
run_once (const Run *template, GString *said, gboolean *skipped)
{
  Run run = *template;
  g_autofree char *folder = g_dir_make_tmp ("godwit-conformance-XXXXXX", NULL);
  guint deadline_s = !run.test        ? LOAD_DEADLINE_S
                     : run.test->slow ? SLOW_DEADLINE_S
                                      : DEADLINE_S;
  char *why;

  *skipped = FALSE;
  if (!folder)
    return g_strdup ("no temporary folder could be made");
  run.folder = folder;
  why = runner_isolate (run_test, &run, deadline_s, said, skipped);
  nftw (folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return why;
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

/* Prints the command that repeats the run. */
static void
print_again (const Run *run, const GString *said)
{
  const Settings *s = run->settings;
  const char *line = strstr (said->str, "\n" RUN_SEED);
  guint64 seed = line ? g_ascii_strtoull (line + strlen ("\n" RUN_SEED), NULL, 10) : run->seed;

  printf ("# again: godwit-conformance --only '%s' --seed %" G_GUINT64_FORMAT, run->test->name,
          seed);
  if (run->host == HOST_KVM)
    printf (" --host kvm");
  if (s->uri)
    printf (" --uri '%s'", s->uri);
  if (s->over)
    printf (" --over '%s'", s->over);
  for (guint i = 0; s->options && s->options[i]; i++)
    printf (" --option '%s'", s->options[i]);
  printf (" %s\n", run->file);
}

static const char *
last_line (const char *text)
{
  const char *end = strrchr (text, '\n');

  return end ? end + 1 : text;
}

/* Runs it as often as asked; the first failure counts. */
static void
run_case (const Run *template, Tally *tally)
{
  Run run = *template;
  g_autofree char *name = NULL, *why = NULL;
  g_autoptr (GString) said = g_string_new (NULL);
  gboolean skipped = FALSE;

  runner_kind (run.file, &name);
  for (guint i = 0; i < run.settings->repeat && !skipped; i++) {
    run.seed = template->seed + i;
    g_string_truncate (said, 0);
    why = run_once (&run, said, &skipped);
    if (why)
      break;
  }
  tally->n++;
  tally->failed += why != NULL;
  printf ("%sok %u - %s: %s%s", why ? "not " : "", tally->n, name, host_name (run.host),
          run.test->name);
  if (skipped)
    printf (" # SKIP %s", last_line (said->str));
  printf ("\n");
  if (why) {
    print_said (said);
    printf ("# %s\n", why);
    print_again (&run, said);
  }
  fflush (stdout);
}

typedef enum { LOADS, LOADS_NOT, LOADS_OTHERWISE } Loads;

/* Tests that the plugin loads.  If not, or if it lacks what the command line asks for, which is
 * reported, nothing else runs. */
static Loads
loads (const Settings *settings, const char *file, const char *name, Tally *tally)
{
  Run run = { settings, file, NULL, NULL, HOST_NONE, 0 };
  g_autoptr (GString) said = g_string_new (NULL);
  gboolean skipped;
  g_autofree char *why = run_once (&run, said, &skipped);

  if (skipped)
    fprintf (stderr, "godwit-conformance: %s: %s\n", file, said->str);
  if (!why)
    return skipped ? LOADS_OTHERWISE : LOADS;
  tally->n++;
  tally->failed++;
  printf ("not ok %u - %s: loads\n", tally->n, name);
  print_said (said);
  printf ("# %s\n", why);
  fflush (stdout);
  return LOADS_NOT;
}

gboolean
runner_run (const Settings *settings, const char *given, Tally *tally)
{
  g_autofree char *name = NULL;
  g_autofree char *file = g_canonicalize_filename (given, NULL);
  guint32 kind = runner_kind (file, &name);
  const Case *test;
  Loads loaded;

  if (!kind || access (file, R_OK) != 0) {
    fprintf (stderr,
             "godwit-conformance: %s: it is not a plugin: %s; give gdw-KIND-NAME.so files\n",
             given, kind ? "it cannot be read" : "its name has no kind");
    return FALSE;
  }
  loaded = loads (settings, file, name, tally);
  if (loaded != LOADS)
    return loaded == LOADS_NOT;
  for (test = suite_cases (kind); test->name; test++) {
    Run run = { settings, file, NULL, test, HOST_NONE, settings->seed };

    if ((settings->quick && test->slow) ||
        (settings->only && !g_pattern_match_simple (settings->only, test->name)))
      continue;
    for (HostKind host = HOST_SOFT; kind == GDW_PLUGIN_TRACKER && host <= HOST_KVM; host++) {
      run.host = host;
      if (host == HOST_SOFT ? settings->soft : settings->kvm && test->guest)
        run_case (&run, tally);
    }
    if (kind != GDW_PLUGIN_TRACKER)
      run_case (&run, tally);
  }
  return TRUE;
}
