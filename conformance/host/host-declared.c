/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include <string.h>
#include <unistd.h>

#include "host-cases.h"
#include "vm.h"

HOST_CASES (DECLARE_HOST_CASE)

static gboolean
has_required (Try *t, const GdwHost *host)
{
  const struct {
    const char *name;
    gboolean there;
  } required[] = {
    { "regions", host->regions != NULL },       { "pause", host->pause != NULL },
    { "resume", host->resume != NULL },         { "save_state", host->save_state != NULL },
    { "load_state", host->load_state != NULL },
  };

  REQUIRE (t, host->size >= G_STRUCT_OFFSET (GdwHost, fence),
           PROMISE ("host.h", "sizeof (GdwHost)"), "size is %" G_GSIZE_FORMAT, host->size);
  for (guint i = 0; i < G_N_ELEMENTS (required); i++)
    REQUIRE (t, required[i].there, PROMISE ("host.h", "Required."), "%s is NULL",
             required[i].name);
  REQUIRE (t, !host->fence == !host->reacquire, PROMISE ("host.h", "Optional, with fence"),
           "the host has %s",
           host->fence ? "fence and no reacquire" : "reacquire and no fence");
  return TRUE;
}

gboolean
host_has_what_is_required (Try *t)
{
  gboolean ok = has_required (t, &t->vm.host) &&
                (!t->other.there || has_required (t, &t->other.host));

  if (!ok)
    t->stop = "the host lacks what is required";
  return ok;
}

static gboolean
size_makes_sense (Try *t, const GdwRegion *r)
{
  REQUIRE (t, r->page_size == 4096 || r->page_size == 2 << 20 || r->page_size == 1 << 30,
           PROMISE ("types.h", "backing: 4096, 2 MiB or 1 GiB, bytes"),
           "page_size of region '%s' is %u", r->name, r->page_size);
  REQUIRE (t, r->size > 0 && r->size % r->page_size == 0,
           PROMISE ("types.h", "bytes, a multiple of page_size"),
           "size of region '%s' is %" G_GUINT64_FORMAT, r->name, r->size);
  REQUIRE (t, r->guest_addr % GDW_PAGE_SIZE == 0 && r->host_addr,
           PROMISE ("types.h", "where it is mapped in this process, writable"),
           "region '%s' is mapped at %p, for guest address %#" G_GINT64_MODIFIER "x", r->name,
           r->host_addr, r->guest_addr);
  return TRUE;
}

static gboolean
name_makes_sense (Try *t, const GdwRegion *regions, guint i)
{
  Promise promise = PROMISE ("types.h",
                             "stable between source and destination, unique, at most 63 bytes");
  const char *name = regions[i].name;

  REQUIRE (t, name && *name && strlen (name) <= 63, promise, "region %u is named '%s'", i,
           name ? name : "(null)");
  for (guint k = 0; k < i; k++)
    REQUIRE (t, strcmp (name, regions[k].name) != 0, promise, "two regions are named '%s'",
             name);
  return TRUE;
}

/* Compares the first byte and the last one, in the file and in memory. */
static gboolean
file_is_memory (Try *t, const GdwRegion *r)
{
  guint64 places[] = { 0, r->size - 1 };

  for (guint i = 0; r->fd >= 0 && i < G_N_ELEMENTS (places); i++) {
    guint8 byte = 0;

    REQUIRE (t,
             pread (r->fd, &byte, 1, r->fd_offset + places[i]) == 1 &&
                 byte == r->host_addr[places[i]],
             PROMISE ("types.h", "where in that file the region begins"),
             "byte %" G_GUINT64_FORMAT " of region '%s' is not in its file", places[i],
             r->name);
  }
  return TRUE;
}

static gboolean
stands_apart (Try *t, const GdwRegion *regions, guint i)
{
  const GdwRegion *a = &regions[i];

  for (guint k = 0; k < i; k++) {
    const GdwRegion *b = &regions[k];

    REQUIRE (
        t, a->guest_addr >= b->guest_addr + b->size || b->guest_addr >= a->guest_addr + a->size,
        PROMISE ("types.h", "One piece of guest memory"),
        "regions '%s' and '%s' have the same guest addresses", b->name, a->name);
  }
  return TRUE;
}

