/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Prints what each plugin declares, for people or as one JSON array.  Returns FALSE if one does
 * not load. */
gboolean describe_files (char **files, gboolean json);
