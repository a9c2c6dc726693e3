/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "visit.h"

/* The commands of the schema, and how a call of one gets to its function.  All
 * calls on one thread. */

typedef struct GdwControl GdwControl;

/* A command under way; answered once. */
typedef struct GdwCall GdwCall;

/* Answers a call in the manner of the way it came in by; takes all but @call, which it frees.
 */
typedef void (*GdwCallAnswer) (GdwCall *call, JsonNode *ret, GError *error);

/* The way in makes one, as the first member of its own; a call outlives its client
 * if it is answered late, and even the control. */
struct GdwCall {
  GdwCallAnswer answer;
  GMainContext *context;
  JsonNode *ret; /* these two while the answer waits for its turn */
  GError *error;
};

/* Answers come from the main loop of @context, behind the events that the command has caused.
 */
void gdw_call_init (GdwCall *call, GMainContext *context, GdwCallAnswer answer);

#define GDW_COMMAND_ASYNC (1u << 0) /* may answer after it returned */
#define GDW_COMMAND_OOB (1u << 1)   /* may be executed out of band */

typedef struct {
  const char *name;
  guint flags;
  const GdwVisitType *args; /* NULL: takes none */
  void (*run) (GdwControl *control, gconstpointer args, GdwCall *call);
} GdwCommand;

/* Generated, in the order of the schema. */
extern const GdwCommand gdw_commands[];
extern const guint gdw_n_commands;

/* Generated: what query-qmp-schema returns, a JSON array of SchemaInfo. */
extern const char gdw_qapi_schema[];

/* NULL if there is none of that name. */
const GdwCommand *gdw_command_find (const char *name);

/* Check @arguments, an object or NULL, and run the command.  It is done before this returns,
 * unless it is asynchronous; @call is answered later in any case. */
void gdw_command_run (const GdwCommand *command, GdwControl *control, JsonNode *arguments,
                      GdwCall *call);

/* Answer @call, which is gone then.  Takes @ret and @error, one of which is NULL; both are:
 * nothing to return. */
void gdw_call_complete (GdwCall *call, JsonNode *ret, GError *error);

/* Complete @call with @value of @type, which it frees, or with @error, which it
 * takes; @type NULL: the command returns nothing, and @value is ignored. */
void gdw_command_answer (GdwCall *call, const GdwVisitType *type, gpointer value,
                         GError *error);
