/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "visit.h"

#include "number.h"

#include <string.h>

/* The place of a value in the input: a member or an element of @up. */
typedef struct Where {
  const struct Where *up;
  const char *name; /* NULL for an element */
  guint index;
} Where;

static gboolean read_value (const Where *where, const GdwVisitType *type, JsonNode *node,
                            gpointer out, GError **error);
static JsonNode *write_value (const GdwVisitType *type, gconstpointer at);

#define SCALAR(name_, kind_, c_type)                                                           \
  {                                                                                            \
    .name = name_, .kind = kind_, .size = sizeof (c_type)                                      \
  }

const GdwVisitType gdw_visit_bool = SCALAR ("bool", GDW_VISIT_BOOL, gboolean);
const GdwVisitType gdw_visit_int = SCALAR ("int", GDW_VISIT_INT, gint64);
const GdwVisitType gdw_visit_uint8 = SCALAR ("uint8_t", GDW_VISIT_UINT8, guint8);
const GdwVisitType gdw_visit_uint16 = SCALAR ("uint16_t", GDW_VISIT_UINT16, guint16);
const GdwVisitType gdw_visit_uint32 = SCALAR ("uint32_t", GDW_VISIT_UINT32, guint32);
const GdwVisitType gdw_visit_uint64 = SCALAR ("uint64", GDW_VISIT_UINT64, guint64);
const GdwVisitType gdw_visit_number = SCALAR ("number", GDW_VISIT_NUMBER, double);
const GdwVisitType gdw_visit_str = { .name = "str", .kind = GDW_VISIT_STR, .free = g_free };
const GdwVisitType gdw_visit_any = { .name = "any",
                                     .kind = GDW_VISIT_ANY,
                                     .free = (GDestroyNotify) json_node_unref };

static gboolean
is_pointer (const GdwVisitType *type)
{
  return type->kind >= GDW_VISIT_STR;
}

int
gdw_visit_enum (const GdwVisitType *type, const char *name)
{
  for (guint i = 0; i < type->n_names; i++)
    if (strcmp (type->names[i], name) == 0)
      return (int) i;
  return -1;
}

const char *
gdw_visit_enum_name (const GdwVisitType *type, int value)
{
  return value >= 0 && (guint) value < type->n_names ? type->names[value] : NULL;
}

static void
append_where (GString *text, const Where *where)
{
  if (!where)
    return;
  append_where (text, where->up);
  if (where->name)
    g_string_append_printf (text, "%s%s", text->len ? "." : "", where->name);
  else
    g_string_append_printf (text, "[%u]", where->index);
}

static void
set_error (GError **error, const char *before, const Where *where, const char *after)
{
  g_autoptr (GString) text = g_string_new (NULL);

  append_where (text, where);
  g_set_error (error, GDW_VISIT_ERROR, GDW_VISIT_ERROR_GENERIC, "%s '%s'%s", before, text->str,
               after);
}

/* Returns FALSE, like wrong_type, so that a caller can return it. */
G_GNUC_PRINTF (3, 4)
static gboolean
refuse (GError **error, const Where *where, const char *format, ...)
{
  va_list args;
  g_autofree char *what = NULL;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  set_error (error, "Parameter", where, what);
  return FALSE;
}

static gboolean
wrong_type (GError **error, const Where *where, const char *expected)
{
  g_autofree char *what = g_strconcat (", expected: ", expected, NULL);

  set_error (error, "Invalid parameter type for", where, what);
  return FALSE;
}

static void
store_number (const GdwVisitType *type, gpointer out, guint64 value)
{
  switch (type->kind) {
  case GDW_VISIT_BOOL:
    *(gboolean *) out = value != 0;
    break;
  case GDW_VISIT_UINT8:
    *(guint8 *) out = (guint8) value;
    break;
  case GDW_VISIT_UINT16:
    *(guint16 *) out = (guint16) value;
    break;
  case GDW_VISIT_UINT32:
    *(guint32 *) out = (guint32) value;
    break;
  case GDW_VISIT_ENUM:
    *(int *) out = (int) value;
    break;
  default:
    *(guint64 *) out = value;
  }
}

