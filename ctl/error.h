/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

#define CTL_ERROR ctl_error_quark ()

typedef enum {
  CTL_ERROR_USAGE,       /* a wrong command line */
  CTL_ERROR_SERVER,      /* no connection, or it was lost */
  CTL_ERROR_REFUSED,     /* the server's answer is an error */
  CTL_ERROR_INTERRUPTED, /* client_interrupt() */
} CtlError;

/* The exit statuses of godwitctl. */
enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED, EXIT_UNKNOWN };

GQuark ctl_error_quark (void);
