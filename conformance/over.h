/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* The addresses of a test: --uri for a transport, --over for the transport below a filter. */

/* Loads the transport below a filter into the subject: that of --over, or else the suite's. */
void over_load (Subject *subject);

/* Returns the address of --uri or --over, or NULL; free with g_free. */
char *over_address (const Subject *subject);

/* Returns the user's options of @plugin as one string, or NULL; free with g_free. */
char *over_options (const Settings *settings, const GdwPlugin *plugin);
