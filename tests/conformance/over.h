/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "suite.h"

/* Where the links of a test run: --uri for a transport, --over for what is below a filter.  The
 * test is skipped, or fails, where they are wrong. */

/* Below a filter: that of --over, else one of the suite.  Into the subject, once. */
void over_load (Subject *subject);

/* The address of --uri or --over, or NULL; free with g_free. */
char *over_address (const Subject *subject);
