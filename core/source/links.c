/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The links of a source: messages, counts, farewells. */
#include "core/source/private.h"

void
gdw_source_warn (GdwSource *source, const char *format, ...)
{
  va_list values;

  va_start (values, format);
  g_ptr_array_add (source->warnings, g_strdup_vprintf (format, values));
  va_end (values);
}

guint
gdw_source_open_links (const GdwSource *source)
{
  guint n = 0;

  for (guint i = 0; i < source->n_links; i++)
    n += source->links[i] == LINK_OPEN;
  return n;
}

void
gdw_source_count_links (GdwSource *source)
{
  if (source->n_created > source->link_list->len)
    g_array_set_size (source->link_list, source->n_created);
  for (guint i = 0; i < source->n_created; i++)
    g_array_index (source->link_list, GdwLinkInfo,
                   i) = (GdwLinkInfo){ gdw_channel_sent_bytes (source->channels[i]),
                                       source->links[i] != LINK_OPEN };
}

void
gdw_source_say (GdwSource *source, GdwFrameType type, GByteArray *meta)
{
  gdw_channel_send (source->channels[source->main_link], type, meta);
}

void
gdw_source_say_why (GdwSource *source)
{
  GdwErrorMsg msg = { .code = source->error->domain == GDW_ERROR ? (guint) source->error->code
                                                                 : GDW_ERROR_FAILED,
                      .phase = (char *) "source",
                      .text = source->error->message };

  for (guint i = 0; i < source->n_created; i++) {
    GByteArray *meta;

    if (!source->connected[i])
      continue;
    meta = g_byte_array_new ();
    gdw_error_encode (&msg, meta);
    gdw_channel_send (source->channels[i],
                      source->cancelled ? GDW_FRAME_ABORT : GDW_FRAME_ERROR, meta);
  }
}

void
gdw_source_kick (GdwSource *source)
{
  for (guint i = 0; i < source->n_created; i++)
    gdw_channel_kick (source->channels[i]);
}

void
gdw_source_finish_links (GdwSource *source)
{
  for (guint i = 0; i < source->n_created; i++) {
    if (source->connected[i])
      gdw_channel_finish (source->channels[i]);
    else if (i > 0 || source->one_way)
      gdw_channel_stop (source->channels[i]);
  }
}

void
gdw_source_stop_links (GdwSource *source)
{
  for (guint i = 0; i < source->n_created; i++)
    gdw_channel_stop (source->channels[i]);
}
