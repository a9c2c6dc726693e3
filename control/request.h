/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "control/control.h"

/* The rules for the members of a request, in QEMU's words; @node is a request if TRUE. */
gboolean gdw_control_check_request (JsonNode *node, GError **error);
/* The same, `exec-oob` allowed; @oob: it is that. */
gboolean gdw_control_check_request_oob (JsonNode *node, gboolean *oob, GError **error);

/* Is @node, good or bad, for out of band? */
gboolean gdw_control_is_oob (JsonNode *node);

/* {"return": ...} or {"error": ...}, and "id" if there is one; takes @ret, not @id. */
JsonNode *gdw_control_answer (JsonNode *id, JsonNode *ret, const GError *error);
