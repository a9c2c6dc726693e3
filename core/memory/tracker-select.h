/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/memory/regions.h"
#include "plugins/loader.h"
#include "plugins/tracking.h"

/* Open the tracker called @name, or for "auto" the best that works on this VM. A tracker that
 * re-arms when a page is sent is better than one that re-arms at collect, because a dirty sync
 * then costs the guest nothing.  @regions and @log must live until the close.  The error says
 * what is missing. */
GdwTracking *gdw_tracker_select (GdwPlugins *plugins, const char *name,
                                 const GdwRegions *regions, const GdwDirtyLog *log,
                                 GError **error);