gboolean
host_regions_make_sense (Try *t)
{
  guint n = 0;
  const GdwRegion *regions = vm_regions (&t->vm, &n);

  REQUIRE (t, regions && n > 0, PROMISE ("host.h", "The regions of guest memory"),
           "there is no region");
  for (guint i = 0; i < n; i++)
    if (!name_makes_sense (t, regions, i) || !size_makes_sense (t, &regions[i]) ||
        !stands_apart (t, regions, i) || !file_is_memory (t, &regions[i]))
      return FALSE;
  return TRUE;
}

gboolean
host_other_has_the_same_regions (Try *t)
{
  Promise promise = PROMISE ("types.h", "name, size and order are the same on both sides");
  guint n, m;
  const GdwRegion *here, *there;

  if (!t->other.there)
    return try_skip (t, "there is no other host");
  here = vm_regions (&t->vm, &n);
  there = vm_regions (&t->other, &m);
  REQUIRE (t, n == m, promise, "%u regions here, and %u there", n, m);
  for (guint i = 0; i < n; i++) {
    REQUIRE (t,
             strcmp (here[i].name, there[i].name) == 0 && here[i].size == there[i].size &&
                 here[i].guest_addr == there[i].guest_addr,
             promise,
             "region %u here is '%s', there it is '%s', or has another size or address", i,
             here[i].name, there[i].name);
    REQUIRE (t, here[i].host_addr != there[i].host_addr,
             PROMISE ("types.h", "where it is mapped in this process, writable"),
             "region '%s' of both hosts is the same memory", here[i].name);
  }
  return TRUE;
}

/* Asks @vm twice; @digest is to be freed. */
static gboolean
takes_digest (Try *t, const Vm *vm, char **digest)
{
  g_autofree char *again = NULL;

  *digest = vm->host.machine_digest (vm->host.vm);
  REQUIRE (t,
           *digest && **digest && strlen (*digest) <= GDW_MACHINE_DIGEST_MAX &&
               g_utf8_validate (*digest, -1, NULL),
           PROMISE ("host.h", "A text of 1 to GDW_MACHINE_DIGEST_MAX bytes of UTF-8"),
           "machine_digest gave '%s'", *digest ? *digest : "(null)");
  again = vm->host.machine_digest (vm->host.vm);
  REQUIRE (t, g_strcmp0 (*digest, again) == 0,
           PROMISE ("host.h", "if a guest saved on one can be loaded on the other"),
           "machine_digest gave '%s', and then '%s'", *digest, again ? again : "(null)");
  return TRUE;
}

/* The suite loads the state of one VM into the other, so they are alike. */
gboolean
host_machine_digests_are_equal (Try *t)
{
  g_autofree char *here = NULL, *there = NULL;

  if (!t->vm.host.machine_digest)
    return try_skip (t, "the host has no machine_digest");
  if (!takes_digest (t, &t->vm, &here))
    return FALSE;
  if (!t->other.there)
    return try_skip (t, "there is no other host");
  REQUIRE (t, t->other.host.machine_digest != NULL,
           PROMISE ("host.h", "machines are not compared before memory is sent"),
           "the other host has no machine_digest");
  if (!takes_digest (t, &t->other, &there))
    return FALSE;
  REQUIRE (t, strcmp (here, there) == 0,
           PROMISE ("host.h", "if a guest saved on one can be loaded on the other"),
           "the digest here is '%s', there it is '%s'", here, there);
  return TRUE;
}

gboolean
host_zero_memory_is_zero (Try *t)
{
  static const guint8 zero[GDW_PAGE_SIZE];
  guint n, flagged = 0;
  const GdwRegion *regions;

  if (!t->other.there)
    return try_skip (t, "there is no other host");
  regions = vm_regions (&t->other, &n);
  for (guint i = 0; i < n; i++)
    for (guint64 at = 0; regions[i].flags & GDW_REGION_ZERO && at < regions[i].size;
         at += GDW_PAGE_SIZE, flagged++)
      REQUIRE (t, memcmp (regions[i].host_addr + at, zero, sizeof zero) == 0,
               PROMISE ("types.h", "every byte is known to be zero now"),
               "region '%s' has the flag, and something in it at offset %#" G_GINT64_MODIFIER
               "x",
               regions[i].name, at);
  return flagged > 0 || try_skip (t, "no region of the other host has GDW_REGION_ZERO");
}
