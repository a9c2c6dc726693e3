/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* godwit-vmm: a machine, its migration, and QMP to drive both. */

#include "host.h"
#include "options.h"
#include "place.h"

#include <godwit/control.h>

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <unistd.h>

typedef struct {
  Host host;
  GdwControl *control;
  GdwControlHttp *http; /* or NULL */
  gboolean closed;      /* the migration is closed */
  int serial;           /* -1: none */
  gint serial_lost;     /* atomic: reported once */
} App;

static void
say (const char *message)
{
  g_printerr ("godwit-vmm: %s\n", message);
}

/* Writes what GODWIT_LOG asks for: GLib drops what is less than a message, or would write it
 * where --serial stdio does. */
static void
show_log (void)
{
  const char *domains = g_getenv ("G_MESSAGES_DEBUG");
  g_autofree char *more = g_strconcat ("godwit ", domains, NULL);

  if (g_getenv ("GODWIT_LOG"))
    g_setenv ("G_MESSAGES_DEBUG", more, TRUE);
  g_log_writer_default_set_use_stderr (TRUE);
}

/* The machine's events, on its threads */

static void
on_serial (gpointer data, char c)
{
  App *app = data;

  if (app->serial < 0 || write (app->serial, &c, 1) == 1 ||
      g_atomic_int_add (&app->serial_lost, 1))
    return;
  g_printerr ("godwit-vmm: serial: output was lost: %s; give --serial a place that takes it\n",
              g_strerror (errno));
}

static void
on_wrote (gpointer data, guint64 gpa, guint64 size)
{
  host_wrote (&((App *) data)->host, gpa, size);
}

static void
on_ring_full (gpointer data, guint vcpu)
{
  host_ring_full (&((App *) data)->host, vcpu);
}

static void
on_done (GdwMigration *migration, const GError *error, gpointer data)
{
  if (error)
    say (error->message);
}

static gboolean
stop_dead_guest (gpointer data)
{
  App *app = data;

  if (app->host.migration)
    gdw_migration_stop (app->host.migration, on_done, NULL);
  return G_SOURCE_REMOVE;
}

static void
on_died (gpointer data, const char *why)
{
  say (why);
  g_idle_add (stop_dead_guest, data);
}

/* Setting up and taking down */

static gboolean
open_serial (App *app, const char *path, GError **error)
{
  g_autoptr (GError) why = NULL;

  app->serial = -1;
  if (!path)
    return TRUE;
  app->serial = g_str_equal (path, "stdio") ? dup (STDOUT_FILENO)
                                            : place_open (path, O_TRUNC, &why);
  if (app->serial >= 0)
    return TRUE;
  g_set_error (
      error, GDW_ERROR, GDW_ERROR_INVALID,
      "serial '%s': cannot be opened: %s; give --serial stdio, or a file in a folder that "
      "can be written",
      path, why ? why->message : g_strerror (errno));
  return FALSE;
}

static gboolean
build_machine (App *app, const Options *options, GError **error)
{
  MachineEvents events = {
    .data = app,
    .serial = on_serial,
    .wrote = on_wrote,
    .died = on_died,
    .ring_full = on_ring_full,
  };

  app->host.machine = machine_new (&options->machine, &events, error);
  return app->host.machine && (options->incoming || machine_boot (app->host.machine, error));
}

static gboolean
serve_http (App *app, const Options *options, GError **error)
{
  g_autofree char *address = NULL;

  app->http = gdw_control_http_new (app->control, options->http, options->http_token, error);
  if (!app->http)
    return FALSE;
  address = gdw_control_http_get_address (app->http);
  g_printerr ("godwit-vmm: http at %s\n", address ? address : options->http);
  return TRUE;
}

