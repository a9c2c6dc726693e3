/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

#include "completion.h"
#include "error.h"
#include "terminal.h"

#include <glib-unix.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_LINES 1000

typedef struct {
  Session *session;
  Schema *schema;
  EditLine *edit; /* NULL if stdin is not a terminal */
  History *history;
  Input input;
  int status; /* of the last command */
} Shell;

static void
on_heard (gpointer data)
{
  client_interrupt (((Shell *) data)->session->client);
}

static void
print_event (const char *event)
{
  g_autoptr (JsonNode) node = json_parse (event, NULL);
  JsonObject *object = json_node_get_object (node);
  g_autofree char *name = json_text (object, "event"), *data = json_slice (event, "data");
  g_autofree char *shown = json_printable (data);

  printf ("* %s%s%s\n", name, *shown ? " " : "", shown);
}

/* Returns FALSE if there was none. */
static gboolean
print_events (Shell *shell)
{
  gboolean any = FALSE;
  char *event;

  while ((event = client_next_event (shell->session->client))) {
    if (!any && shell->edit)
      fputs ("\r\033[K", stdout);
    any = TRUE;
    print_event (event);
    g_free (event);
  }
  fflush (stdout);
  return any;
}

static gboolean
has_reason_to_stop (Shell *shell)
{
  return shell->input.interrupted || shell->input.ended ||
         !client_is_there (shell->session->client, NULL);
}

static char *
prompt (EditLine *edit)
{
  return (char *) "godwit> ";
}

static gboolean
on_input (int fd, GIOCondition condition, gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_CONTINUE;
}

/* Runs the main context until stdin has input, so that events appear as they arrive. */
static gboolean
wait_for_input (Shell *shell)
{
  gboolean ready = FALSE;
  guint source = g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, &ready);

  while (!ready && !has_reason_to_stop (shell)) {
    g_main_context_iteration (NULL, TRUE);
    if (print_events (shell) && shell->edit)
      el_set (shell->edit, EL_REFRESH);
  }
  g_source_remove (source);
  return ready;
}

/* Reads a character for libedit; returns 1, or -1 at the end of input. */
static int
get_character (EditLine *edit, wchar_t *out)
{
  Shell *shell;
  char bytes[8];
  mbstate_t state = { 0 };

  el_get (edit, EL_CLIENTDATA, &shell);
  for (guint n = 0; n < sizeof bytes; n++) {
    gsize size;

    if (!wait_for_input (shell) || read (STDIN_FILENO, bytes + n, 1) != 1)
      return -1;
    state = (mbstate_t){ 0 };
    size = mbrtowc (out, bytes, n + 1, &state);
    if (size == (gsize) -1)
      *out = '?';
    if (size != (gsize) -2)
      return 1;
  }
  return -1;
}

static void
list_words (const Completion *completion)
{
  putchar ('\n');
  for (guint i = 0; i < completion->words->len; i++)
    printf ("%s%s", (char *) completion->words->pdata[i],
            i + 1 < completion->words->len ? " " : "\n");
  fflush (stdout);
}

static unsigned char
complete (EditLine *edit, int key)
{
  Shell *shell;
  const LineInfo *info = el_line (edit);
  g_autofree char *line = g_strndup (info->buffer, info->cursor - info->buffer);
  g_autofree char *common = NULL;
  Completion *completion;
  unsigned char how = CC_REFRESH;

  el_get (edit, EL_CLIENTDATA, &shell);
  completion = completion_new (shell->schema, line);
  common = completion_common (completion);
  if (*common) {
    el_insertstr (edit, common);
  } else if (completion->words->len > 1) {
    list_words (completion);
    how = CC_REDISPLAY;
  } else {
    how = CC_REFRESH_BEEP;
  }
  completion_free (completion);
  return how;
}

static gboolean
check_command (Shell *shell, const char *name, GError **error)
{
  if (schema_has_command (shell->schema, name))
    return TRUE;
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
               "%s: the server has no such command; press Tab at an empty line", name);
  return FALSE;
}

static void
print_help (Shell *shell, const char *command, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;

  if (!command) {
    printf ("COMMAND [K=V...]   a QMP command; Tab completes it and its arguments\n"
            "{...}              the same as JSON\n"
            "help [COMMAND]     this, or its arguments\n"
            "exit               leave the shell, also Ctrl-D; the VMM stays\n");
    return;
  }
  if (!check_command (shell, command, error))
    return;
  names = schema_arguments (shell->schema, command);
  printf ("%s", command);
  for (guint i = 0; i < names->len; i++)
    printf (" %s=", (char *) names->pdata[i]);
  putchar ('\n');
}

static char *
make_request (Shell *shell, const char *line, char **words, GError **error)
{
  g_autofree char *arguments = NULL;
  g_autoptr (JsonNode) node = NULL;

  if (*line == '{') {
    node = json_parse (line, error);
    g_prefix_error (error, "the line is not JSON: ");
    return node ? g_strdup (line) : NULL;
  }
  if (strcmp (words[0], "quit") == 0) {
    g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
                 "quit: not sent: it would end the VMM and its guest; leave with exit, or "
                 "write {\"execute\": \"quit\"}");
    return NULL;
  }
  if (!check_command (shell, words[0], error))
    return NULL;
  arguments = schema_convert_all (shell->schema, words[0], words + 1, error);
  return arguments ? json_request (words[0], words[1] ? arguments : NULL) : NULL;
}

