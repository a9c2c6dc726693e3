/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "core/attempt.h"
#include "core/memory/pageset.h"

/* One outgoing attempt, from connect to completed, cancelled or failed.  The steps stand in the
 * order of destination.h.  Main thread only, except gdw_source_mark. */
typedef struct GdwSource GdwSource;

/* NULL with an error if one is known before it connects.  Copies @attempt. */
GdwSource *gdw_source_new (const GdwAttempt *attempt, const GdwAddress *address,
                           GError **error);

/* Connects.  The ops report everything from here on. */
void gdw_source_begin (GdwSource *source);

/* Call it after over, or before begin. */
void gdw_source_free (GdwSource *source);

gboolean gdw_source_cancel (GdwSource *source, GError **error);
/* Fails, whatever the links do.  After COMMIT it asks the destination over a new link. */
void gdw_source_yank (GdwSource *source);
gboolean gdw_source_continue (GdwSource *source, GError **error);

/* Call it when a parameter has changed. */
void gdw_source_follow (GdwSource *source);

/* Returns whether it has terminated; in doubt it may still ask. */
gboolean gdw_source_is_over (GdwSource *source);
/* The operator has decided where the guest is, or the VMM ends: do not ask any more. */
void gdw_source_resolved (GdwSource *source, GdwOutcome outcome);
/* Returns whether the guest is being handed over or reclaimed. */
gboolean gdw_source_is_switching (GdwSource *source);
/* Returns whether the destination already knows whether the guest ran. */
gboolean gdw_source_is_prepared (GdwSource *source);

/* Any thread: the VMM has written these bytes. */
void gdw_source_mark (GdwSource *source, guint64 guest_addr, guint64 size);

void gdw_source_info (GdwSource *source, GdwInfo *info);
const GError *gdw_source_error (GdwSource *source);
const char *gdw_source_id (GdwSource *source);
