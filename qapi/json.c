/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"

#include "qapi/number.h"
#include "qapi/visit.h"

#include <math.h>
#include <string.h>

/* The token that must come next; FIRST also allows the closing bracket. */
typedef enum { VALUE, FIRST, KEY, COLON, SEPARATOR, DONE } Next;

/* Bytes before @start are done; bytes before @at have been scanned. */
struct GdwJsonSplitter {
  GString *bytes;
  gsize start, at, size_max;
  gsize value;         /* where the last value began */
  gboolean inside;     /* a value has begun */
  gboolean broken;     /* it ends with a byte that no value can have */
  gboolean skipping;   /* the value was refused, and its end is still to come */
  gboolean recovering; /* the rest of a broken value is dropped */
  gboolean ended;
  gsize token;      /* where the current token begins, */
  char quote;       /* the quote that ends it if it is a string, */
  gboolean escaped; /* and whether a backslash came just before */
  gboolean bare;    /* the token is a number or a word */
  Next next;
  guint64 depth;                            /* number of open braces and brackets */
  JsonNode *levels[GDW_JSON_DEPTH_MAX + 1]; /* the containers that are open */
  JsonNode *root;                           /* owns them */
  char *key;
  GError *error; /* the first one */
};

#define FAIL(s, ...)                                                                           \
  g_set_error (&(s)->error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC,                          \
               "JSON parse error, " __VA_ARGS__)

GdwJsonSplitter *
gdw_json_splitter_new (void)
{
  GdwJsonSplitter *s = g_new0 (GdwJsonSplitter, 1);

  s->bytes = g_string_new (NULL);
  s->size_max = GDW_JSON_SIZE_MAX;
  return s;
}

void
gdw_json_splitter_free (GdwJsonSplitter *s)
{
  g_clear_pointer (&s->root, json_node_unref);
  g_clear_error (&s->error);
  g_free (s->key);
  g_string_free (s->bytes, TRUE);
  g_free (s);
}

void
gdw_json_splitter_feed (GdwJsonSplitter *s, const char *data, gsize length)
{
  g_string_erase (s->bytes, 0, (gssize) s->start);
  s->at -= s->start;
  s->token -= MIN (s->token, s->start);
  s->start = 0;
  g_string_append_len (s->bytes, data, (gssize) length);
}

void
gdw_json_splitter_end (GdwJsonSplitter *s)
{
  s->ended = TRUE;
}

gboolean
gdw_json_splitter_is_skipping (const GdwJsonSplitter *s)
{
  return s->skipping;
}

/* Also TRUE for NUL, because strchr() finds the one that ends @set. */
static gboolean
is_one_of (char c, const char *set)
{
  return strchr (set, c) != NULL;
}

static gboolean
is_space (char c)
{
  return c && is_one_of (c, " \t\n\r");
}

/* A client that is out of step sends one of these, which no value can have. */
static gboolean
is_reset (char c)
{
  return ((guchar) c < ' ' && !is_space (c)) || (guchar) c >= 0xfe;
}

/* Tells whether @c may be part of a number or a word. */
static gboolean
is_bare (char c)
{
  return g_ascii_isalnum (c) || (c && is_one_of (c, "_-+."));
}

static int
read_hex (const char **at)
{
  int value = 0;

  for (int i = 0; i < 4; i++, (*at)++) {
    if (!g_ascii_isxdigit (**at))
      return -1;
    value = value * 16 + g_ascii_xdigit_value (**at);
  }
  return value;
}

/* Reads an escape sequence, with both halves of a surrogate pair; -1 if it is invalid. */
static int
read_escape (const char **at)
{
  static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
  const char c = *++*at, *known = c ? strchr (from, c) : NULL;
  int code, low;

  ++*at;
  if (c != 'u')
    return known ? to[known - from] : -1;
  code = read_hex (at);
  if (code < 0xd800 || code > 0xdfff)
    return code;
  if (code > 0xdbff || **at != '\\' || *++*at != 'u')
    return -1;
  ++*at;
  low = read_hex (at);
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                        : -1;
}