static guint64
load_number (const GdwVisitType *type, gconstpointer at)
{
  switch (type->kind) {
  case GDW_VISIT_BOOL:
    return *(const gboolean *) at != FALSE;
  case GDW_VISIT_UINT8:
    return *(const guint8 *) at;
  case GDW_VISIT_UINT16:
    return *(const guint16 *) at;
  case GDW_VISIT_UINT32:
    return *(const guint32 *) at;
  case GDW_VISIT_ENUM:
    return (guint64) * (const int *) at;
  default:
    return *(const guint64 *) at;
  }
}

static gboolean
read_integer (const Where *where, const GdwVisitType *type, JsonNode *node, gpointer out,
              GError **error)
{
  guint64 value;

  if (type->kind == GDW_VISIT_INT)
    return gdw_number_get_int (node, out) || wrong_type (error, where, "integer");
  if (!gdw_number_get_uint (node, &value))
    return refuse (error, where, " expects uint64");
  if (type->size < sizeof value && value >> (8 * type->size))
    return refuse (error, where, " expects %s", type->name);
  store_number (type, out, value);
  return TRUE;
}

static gboolean
read_string (const Where *where, JsonNode *node, char **out, GError **error)
{
  const char *text = gdw_number_get_string (node);

  if (!text)
    return wrong_type (error, where, "string");
  if (strstr (text, GDW_STRING_NUL))
    return refuse (error, where, " has a NUL in it");
  *out = g_strdup (text);
  return TRUE;
}

static gboolean
read_enum (const Where *where, const GdwVisitType *type, JsonNode *node, int *out,
           GError **error)
{
  const char *name = gdw_number_get_string (node);
  Where member;

  if (!name)
    return wrong_type (error, where, "string");
  *out = gdw_visit_enum (type, name);
  if (*out >= 0)
    return TRUE;
  *out = 0;
  /* QEMU names only the member here, not its path. */
  member = (Where){ NULL, where->name, where->index };
  return refuse (error, &member, " does not accept value '%s'", name);
}

static const GdwVisitType *
chosen_branch (const GdwVisitType *type, gconstpointer value, gsize *offset)
{
  int tag = type->tag ? *(const int *) ((const char *) value + type->tag->offset) : 0;

  for (guint i = 0; i < type->n_branches; i++)
    if (type->branches[i].value == tag) {
      *offset = type->branches[i].offset;
      return type->branches[i].type;
    }
  return NULL;
}

static gboolean
check_range (const Where *where, const GdwVisitMember *member, gconstpointer at, GError **error)
{
  guint64 value = load_number (member->type, at);
  g_autofree char *name = NULL;
  Where underscored;

  if (!member->ranged || (value >= member->min && value <= member->max))
    return TRUE;
  name = g_strdelimit (g_strdup (where->name), "-", '_');
  underscored = (Where){ where->up, name, 0 };
  if (member->unit)
    return refuse (error, &underscored,
                   " expects an integer in the range of %" G_GUINT64_FORMAT
                   " to %" G_GUINT64_FORMAT " %s",
                   member->min, member->max, member->unit);
  return refuse (error, &underscored,
                 " expects a value between %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT,
                 member->min, member->max);
}

static gboolean
read_member (const Where *up, const GdwVisitMember *member, JsonObject *object, gpointer value,
             GError **error)
{
  const Where where = { up, member->name, 0 };
  gpointer at = (char *) value + member->offset;
  JsonNode *node = json_object_get_member (object, member->name);

  if (!node && member->optional) {
    if (member->defaulted && !is_pointer (member->type))
      store_number (member->type, at, member->default_number);
    return TRUE;
  }
  if (!node)
    return refuse (error, &where, " is missing");
  if (!read_value (&where, member->type, node, at, error) ||
      !check_range (&where, member, at, error))
    return FALSE;
  if (member->has >= 0)
    *(gboolean *) ((char *) value + member->has) = TRUE;
  return TRUE;
}

