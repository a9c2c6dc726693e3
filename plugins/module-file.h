/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <glib.h>

/* Is @file an ELF file of this machine, and all of it there?  dlopen waits for a pipe's other
 * end, and kills the process when a part of a file that was cut off is touched. */
gboolean gdw_module_file_check (const char *file, GError **error);