static gboolean
build_migration (App *app, const Options *options, GError **error)
{
  gboolean incoming = options->incoming != NULL;
  GdwHost host;

  host_init (&app->host, &host);
  host.uuid = options->uuid;
  app->host.migration = gdw_migration_new (&host, NULL, options->plugin_path, incoming, error);
  if (!app->host.migration)
    return FALSE;
  app->control = gdw_control_new (app->host.migration);
  for (char **path = options->qmp; path && *path; path++)
    if (!gdw_control_listen_qmp (app->control, *path, error))
      return FALSE;
  return !options->http || serve_http (app, options, error);
}

/* A VMM that cannot listen at its address has no purpose. */
static void
on_first_status (GdwMigration *migration, guint status, App *app)
{
  const GError *error = gdw_migration_get_error (migration);

  g_signal_handlers_disconnect_by_func (migration, on_first_status, app);
  if (gdw_migration_get_status (migration) != GDW_STATUS_FAILED)
    return;
  if (error)
    say (error->message);
  app->host.failed = TRUE;
  g_main_loop_quit (app->host.loop);
}

static gboolean
start (App *app, const Options *options, GError **error)
{
  GdwMigration *migration = app->host.migration;

  if (options->paused && options->incoming)
    gdw_migration_stop (migration, on_done, NULL); /* after COMMIT, too */
  else if (!options->paused)
    gdw_migration_cont (migration, on_done, NULL);
  if (!options->incoming || g_str_equal (options->incoming, "defer"))
    return TRUE;
  g_signal_connect (migration, "status", G_CALLBACK (on_first_status), app);
  return gdw_migration_incoming (migration, options->incoming, error);
}

static void
stopped (gpointer data, const GError *error)
{
  App *app = data;

  host_stopped (&app->host);
  g_main_loop_quit (app->host.loop);
}

static void
closed (GdwMigration *migration, const GError *error, gpointer data)
{
  App *app = data;

  app->closed = TRUE;
  g_main_loop_quit (app->host.loop);
}

static void
clear (App *app)
{
  /* A running migration ends first, and with it the question who runs the guest. */
  if (app->host.migration)
    gdw_migration_close (app->host.migration, closed, app);
  while (app->host.migration && !app->closed)
    g_main_loop_run (app->host.loop);
  if (app->http)
    gdw_control_http_free (app->http);
  if (app->control)
    gdw_control_free (app->control);
  /* Stop before the migration goes: the device reports its writes to it. */
  while (app->host.machine && machine_is_running (app->host.machine)) {
    machine_pause (app->host.machine, stopped, app);
    g_main_loop_run (app->host.loop);
  }
  g_clear_object (&app->host.migration);
  machine_free (app->host.machine);
  g_main_loop_unref (app->host.loop);
  run_log_close (&app->host.run_log);
  if (app->serial >= 0)
    close (app->serial);
}

static gboolean
on_signal (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
run (const Options *options, GError **error)
{
  App app = { .host = { .loop = g_main_loop_new (NULL, FALSE), .run_log = { .fd = -1 } } };
  gboolean ok;

  g_unix_signal_add (SIGTERM, on_signal, app.host.loop);
  g_unix_signal_add (SIGINT, on_signal, app.host.loop);
  if (options->fell_back)
    say ("no /dev/kvm that can be used: the guest runs on software vCPUs (--accel soft)");
  ok = open_serial (&app, options->serial, error) &&
       run_log_open (&app.host.run_log, options->run_log, error) &&
       build_machine (&app, options, error) && build_migration (&app, options, error) &&
       start (&app, options, error);
  if (ok)
    g_main_loop_run (app.host.loop);
  ok = ok && !app.host.failed;
  clear (&app);
  return ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Options options;
  gboolean ok;

  setlocale (LC_CTYPE, ""); /* else messages lose what is not ASCII */
  ok = options_parse (&options, &argc, &argv, &error);
  show_log ();
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ,
          SIG_IGN); /* a file that grows too large is an error, and does not end the process */
  if (ok && options.version)
    g_print ("godwit-vmm %s\n", VERSION);
  else if (ok)
    ok = run (&options, &error);
  if (error)
    say (error->message);
  options_clear (&options);
  return ok ? 0 : 1;
}
