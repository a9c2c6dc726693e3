/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* Where the links of a test run: --uri for a transport, --over for what is below a filter. */

/* Below a filter: that of --over, else one of the suite.  Into the subject, once. */
void over_load (Subject *subject);

/* The address of --uri or --over, or NULL; free with g_free. */
char *over_address (const Subject *subject);

/* What the user set of @plugin, in one string or NULL; free with g_free. */
char *over_options (const Settings *settings, const GdwPlugin *plugin);
