/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "sim.h"

void sim_log_init (Sim *sim);
void sim_log_clear (Sim *sim);

/* Call them on the thread of the vCPU, before and after it stores. */
void sim_log_await_room (Sim *sim, guint vcpu);
void sim_log_mark (Sim *sim, guint vcpu, guint region, guint64 page);