static gboolean
read_members (const Where *where, const GdwVisitType *type, JsonObject *object, gpointer value,
              GError **error)
{
  gsize offset;
  const GdwVisitType *branch;
  gpointer more;

  for (guint i = 0; i < type->n_members; i++)
    if (!read_member (where, &type->members[i], object, value, error))
      return FALSE;
  branch = chosen_branch (type, value, &offset);
  if (!branch)
    return TRUE;
  more = *(gpointer *) ((char *) value + offset) = g_malloc0 (branch->size);
  return read_members (where, branch, object, more, error);
}

static gboolean
is_member (const GdwVisitType *type, gconstpointer value, const char *name)
{
  gsize offset;
  const GdwVisitType *branch;

  for (guint i = 0; i < type->n_members; i++)
    if (strcmp (type->members[i].name, name) == 0)
      return TRUE;
  branch = chosen_branch (type, value, &offset);
  return branch &&
         is_member (branch, *(const gpointer *) ((const char *) value + offset), name);
}

static gboolean
read_struct (const Where *where, const GdwVisitType *type, JsonNode *node, gpointer *out,
             GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  gpointer value;
  JsonObjectIter iter;
  const char *name;

  if (node && !JSON_NODE_HOLDS_OBJECT (node))
    return wrong_type (error, where, "object");
  object = node ? json_object_ref (json_node_get_object (node)) : json_object_new ();
  value = *out = g_malloc0 (type->size);
  if (!read_members (where, type, object, value, error))
    return FALSE;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, NULL)) {
    const Where member = { where, name, 0 };

    if (!is_member (type, value, name))
      return refuse (error, &member, " is unexpected");
  }
  return TRUE;
}

