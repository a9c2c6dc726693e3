/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/link/crc32c.h"

#define READ_BYTES ((gsize) 256 << 10)

static struct sockaddr_un
address_of (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  ck_assert_uint_lt (strlen (path), sizeof address.sun_path);
  strcpy (address.sun_path, path);
  return address;
}

static Peer *
new_peer (int fd)
{
  Peer *peer = g_new0 (Peer, 1);

  peer->fd = fd;
  peer->in = g_byte_array_new ();
  return peer;
}

Peer *
peer_connect (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  WAIT_UNTIL (connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
  return new_peer (fd);
}

void
peer_free (Peer *peer)
{
  close (peer->fd);
  g_byte_array_unref (peer->in);
  g_free (peer);
}

void
peer_half_close (Peer *peer)
{
  shutdown (peer->fd, SHUT_WR);
}

int
peer_listen (const char *path)
{
  struct sockaddr_un address = address_of (path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  ck_assert_int_eq (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (fd, 16), 0);
  return fd;
}

gboolean
peer_is_waiting (int listener)
{
  GPollFD poll = { .fd = listener, .events = G_IO_IN };

  return g_poll (&poll, 1, 0) == 1;
}

Peer *
peer_accept (int listener)
{
  WAIT_UNTIL (peer_is_waiting (listener));
  return new_peer (accept4 (listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

GByteArray *
peer_frame (Peer *peer, guint type, guint16 flags, GByteArray *meta)
{
  GByteArray *out = g_byte_array_new ();
  guint8 head[GDW_FRAME_HEADER_BYTES];
  guint32 size = meta ? meta->len : 0;
  GdwFrame frame = {
    .type = type, .flags = flags, .seq = ++peer->tx_seq, .payload_len = size, .meta_len = size
  };

  gdw_frame_encode (&frame, meta ? meta->data : (const guint8 *) "", head);
  g_byte_array_append (out, head, sizeof head);
  if (size)
    g_byte_array_append (out, meta->data, size);
  if (meta)
    g_byte_array_unref (meta);
  return out;
}

void
peer_seal (GByteArray *frame)
{
  guint8 *head = frame->data, *meta = head + GDW_FRAME_HEADER_BYTES;
  gsize size = MIN (gdw_load_u32 (head + 12), frame->len - GDW_FRAME_HEADER_BYTES);

  gdw_store_u32 (head + 28, gdw_crc32c (0, meta, size));
  gdw_store_u32 (head + 36, gdw_crc32c (0, head, 36));
}

static gboolean
write_some (Peer *peer, const guint8 *data, gsize size, gsize *at)
{
  gssize n = send (peer->fd, data + *at, size - *at, MSG_NOSIGNAL);

  if (n > 0)
    *at += n;
  else if (n < 0 && errno != EAGAIN)
    peer->ended = TRUE;
  /* Both sides may wait for each other to read. */
  if (n < 0 && errno == EAGAIN && !peer->deaf)
    peer_read (peer);
  return *at == size || peer->ended;
}

gboolean
peer_send_bytes (Peer *peer, const guint8 *data, gsize size)
{
  gsize at = 0;

  peer->ended = FALSE;
  WAIT_UNTIL (write_some (peer, data, size, &at));
  return at == size;
}

gboolean
peer_send_frame (Peer *peer, GByteArray *frame)
{
  gboolean sent = peer_send_bytes (peer, frame->data, frame->len);

  g_byte_array_unref (frame);
  return sent;
}

gboolean
peer_send (Peer *peer, guint type, GByteArray *meta)
{
  return peer_send_frame (peer, peer_frame (peer, type, 0, meta));
}

gboolean
peer_send_id (Peer *peer, guint type, const guint8 id[GDW_ID_BYTES])
{
  GByteArray *meta = g_byte_array_new ();

  gdw_id_encode (id, meta);
  return peer_send (peer, type, meta);
}

gboolean
peer_send_error (Peer *peer, guint type, const char *text)
{
  GByteArray *meta = g_byte_array_new ();
  GdwErrorMsg msg = { .code = GDW_ERROR_FAILED,
                      .phase = (char *) "test",
                      .text = (char *) text };

  gdw_error_encode (&msg, meta);
  return peer_send (peer, type, meta);
}

gboolean
peer_read (Peer *peer)
{
  gsize before = peer->in->len;
  gssize n;

  g_byte_array_set_size (peer->in, before + READ_BYTES);
  n = recv (peer->fd, peer->in->data + before, READ_BYTES, 0);
  g_byte_array_set_size (peer->in, before + MAX (n, 0));
  if (n == 0 || (n < 0 && errno != EAGAIN))
    peer->ended = TRUE;
  return !peer->ended;
}

void
peer_heard_free (Heard *heard)
{
  g_byte_array_unref (heard->meta);
  g_byte_array_unref (heard->data);
  g_free (heard);
}

/* Checks that the engine itself keeps the rules. */
Heard *
peer_next (Peer *peer)
{
  Heard *heard;
  GdwFrame frame;
  const guint8 *payload = peer->in->data + GDW_FRAME_HEADER_BYTES;
  gsize total;

  if (peer->in->len < GDW_FRAME_HEADER_BYTES)
    return NULL;
  ck_assert (gdw_frame_decode (peer->in->data, &frame, NULL));
  total = GDW_FRAME_HEADER_BYTES + frame.payload_len;
  if (peer->in->len < total)
    return NULL;
  ck_assert (gdw_frame_check_meta (&frame, payload, NULL));
  ck_assert_uint_eq (frame.seq, ++peer->rx_seq);
  heard = g_new (Heard, 1);
  *heard = (Heard){ frame, g_byte_array_new (), g_byte_array_new () };
  g_byte_array_append (heard->meta, payload, frame.meta_len);
  g_byte_array_append (heard->data, payload + frame.meta_len,
                       frame.payload_len - frame.meta_len);
  g_byte_array_remove_range (peer->in, 0, total);
  return heard;
}

static gboolean
is_noise (guint type)
{
  return type == GDW_FRAME_ACK || type == GDW_FRAME_NAK || type == GDW_FRAME_HEARTBEAT ||
         type == GDW_FRAME_ROUND_END;
}

/* TRUE if @heard is set, or nothing comes any more. */
static gboolean
hear (Peer *peer, guint type, Heard **heard)
{
  peer_read (peer);
  while ((*heard = peer_next (peer))) {
    if ((*heard)->frame.type == type || !is_noise ((*heard)->frame.type))
      return TRUE;
    peer_heard_free (*heard);
  }
  return peer->ended;
}

Heard *
peer_expect (Peer *peer, guint type)
{
  Heard *heard = NULL;
  GdwErrorMsg msg = { 0 };

  WAIT_UNTIL (hear (peer, type, &heard));
  ck_assert_msg (heard != NULL, "the link ended before %s", gdw_frame_name (type));
  if (heard->frame.type == GDW_FRAME_ERROR && type != GDW_FRAME_ERROR)
    gdw_error_decode (heard->meta->data, heard->meta->len, &msg, NULL);
  ck_assert_msg (heard->frame.type == type, "%s came and not %s: %s",
                 gdw_frame_name (heard->frame.type), gdw_frame_name (type),
                 msg.text ? msg.text : "");
  return heard;
}

char *
peer_last_words (Peer *peer)
{
  for (;;) {
    g_autoptr (Heard) heard = NULL;
    GdwErrorMsg msg;
    char *text;

    WAIT_UNTIL (hear (peer, 0, &heard));
    if (!heard)
      return NULL;
    if (heard->frame.type != GDW_FRAME_ERROR && heard->frame.type != GDW_FRAME_ABORT)
      continue;
    ck_assert (gdw_error_decode (heard->meta->data, heard->meta->len, &msg, NULL));
    text = g_strdup (msg.text);
    gdw_error_clear (&msg);
    return text;
  }
}
