/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* JSON as RFC 8259 has it, with one extension that QEMU has too: a string may be in single
 * quotes. json-glib holds the values and writes them; get numbers out of its nodes with
 * qapi/number.h.  Its parser is not used: it takes much that is not JSON, crashes on deep
 * nesting, cuts a string at NUL, drops the first of two equal keys and makes 2^63 negative; to
 * keep all this from it, and to repair its tree, takes more lines than to add the nodes.  No
 * function keeps anything or is bound to a thread. */

#define GDW_JSON_DEPTH_MAX 64
#define GDW_JSON_SIZE_MAX (1024 * 1024) /* bytes of one value */

/* Exactly one value, white space around it allowed; NULL and a GDW_VISIT_ERROR in
 * QEMU's words if @text is anything else.  @length in bytes, -1: up to the NUL. */
JsonNode *gdw_json_parse (const char *text, gssize length, GError **error);

/* In one line, without white space.  Bytes of a string that are not UTF-8 become U+FFFD. */
char *gdw_json_write (JsonNode *node);

/* The text of the value of a member of the object that @text is, as it came; NULL: it has none.
 */
char *gdw_json_member_text (const char *text, const char *name);

/* Cuts a stream of bytes into values, which need nothing between them. */
typedef struct GdwJsonSplitter GdwJsonSplitter;

GdwJsonSplitter *gdw_json_splitter_new (void);
void gdw_json_splitter_free (GdwJsonSplitter *splitter);

/* Append what has arrived.  The splitter keeps all of it until asked, so ask until nothing is
 * left before you feed it again. */
void gdw_json_splitter_feed (GdwJsonSplitter *splitter, const char *data, gsize length);

/* TRUE while the rest of a refused value is still to come. */
gboolean gdw_json_splitter_is_skipping (const GdwJsonSplitter *splitter);

/* No more will arrive: a number or a word at the end is complete. */
void gdw_json_splitter_end (GdwJsonSplitter *splitter);

typedef enum {
  GDW_JSON_NOTHING, /* feed it first */
  GDW_JSON_VALUE,   /* @node is set, and the caller's */
  GDW_JSON_BAD,     /* @error is set; the splitter goes on behind the bad value.  A control
                     * character that is no space, and the bytes 0xfe and 0xff, end any value */
} GdwJsonResult;

GdwJsonResult gdw_json_splitter_next (GdwJsonSplitter *splitter, JsonNode **node,
                                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwJsonSplitter, gdw_json_splitter_free)
