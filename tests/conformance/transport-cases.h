/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* X (name, slow, function), in the order in which they run. */
#define TRANSPORT_CASES(X)                                                                     \
  X ("declares-what-makes-sense", FALSE, transport_declares_what_makes_sense)