/* Returns the string between two quotes, or NULL.  An escape sequence cannot reach beyond the
 * token, which ends with a quote, with a byte that no string has, or with the NUL behind it. */
static char *
read_string (GdwJsonSplitter *s, const char *text, gsize length)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *at = text + 1, *valid;

  g_utf8_validate (at, (gssize) length - 1, &valid);
  while (at < valid && *at != *text && (guchar) *at >= ' ') {
    const char *start = at;
    int code = *at == '\\' ? read_escape (&at) : *at++;

    if (*start != '\\')
      g_string_append_c (out, (char) code);
    else if (code > 0)
      g_string_append_unichar (out, (gunichar) code);
    else if (code == 0)
      g_string_append (out, GDW_STRING_NUL);
    else {
      g_autofree char *shown = g_utf8_make_valid (start, MIN (at, text + length) - start);

      FAIL (s, "invalid escape sequence '%s'", shown);
      return NULL;
    }
  }
  if (at < valid && *at == *text)
    return g_string_free (g_steal_pointer (&out), FALSE);
  FAIL (s, "%s",
        at == text + length  ? "string without end"
        : (guchar) *at < ' ' ? "control character in string"
                             : "invalid UTF-8 sequence in string");
  return NULL;
}

/* Keeps a whole number that fits in 64 bits exactly, and any other as a double. */
static JsonNode *
read_number (GdwJsonSplitter *s, const char *text)
{
  const char *first = text + (*text == '-'), *point = strchr (text, '.');
  gint64 number;
  guint64 big;
  char *end;
  double value = g_ascii_strtod (text, &end);

  if (*end || !isfinite (value) || !g_ascii_isdigit (*first) ||
      (*first == '0' && g_ascii_isdigit (first[1])) || (point && !g_ascii_isdigit (point[1])) ||
      text[strspn (text, "0123456789+-.eE")])
    FAIL (s, "invalid number '%s'", text);
  else if (g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return json_node_init_int (json_node_alloc (), number);
  else if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &big, NULL))
    return gdw_number_new (big);
  else
    return gdw_number_new_double (value);
  return NULL;
}

static JsonNode *
read_bare (GdwJsonSplitter *s, const char *text, gsize length)
{
  g_autofree char *word = g_strndup (text, length);

  if (*word == '-' || g_ascii_isdigit (*word))
    return read_number (s, word);
  if (strcmp (word, "null") == 0)
    return json_node_new (JSON_NODE_NULL);
  if (strcmp (word, "true") == 0 || strcmp (word, "false") == 0)
    return json_node_init_boolean (json_node_alloc (), *word == 't');
  FAIL (s, "invalid keyword '%s'", word);
  return NULL;
}

static void
add (GdwJsonSplitter *s, JsonNode *node)
{
  JsonNode *up = s->depth ? s->levels[s->depth - 1] : NULL;

  if (!up)
    s->root = node;
  else if (JSON_NODE_HOLDS_ARRAY (up))
    json_array_add_element (json_node_get_array (up), node);
  else
    json_object_set_member (json_node_get_object (up), s->key, node);
  g_clear_pointer (&s->key, g_free);
  s->next = up ? SEPARATOR : DONE;
}

static void
take_value (GdwJsonSplitter *s, const char *text, gsize length)
{
  JsonNode *node = NULL;

  if (*text == '{' || *text == '[') {
    node = json_node_new (*text == '{' ? JSON_NODE_OBJECT : JSON_NODE_ARRAY);
    if (*text == '{')
      json_node_take_object (node, json_object_new ());
    else
      json_node_take_array (node, json_array_new ());
    add (s, s->levels[s->depth] = node);
    s->next = FIRST;
    return;
  }
  if (*text == '"' || *text == '\'') {
    g_autofree char *string = read_string (s, text, length);

    node = string ? json_node_init_string (json_node_alloc (), string) : NULL;
  } else if (is_bare (*text))
    node = read_bare (s, text, length);
  else if (is_one_of (*text, "{}[]:,"))
    FAIL (s, "expecting value");
  else {
    g_autofree char *stray = g_utf8_make_valid (text, 1);

    FAIL (s, "stray '%s'", stray);
  }
  if (node)
    add (s, node);
}

