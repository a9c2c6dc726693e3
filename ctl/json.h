/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* Do not trust what a server sends: it may nest deep, have members of another type, and control
 * characters that a terminal would obey. */

/* An object, or NULL with @error. */
JsonNode *json_parse (const char *text, GError **error);

/* Control characters become spaces, in place: JSON has them between its words only. */
void json_strip_controls (char *text);

/* The text of the value of a member at the top, as it came; NULL if there is none. */
char *json_slice (const char *text, const char *name);

/* Of an object, which may be NULL; a member that is missing or of another type is 0, FALSE,
 * NULL or empty. */
guint64 json_uint (JsonObject *object, const char *name);
double json_number (JsonObject *object, const char *name);
gboolean json_bool (JsonObject *object, const char *name);
const char *json_string (JsonObject *object, const char *name);
JsonObject *json_object (JsonObject *object, const char *name);
JsonArray *json_array (JsonObject *object, const char *name);
guint json_length (JsonArray *array);
JsonObject *json_element (JsonArray *array, guint i);

/* A string that can be shown: without control characters; "" for NULL. */
char *json_text (JsonObject *object, const char *name);
char *json_printable (const char *text);

/* A string in quotes. */
char *json_quote (const char *text);
/* @text over several lines; numbers stay as they are. */
char *json_pretty (const char *text);
/* A command; @arguments is the text of an object, or NULL. */
char *json_request (const char *command, const char *arguments);
