/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* A resolver of names that knows one name, or hangs as the system's may.  It is the default one
 * of its process, from fake_resolver_set on; a test has a process of its own. */

#include <gio/gio.h>
#include <pthread.h>

typedef struct {
  GResolver resolver;
  const char *const *addresses; /* of each name; NULL: hang */
  guint asked;
  GResolverNameLookupFlags flags; /* of the last question */
  pthread_mutex_t hanging;        /* held for good */
} FakeResolver;

typedef struct {
  GResolverClass resolver;
} FakeResolverClass;

GType fake_resolver_get_type (void);
G_DEFINE_TYPE (FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static inline void
fake_resolver_free_list (gpointer list)
{
  g_resolver_free_addresses (list);
}

static inline void
fake_resolver_hang (GTask *task, gpointer resolver, gpointer data, GCancellable *cancellable)
{
  FakeResolver *fake = resolver;

  pthread_mutex_lock (&fake->hanging);
  pthread_mutex_unlock (&fake->hanging);
  g_task_return_pointer (task, NULL, NULL);
}

static inline void
fake_resolver_ask (GResolver *resolver, const char *name, GResolverNameLookupFlags flags,
                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  FakeResolver *fake = (FakeResolver *) resolver;
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, data);
  GList *list = NULL;

  fake->asked++;
  fake->flags = flags;
  if (!fake->addresses) {
    g_task_set_return_on_cancel (task, TRUE);
    g_task_run_in_thread (task, fake_resolver_hang);
    return;
  }
  for (guint i = 0; fake->addresses[i]; i++)
    list = g_list_append (list, g_inet_address_new_from_string (fake->addresses[i]));
  if (list)
    g_task_return_pointer (task, list, fake_resolver_free_list);
  else
    g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND,
                             "nobody knows %s", name);
}

static inline void
fake_resolver_ask_any (GResolver *resolver, const char *name, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer data)
{
  fake_resolver_ask (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable,
                     callback, data);
}

static inline GList *
fake_resolver_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
fake_resolver_class_init (FakeResolverClass *klass)
{
  klass->resolver.lookup_by_name_async = fake_resolver_ask_any;
  klass->resolver.lookup_by_name_finish = fake_resolver_finish;
  klass->resolver.lookup_by_name_with_flags_async = fake_resolver_ask;
  klass->resolver.lookup_by_name_with_flags_finish = fake_resolver_finish;
}

static void
fake_resolver_init (FakeResolver *fake)
{
  pthread_mutex_init (&fake->hanging, NULL);
  pthread_mutex_lock (&fake->hanging);
}

static inline FakeResolver *
fake_resolver_set (const char *const *addresses)
{
  FakeResolver *fake = g_object_new (fake_resolver_get_type (), NULL);

  fake->addresses = addresses;
  g_resolver_set_default (G_RESOLVER (fake));
  return fake;
}
