/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */

/* One frame of hostile bytes.  With clang -fsanitize=fuzzer -DGDW_LIBFUZZER this is a libFuzzer
 * target; alone it runs the golden streams and N mutations of them: [N [SEED]]. */

#include "core/link/frame.h"
#include "tests/support/any-frame.h"
#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

/* A payload that decodes means exactly what was sent. */
static void
try_payload (const GdwFrame *frame, const guint8 *meta)
{
  g_autoptr (GByteArray) again = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gboolean ok = gdw_frame_name (frame->type) &&
                any_frame_again (frame->type, meta, frame->meta_len, frame->payload_len, again,
                                 &error);

  if (ok)
    g_assert_cmpmem (again->data, again->len, meta, frame->meta_len);
  else if (gdw_frame_name (frame->type))
    g_assert_error (error, GDW_ERROR, GDW_ERROR_PROTOCOL);
}

/* Few mutations survive a checksum: make the frame one that a hostile peer would send. */
static void
seal (guint8 *head, const guint8 *meta, gsize room)
{
  GdwFrame frame = { .type = head[GDW_FRAME_OFFSET_TYPE],
                     .flags = gdw_load_u16 (head + 6),
                     .payload_len = gdw_load_u32 (head + GDW_FRAME_OFFSET_PAYLOAD),
                     .meta_len = MIN (gdw_load_u32 (head + 12), room),
                     .seq = gdw_load_u64 (head + 16) };

  /* Half of the time the pages that are announced do follow. */
  if (frame.seq & 1)
    frame.payload_len = frame.meta_len;
  if (frame.seq & 1 && frame.type == GDW_FRAME_MEM && frame.meta_len >= 12)
    frame.payload_len += (gdw_load_u32 (meta + 8) % 512) * GDW_PAGE_SIZE;
  gdw_frame_encode (&frame, meta, head);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  guint8 head[GDW_FRAME_HEADER_BYTES];
  g_autofree guint8 *meta = NULL;
  gsize room;
  GdwFrame frame;

  if (size < sizeof head)
    return 0;
  room = size - sizeof head;
  memcpy (head, data, sizeof head);
  /* The block has exactly this size, for the sanitizer. */
  meta = g_memdup2 (data + sizeof head, room);
  if (!gdw_frame_decode (head, &frame, NULL)) {
    seal (head, meta, room);
    if (!gdw_frame_decode (head, &frame, NULL))
      return 0;
  }
  if (frame.meta_len <= room && gdw_frame_check_meta (&frame, meta, NULL))
    try_payload (&frame, meta);
  return 0;
}

#ifndef GDW_LIBFUZZER
static const char *const names[] = {
#define ROW(number, name, text) text,
  GDW_FRAME_TYPES (ROW)
#undef ROW
};

static void
mutate (GRand *rand, GByteArray *frame)
{
  static const guint8 extremes[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

  for (gint n = g_rand_int_range (rand, 1, 8); n > 0; n--) {
    guint8 *at = frame->data + g_rand_int_range (rand, 4, frame->len);

    switch (g_rand_int_range (rand, 0, 4)) {
    case 0:
      *at ^= 1 << g_rand_int_range (rand, 0, 8);
      break;
    case 1:
      *at = extremes[g_rand_int_range (rand, 0, G_N_ELEMENTS (extremes))];
      break;
    case 2:
      *at = g_rand_int (rand);
      break;
    default:
      /* A field of one frame in the place of another. */
      memmove (at, frame->data + 40, MIN (8, frame->data + frame->len - at));
    }
  }
  if (g_rand_int_range (rand, 0, 4) == 0)
    g_byte_array_set_size (frame, g_rand_int_range (rand, 0, frame->len));
}

int
main (int argc, char **argv)
{
  guint n = argc > 1 ? strtoul (argv[1], NULL, 0) : 200000;
  guint seed = argc > 2 ? strtoul (argv[2], NULL, 0) : 1;
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GPtrArray)
      goldens = g_ptr_array_new_with_free_func ((GDestroyNotify) g_byte_array_unref);

  g_print ("1..2\n");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GByteArray *golden = golden_load (names[i]);

    g_ptr_array_add (goldens, golden);
    LLVMFuzzerTestOneInput (golden->data, golden->len);
  }
  g_print ("ok 1 - golden streams\n");
  for (guint i = 0; i < n; i++) {
    GByteArray *golden = goldens->pdata[i % goldens->len];
    g_autoptr (GByteArray) frame = g_byte_array_new ();

    /* The pages of MEM mean nothing to a decoder. */
    g_byte_array_append (frame, golden->data, MIN (golden->len, 512));
    mutate (rand, frame);
    LLVMFuzzerTestOneInput (frame->data, frame->len);
  }
  g_print ("ok 2 - %u mutations of seed %u\n", n, seed);
  return 0;
}
#endif
