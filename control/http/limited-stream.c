/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "control/http/limited-stream.h"

typedef struct {
  GFilterInputStream parent;
  gsize left;
} GdwLimitedInput;

typedef GFilterInputStreamClass GdwLimitedInputClass;

typedef struct {
  GIOStream parent;
  GIOStream *base;
  GInputStream *input;
} GdwLimitedStream;

typedef GIOStreamClass GdwLimitedStreamClass;

static GType gdw_limited_input_get_type (void);
static GType gdw_limited_stream_get_type (void);
static void init_pollable (GPollableInputStreamInterface *interface);

G_DEFINE_TYPE_WITH_CODE (GdwLimitedInput, gdw_limited_input, G_TYPE_FILTER_INPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, init_pollable))
G_DEFINE_TYPE (GdwLimitedStream, gdw_limited_stream, G_TYPE_IO_STREAM)

static GInputStream *
base_of (gpointer stream)
{
  return g_filter_input_stream_get_base_stream (stream);
}

static gssize
read_some (GdwLimitedInput *self, void *to, gsize size, gboolean blocking, GCancellable *cancel,
           GError **error)
{
  gssize n;

  if (!self->left) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                         "the connection has sent more than its limit");
    return -1;
  }
  n = g_pollable_stream_read (base_of (self), to, MIN (size, self->left), blocking, cancel,
                              error);
  self->left -= n > 0 ? (gsize) n : 0;
  return n;
}

static gssize
read_blocking (GInputStream *stream, void *to, gsize size, GCancellable *cancel, GError **error)
{
  return read_some ((GdwLimitedInput *) stream, to, size, TRUE, cancel, error);
}

static gssize
read_now (GPollableInputStream *stream, void *to, gsize size, GError **error)
{
  return read_some ((GdwLimitedInput *) stream, to, size, FALSE, NULL, error);
}

static gboolean
is_readable (GPollableInputStream *stream)
{
  return g_pollable_input_stream_is_readable (G_POLLABLE_INPUT_STREAM (base_of (stream)));
}

static GSource *
create_source (GPollableInputStream *stream, GCancellable *cancel)
{
  g_autoptr (GSource) source = g_pollable_input_stream_create_source (
      G_POLLABLE_INPUT_STREAM (base_of (stream)), NULL);

  return g_pollable_source_new_full (stream, source, cancel);
}

static void
init_pollable (GPollableInputStreamInterface *interface)
{
  interface->is_readable = is_readable;
  interface->create_source = create_source;
  interface->read_nonblocking = read_now;
}

static void
gdw_limited_input_class_init (GdwLimitedInputClass *class)
{
  G_INPUT_STREAM_CLASS (class)->read_fn = read_blocking;
}

static void
gdw_limited_input_init (GdwLimitedInput *self)
{
}

static GInputStream *
get_input (GIOStream *stream)
{
  return ((GdwLimitedStream *) stream)->input;
}

static GOutputStream *
get_output (GIOStream *stream)
{
  return g_io_stream_get_output_stream (((GdwLimitedStream *) stream)->base);
}

/* Closes synchronously: closing a socket does not block, and GIO would start a thread for
 * it. */
static void
close_async (GIOStream *stream, int priority, GCancellable *cancel, GAsyncReadyCallback ready,
             gpointer data)
{
  g_autoptr (GTask) task = g_task_new (stream, cancel, ready, data);
  GError *error = NULL;

  if (g_io_stream_close (((GdwLimitedStream *) stream)->base, cancel, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
close_finish (GIOStream *stream, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
finalize (GObject *object)
{
  GdwLimitedStream *self = (GdwLimitedStream *) object;

  g_clear_object (&self->input);
  g_clear_object (&self->base);
  G_OBJECT_CLASS (gdw_limited_stream_parent_class)->finalize (object);
}

static void
gdw_limited_stream_class_init (GdwLimitedStreamClass *class)
{
  G_OBJECT_CLASS (class)->finalize = finalize;
  class->get_input_stream = get_input;
  class->get_output_stream = get_output;
  class->close_async = close_async;
  class->close_finish = close_finish;
}

static void
gdw_limited_stream_init (GdwLimitedStream *self)
{
}

GIOStream *
gdw_limited_stream_new (GIOStream *base, gsize limit)
{
  GdwLimitedStream *self = g_object_new (gdw_limited_stream_get_type (), NULL);
  GdwLimitedInput *input = g_object_new (gdw_limited_input_get_type (), "base-stream",
                                         g_io_stream_get_input_stream (base),
                                         "close-base-stream", FALSE, NULL);

  input->left = limit;
  self->base = g_object_ref (base);
  self->input = G_INPUT_STREAM (input);
  return G_IO_STREAM (self);
}