static gboolean
execute (Shell *shell, const char *line, char **words, GError **error)
{
  g_autofree char *request = make_request (shell, line, words, error);
  g_autofree char *answer = NULL, *value = NULL, *shown = NULL, *text = NULL;

  if (!request)
    return FALSE;
  answer = client_exchange (shell->session->client, request, error);
  if (!answer || client_is_refusal (*line == '{' ? "qmp" : words[0], answer, error))
    return FALSE;
  value = json_slice (answer, "return");
  shown = json_printable (value);
  text = shell->session->json || !value ? NULL : json_pretty (shown);
  printf ("%s\n", text ? text : answer);
  return TRUE;
}

/* Returns FALSE to leave. */
static gboolean
obey (Shell *shell, const char *line)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  shell->status = EXIT_DONE;
  if (*line != '{' && !g_shell_parse_argv (line, NULL, &words, &error)) {
    if (g_error_matches (error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
      return TRUE;
    g_prefix_error (&error, "the line is not understood: ");
  } else if (words && strcmp (words[0], "exit") == 0) {
    return FALSE;
  } else if (words && strcmp (words[0], "help") == 0) {
    print_help (shell, words[1], &error);
  } else {
    execute (shell, line, words, &error);
  }
  print_events (shell);
  fflush (stdout);
  shell->input.interrupted = FALSE;
  if (error && client_is_there (shell->session->client, NULL)) {
    fprintf (stderr, "godwitctl: %s\n", error->message);
    shell->status = error->domain == CTL_ERROR && error->code == CTL_ERROR_USAGE ? EXIT_USAGE
                                                                                 : EXIT_FAILED;
  }
  return client_is_there (shell->session->client, NULL);
}

static void
run_terminal (Shell *shell)
{
  HistEvent event;
  const char *line = "";
  int n;

  while (!shell->input.ended && client_is_there (shell->session->client, NULL)) {
    g_autofree char *text = NULL;

    /* libedit prepares the terminal before the prompt, so that no key is lost in between. */
    el_set (shell->edit, EL_PREP_TERM, 1);
    line = el_gets (shell->edit, &n);
    if (!line && !shell->input.interrupted)
      break;
    if (!line) {
      shell->input.interrupted = FALSE;
      puts ("^C");
      el_reset (shell->edit);
      continue;
    }
    text = g_strstrip (g_strdup (line));
    if (*text)
      history (shell->history, &event, H_ENTER, text);
    if (!obey (shell, text))
      return;
  }
  putchar ('\n');
}

/* Executes the lines of a script. */
static void
run_plain (Shell *shell)
{
  g_autoptr (GString) unread = g_string_new (NULL);
  char buffer[4096];
  gssize n = 1;

  while (n > 0 && wait_for_input (shell)) {
    char *end;

    n = read (STDIN_FILENO, buffer, sizeof buffer);
    if (n > 0)
      g_string_append_len (unread, buffer, n);
    else if (unread->len)
      g_string_append_c (unread, '\n');
    while ((end = strchr (unread->str, '\n'))) {
      g_autofree char *line = g_strstrip (g_strndup (unread->str, end - unread->str));

      g_string_erase (unread, 0, end + 1 - unread->str);
      if (!obey (shell, line))
        return;
    }
  }
}

static void
open_editor (Shell *shell)
{
  HistEvent event;

  shell->edit = el_init ("godwitctl", stdin, stdout, stderr);
  shell->history = history_init ();
  history (shell->history, &event, H_SETSIZE, HISTORY_LINES);
  el_set (shell->edit, EL_CLIENTDATA, shell);
  el_set (shell->edit, EL_PROMPT, prompt);
  el_set (shell->edit, EL_EDITOR, "emacs");
  el_set (shell->edit, EL_HIST, history, shell->history);
  el_set (shell->edit, EL_GETCFN, get_character);
  el_set (shell->edit, EL_ADDFN, "complete", "Complete the word", complete);
  el_set (shell->edit, EL_BIND, "^I", "complete", NULL);
}

int
command_shell (Session *session, char **args, GError **error)
{
  Shell shell = { .session = session, .schema = schema_load (session->client, error) };
  g_autoptr (GError) why = NULL;

  if (!shell.schema)
    return EXIT_FAILED;
  input_open (&shell.input, on_heard, &shell);
  if (!client_listen (session->client, &why))
    fprintf (stderr, "godwitctl: no events are shown: %s\n", why->message);
  if (terminal_is (STDIN_FILENO) && terminal_can_draw ()) {
    open_editor (&shell);
    run_terminal (&shell);
    history_end (shell.history);
    el_end (shell.edit);
  } else {
    run_plain (&shell);
  }
  input_close (&shell.input);
  schema_free (shell.schema);
  return client_is_there (session->client, error) ? shell.status : EXIT_FAILED;
}
