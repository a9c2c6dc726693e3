/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/reply.h"

#include "core/post.h"

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

GdwReply *
gdw_reply_new (GMainContext *context, void (*answered) (GdwReply *reply, gpointer data),
               gpointer data)
{
  GdwReply *reply = g_new0 (GdwReply, 1);

  reply->context = g_main_context_ref (context);
  reply->answered = answered;
  reply->data = data;
  reply->sections = g_ptr_array_new_with_free_func (gdw_section_free);
  return reply;
}

static void
deliver (gpointer data)
{
  GdwReply *reply = data;

  reply->answered (reply, reply->data);
}

static void
free_reply (gpointer data)
{
  GdwReply *reply = data;

  g_clear_error (&reply->error);
  g_ptr_array_unref (reply->sections);
  g_main_context_unref (reply->context);
  g_free (reply);
}

void
gdw_reply_done (GdwReply *reply)
{
  gdw_post (reply->context, deliver, reply, free_reply);
}

void
gdw_reply_fail (GdwReply *reply, GError *error)
{
  reply->error = error ? error
                       : g_error_new_literal (GDW_ERROR, GDW_ERROR_HOST,
                                              "host: a callback failed without saying why; "
                                              "look at the log of the VMM");
  gdw_reply_done (reply);
}

void
gdw_reply_add_section (GdwReply *reply, const char *name, guint32 version, GBytes *data)
{
  g_ptr_array_add (reply->sections, gdw_section_new (name, version, data));
}

void
gdw_reply_set_check (GdwReply *reply, guint64 passes, guint64 pages_checked, guint64 pages_bad)
{
  reply->check_passes = passes;
  reply->check_pages = pages_checked;
  reply->check_bad = pages_bad;
}
