/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "json.h"

/* A connection to a server, and the commands over it. */
typedef struct Client Client;

/* @address: a UNIX socket, or http://HOST:PORT; @token_file: holds the token to send with HTTP,
 * or NULL. */
Client *client_new (const char *address, const char *token_file, GError **error);
void client_free (Client *client);

/* Sends a command and returns the answer unchanged, even if it is an error.  Runs the main
 * context meanwhile. */
char *client_exchange (Client *client, const char *request, GError **error);
/* Returns the value of "return", or NULL and @error if the server refuses.  @arguments: the
 * text of an object, or NULL. */
JsonNode *client_execute (Client *client, const char *command, const char *arguments,
                          GError **error);
/* Returns the text of the last value from client_execute(), unchanged. */
const char *client_last_text (Client *client);
/* Returns TRUE if @answer is an error; @error then names @command. */
gboolean client_is_refusal (const char *command, const char *answer, GError **error);

gboolean client_listen (Client *client, GError **error);
/* Returns the next event (transfer full), or NULL if there is none.  Does not wait. */
char *client_next_event (Client *client);
/* Returns FALSE once the server is gone. */
gboolean client_is_there (Client *client, GError **error);
/* Ends each wait for an answer with an error.  Call it from a source of the main context. */
void client_interrupt (Client *client);
