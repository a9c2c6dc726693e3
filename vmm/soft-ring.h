/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <godwit/godwit.h>

/* The dirty rings of software vCPUs: KVM's rules, in user space.  A vCPU stores, marks its
 * page, and pushes an entry if the page was clean. */
typedef struct SoftRings SoftRings;

/* As with KVM, a ring counts as full with this many entries left, so that the vCPU can finish
 * its step. */
#define SOFT_RING_RESERVED 64u

SoftRings *soft_rings_new (guint n_rings, guint32 n_entries);
void soft_rings_free (SoftRings *rings);

/* For GdwDirtyLog. */
GdwDirtyRing *soft_rings_seam (SoftRings *rings);

/* On the thread of the ring's vCPU. */
void soft_rings_push (SoftRings *rings, guint ring, guint32 slot, guint64 offset);
gboolean soft_rings_full (SoftRings *rings, guint ring);

/* Frees the harvested entries and calls CLEAN for each first.  Returns how many there were. */
guint64 soft_rings_reset (SoftRings *rings,
                          void (*clean) (gpointer data, guint32 slot, guint64 offset),
                          gpointer data);
