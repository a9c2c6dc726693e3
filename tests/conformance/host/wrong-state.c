/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <godwit/error.h>
#include <godwit/reply.h>
#include <string.h>

#include "wrong-host.h"

/* Mistakes in save_state, load_state and reset. */

/* Answers of the right host, on their way: what @to gets is changed. */
typedef struct {
  GdwReply *to, *from;
  guint n;
  gboolean (*wants) (guint number, const char *name);
  const char *rename;
} Way;

static void
way_end (Way *way)
{
  gdw_reply_free (way->from);
  g_free (way);
}

static void
way_done (gpointer data)
{
  Way *way = data;

  gdw_reply_done (way->to);
  way_end (way);
}

static void
way_fail (gpointer data, GError *error)
{
  Way *way = data;

  gdw_reply_fail (way->to, error);
  way_end (way);
}

static void
way_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  Way *way = data;

  if (!way->wants || way->wants (way->n, name))
    gdw_reply_add_section (way->to, way->rename ? way->rename : name, version, bytes);
  way->n++;
}

static void
way_check (gpointer data, guint64 passes, guint64 pages_checked, guint64 pages_bad)
{
  gdw_reply_set_check (((Way *) data)->to, passes, pages_checked, pages_bad);
}

static const GdwReplyEnd way_of_reply = { .size = sizeof way_of_reply,
                                          .done = way_done,
                                          .fail = way_fail,
                                          .add_section = way_section,
                                          .set_check = way_check };

static Way *
way_new (GdwReply *to)
{
  Way *way = g_new0 (Way, 1);

  way->to = to;
  way->from = gdw_reply_new (&way_of_reply, way);
  return way;
}

static void
save_and_say_so_twice (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  wrong->right.save_state (wrong->right.vm, reply, cancellable);
  gdw_reply_done (reply);
}

static void
answers_twice (WrongHost *wrong)
{
  wrong->host.save_state = save_and_say_so_twice;
}

static void
save_late (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;
  g_autoptr (GBytes) bytes = g_bytes_new (&wrong->kept, sizeof wrong->kept);

  wrong->right.save_state (wrong->right.vm, reply, cancellable);
  gdw_reply_add_section (reply, "clock", 1, bytes);
}

static void
adds_a_section_too_late (WrongHost *wrong)
{
  wrong->host.save_state = save_late;
}

static gboolean
is_no_device (guint number, const char *name)
{
  return !g_str_equal (name, "devices");
}

static void
save_some (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;
  Way *way = way_new (reply);

  way->wants = is_no_device;
  wrong->right.save_state (wrong->right.vm, way->from, cancellable);
}

static void
forgets_a_section (WrongHost *wrong)
{
  wrong->host.save_state = save_some;
}

static void
save_nameless (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;
  Way *way = way_new (reply);

  way->rename = "vcpu";
  wrong->right.save_state (wrong->right.vm, way->from, cancellable);
}

static void
names_all_sections_the_same (WrongHost *wrong)
{
  wrong->host.save_state = save_nameless;
}

static void
save_and_count (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;
  g_autoptr (GBytes) bytes = g_bytes_new (&wrong->kept, sizeof wrong->kept);

  wrong->kept++;
  gdw_reply_add_section (reply, "saves", 1, bytes);
  wrong->right.save_state (wrong->right.vm, reply, cancellable);
}

static void
changes_what_it_saves (WrongHost *wrong)
{
  wrong->host.save_state = save_and_count;
}

/* Loads the device as it was when it was made. */
static void
load_some (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
           GCancellable *cancellable)
{
  WrongHost *wrong = self;
  guint64 zero = 0;
  g_autoptr (GBytes) fresh = g_bytes_new (&zero, sizeof zero);
  g_autofree GdwSection *changed = g_memdup2 (sections, n * sizeof *sections);

  for (guint i = 0; i < n; i++)
    if (g_str_equal (changed[i].name, "devices"))
      changed[i].data = fresh;
  wrong->right.load_state (wrong->right.vm, changed, n, reply, cancellable);
}

static void
ignores_a_section (WrongHost *wrong)
{
  wrong->host.load_state = load_some;
}

static void
load_anything (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
               GCancellable *cancellable)
{
  WrongHost *wrong = self;

  machine_load (wrong->vm->host.machine, sections, n, NULL);
  gdw_reply_done (reply);
}

