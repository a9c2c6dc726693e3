/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include "sim.h"

void sim_log_init (Sim *sim);
void sim_log_clear (Sim *sim);

/* On the thread of the vCPU: before it stores, and after. */
void sim_log_await_room (Sim *sim, guint vcpu);
void sim_log_mark (Sim *sim, guint vcpu, guint region, guint64 page);
