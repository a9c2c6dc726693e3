/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "call.h"

#include <time.h>

/* The headers promise 100 ms or less; the rest allows for a busy host. */
#define PATIENCE_S 8
/* For a whole flow of bytes. */
#define FLOW_PATIENCE_S 550

static const char *
name_of (CallKind kind)
{
  static const char *const names[] = { "accept", "connect", "handshake",
                                       "read",   "write",   "a flow of bytes" };

  return names[kind];
}

static gpointer
run (gpointer data)
{
  Call *call = data;
  struct iovec iov = { call->buffer.data, call->buffer.size };

  switch (call->kind) {
  case CALL_ACCEPT:
    call->got = side_accept (call->side, call->cancellable, &call->error);
    break;
  case CALL_CONNECT:
    call->got = side_connect (call->side, call->cancellable, &call->error);
    break;
  case CALL_HANDSHAKE:
    end_handshake (call->end, call->cancellable, &call->error);
    break;
  case CALL_READ:
    call->count = end_read (call->end, &iov, 1, call->cancellable, &call->error);
    break;
  case CALL_WRITE:
    call->count = end_write (call->end, &iov, 1, call->cancellable, &call->error);
    break;
  default:
    call->function (call->data);
    break;
  }
  return NULL;
}

void
call_start (Call *call)
{
  if (call->kind == CALL_READ || call->kind == CALL_WRITE)
    call->buffer = guarded_new (call->size ? call->size : 1);
  if (pthread_create (&call->thread, NULL, run, call) != 0)
    skip ("no thread could be started");
  call->ended = FALSE;
}

gboolean
call_ends_within (Call *call, guint ms)
{
  struct timespec until;

  if (call->ended)
    return TRUE;
  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_nsec += (long) (ms % 1000) * 1000000;
  until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  call->ended = pthread_timedjoin_np (call->thread, NULL, &until) == 0;
  return call->ended;
}

void
call_end (Call *call, Promise promise)
{
  guint patience_s = call->kind == CALL_FUNCTION ? FLOW_PATIENCE_S : PATIENCE_S;

  EXPECT (call_ends_within (call, patience_s * 1000), promise, "%s has not returned after %u s",
          name_of (call->kind), patience_s);
}