static void
loads_whatever_comes (WrongHost *wrong)
{
  wrong->host.load_state = load_anything;
}

static void
free_section (gpointer data)
{
  GdwSection *section = data;

  g_free ((char *) section->name);
  g_bytes_unref (section->data);
  g_free (section);
}

/* It keeps what came, for the next save, and has not looked at it. */
static void
keep_sections (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
               GCancellable *cancellable)
{
  WrongHost *wrong = self;

  wrong->sections = g_ptr_array_new_with_free_func (free_section);
  for (guint i = 0; i < n; i++) {
    GdwSection *section = g_new (GdwSection, 1);

    *section = (GdwSection){ g_strdup (sections[i].name), sections[i].version,
                             g_bytes_ref (sections[i].data) };
    g_ptr_array_add (wrong->sections, section);
  }
  gdw_reply_done (reply);
}

static void
save_what_came (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  for (guint i = 0; wrong->sections && i < wrong->sections->len; i++) {
    const GdwSection *section = wrong->sections->pdata[i];

    gdw_reply_add_section (reply, section->name, section->version, section->data);
  }
  if (wrong->sections)
    gdw_reply_done (reply);
  else
    wrong->right.save_state (wrong->right.vm, reply, cancellable);
}

static void
keeps_sections_unread (WrongHost *wrong)
{
  wrong->host.load_state = keep_sections;
  wrong->host.save_state = save_what_came;
}

static void
fail_without_error (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
                    GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (machine_load (wrong->vm->host.machine, sections, n, NULL))
    gdw_reply_done (reply);
  else
    gdw_reply_fail (reply, NULL);
}

static void
fails_a_load_without_an_error (WrongHost *wrong)
{
  wrong->host.load_state = fail_without_error;
}

static void
save_unless_cancelled (gpointer self, GdwReply *reply, GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (wrong->done) {
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                        "host 'wrong': save_state failed: it was cancelled"));
    return;
  }
  wrong->done = TRUE; /* as if every call were the cancelled one */
  gdw_reply_fail (reply, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                      "host 'wrong': save_state was cancelled"));
}

static void
cannot_save_after_a_cancel (WrongHost *wrong)
{
  wrong->host.save_state = save_unless_cancelled;
}

static void
load_if_new (gpointer self, const GdwSection *sections, guint n, GdwReply *reply,
             GCancellable *cancellable)
{
  WrongHost *wrong = self;

  if (g_str_equal (wrong->host.name, "other"))
    wrong->right.load_state (wrong->right.vm, sections, n, reply, cancellable);
  else
    gdw_reply_fail (reply, g_error_new (GDW_ERROR, GDW_ERROR_HOST,
                                        "host 'wrong': load_state failed: a guest has run"));
}

static void
remembers_the_guest_after_reset (WrongHost *wrong)
{
  wrong->host.load_state = load_if_new;
}

static char *
digest_of_this_one (gpointer self)
{
  return g_strdup_printf ("machine %p", self);
}

static void
tells_machines_apart_by_address (WrongHost *wrong)
{
  wrong->host.machine_digest = digest_of_this_one;
}

static char *
no_digest (gpointer self)
{
  return NULL;
}

static void
has_no_words_for_its_machine (WrongHost *wrong)
{
  wrong->host.machine_digest = no_digest;
}

const Mistake wrong_states[] = {
  { .name = "answers-twice", .make = answers_twice },
  { .name = "adds-a-section-too-late", .make = adds_a_section_too_late },
  { .name = "forgets-a-section", .make = forgets_a_section },
  { .name = "names-all-sections-the-same", .make = names_all_sections_the_same },
  { .name = "changes-what-it-saves", .make = changes_what_it_saves },
  { .name = "ignores-a-section", .make = ignores_a_section },
  { .name = "loads-whatever-comes", .make = loads_whatever_comes },
  { .name = "keeps-sections-unread", .make = keeps_sections_unread },
  { .name = "fails-a-load-without-an-error", .make = fails_a_load_without_an_error },
  { .name = "cannot-save-after-a-cancel", .make = cannot_save_after_a_cancel },
  { .name = "remembers-the-guest-after-reset", .make = remembers_the_guest_after_reset },
  { .name = "tells-machines-apart-by-address", .make = tells_machines_apart_by_address },
  { .name = "has-no-words-for-its-machine", .make = has_no_words_for_its_machine },
  { 0 },
};