static gboolean
read_list (const Where *where, const GdwVisitType *type, JsonNode *node, gpointer *out,
           GError **error)
{
  JsonArray *array;
  const GdwVisitType *element;
  GPtrArray *pointers = NULL;
  GArray *scalars = NULL;

  if (!node || !JSON_NODE_HOLDS_ARRAY (node))
    return wrong_type (error, where, "array");
  array = json_node_get_array (node);
  element = type->element;
  if (is_pointer (element))
    *out = pointers = g_ptr_array_new_with_free_func (element->free);
  else
    *out = scalars = g_array_new (FALSE, TRUE, (guint) element->size);
  for (guint i = 0; i < json_array_get_length (array); i++) {
    const Where place = { where, NULL, i };
    gpointer at;

    if (pointers)
      g_ptr_array_add (pointers, NULL);
    else
      g_array_set_size (scalars, i + 1);
    at = pointers ? (gpointer) &pointers->pdata[i] : scalars->data + i * element->size;
    if (!read_value (&place, element, json_array_get_element (array, i), at, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_value (const Where *where, const GdwVisitType *type, JsonNode *node, gpointer out,
            GError **error)
{
  switch (type->kind) {
  case GDW_VISIT_BOOL:
    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
      return wrong_type (error, where, "boolean");
    *(gboolean *) out = json_node_get_boolean (node);
    return TRUE;
  case GDW_VISIT_NUMBER:
    return gdw_number_get_double (node, out) || wrong_type (error, where, "number");
  case GDW_VISIT_ENUM:
    return read_enum (where, type, node, out, error);
  case GDW_VISIT_STR:
    return read_string (where, node, out, error);
  case GDW_VISIT_STRUCT:
    return read_struct (where, type, node, out, error);
  case GDW_VISIT_LIST:
    return read_list (where, type, node, out, error);
  case GDW_VISIT_ANY:
    *(JsonNode **) out = json_node_ref (node);
    return TRUE;
  default:
    return read_integer (where, type, node, out, error);
  }
}

gpointer
gdw_visit_read (const GdwVisitType *type, JsonNode *node, GError **error)
{
  gpointer value = NULL;

  if (type->kind == GDW_VISIT_LIST ? read_list (NULL, type, node, &value, error)
                                   : read_struct (NULL, type, node, &value, error))
    return value;
  gdw_visit_free (type, value);
  return NULL;
}

static void
write_members (JsonObject *object, const GdwVisitType *type, gconstpointer value)
{
  gsize offset;
  const GdwVisitType *branch;
  gconstpointer more;

  for (guint i = 0; i < type->n_members; i++) {
    const GdwVisitMember *member = &type->members[i];
    gconstpointer at = (const char *) value + member->offset;
    gboolean absent = member->has >= 0
                          ? !*(const gboolean *) ((const char *) value + member->has)
                          : member->optional && !*(const gpointer *) at;

    if (!absent)
      json_object_set_member (object, member->name, write_value (member->type, at));
  }
  branch = chosen_branch (type, value, &offset);
  more = branch ? *(const gpointer *) ((const char *) value + offset) : NULL;
  if (more)
    write_members (object, branch, more);
}

static JsonNode *
write_list (const GdwVisitType *type, gconstpointer list)
{
  JsonArray *array = json_array_new ();
  const GdwVisitType *element = type->element;
  const GPtrArray *pointers = is_pointer (element) ? list : NULL;
  const GArray *scalars = is_pointer (element) ? NULL : list;
  JsonNode *node;

  for (guint i = 0; pointers && i < pointers->len; i++)
    json_array_add_element (array, write_value (element, &pointers->pdata[i]));
  for (guint i = 0; scalars && i < scalars->len; i++)
    json_array_add_element (array, write_value (element, scalars->data + i * element->size));
  node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, array);
  return node;
}

static JsonNode *
write_struct (const GdwVisitType *type, gconstpointer value)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_node_take_object (node, object);
  if (value)
    write_members (object, type, value);
  return node;
}

static JsonNode *
write_value (const GdwVisitType *type, gconstpointer at)
{
  switch (type->kind) {
  case GDW_VISIT_BOOL:
    return json_node_init_boolean (json_node_alloc (), *(const gboolean *) at);
  case GDW_VISIT_INT:
    return json_node_init_int (json_node_alloc (), *(const gint64 *) at);
  case GDW_VISIT_NUMBER:
    return gdw_number_new_double (*(const double *) at);
  case GDW_VISIT_ENUM:
    return json_node_init_string (json_node_alloc (),
                                  gdw_visit_enum_name (type, *(const int *) at));
  default:
    return is_pointer (type) ? gdw_visit_write (type, *(const gpointer *) at)
                             : gdw_number_new (load_number (type, at));
  }
}

JsonNode *
gdw_visit_write (const GdwVisitType *type, gconstpointer value)
{
  switch (type->kind) {
  case GDW_VISIT_STR:
    return json_node_init_string (json_node_alloc (), value ? value : "");
  case GDW_VISIT_ANY:
    return value ? json_node_copy ((JsonNode *) value) : json_node_new (JSON_NODE_NULL);
  case GDW_VISIT_LIST:
    return write_list (type, value);
  default:
    return write_struct (type, value);
  }
}

/* Frees what is in the struct @value, but not the struct. */
static void
clear (const GdwVisitType *type, gpointer value)
{
  for (guint i = 0; i < type->n_members; i++) {
    const GdwVisitMember *member = &type->members[i];

    if (is_pointer (member->type))
      gdw_visit_free (member->type, *(gpointer *) ((char *) value + member->offset));
  }
  for (guint i = 0; i < type->n_branches; i++)
    gdw_visit_free (type->branches[i].type,
                    *(gpointer *) ((char *) value + type->branches[i].offset));
  memset (value, 0, type->size);
}

void
gdw_visit_free (const GdwVisitType *type, gpointer value)
{
  if (!value)
    return;
  if (type->kind == GDW_VISIT_STRUCT) {
    clear (type, value);
    g_free (value);
  } else if (type->kind != GDW_VISIT_LIST)
    type->free (value);
  else if (is_pointer (type->element))
    g_ptr_array_unref (value);
  else
    g_array_unref (value);
}
