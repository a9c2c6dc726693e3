/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "client.h"

/* The commands of a server and their arguments, read from its query-qmp-schema. */
typedef struct Schema Schema;

Schema *schema_load (Client *client, GError **error);
void schema_free (Schema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Schema, schema_free)

/* Returns the names of all commands, in order.  Transfer container. */
GPtrArray *schema_commands (Schema *schema);
gboolean schema_has_command (Schema *schema, const char *name);
/* Returns the names of a command's arguments; none if there is no such command. */
GPtrArray *schema_arguments (Schema *schema, const char *command);
/* Returns the words that an argument accepts, for an enum or a bool; else none. */
GPtrArray *schema_words (Schema *schema, const char *command, const char *argument);
/* Does the same for a member of the objects in an argument that is a list of objects. */
GPtrArray *schema_element_words (Schema *schema, const char *command, const char *argument,
                                 const char *member);

/* Converts each "K=V" of @pairs into a member, and returns the text of the object.  Sizes and
 * times may have suffixes; lists and objects must be JSON. */
char *schema_convert_all (Schema *schema, const char *command, char **pairs, GError **error);
