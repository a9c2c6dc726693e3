/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "qapi/json.h"

#include "qapi/number.h"
#include "qapi/visit.h"

#include <math.h>
#include <string.h>

typedef struct {
  const char *at, *end;
  guint depth;
  GError *error;
} Parser;

static JsonNode *parse_value (Parser *parser);

/* The first error stays; NULL, to be returned. */
G_GNUC_PRINTF (2, 3)
static gpointer
fail (Parser *parser, const char *format, ...)
{
  if (parser->error)
    return NULL;
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  parser->error = g_error_new (GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC, "JSON parse error, %s",
                               what);
  return NULL;
}

static gboolean
is_space (char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Part of a number or of a word. */
static gboolean
is_bare (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-' || c == '+' || c == '.';
}

/* The next character that is no space, or NUL at the end. */
static char
peek (Parser *parser)
{
  while (parser->at < parser->end && is_space (*parser->at))
    parser->at++;
  return parser->at < parser->end ? *parser->at : '\0';
}

static gboolean
take (Parser *parser, char c)
{
  if (parser->at >= parser->end || *parser->at != c)
    return FALSE;
  parser->at++;
  return TRUE;
}

static gboolean
take_digits (Parser *parser)
{
  const char *start = parser->at;
  while (parser->at < parser->end && g_ascii_isdigit (*parser->at))
    parser->at++;
  return parser->at > start;
}

/* Four hex digits, or -1. */
static int
parse_hex (Parser *parser)
{
  int value = 0;
  for (int i = 0; i < 4; i++) {
    int digit = parser->at < parser->end ? g_ascii_xdigit_value (*parser->at) : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
    parser->at++;
  }
  return value;
}

/* Behind a backslash and a u: half a pair means nothing. */
static gboolean
parse_unicode (Parser *parser, GString *text)
{
  int first = parse_hex (parser);
  if (first >= 0xd800 && first < 0xdc00 && take (parser, '\\') && take (parser, 'u')) {
    int second = parse_hex (parser);
    first = second >= 0xdc00 && second < 0xe000
                ? 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                : -1;
  }
  if (first < 0 || (first >= 0xd800 && first < 0xe000))
    return FALSE;
  if (first == 0)
    g_string_append (text, GDW_STRING_NUL);
  else
    g_string_append_unichar (text, (gunichar) first);
  return TRUE;
}

static gboolean
parse_escape (Parser *parser, GString *text)
{
  static const char from[] = "\"'\\/bfnrt", to[] = "\"'\\/\b\f\n\r\t";
  const char *start = parser->at - 1;
  char c = parser->at < parser->end ? *parser->at++ : '\0';
  const char *known = c ? strchr (from, c) : NULL;
  if (known)
    g_string_append_c (text, to[known - from]);
  if (known || (c == 'u' && parse_unicode (parser, text)))
    return TRUE;
  g_autofree char *shown = g_utf8_make_valid (start, parser->at - start);
  fail (parser, "invalid escape sequence '%s'", shown);
  return FALSE;
}

/* What stands between two quotes, or NULL. */
static char *
parse_string (Parser *parser)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char quote = *parser->at++;
  while (parser->at < parser->end) {
    const char *run = parser->at;
    while (parser->at < parser->end && *parser->at != quote && *parser->at != '\\' &&
           (guchar) *parser->at >= ' ')
      parser->at++;
    if (!g_utf8_validate (run, parser->at - run, NULL))
      return fail (parser, "invalid UTF-8 sequence in string");
    g_string_append_len (text, run, parser->at - run);
    if (take (parser, quote))
      return g_string_free (g_steal_pointer (&text), FALSE);
    if (!take (parser, '\\'))
      break;
    if (!parse_escape (parser, text))
      return NULL;
  }
  return fail (parser,
               parser->at < parser->end ? "control character in string" : "string without end");
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][-+]?[0-9]+)?; @whole: neither fraction nor exponent. */
static gboolean
scan_number (Parser *parser, gboolean *whole)
{
  take (parser, '-');
  if (!take (parser, '0') && !take_digits (parser))
    return FALSE;
  const char *integer = parser->at;
  if (take (parser, '.') && !take_digits (parser))
    return FALSE;
  if (take (parser, 'e') || take (parser, 'E')) {
    if (!take (parser, '+'))
      take (parser, '-');
    if (!take_digits (parser))
      return FALSE;
  }
  *whole = parser->at == integer;
  return parser->at >= parser->end || !is_bare (*parser->at);
}

