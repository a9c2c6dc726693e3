/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* Everything of libgodwit that a VMM or a plugin may include; <godwit/control.h> of
 * libgodwit-control has QMP and HTTP. */

#include <godwit/version.h>
#include <godwit/types.h>
#include <godwit/error.h>
#include <godwit/plugin.h>
#include <godwit/dirty-log.h>
#include <godwit/tracker.h>
#include <godwit/transport.h>
#include <godwit/filter.h>
#include <godwit/frame.h>
#include <godwit/address.h>
#include <godwit/host.h>
#include <godwit/kvm.h>
#include <godwit/migration.h>
#include <godwit/query.h>
