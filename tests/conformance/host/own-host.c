/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "own-vm.h"
#include "wrong-host.h"

#define PATIENCE_S 20

typedef struct {
  gboolean kvm, ring, mistakes;
  char *wrong, *only;
  gint deadline_s;
} Settings;

static gboolean
parse (int argc, char **argv, Settings *settings, GError **error)
{
  GOptionEntry entries[] = {
    { "kvm", 0, 0, G_OPTION_ARG_NONE, &settings->kvm, "on KVM, else in software", NULL },
    { "ring", 0, 0, G_OPTION_ARG_NONE, &settings->ring, "with dirty rings", NULL },
    { "wrong", 0, 0, G_OPTION_ARG_STRING, &settings->wrong, "a host with this mistake",
      "NAME" },
    { "mistakes", 0, 0, G_OPTION_ARG_NONE, &settings->mistakes, "the names of all", NULL },
    { "only", 0, 0, G_OPTION_ARG_STRING, &settings->only, "these tests", "GLOB" },
    { "deadline", 0, 0, G_OPTION_ARG_INT, &settings->deadline_s, "of a test", "S" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_add_main_entries (context, entries, NULL);
  return g_option_context_parse (context, &argc, &argv, error);
}

static gboolean
open_pair (OwnPair *pair, const Settings *settings, GError **error)
{
  gboolean soft = !settings->kvm;

  return own_vm_open (&pair->vm, soft, settings->ring, TRUE,
                      wrong_host_events (settings->wrong), error) &&
         own_vm_open (&pair->other, soft, settings->ring, FALSE, NULL, error);
}

int
main (int argc, char **argv)
{
  Settings settings = { 0 };
  OwnPair pair = { 0 };
  WrongHost wrong[2] = { 0 };
  GdwConformanceHost test = { .size = sizeof test };
  g_autoptr (GError) error = NULL;
  guint failed;

  if (!parse (argc, argv, &settings, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 2;
  }
  if (settings.mistakes) {
    wrong_host_names ();
    return 0;
  }
  if (settings.kvm && !machine_has_kvm ()) {
    printf ("1..0 # SKIP skipped: no /dev/kvm\n");
    return 0;
  }
  if (!open_pair (&pair, &settings, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 2;
  }
  own_pair_fill (&pair, &test);
  pair.patience_s = settings.deadline_s ? settings.deadline_s / 2 : PATIENCE_S;
  test.host = &pair.vm.gdw;
  test.other = &pair.other.gdw;
  test.only = settings.only;
  test.deadline_s = settings.deadline_s;
  if (settings.wrong) {
    if (!wrong_host_init (&wrong[0], settings.wrong, &pair.vm) ||
        !wrong_host_init (&wrong[1], settings.wrong, &pair.other)) {
      fprintf (stderr, "there is no mistake '%s'\n", settings.wrong);
      return 2;
    }
    test.host = &wrong[0].host;
    test.other = &wrong[1].host;
  }
  failed = gdw_conformance_host (&test);
  own_vm_close (&pair.vm);
  own_vm_close (&pair.other);
  wrong_host_clear (&wrong[0]);
  wrong_host_clear (&wrong[1]);
  g_free (settings.wrong);
  g_free (settings.only);
  return failed > 0;
}
