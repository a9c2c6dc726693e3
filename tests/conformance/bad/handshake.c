/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Filters that exchange a greeting, make the mistake BUG in it, and hand everything on. */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <string.h>

#include "bugs.h"

#define GREETING "greetings, peer"
#define GREETING_BYTES sizeof GREETING

static gpointer
bad_open (const GdwFilterConfig *config, GError **error)
{
  return g_new0 (int, 1);
}

static gpointer
bad_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  return g_new0 (int, 1);
}

static gboolean
greet (const GdwNext *next, GCancellable *cancellable, GError **error)
{
  for (gsize at = 0; at < GREETING_BYTES;) {
    struct iovec rest = { (gpointer) (GREETING + at), GREETING_BYTES - at };
    gssize count = next->write (next, &rest, 1, cancellable, error);

    if (count < 0)
      return FALSE;
    at += (gsize) count;
  }
  return TRUE;
}

/* TRUE: nothing that contradicts was heard. */
static gboolean
be_greeted (const GdwNext *next, GCancellable *cancellable, GError **error)
{
  char heard[4096];
  gsize most = BUGGY (EATS_WHAT_FOLLOWS) ? sizeof heard : GREETING_BYTES;
  gsize at = 0;

  while (at < GREETING_BYTES) {
    struct iovec rest = { heard + at, most - at };
    gssize count = next->read (next, &rest, 1, cancellable, error);

    if (count == 0 && BUGGY (AGREES_WITH_NOBODY))
      return TRUE;
    if (count == 0)
      g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PEER, "the peer is gone");
    if (count <= 0)
      return FALSE;
    at += (gsize) count;
    if (BUGGY (TAKES_A_SHORT_GREETING))
      return TRUE;
  }
  if (memcmp (heard, GREETING, GREETING_BYTES) == 0)
    return TRUE;
  g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PEER, "the peer says something else");
  return FALSE;
}

static gboolean
bad_handshake (gpointer link, const GdwNext *next, GCancellable *cancellable, GError **error)
{
  gboolean ok;

  if (BUGGY (SHAKES_WITHOUT_THE_CANCELLABLE))
    cancellable = NULL;
  if (BUGGY (WAITS_BEFORE_IT_GREETS))
    ok = be_greeted (next, cancellable, error) && greet (next, cancellable, error);
  else
    ok = greet (next, cancellable, error) && be_greeted (next, cancellable, error);
  if (BUGGY (FAILS_A_HANDSHAKE_SILENTLY) && !ok)
    g_clear_error (error);
  return ok;
}

GDW_DEFINE_FILTER (.plugin.name = LOCAL_NAME, .plugin.summary = "makes a mistake",
                   .open = bad_open, .close = g_free, .link_open = bad_link_open,
                   .link_close = g_free, .handshake = bad_handshake);
