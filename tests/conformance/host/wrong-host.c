/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "wrong-host.h"

#include <stdio.h>
#include <string.h>

/* All callbacks of the right host and of its log, handed on; a mistake replaces some. */

#define RIGHT WrongHost *wrong = self

static const GdwRegion *
right_regions (gpointer self, guint *n_regions)
{
  RIGHT;

  return wrong->right.regions (wrong->right.vm, n_regions);
}

static void
right_pause (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  RIGHT;

  wrong->right.pause (wrong->right.vm, reply, cancellable);
}

static void
right_resume (gpointer self, GdwReply *reply)
{
  RIGHT;

  wrong->right.resume (wrong->right.vm, reply);
}

static void
right_save (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  RIGHT;

  wrong->right.save_state (wrong->right.vm, reply, cancellable);
}

static void
right_load (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
            GCancellable *cancellable)
{
  RIGHT;

  wrong->right.load_state (wrong->right.vm, sections, n, reply, cancellable);
}

static void
right_fence (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  RIGHT;

  wrong->right.fence (wrong->right.vm, reply, cancellable);
}

static void
right_reacquire (gpointer self, GdwReply *reply)
{
  RIGHT;

  wrong->right.reacquire (wrong->right.vm, reply);
}

static void
right_reset (gpointer self, GdwReply *reply)
{
  RIGHT;

  wrong->right.reset (wrong->right.vm, reply);
}

static void
right_check (gpointer self, gboolean running, GdwReply *reply, GCancellable *cancellable)
{
  RIGHT;

  wrong->right.guest_check (wrong->right.vm, running, reply, cancellable);
}

static char *
right_digest (gpointer self)
{
  RIGHT;

  return wrong->right.machine_digest (wrong->right.vm);
}

static gboolean
right_enable (gpointer self, guint32 mode, GError **error)
{
  RIGHT;

  return wrong->right_log->enable (wrong->right_log->self, mode, error);
}

static gboolean
right_disable (gpointer self, GError **error)
{
  RIGHT;

  return wrong->right_log->disable (wrong->right_log->self, error);
}

static gboolean
right_get (gpointer self, guint region, guint64 *bits, GError **error)
{
  RIGHT;

  return wrong->right_log->get (wrong->right_log->self, region, bits, error);
}

static gboolean
right_clear (gpointer self, guint region, guint64 first, guint64 n, const guint64 *bits,
             GError **error)
{
  RIGHT;

  return wrong->right_log->clear (wrong->right_log->self, region, first, n, bits, error);
}

static gboolean
right_locate (gpointer self, guint32 slot, guint64 offset, guint *region, guint64 *page,
              GError **error)
{
  RIGHT;

  return wrong->right_log->locate (wrong->right_log->self, slot, offset, region, page, error);
}

static gboolean
right_reset_rings (gpointer self, guint64 *n_pages, GError **error)
{
  RIGHT;

  return wrong->right_log->reset_rings (wrong->right_log->self, n_pages, error);
}

static const Mistake *const kinds[] = { wrong_pauses, wrong_states, wrong_logs };

void
wrong_host_names (void)
{
  for (guint kind = 0; kind < G_N_ELEMENTS (kinds); kind++)
    for (const Mistake *mistake = kinds[kind]; mistake->name; mistake++)
      puts (mistake->name);
}

static const Mistake *
find (const char *name)
{
  for (guint kind = 0; kind < G_N_ELEMENTS (kinds); kind++)
    for (const Mistake *mistake = kinds[kind]; mistake->name; mistake++)
      if (strcmp (mistake->name, name) == 0)
        return mistake;
  return NULL;
}

const MachineEvents *
wrong_host_events (const char *name)
{
  static const MachineEvents silent;
  const Mistake *mistake = name ? find (name) : NULL;

  return mistake && mistake->silent ? &silent : NULL;
}

gboolean
wrong_host_init (WrongHost *wrong, const char *name, OwnVm *vm)
{
  *wrong = (WrongHost){ .mistake = find (name), .vm = vm, .right = vm->gdw };
  if (!wrong->mistake)
    return FALSE;
  wrong->right_log = vm->gdw.dirty_log;
  wrong->log = *wrong->right_log;
  wrong->log.self = wrong;
  wrong->log.enable = right_enable;
  wrong->log.disable = right_disable;
  wrong->log.get = right_get;
  wrong->log.clear = right_clear;
  wrong->log.locate = right_locate;
  wrong->log.reset_rings = right_reset_rings;
  wrong->host = (GdwHost){ .size = sizeof wrong->host,
                           .vm = wrong,
                           .name = vm->gdw.name,
                           .dirty_log = &wrong->log,
                           .regions = right_regions,
                           .pause = right_pause,
                           .resume = right_resume,
                           .save_state = right_save,
                           .load_state = right_load,
                           .fence = right_fence,
                           .reacquire = right_reacquire,
                           .reset = right_reset,
                           .guest_check = right_check,
                           .machine_digest = right_digest };
  if (wrong->mistake->make)
    wrong->mistake->make (wrong);
  return TRUE;
}

void
wrong_host_clear (WrongHost *wrong)
{
  g_clear_pointer (&wrong->sections, g_ptr_array_unref);
  g_clear_pointer (&wrong->moved, g_free);
}
