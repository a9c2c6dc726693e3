/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Every message reads  who 'name': what failed: why; what to do  in lower
 * case without a full stop.  A callback that returns FALSE, NULL or -1 sets
 * its GError; one that succeeds leaves it alone.  An operation ended by its
 * cancellable fails with G_IO_ERROR_CANCELLED.  Domain and code tell programs what is wrong;
 * the core goes by where an error comes from, unless a callback's description names a code. */
#define GDW_ERROR (g_quark_from_static_string ("gdw-error"))

typedef enum {
  GDW_ERROR_FAILED = 1,      /* none of the others */
  GDW_ERROR_INVALID = 2,     /* a bad argument, option or address */
  GDW_ERROR_UNSUPPORTED = 3, /* this host, plugin or peer cannot do it */
  GDW_ERROR_NOT_FOUND = 4,   /* no such plugin, file or name */
  GDW_ERROR_BUSY = 5,        /* not in this state */
  GDW_ERROR_IO = 6,          /* the transport failed */
  GDW_ERROR_PEER = 7,        /* the other side said so, or died */
  GDW_ERROR_PROTOCOL = 8,    /* the stream breaks the rules */
  GDW_ERROR_HOST = 9,        /* a callback of the VMM failed */
  GDW_ERROR_TIMEOUT = 10,    /* the peer was silent for too long */
  GDW_ERROR_PLUGIN = 11,     /* a plugin broke its contract */
  GDW_ERROR_IN_DOUBT = 12,   /* it may have been done and may not */
  GDW_ERROR_EXHAUSTED = 13,  /* no descriptor, thread or memory is left here */
} GdwError;

G_END_DECLS
