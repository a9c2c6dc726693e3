/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Only this file knows the byte order: little endian, unaligned. */

void gdw_put_u8 (GByteArray *out, guint8 value);
void gdw_put_u16 (GByteArray *out, guint16 value);
void gdw_put_u32 (GByteArray *out, guint32 value);
void gdw_put_u64 (GByteArray *out, guint64 value);
void gdw_put_bytes (GByteArray *out, gconstpointer data, gsize size);
/* u16 length and the bytes; NULL is "". It replaces what is not UTF-8 and keeps at most 65535
 * bytes, so that the reader takes every text. */
void gdw_put_string (GByteArray *out, const char *text);
/* The same, but keeps at most @most bytes. */
void gdw_put_text (GByteArray *out, const char *text, guint16 most);

/* Reads within [at, end); the first read past the end sets @bad, and it and all
 * later ones give zero. */
typedef struct {
  const guint8 *at, *end;
  gboolean bad;
} GdwReader;

GdwReader gdw_reader (gconstpointer data, gsize size);
guint8 gdw_get_u8 (GdwReader *in);
guint16 gdw_get_u16 (GdwReader *in);
guint32 gdw_get_u32 (GdwReader *in);
guint64 gdw_get_u64 (GdwReader *in);
/* Points into the buffer, or NULL. */
const guint8 *gdw_get_bytes (GdwReader *in, gsize size);
/* Valid UTF-8 without NUL, else it sets @bad.  Never NULL; free with g_free. */
char *gdw_get_string (GdwReader *in);

/* For fixed layouts on the hot path: the caller checks the bounds. */
guint16 gdw_load_u16 (const guint8 *at);
guint32 gdw_load_u32 (const guint8 *at);
guint64 gdw_load_u64 (const guint8 *at);
void gdw_store_u16 (guint8 *at, guint16 value);
void gdw_store_u32 (guint8 *at, guint32 value);
void gdw_store_u64 (guint8 *at, guint64 value);
