/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/guest/reply.h"

#include "core/base/invoke.h"

struct GdwReply {
  const GdwReplyEnd *end;
  gpointer data;
};

GdwReply *
gdw_reply_new (const GdwReplyEnd *end, gpointer data)
{
  GdwReply *reply = g_new (GdwReply, 1);

  *reply = (GdwReply){ end, data };
  return reply;
}

void
gdw_reply_free (GdwReply *reply)
{
  g_free (reply);
}

void
gdw_reply_done (GdwReply *reply)
{
  reply->end->done (reply->data);
}

void
gdw_reply_fail (GdwReply *reply, GError *error)
{
  reply->end->fail (reply->data, error);
}

void
gdw_reply_add_section (GdwReply *reply, const char *name, guint32 version, GBytes *data)
{
  reply->end->add_section (reply->data, name, version, data);
}

void
gdw_reply_set_check (GdwReply *reply, guint64 passes, guint64 pages_checked, guint64 pages_bad)
{
  reply->end->set_check (reply->data, passes, pages_checked, pages_bad);
}

GdwSection *
gdw_section_new (const char *name, guint32 version, GBytes *data)
{
  GdwSection *section = g_new (GdwSection, 1);

  *section = (GdwSection){ g_strdup (name), version, g_bytes_ref (data) };
  return section;
}

void
gdw_section_free (gpointer data)
{
  GdwSection *section = data;

  g_free ((char *) section->name);
  g_bytes_unref (section->data);
  g_free (section);
}

static void
deliver (gpointer data)
{
  GdwAnswer *answer = data;

  answer->answered (answer, answer->data);
}

static void
free_answer (gpointer data)
{
  GdwAnswer *answer = data;

  g_clear_error (&answer->error);
  g_ptr_array_unref (answer->sections);
  g_main_context_unref (answer->context);
  gdw_reply_free (answer->reply);
  g_free (answer);
}

static void
done (gpointer data)
{
  GdwAnswer *answer = data;

  gdw_invoke (answer->context, deliver, answer, free_answer);
}

static void
fail (gpointer data, GError *error)
{
  GdwAnswer *answer = data;

  answer->error = error ? error
                        : g_error_new_literal (GDW_ERROR, GDW_ERROR_HOST,
                                               "host: a callback failed without saying why; "
                                               "look at the log of the VMM");
  done (answer);
}

static void
add_section (gpointer data, const char *name, guint32 version, GBytes *bytes)
{
  GdwAnswer *answer = data;

  g_ptr_array_add (answer->sections, gdw_section_new (name, version, bytes));
}

static void
set_check (gpointer data, guint64 passes, guint64 pages_checked, guint64 pages_bad)
{
  GdwAnswer *answer = data;

  answer->check_passes = passes;
  answer->check_pages = pages_checked;
  answer->check_bad = pages_bad;
}

static const GdwReplyEnd answer_end = { .size = sizeof answer_end,
                                        .done = done,
                                        .fail = fail,
                                        .add_section = add_section,
                                        .set_check = set_check };

GdwReply *
gdw_answer_new (GMainContext *context, void (*answered) (GdwAnswer *answer, gpointer data),
                gpointer data)
{
  GdwAnswer *answer = g_new0 (GdwAnswer, 1);

  answer->reply = gdw_reply_new (&answer_end, answer);
  answer->context = g_main_context_ref (context);
  answer->answered = answered;
  answer->data = data;
  answer->sections = g_ptr_array_new_with_free_func (gdw_section_free);
  return answer->reply;
}
