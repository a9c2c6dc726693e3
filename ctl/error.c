/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "error.h"

G_DEFINE_QUARK (ctl - error, ctl_error)
