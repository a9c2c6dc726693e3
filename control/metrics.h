/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "control/control.h"

/* Counts an attempt that has ended. */
void gdw_control_count (GdwControl *control, const GdwInfo *info);

/* Returns everything in Prometheus' text format 0.0.4; free with g_free. */
char *gdw_control_metrics (GdwControl *control);
