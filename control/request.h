/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "control/control.h"

/* Checks the members of a request and reports errors in QEMU's words.  @node is an object that
 * names a command if it returns TRUE. */
gboolean gdw_control_check_request (JsonNode *node, GError **error);
/* Does the same and allows `exec-oob`; sets @oob if the request uses it. */
gboolean gdw_control_check_request_oob (JsonNode *node, gboolean *oob, GError **error);

/* Tells whether @node, valid or not, asks for out-of-band execution. */
gboolean gdw_control_is_oob (JsonNode *node);

/* Returns {"return": ...} or {"error": ...}, with "id" if there is one; takes @ret, not @id. */
JsonNode *gdw_control_answer (JsonNode *id, JsonNode *ret, const GError *error);
