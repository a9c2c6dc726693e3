/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <pthread.h>

#include "ends.h"
#include "guarded.h"

/* A callback on its own thread, which must end in time. */

typedef enum {
  CALL_ACCEPT,
  CALL_CONNECT,
  CALL_HANDSHAKE,
  CALL_READ,
  CALL_WRITE,
  CALL_FUNCTION
} CallKind;

typedef struct {
  CallKind kind;
  Side *side;                       /* accept, connect */
  End *end;                         /* handshake, read, write */
  gsize size;                       /* for one buffer, in read and write */
  void (*function) (gpointer data); /* function */
  gpointer data;
  GCancellable *cancellable;

  End *got; /* accept, connect */
  Guarded buffer;
  gssize count; /* read, write */
  GError *error;
  pthread_t thread;
  gboolean ended;
} Call;

void call_start (Call *call);
/* Returns TRUE if the call has ended; its thread has ended with it. */
gboolean call_ends_within (Call *call, guint ms);
/* Fails the test if the call does not end within some seconds. */
void call_end (Call *call, Promise promise);