static void
take_key (GdwJsonSplitter *s, const char *text, gsize length)
{
  if (*text != '"' && *text != '\'')
    FAIL (s, "key is not a string in object");
  else if ((s->key = read_string (s, text, length)) &&
           json_object_has_member (json_node_get_object (s->levels[s->depth - 1]), s->key))
    FAIL (s, "duplicate key");
  s->next = COLON;
}

/* Gives the grammar the next token; an empty one marks the end. */
static void
take (GdwJsonSplitter *s, const char *text, gsize length)
{
  gboolean dict = s->depth && JSON_NODE_HOLDS_OBJECT (s->levels[s->depth - 1]);

  if (s->depth && (s->next == FIRST || s->next == SEPARATOR) && *text == (dict ? '}' : ']'))
    s->next = s->depth > 1 ? SEPARATOR : DONE;
  else if (s->next == DONE)
    FAIL (s, "unexpected text after the value");
  else if (s->next == SEPARATOR && *text != ',')
    FAIL (s, "expected separator in %s", dict ? "dict" : "list");
  else if (s->next == SEPARATOR)
    s->next = dict ? KEY : VALUE;
  else if (s->next == COLON && *text != ':')
    FAIL (s, "missing : in object pair");
  else if (s->next == COLON)
    s->next = VALUE;
  else if (s->next == KEY || (s->next == FIRST && dict))
    take_key (s, text, length);
  else
    take_value (s, text, length);
}

/* Returns TRUE if the value has ended, too.  A word ends where a byte follows that no word
 * has. */
static gboolean
end_token (GdwJsonSplitter *s)
{
  const char *text = s->bytes->str + s->token;
  gsize length = s->skipping ? 0 : s->at - s->token, n = 0;

  while (s->bare && n < length && is_bare (text[n]))
    n++;
  if (length && !s->error)
    take (s, text, n ? n : length);
  if (n && n < length && !s->error)
    take (s, text + n, length - n);
  s->quote = 0;
  s->bare = s->escaped = FALSE;
  return s->broken || s->depth == 0;
}

static gboolean
advance_string (GdwJsonSplitter *s, char c)
{
  s->at++;
  s->broken = (guchar) c < ' ' || is_reset (c);
  if (s->broken || (c == s->quote && !s->escaped))
    return end_token (s);
  s->escaped = c == '\\' && !s->escaped;
  return FALSE;
}

/* Looks at the next byte.  Returns TRUE if a value has ended. */
static gboolean
advance (GdwJsonSplitter *s)
{
  char c = s->bytes->str[s->at];
  gboolean structural = c && is_one_of (c, "{}[]:,"), quote = c == '"' || c == '\'';

  if (s->quote)
    return advance_string (s, c);
  if (s->bare && (is_space (c) || structural || quote || is_reset (c)) && end_token (s))
    return TRUE;
  /* QEMU resumes at the same bytes. */
  s->recovering = s->recovering && !(structural || is_reset (c) || c == '\n' || c == '\r');
  s->at++;
  if (!s->inside && (s->recovering || is_space (c)))
    s->start = s->at;
  if (s->bare || s->recovering || is_space (c))
    return FALSE;
  s->inside = TRUE;
  s->token = s->at - 1;
  s->quote = quote ? c : 0;
  s->broken = is_reset (c);
  s->bare = !quote && !structural && !s->broken;
  if (s->quote || s->bare)
    return FALSE;
  end_token (s);
  s->depth += c == '{' || c == '[';
  s->depth -= s->depth && (c == '}' || c == ']');
  return s->broken || s->depth == 0;
}

