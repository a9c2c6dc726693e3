/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <libsoup/soup.h>

/* The files of the dashboard, which are compiled in.  They reveal nothing of the VM. */

/* Returns the file at @path, or -1. */
int gdw_http_page_find (const char *path);

void gdw_http_page_answer (int page, SoupServerMessage *msg);
