/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "core/link/wire.h"

#include <string.h>

guint16
gdw_load_u16 (const guint8 *at)
{
  guint16 value;

  memcpy (&value, at, sizeof value);
  return GUINT16_FROM_LE (value);
}

guint32
gdw_load_u32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_LE (value);
}

guint64
gdw_load_u64 (const guint8 *at)
{
  guint64 value;

  memcpy (&value, at, sizeof value);
  return GUINT64_FROM_LE (value);
}

void
gdw_store_u16 (guint8 *at, guint16 value)
{
  value = GUINT16_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

void
gdw_store_u32 (guint8 *at, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

void
gdw_store_u64 (guint8 *at, guint64 value)
{
  value = GUINT64_TO_LE (value);
  memcpy (at, &value, sizeof value);
}

void
gdw_put_bytes (GByteArray *out, gconstpointer data, gsize size)
{
  if (size > 0)
    g_byte_array_append (out, data, size);
}

void
gdw_put_u8 (GByteArray *out, guint8 value)
{
  g_byte_array_append (out, &value, sizeof value);
}

void
gdw_put_u16 (GByteArray *out, guint16 value)
{
  value = GUINT16_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

void
gdw_put_u32 (GByteArray *out, guint32 value)
{
  value = GUINT32_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

void
gdw_put_u64 (GByteArray *out, guint64 value)
{
  value = GUINT64_TO_LE (value);
  g_byte_array_append (out, (const guint8 *) &value, sizeof value);
}

void
gdw_put_text (GByteArray *out, const char *text, guint16 most)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);
  gsize size = strlen (valid);

  /* A reader would refuse the whole text for one character cut in two. */
  if (size > most)
    size = g_utf8_find_prev_char (valid, valid + most + 1) - valid;
  gdw_put_u16 (out, size);
  gdw_put_bytes (out, valid, size);
}

void
gdw_put_string (GByteArray *out, const char *text)
{
  gdw_put_text (out, text, G_MAXUINT16);
}

GdwReader
gdw_reader (gconstpointer data, gsize size)
{
  const guint8 *at = data;

  return (GdwReader){ .at = at, .end = size > 0 ? at + size : at };
}

const guint8 *
gdw_get_bytes (GdwReader *in, gsize size)
{
  const guint8 *at = in->at;

  if (in->bad || size > (gsize) (in->end - at)) {
    in->bad = TRUE;
    return NULL;
  }
  if (size > 0)
    in->at += size;
  return at;
}

guint8
gdw_get_u8 (GdwReader *in)
{
  const guint8 *at = gdw_get_bytes (in, 1);

  return at ? *at : 0;
}

guint16
gdw_get_u16 (GdwReader *in)
{
  const guint8 *at = gdw_get_bytes (in, 2);

  return at ? gdw_load_u16 (at) : 0;
}

guint32
gdw_get_u32 (GdwReader *in)
{
  const guint8 *at = gdw_get_bytes (in, 4);

  return at ? gdw_load_u32 (at) : 0;
}

guint64
gdw_get_u64 (GdwReader *in)
{
  const guint8 *at = gdw_get_bytes (in, 8);

  return at ? gdw_load_u64 (at) : 0;
}

char *
gdw_get_string (GdwReader *in)
{
  gsize size = gdw_get_u16 (in);
  const guint8 *at = gdw_get_bytes (in, size);

  if (at && size > 0 && !g_utf8_validate_len ((const char *) at, size, NULL))
    in->bad = TRUE;
  return in->bad || size == 0 ? g_strdup ("") : g_strndup ((const char *) at, size);
}