/* A whole number that fits in 64 bits is kept exactly, any other as a double. */
static JsonNode *
parse_number (Parser *parser)
{
  const char *start = parser->at;
  gboolean whole = FALSE, good = scan_number (parser, &whole);
  while (parser->at < parser->end && is_bare (*parser->at))
    parser->at++;
  g_autofree char *text = g_strndup (start, parser->at - start);
  gint64 number;
  guint64 big;
  if (good && whole &&
      g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &number, NULL))
    return json_node_init_int (json_node_alloc (), number);
  if (good && whole && g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &big, NULL))
    return gdw_number_new (big);
  double value = good ? g_ascii_strtod (text, NULL) : INFINITY;
  if (!isfinite (value))
    return fail (parser, "invalid number '%s'", text);
  return json_node_init_double (json_node_alloc (), value);
}

static JsonNode *
parse_word (Parser *parser)
{
  const char *start = parser->at;
  while (parser->at < parser->end && is_bare (*parser->at))
    parser->at++;
  g_autofree char *word = g_strndup (start, parser->at - start);
  if (strcmp (word, "null") == 0)
    return json_node_new (JSON_NODE_NULL);
  if (strcmp (word, "true") == 0 || strcmp (word, "false") == 0)
    return json_node_init_boolean (json_node_alloc (), word[0] == 't');
  return fail (parser, "invalid keyword '%s'", word);
}

static gboolean
parse_member (Parser *parser, JsonObject *object)
{
  char c = peek (parser);
  if (c != '"' && c != '\'')
    return fail (parser, "key is not a string in object") != NULL;
  g_autofree char *name = parse_string (parser);
  if (!name)
    return FALSE;
  if (json_object_has_member (object, name))
    return fail (parser, "duplicate key") != NULL;
  if (peek (parser) != ':')
    return fail (parser, "missing : in object pair") != NULL;
  parser->at++;
  JsonNode *value = parse_value (parser);
  if (!value)
    return FALSE;
  json_object_set_member (object, name, value);
  return TRUE;
}

static gboolean
parse_element (Parser *parser, JsonArray *array)
{
  JsonNode *value = parse_value (parser);
  if (!value)
    return FALSE;
  json_array_add_element (array, value);
  return TRUE;
}

/* What stands between braces if @object is given, else between brackets. */
static gboolean
parse_list (Parser *parser, JsonObject *object, JsonArray *array)
{
  const char close = object ? '}' : ']';
  parser->at++;
  if (peek (parser) == close)
    return take (parser, close);
  for (;;) {
    if (object ? !parse_member (parser, object) : !parse_element (parser, array))
      return FALSE;
    char c = peek (parser);
    if (c != close && c != ',')
      return fail (parser, "expected separator in %s", object ? "dict" : "list") != NULL;
    parser->at++;
    if (c == close)
      return TRUE;
  }
}

static JsonNode *
parse_container (Parser *parser)
{
  if (parser->depth == GDW_JSON_DEPTH_MAX)
    return fail (parser, "nesting depth limit exceeded: 64 levels");
  g_autoptr (JsonNode)
      node = json_node_new (*parser->at == '{' ? JSON_NODE_OBJECT : JSON_NODE_ARRAY);
  JsonObject *object = NULL;
  JsonArray *array = NULL;
  if (JSON_NODE_HOLDS_OBJECT (node))
    json_node_take_object (node, object = json_object_new ());
  else
    json_node_take_array (node, array = json_array_new ());
  parser->depth++;
  gboolean good = parse_list (parser, object, array);
  parser->depth--;
  return good ? g_steal_pointer (&node) : NULL;
}

static JsonNode *
parse_value (Parser *parser)
{
  char c = peek (parser);
  if (c == '{' || c == '[')
    return parse_container (parser);
  if (c == '"' || c == '\'') {
    g_autofree char *text = parse_string (parser);
    return text ? json_node_init_string (json_node_alloc (), text) : NULL;
  }
  if (c == '-' || g_ascii_isdigit (c))
    return parse_number (parser);
  if (is_bare (c))
    return parse_word (parser);
  if (c && !strchr ("{}[]:,", c)) {
    g_autofree char *stray = g_utf8_make_valid (&c, 1);
    return fail (parser, "stray '%s'", stray);
  }
  return fail (parser, "expecting value");
}

JsonNode *
gdw_json_parse (const char *text, gssize length, GError **error)
{
  Parser parser = { .at = text, .end = text + (length < 0 ? (gssize) strlen (text) : length) };
  g_autoptr (JsonNode) node = parse_value (&parser);
  if (node) {
    peek (&parser);
    if (parser.at < parser.end)
      fail (&parser, "unexpected text after the value");
  }
  if (!parser.error)
    return g_steal_pointer (&node);
  g_propagate_error (error, parser.error);
  return NULL;
}

/* What stands between the braces is a stream: each fourth value is a key, the second behind it is
 * its own, and the ':' and the ',' are bad ones. */
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
