/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* Numbers, and NUL, in JSON nodes.  json-glib has no unsigned 64-bit value and writes 0.1 as
 * 0.10000000000000001, so a number from 2^63 on and any double is kept, digit by digit, in a
 * string node that no JSON text can produce.  Code that takes strings or numbers from a node
 * asks here. */

/* A NUL in a string of JSON, which a C string can't have: no UTF-8 has these bytes. */
#define GDW_STRING_NUL "\xc0\x80"

JsonNode *gdw_number_new (guint64 value);

/* With the fewest digits that read back as the same number; JSON has no infinity: 0. */
JsonNode *gdw_number_new_double (double value);

/* FALSE: not a number, or one that does not fit. */
gboolean gdw_number_get_int (JsonNode *node, gint64 *value);
gboolean gdw_number_get_uint (JsonNode *node, guint64 *value);
gboolean gdw_number_get_double (JsonNode *node, double *value);

/* The text of a node that is a string in JSON too, or NULL. */
const char *gdw_number_get_string (JsonNode *node);
