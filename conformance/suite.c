/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "suite.h"

#include "filter-cases.h"
#include "tracker-cases.h"
#include "transport-cases.h"

#define ROW(name, slow, function) { name, slow, function, FALSE },
#define GUEST_ROW(name, slow, function) { name, slow, function, TRUE },

TRACKER_CASES (DECLARE_CASE)
TRACKER_GUEST_CASES (DECLARE_CASE)
TRANSPORT_CASES (DECLARE_CASE)
FILTER_CASES (DECLARE_CASE)

static const Case tracker_cases[] = { TRACKER_CASES (ROW)
                                          TRACKER_GUEST_CASES (GUEST_ROW){ 0 } };
static const Case transport_cases[] = { TRANSPORT_CASES (ROW){ 0 } };
static const Case filter_cases[] = { FILTER_CASES (ROW){ 0 } };

const Case *
suite_cases (guint32 kind)
{
  return kind == GDW_PLUGIN_TRACKER     ? tracker_cases
         : kind == GDW_PLUGIN_TRANSPORT ? transport_cases
                                        : filter_cases;
}
