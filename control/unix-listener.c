/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/unix-listener.h"

#include <godwit/error.h>

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct GdwControlSocket {
  GSocket *socket;
  char *path;
  struct stat file;
};

static gboolean
fail (GError **error, const char *who, const char *path, const char *why)
{
  g_set_error (error, GDW_ERROR, GDW_ERROR_FAILED, "%s '%s': cannot listen: %s", who, path,
               why);
  return FALSE;
}

static gboolean
bind_failed (GError **error, const char *who, const char *path, const GError *why)
{
  g_autofree char *text = NULL;

  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return fail (error, who, path, "there is no such folder; make it, or use another path");
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return fail (error, who, path, "you may not write to the folder; use another path");
  text = g_strconcat (why ? why->message : g_strerror (errno), "; use another path", NULL);
  return fail (error, who, path, text);
}

/* Removes a stale socket at @path. */
static gboolean
remove_stale (const char *who, const char *path, GSocketAddress *address, GError **error)
{
  struct stat file;
  g_autoptr (GError) refused = NULL;
  g_autoptr (GSocket) probe = NULL;

  if (lstat (path, &file) != 0)
    return TRUE;
  if (!S_ISSOCK (file.st_mode))
    return fail (error, who, path, "the file there is not a socket; remove it");
  probe = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
  if (probe)
    g_socket_set_blocking (probe, FALSE); /* whose queue is full is not stale */
  if (probe && !g_socket_connect (probe, address, NULL, &refused) &&
      g_error_matches (refused, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) &&
      unlink (path) == 0)
    return TRUE;
  return fail (error, who, path, "another process does; use another path");
}

static GSocket *
listen_at (const char *who, const char *path, struct stat *file, GError **error)
{
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) cause = NULL;
  g_autoptr (GSocket) socket = NULL;

  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path) {
    fail (error, who, path, "the path is too long; use a shorter one");
    return NULL;
  }
  address = g_unix_socket_address_new (path);
  if (!remove_stale (who, path, address, error))
    return NULL;
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &cause);
  /* The file gets this mode: anyone who can connect controls the VM. */
  if (socket && fchmod (g_socket_get_fd (socket), 0600) == 0 &&
      g_socket_bind (socket, address, FALSE, &cause) && g_socket_listen (socket, &cause) &&
      lstat (path, file) == 0) {
    g_socket_set_blocking (socket, FALSE);
    return g_steal_pointer (&socket);
  }
  bind_failed (error, who, path, cause);
  return NULL;
}

GdwControlSocket *
gdw_control_socket_new (const char *who, const char *path, GError **error)
{
  struct stat file;
  GSocket *socket = listen_at (who, path, &file, error);
  GdwControlSocket *self;

  if (!socket)
    return NULL;
  self = g_new0 (GdwControlSocket, 1);
  self->socket = socket;
  self->path = g_strdup (path);
  self->file = file;
  return self;
}

GSocket *
gdw_control_socket_get (GdwControlSocket *socket)
{
  return socket->socket;
}

void
gdw_control_socket_free (GdwControlSocket *socket)
{
  struct stat file;

  if (lstat (socket->path, &file) == 0 && file.st_ino == socket->file.st_ino &&
      file.st_dev == socket->file.st_dev)
    unlink (socket->path);
  g_object_unref (socket->socket);
  g_free (socket->path);
  g_free (socket);
}
