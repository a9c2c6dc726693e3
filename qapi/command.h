/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "visit.h"

/* The commands of the schema, and the calls that reach their functions.  All calls on one
 * thread. */

typedef struct GdwControl GdwControl;

/* A running command, which is answered once. */
typedef struct GdwCall GdwCall;

/* Answers a call over the channel it came in by.  Takes all arguments but @call, which it
 * frees. */
typedef void (*GdwCallAnswer) (GdwCall *call, JsonNode *ret, GError *error);

/* The front end creates one as the first member of its own struct.  A call that is answered
 * late may outlive its client, and even the control. */
struct GdwCall {
  GdwCallAnswer answer;
  GMainContext *context;
  JsonNode *ret; /* both set while the answer waits for its turn */
  GError *error;
};

/* Answers are sent from the main loop of @context, after the events that the command caused. */
void gdw_call_init (GdwCall *call, GMainContext *context, GdwCallAnswer answer);

#define GDW_COMMAND_ASYNC (1u << 0) /* may be answered after the call returns */
#define GDW_COMMAND_OOB (1u << 1)   /* may be executed out of band */

typedef struct {
  const char *name;
  guint flags;
  const GdwVisitType *args; /* NULL if it has no arguments */
  void (*run) (GdwControl *control, gconstpointer args, GdwCall *call);
} GdwCommand;

/* Generated, in the order of the schema. */
extern const GdwCommand gdw_commands[];
extern const guint gdw_n_commands;

/* Generated: the answer of query-qmp-schema, a JSON array of SchemaInfo. */
extern const char gdw_qapi_schema[];

/* Returns NULL if there is no command @name. */
const GdwCommand *gdw_command_find (const char *name);

/* Checks @arguments, an object or NULL, and runs the command.  The command has finished on
 * return, unless it is asynchronous; @call is answered later in any case. */
void gdw_command_run (const GdwCommand *command, GdwControl *control, JsonNode *arguments,
                      GdwCall *call);

/* Answers and frees @call.  Takes @ret and @error, at least one of which is NULL; if both are,
 * the command returns nothing. */
void gdw_call_complete (GdwCall *call, JsonNode *ret, GError *error);

/* Completes @call with @value of @type, which it frees, or with @error, which it takes.  If
 * @type is NULL the command returns nothing, and @value is ignored. */
void gdw_command_answer (GdwCall *call, const GdwVisitType *type, gpointer value,
                         GError *error);
