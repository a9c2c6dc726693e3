/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* Safe access to the text of a server, which may nest deep, have members of a wrong type, and
 * hold control characters that a terminal would obey. */

/* Returns an object, or NULL with @error. */
JsonNode *json_parse (const char *text, GError **error);

/* Replaces control characters by spaces in place: JSON has them only between its words. */
void json_strip_controls (char *text);

/* Returns the text of a member at the top, unchanged, or NULL if there is none. */
char *json_slice (const char *text, const char *name);

/* Read a member of @object, which may be NULL.  A member that is missing or of another type is
 * 0, FALSE, NULL or empty. */
guint64 json_uint (JsonObject *object, const char *name);
double json_number (JsonObject *object, const char *name);
gboolean json_bool (JsonObject *object, const char *name);
const char *json_string (JsonObject *object, const char *name);
JsonObject *json_object (JsonObject *object, const char *name);
JsonArray *json_array (JsonObject *object, const char *name);
guint json_length (JsonArray *array);
JsonObject *json_element (JsonArray *array, guint i);

/* Return a string without control characters, safe to show; "" for NULL. */
char *json_text (JsonObject *object, const char *name);
char *json_printable (const char *text);

/* Returns the string in quotes. */
char *json_quote (const char *text);
/* Returns @text spread over several lines; numbers stay unchanged. */
char *json_pretty (const char *text);
/* Returns a command; @arguments is the text of an object, or NULL. */
char *json_request (const char *command, const char *arguments);
