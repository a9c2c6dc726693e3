/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* The destination's part of query-migrate. */
#include "core/destination/private.h"

void
gdw_destination_info (GdwDestination *destination, GdwInfo *info)
{
  gint64 end_us = destination->end_us ? destination->end_us : g_get_monotonic_time ();

  *info = (GdwInfo){ .incoming = TRUE };
  info->error_desc = destination->error ? destination->error->message : NULL;
  info->transport = destination->transport_name;
  info->local_address = destination->local_address;
  info->n_links = destination->n_joined - destination->n_dead;
  info->total_time_ms = (end_us - destination->begin_us) / 1000;
  info->resume_us = destination->verdict.resume_us;
  info->transferred_bytes = __atomic_load_n (&destination->received_bytes, __ATOMIC_RELAXED);
  info->normal_pages = __atomic_load_n (&destination->normal_pages, __ATOMIC_RELAXED);
  info->zero_pages = __atomic_load_n (&destination->zero_pages, __ATOMIC_RELAXED);
  info->rounds = destination->rounds;
  info->warnings = destination->warnings;
  if (destination->verdict.decision == GDW_COMMITTED)
    info->outcome = GDW_OUTCOME_DESTINATION;
  else if (destination->verdict.decision == GDW_ABORTED)
    info->outcome = GDW_OUTCOME_SOURCE;
}

const GError *
gdw_destination_error (GdwDestination *destination)
{
  return destination->error;
}

const char *
gdw_destination_id (GdwDestination *destination)
{
  return destination->id_text;
}
