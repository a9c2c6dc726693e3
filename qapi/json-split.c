/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"

#include "qapi/visit.h"

/* Where in a value the splitter is. */
typedef struct {
  gboolean inside;  /* not between values */
  gboolean bare;    /* it is a number or a word */
  char quote;       /* in a string: the quote that ends it */
  gboolean escaped; /* in a string: behind a backslash */
  gboolean broken;  /* ended by what can be in no value */
  guint64 depth;    /* of braces and brackets, of whichever kind */
} Place;

/* Of @bytes, those before @start are done with, those before @at were looked at. */
struct GdwJsonSplitter {
  GString *bytes;
  gsize start, at;
  Place place;
  gboolean skipping;   /* the value was refused, its end is still to come */
  gboolean recovering; /* behind one that was broken: what is left of it comes */
  gboolean ended;
};

GdwJsonSplitter *
gdw_json_splitter_new (void)
{
  GdwJsonSplitter *splitter = g_new0 (GdwJsonSplitter, 1);
  splitter->bytes = g_string_new (NULL);
  return splitter;
}

void
gdw_json_splitter_free (GdwJsonSplitter *splitter)
{
  g_string_free (splitter->bytes, TRUE);
  g_free (splitter);
}

void
gdw_json_splitter_feed (GdwJsonSplitter *splitter, const char *data, gsize length)
{
  g_string_erase (splitter->bytes, 0, (gssize) splitter->start);
  splitter->at -= splitter->start;
  splitter->start = 0;
  g_string_append_len (splitter->bytes, data, (gssize) length);
}

void
gdw_json_splitter_end (GdwJsonSplitter *splitter)
{
  splitter->ended = TRUE;
}

gboolean
gdw_json_splitter_is_skipping (const GdwJsonSplitter *splitter)
{
  return splitter->skipping;
}

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static gboolean
is_structural (char c)
{
  return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

static gboolean
is_quote (char c)
{
  return c == '"' || c == '\'';
}

/* In no value at all: a client that has lost its place sends one, to begin anew behind it. */
static gboolean
is_reset (char c)
{
  return ((guchar) c < ' ' && !is_space (c)) || (guchar) c >= 0xfe;
}

/* In a string; TRUE: @c ends the value. */
static gboolean
step_string (Place *place, char c)
{
  if (c == place->quote && !place->escaped)
    place->quote = 0;
  place->escaped = c == '\\' && !place->escaped;
  return !place->quote && place->depth == 0;
}

/* TRUE: @c is the last of the value.  A control character can't be in a string: there a value
 * ends whose quote was forgotten. */
static gboolean
step (Place *place, char c)
{
  place->broken = is_reset (c) || (place->quote && (guchar) c < ' ');
  if (place->broken)
    return TRUE;
  if (place->quote)
    return step_string (place, c);
  if (is_quote (c))
    place->quote = c;
  else if (c == '{' || c == '[')
    place->depth++;
  else if (is_structural (c)) {
    if (place->depth && (c == '}' || c == ']'))
      place->depth--;
    return place->depth == 0;
  } else
    place->bare = place->depth == 0;
  return FALSE;
}

/* Where a new value may begin behind a broken one; QEMU has the same places. */
static gboolean
is_promising (char c)
{
  return is_structural (c) || is_reset (c) || c == '\n' || c == '\r';
}

/* Look at the next byte; TRUE: a value is complete. */
static gboolean
advance (GdwJsonSplitter *splitter)
{
  Place *place = &splitter->place;
  char c = splitter->bytes->str[splitter->at];
  splitter->recovering = splitter->recovering && !is_promising (c);
  if (splitter->recovering || (!place->inside && is_space (c))) {
    splitter->start = ++splitter->at;
    return FALSE;
  }
  if (place->bare && (is_space (c) || is_structural (c) || is_quote (c) || is_reset (c)))
    return TRUE;
  place->inside = TRUE;
  splitter->at++;
  return step (place, c);
}

static gboolean
over_limit (GdwJsonSplitter *splitter, GError **error)
{
  const char *what = NULL;
  if (splitter->place.depth > GDW_JSON_DEPTH_MAX)
    what = "nesting depth limit exceeded: 64 levels";
  else if (splitter->at - splitter->start > GDW_JSON_SIZE_MAX)
    what = "token size limit exceeded: 1 MiB";
  if (what)
    g_set_error (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC, "JSON parse error, %s", what);
  return what != NULL;
}

/* Make of the complete value what the caller gets; NOTHING if it was refused before. */
static GdwJsonResult
finish (GdwJsonSplitter *splitter, JsonNode **node, GError **error)
{
  const char *text = splitter->bytes->str + splitter->start;
  gsize length = splitter->at - splitter->start;
  gboolean refused = splitter->skipping;
  gboolean too_large = !refused && over_limit (splitter, error);
  splitter->start = splitter->at;
  splitter->recovering = splitter->place.broken;
  splitter->place = (Place){ 0 };
  splitter->skipping = FALSE;
  if (refused)
    return GDW_JSON_NOTHING;
  if (too_large)
    return GDW_JSON_BAD;
  *node = gdw_json_parse (text, (gssize) length, error);
  return *node ? GDW_JSON_VALUE : GDW_JSON_BAD;
}

GdwJsonResult
gdw_json_splitter_next (GdwJsonSplitter *splitter, JsonNode **node, GError **error)
{
  GdwJsonResult result = GDW_JSON_NOTHING;
  while (result == GDW_JSON_NOTHING && splitter->at < splitter->bytes->len) {
    if (advance (splitter))
      result = finish (splitter, node, error);
    else if (splitter->skipping)
      splitter->start = splitter->at;
    else if (over_limit (splitter, error)) {
      splitter->skipping = TRUE;
      result = GDW_JSON_BAD;
    }
  }
  if (result == GDW_JSON_NOTHING && splitter->ended && splitter->place.inside)
    result = finish (splitter, node, error);
  return result;
}
