/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "asked.h"

static void
free_section (gpointer data)
{
  GdwSection *section = data;

  g_free ((char *) section->name);
  g_bytes_unref (section->data);
  g_free (section);
}

static void
answered (Asked *asked, gboolean failed, GError *error)
{
  g_autoptr (GError) owned = error;

  g_mutex_lock (&asked->lock);
  if (asked->answers++ == 0) {
    asked->failed = failed;
    asked->error = g_steal_pointer (&owned);
  }
  g_mutex_unlock (&asked->lock);
  g_main_context_wakeup (asked->run->context);
}

static void
done (gpointer data)
{
  answered (data, FALSE, NULL);
}

static void
failed (gpointer data, GError *error)
{
  answered (data, TRUE, error);
}

static void
add_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  Asked *asked = data;
  GdwSection *section = g_new (GdwSection, 1);

  *section = (GdwSection){ g_strdup (name), version, g_bytes_ref (bytes) };
  g_mutex_lock (&asked->lock);
  asked->added_late += asked->answers > 0;
  g_ptr_array_add (asked->sections, section);
  g_mutex_unlock (&asked->lock);
}

static void
set_check (gpointer data, guint64 passes, guint64 pages_checked, guint64 pages_bad)
{
  Asked *asked = data;

  g_mutex_lock (&asked->lock);
  asked->passes = passes;
  asked->pages_checked = pages_checked;
  asked->pages_bad = pages_bad;
  g_mutex_unlock (&asked->lock);
}

static const GdwReplyEnd reply_end = { .size = sizeof reply_end,
                                       .done = done,
                                       .fail = failed,
                                       .add_section = add_section,
                                       .set_check = set_check };

Asked *
asked_new (Try *t, const char *callback)
{
  Asked *asked = g_new0 (Asked, 1);

  asked->run = t;
  asked->callback = callback;
  asked->reply = gdw_reply_new (&reply_end, asked);
  asked->cancellable = g_cancellable_new ();
  g_mutex_init (&asked->lock);
  asked->sections = g_ptr_array_new_with_free_func (free_section);
  g_ptr_array_add (t->asked, asked);
  watchdog_feed (t->watchdog, callback);
  return asked;
}

void
asked_free (gpointer data)
{
  Asked *asked = data;

  gdw_reply_free (asked->reply);
  g_object_unref (asked->cancellable);
  g_free (asked->list);
  g_mutex_clear (&asked->lock);
  g_clear_error (&asked->error);
  g_ptr_array_unref (asked->sections);
  g_free (asked);
}

guint
asked_answers (Asked *asked)
{
  guint n;

  g_mutex_lock (&asked->lock);
  n = asked->answers;
  g_mutex_unlock (&asked->lock);
  return n;
}

gboolean
asked_wait (Asked *asked)
{
  Try *t = asked->run;

  while (asked_answers (asked) == 0)
    if (!try_iterate (t)) {
      t->owed = asked->callback;
      return try_broken (
          t, PROMISE ("host.h", "Exactly one call of done or fail, on any thread"),
          "%s was not answered before the deadline of the test%s", asked->callback,
          g_cancellable_is_cancelled (asked->cancellable) ? ", though it was cancelled" : "");
    }
  return TRUE;
}

gboolean
asked_succeeds (Asked *asked, Promise promise)
{
  Try *t = asked->run;

  if (!asked_wait (asked))
    return FALSE;
  REQUIRE (t, !asked->failed, promise, "%s failed: %s", asked->callback,
           asked->error ? asked->error->message : "it does not say why");
  return TRUE;
}