static gboolean
is_over_limit (GdwJsonSplitter *s)
{
  const char *what = s->depth > GDW_JSON_DEPTH_MAX ? "nesting depth limit exceeded: 64 levels"
                     : s->at - s->start > s->size_max ? "token size limit exceeded: 1 MiB"
                                                      : NULL;

  if (!what || s->skipping)
    return FALSE;
  g_clear_error (&s->error);
  FAIL (s, "%s", what);
  return TRUE;
}

/* Returns the value, or the error. */
static GdwJsonResult
deliver (GdwJsonSplitter *s, JsonNode **node, GError **error)
{
  g_autoptr (JsonNode) root = g_steal_pointer (&s->root);

  g_clear_pointer (&s->key, g_free);
  if (s->error) {
    g_propagate_error (error, g_steal_pointer (&s->error));
    return GDW_JSON_BAD;
  }
  *node = g_steal_pointer (&root);
  return *node ? GDW_JSON_VALUE : GDW_JSON_NOTHING;
}

/* The value is complete, or no more of it will come. */
static GdwJsonResult
finish (GdwJsonSplitter *s, JsonNode **node, GError **error)
{
  if (s->quote || s->bare)
    end_token (s);
  if (!is_over_limit (s) && !s->skipping && !s->error && s->next != DONE)
    take (s, "", 0);
  s->value = s->start;
  s->start = s->at;
  s->recovering = s->broken;
  s->depth = 0;
  s->next = VALUE;
  s->inside = s->broken = s->skipping = FALSE;
  return deliver (s, node, error);
}

GdwJsonResult
gdw_json_splitter_next (GdwJsonSplitter *s, JsonNode **node, GError **error)
{
  GdwJsonResult result = GDW_JSON_NOTHING;

  while (result == GDW_JSON_NOTHING && s->at < s->bytes->len) {
    if (advance (s))
      result = finish (s, node, error);
    else if (is_over_limit (s)) {
      s->skipping = TRUE;
      result = deliver (s, node, error);
    }
    if (s->skipping)
      s->start = s->at;
  }
  if (result == GDW_JSON_NOTHING && s->ended && s->inside)
    result = finish (s, node, error);
  return result;
}

JsonNode *
gdw_json_parse (const char *text, gssize length, GError **error)
{
  g_autoptr (GdwJsonSplitter) s = gdw_json_splitter_new ();
  g_autoptr (JsonNode) node = NULL;
  GdwJsonResult result;

  s->size_max = G_MAXSIZE;
  gdw_json_splitter_feed (s, text, length < 0 ? strlen (text) : (gsize) length);
  gdw_json_splitter_end (s);
  result = gdw_json_splitter_next (s, &node, error);
  while (s->at < s->bytes->len && is_space (s->bytes->str[s->at]))
    s->at++;
  if (result == GDW_JSON_NOTHING)
    FAIL (s, "expecting value");
  else if (result == GDW_JSON_VALUE && s->at < s->bytes->len)
    FAIL (s, "unexpected text after the value");
  if (!s->error)
    return g_steal_pointer (&node);
  g_propagate_error (error, g_steal_pointer (&s->error));
  return NULL;
}

/* The text between the braces is a stream: every fourth value is a key, the second after it is
 * its value, and ':' and ',' are reported as bad. */
char *
gdw_json_member_text (const char *text, const char *name)
{
  g_autoptr (GdwJsonSplitter) s = gdw_json_splitter_new ();
  const char *inside = strchr (text, '{');
  gboolean found = FALSE;

  s->size_max = G_MAXSIZE;
  if (inside)
    gdw_json_splitter_feed (s, inside + 1, strlen (inside + 1));
  gdw_json_splitter_end (s);
  for (guint i = 0;; i++) {
    g_autoptr (JsonNode) node = NULL;
    GdwJsonResult result = gdw_json_splitter_next (s, &node, NULL);

    if (result == GDW_JSON_NOTHING)
      return NULL;
    if (found && i % 4 == 2)
      return g_strndup (s->bytes->str + s->value, s->at - s->value);
    if (i % 4 == 0)
      found = g_strcmp0 (gdw_number_get_string (node), name) == 0;
  }
}
