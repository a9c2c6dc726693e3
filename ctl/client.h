/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "json.h"

/* A connection to a server, and what is said over it. */
typedef struct Client Client;

/* @address: a UNIX socket, or http://HOST:PORT; @token_file: holds what to send with HTTP, or
 * NULL. */
Client *client_new (const char *address, const char *token_file, GError **error);
void client_free (Client *client);

/* The answer to a command as it came, an error or not.  Runs the main context meanwhile. */
char *client_exchange (Client *client, const char *request, GError **error);
/* The value of its "return"; a refusal sets @error.  @arguments: the text of an
 * object, or NULL. */
JsonNode *client_execute (Client *client, const char *command, const char *arguments,
                          GError **error);
/* The text of the last value that client_execute() gave, as it came. */
const char *client_last_text (Client *client);
/* TRUE if @answer is an error; @error then names @command. */
gboolean client_is_refusal (const char *command, const char *answer, GError **error);

gboolean client_listen (Client *client, GError **error);
/* Transfer full; NULL: none has come.  Does not wait. */
char *client_next_event (Client *client);
/* FALSE once the server is gone. */
gboolean client_is_there (Client *client, GError **error);
/* End each wait for an answer with an error.  Call it from a source of the main context. */
void client_interrupt (Client *client);
