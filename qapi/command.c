/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "command.h"

#include <string.h>

static const GdwVisitType no_args = { .name = "q_empty", .kind = GDW_VISIT_STRUCT, .size = 1 };

const GdwCommand *
gdw_command_find (const char *name)
{
  for (guint i = 0; i < gdw_n_commands; i++)
    if (strcmp (gdw_commands[i].name, name) == 0)
      return &gdw_commands[i];
  return NULL;
}

void
gdw_call_init (GdwCall *call, GMainContext *context, GdwCallAnswer answer)
{
  *call = (GdwCall){ .answer = answer, .context = g_main_context_ref (context) };
}

static gboolean
answer_call (gpointer data)
{
  GdwCall *call = data;

  g_clear_pointer (&call->context, g_main_context_unref);
  call->answer (call, g_steal_pointer (&call->ret), g_steal_pointer (&call->error));
  return G_SOURCE_REMOVE;
}

/* Signals of the migration were posted before at the same priority, so every client gets its
 * event before this one gets the answer, as in QEMU. */
void
gdw_call_complete (GdwCall *call, JsonNode *ret, GError *error)
{
  GSource *source = g_idle_source_new ();

  call->ret = ret;
  call->error = error;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, answer_call, call, NULL);
  g_source_attach (source, call->context);
  g_source_unref (source);
}

void
gdw_command_run (const GdwCommand *command, GdwControl *control, JsonNode *arguments,
                 GdwCall *call)
{
  const GdwVisitType *type = command->args ? command->args : &no_args;
  GError *error = NULL;
  gpointer args = gdw_visit_read (type, arguments, &error);

  if (args)
    command->run (control, args, call);
  else
    gdw_call_complete (call, NULL, error);
  gdw_visit_free (type, args);
}

void
gdw_command_answer (GdwCall *call, const GdwVisitType *type, gpointer value, GError *error)
{
  JsonNode *ret = type && !error ? gdw_visit_write (type, value) : NULL;

  gdw_call_complete (call, ret, error);
  if (type)
    gdw_visit_free (type, value);
}
