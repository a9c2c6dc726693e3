/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* JSON as in RFC 8259, with one extension that QEMU has too: single quotes may enclose a
 * string. json-glib holds and writes the values; qapi/number.h gets numbers out of its nodes.
 * Its parser is not used: it accepts much that is not JSON, crashes on deep nesting, cuts
 * strings at NUL, drops the first of two equal keys and makes 2^63 negative.  Guarding against
 * that and repairing its tree would take more lines than building the nodes here.  The
 * functions keep no state and may run on any thread. */

#define GDW_JSON_DEPTH_MAX 64
#define GDW_JSON_SIZE_MAX (1024 * 1024) /* bytes of one value */

/* Parses exactly one value with optional white space around it.  Returns NULL and a
 * GDW_VISIT_ERROR in QEMU's words for any other @text.  @length is in bytes; -1: up to the
 * NUL. */
JsonNode *gdw_json_parse (const char *text, gssize length, GError **error);

/* Writes one line without white space.  Invalid UTF-8 in a string becomes U+FFFD. */
char *gdw_json_write (JsonNode *node);

/* @text is an object: returns the text of its member @name unchanged, or NULL if it has
 * none. */
char *gdw_json_member_text (const char *text, const char *name);

/* Cuts a stream of bytes into values, which need no separator. */
typedef struct GdwJsonSplitter GdwJsonSplitter;

GdwJsonSplitter *gdw_json_splitter_new (void);
void gdw_json_splitter_free (GdwJsonSplitter *splitter);

/* Appends new bytes.  The splitter keeps them until asked, so ask until nothing is left before
 * the next feed. */
void gdw_json_splitter_feed (GdwJsonSplitter *splitter, const char *data, gsize length);

/* Returns TRUE while the rest of a refused value is still to come. */
gboolean gdw_json_splitter_is_skipping (const GdwJsonSplitter *splitter);

/* No more bytes will arrive: a number or a word at the end is complete. */
void gdw_json_splitter_end (GdwJsonSplitter *splitter);

typedef enum {
  GDW_JSON_NOTHING, /* feed the splitter first */
  GDW_JSON_VALUE,   /* @node is set and belongs to the caller */
  GDW_JSON_BAD,     /* @error is set; the splitter resumes after the bad value.  A control
                     * character other than white space, and the bytes 0xfe and 0xff, end any
                     * value */
} GdwJsonResult;

GdwJsonResult gdw_json_splitter_next (GdwJsonSplitter *splitter, JsonNode **node,
                                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwJsonSplitter, gdw_json_splitter_free)
