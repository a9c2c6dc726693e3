/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* A filter whose two ends exchange a word in the handshake; a wrong one is refused.  As filter
 * 'mute' it says nothing and waits. */
#include <godwit/error.h>
#include <godwit/filter.h>
#include <string.h>

#define WORD_BYTES 16
#define IS_MUTE (strcmp (NAME, "mute") == 0)

enum { OPTION_WORD };

typedef struct {
  char word[WORD_BYTES];
} Greet;

static gpointer
greet_open (const GdwFilterConfig *config, GError **error)
{
  Greet *self = g_new0 (Greet, 1);

  g_strlcpy (self->word, config->options[OPTION_WORD].string, sizeof self->word);
  return self;
}

static gpointer
greet_link_open (gpointer self, gboolean incoming, GCancellable *cancellable, GError **error)
{
  return g_memdup2 (self, sizeof (Greet));
}

static gboolean
say (const GdwNext *next, const char *word, GCancellable *cancellable, GError **error)
{
  for (gsize at = 0; at < WORD_BYTES;) {
    struct iovec rest = { (gpointer) (word + at), WORD_BYTES - at };
    gssize count = next->write (next, &rest, 1, cancellable, error);

    if (count < 0)
      return FALSE;
    at += (gsize) count;
  }
  return TRUE;
}

/* Exactly the word: what follows it is for read. */
static gboolean
hear (const GdwNext *next, char *word, GCancellable *cancellable, GError **error)
{
  for (gsize at = 0; at < WORD_BYTES;) {
    struct iovec rest = { word + at, WORD_BYTES - at };
    gssize count = next->read (next, &rest, 1, cancellable, error);

    if (count == 0)
      g_set_error_literal (error, GDW_ERROR, GDW_ERROR_PEER,
                           "filter 'greet': handshake failed: the peer has gone before it said "
                           "its word; see its log");
    if (count <= 0)
      return FALSE;
    at += (gsize) count;
  }
  return TRUE;
}

static gboolean
greet_handshake (gpointer link, const GdwNext *next, GCancellable *cancellable, GError **error)
{
  const Greet *greet = link;
  char heard[WORD_BYTES + 1] = "";

  if ((!IS_MUTE && !say (next, greet->word, cancellable, error)) ||
      !hear (next, heard, cancellable, error))
    return FALSE;
  if (strcmp (heard, greet->word) == 0)
    return TRUE;
  g_set_error (error, GDW_ERROR, GDW_ERROR_PEER,
               "filter 'greet': handshake failed: the peer says '%s' and not '%s'; give both "
               "sides the same word",
               heard, greet->word);
  return FALSE;
}

static const GdwOption greet_options[] = {
  [OPTION_WORD] = { .name = "word",
                    .type = GDW_OPTION_STRING,
                    .default_value = "hello",
                    .help = "what both sides say, at most 15 bytes" },
  { 0 },
};

GDW_DEFINE_FILTER (.plugin.name = NAME, .plugin.summary = "exchanges a word first",
                   .plugin.options = greet_options, .open = greet_open, .close = g_free,
                   .link_open = greet_link_open, .link_close = g_free,
                   .handshake = greet_handshake);
