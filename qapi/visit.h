/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#pragma once

#include <json-glib/json-glib.h>

/* The C types that gen.py makes of the schema, described as data, and functions for any of
 * them: read from JSON, write to JSON, free.  The functions keep no state and may run on any
 * thread. */

/* Errors as a QMP client sees them: the code is the class. */
#define GDW_VISIT_ERROR (g_quark_from_static_string ("gdw-visit-error"))

typedef enum {
  GDW_VISIT_ERROR_GENERIC,           /* GenericError */
  GDW_VISIT_ERROR_COMMAND_NOT_FOUND, /* CommandNotFound */
  GDW_VISIT_ERROR_DEVICE_NOT_FOUND,  /* DeviceNotFound */
} GdwVisitError;

/* How memory holds a value: the pointer kinds are STR (char *), STRUCT, LIST (GPtrArray of
 * pointer kinds, GArray of the others) and ANY (JsonNode *). */
typedef enum {
  GDW_VISIT_BOOL,   /* gboolean */
  GDW_VISIT_INT,    /* gint64 */
  GDW_VISIT_UINT8,  /* guint8 */
  GDW_VISIT_UINT16, /* guint16 */
  GDW_VISIT_UINT32, /* guint32 */
  GDW_VISIT_UINT64, /* guint64, also for the schema's size */
  GDW_VISIT_NUMBER, /* double */
  GDW_VISIT_ENUM,   /* int */
  GDW_VISIT_STR,
  GDW_VISIT_STRUCT,
  GDW_VISIT_LIST,
  GDW_VISIT_ANY,
} GdwVisitKind;

typedef struct GdwVisitType GdwVisitType;

/* A member of a struct.  NULL marks an absent optional member of a pointer kind; the others
 * have a gboolean at @has. */
typedef struct {
  const char *name; /* as in JSON */
  const GdwVisitType *type;
  gsize offset;
  gssize has; /* offset of has_x, or -1 */
  gboolean optional;
  gboolean ranged; /* for whole numbers: min..max; otherwise any value that fits */
  guint64 min, max;
  const char *unit; /* or NULL */
  gboolean defaulted;
  guint64 default_number; /* also for a bool and an enum */
  const char *default_string;
} GdwVisitMember;

/* The additional members of a union when its tag is @value: those of the struct @type, to which
 * the pointer at @offset points. */
typedef struct {
  int value;
  const GdwVisitType *type;
  gsize offset;
} GdwVisitBranch;

struct GdwVisitType {
  const char *name; /* as in the schema */
  GdwVisitKind kind;
  gsize size;                     /* of the struct, or of a value that is no pointer */
  GDestroyNotify free;            /* for pointer kinds except lists */
  const char *const *names;       /* ENUM: by value */
  guint n_names;                  /* ENUM */
  const GdwVisitType *element;    /* LIST: type of the elements */
  const GdwVisitMember *members;  /* STRUCT */
  guint n_members;                /* STRUCT */
  const GdwVisitMember *tag;      /* STRUCT: the tag if it is a union, else NULL */
  const GdwVisitBranch *branches; /* of the union */
  guint n_branches;
};

extern const GdwVisitType gdw_visit_bool, gdw_visit_int, gdw_visit_uint8, gdw_visit_uint16,
    gdw_visit_uint32, gdw_visit_uint64, gdw_visit_number, gdw_visit_str, gdw_visit_any;

/* Returns a new value of a STRUCT or LIST @type from @node, checked in full; NULL stands for an
 * empty object.  The errors are QEMU's, word for word. */
gpointer gdw_visit_read (const GdwVisitType *type, JsonNode *node, GError **error);

/* Returns @value of a pointer kind as JSON; a NULL string becomes "", a NULL list []. */
JsonNode *gdw_visit_write (const GdwVisitType *type, gconstpointer value);

/* @value is of a pointer kind, and may be NULL. */
void gdw_visit_free (const GdwVisitType *type, gpointer value);

/* Return the number of @name in the enum, or -1, and the name of @value, or NULL. */
int gdw_visit_enum (const GdwVisitType *type, const char *name);
const char *gdw_visit_enum_name (const GdwVisitType *type, int value);
