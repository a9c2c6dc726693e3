/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* Numbers, and NUL, in JSON nodes.  json-glib has no unsigned 64-bit value and writes 0.1 as
 * 0.10000000000000001, so numbers from 2^63 on and all doubles are kept, digit by digit, in
 * string nodes that no JSON text can produce.  Use these functions to get a string or a number
 * from a node. */

/* Stands for NUL in a string of JSON, which a C string cannot hold: UTF-8 never has these
 * bytes. */
#define GDW_STRING_NUL "\xc0\x80"

JsonNode *gdw_number_new (guint64 value);

/* Uses the fewest digits that read back as the same number; infinity, which JSON lacks, becomes
 * 0. */
JsonNode *gdw_number_new_double (double value);

/* Return FALSE if the node is not a number, or if it does not fit. */
gboolean gdw_number_get_int (JsonNode *node, gint64 *value);
gboolean gdw_number_get_uint (JsonNode *node, guint64 *value);
gboolean gdw_number_get_double (JsonNode *node, double *value);

/* Returns the text of a node that is a string in JSON too, or NULL. */
const char *gdw_number_get_string (JsonNode *node);
