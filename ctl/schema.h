/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "client.h"

/* The commands of a server and their arguments, from its query-qmp-schema. */
typedef struct Schema Schema;

Schema *schema_load (Client *client, GError **error);
void schema_free (Schema *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Schema, schema_free)

/* Names of all commands, in order.  Transfer container. */
GPtrArray *schema_commands (Schema *schema);
gboolean schema_has_command (Schema *schema, const char *name);
/* Names of the arguments of a command, none if there is no such command. */
GPtrArray *schema_arguments (Schema *schema, const char *command);
/* The words that an argument may be: of an enum or a bool, else none. */
GPtrArray *schema_words (Schema *schema, const char *command, const char *argument);
/* As schema_words(), of a member of the objects in an argument that is a list of them. */
GPtrArray *schema_element_words (Schema *schema, const char *command, const char *argument,
                                 const char *member);

/* "K=V" of each of @pairs, as the text of an object: sizes and times may have suffixes, lists
 * and objects are JSON already. */
char *schema_convert_all (Schema *schema, const char *command, char **pairs, GError **error);
