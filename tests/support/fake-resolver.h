/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

/* A resolver of names that knows one name, or hangs as the system's may.  It takes the place of
 * libc's in its process, from fake_resolver_set on; a test has a process of its own. */

#include <arpa/inet.h>
#include <dlfcn.h>
#include <gio/gio.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *const *addresses; /* IPv4, of each name; NULL: hang */
  guint asked;
  int family;              /* of the last question */
  pthread_mutex_t hanging; /* held for good */
} FakeResolver;

static FakeResolver *fake_resolver; /* NULL: the system's is asked */

/* As libc makes them, so that its freeaddrinfo frees them. */
static inline struct addrinfo *
fake_resolver_entry (const char *address, const char *service)
{
  struct addrinfo *entry = calloc (1, sizeof *entry + sizeof (struct sockaddr_in));
  struct sockaddr_in *in = (struct sockaddr_in *) (entry + 1);

  in->sin_family = AF_INET;
  in->sin_port = htons ((guint16) atoi (service));
  inet_pton (AF_INET, address, &in->sin_addr);
  entry->ai_family = AF_INET;
  entry->ai_socktype = SOCK_STREAM;
  entry->ai_addr = (struct sockaddr *) in;
  entry->ai_addrlen = sizeof *in;
  return entry;
}

G_MODULE_EXPORT int
getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
             struct addrinfo **found)
{
  int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);

  if (!fake_resolver || !hints || (hints->ai_flags & AI_NUMERICHOST)) {
    *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    return real (name, service, hints, found);
  }
  fake_resolver->asked++;
  fake_resolver->family = hints->ai_family;
  if (!fake_resolver->addresses) {
    pthread_mutex_lock (&fake_resolver->hanging);
    pthread_mutex_unlock (&fake_resolver->hanging);
  }
  *found = NULL;
  for (guint i = 0; fake_resolver->addresses && fake_resolver->addresses[i]; i++) {
    *found = fake_resolver_entry (fake_resolver->addresses[i], service);
    found = &(*found)->ai_next;
  }
  return fake_resolver->addresses && fake_resolver->addresses[0] ? 0 : EAI_NONAME;
}

static inline FakeResolver *
fake_resolver_set (const char *const *addresses)
{
  FakeResolver *fake = g_new0 (FakeResolver, 1);

  pthread_mutex_init (&fake->hanging, NULL);
  pthread_mutex_lock (&fake->hanging);
  fake->addresses = addresses;
  fake_resolver = fake;
  return fake;
}
