#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Make C types, dispatch, events, introspection and documentation of a schema.

    gen.py SCHEMA.json --out DIR

A schema is a JSON array of definitions; each is an object with one of the keys
include, enum, struct, union, command, event, and with what KEYS allows for it.
A member is written "name": {"type": T, "since": V, "doc": D, ...}; "*name" is
optional.  T is the name of a type, or [T] for a list.  A doc is a string, or an
array of the lines of one.  What is wrong with a schema is told with the file,
the definition and the member, and nothing is written.
"""
import json
import os
import re
import sys

HEAD = """/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
/* Made by gen.py of godwit.json: change that instead. */
"""

# name: (C type, descriptor, type in JSON, name for introspection)
BUILTINS = {
    'str': ('char *', 'gdw_visit_str', 'string', 'str'),
    'bool': ('gboolean ', 'gdw_visit_bool', 'boolean', 'bool'),
    'int': ('gint64 ', 'gdw_visit_int', 'int', 'int'),
    **{f'uint{bits}': (f'guint{bits} ', f'gdw_visit_uint{bits}', 'int', 'int')
       for bits in (8, 16, 32, 64)},
    'size': ('guint64 ', 'gdw_visit_uint64', 'int', 'int'),
    'number': ('double ', 'gdw_visit_number', 'number', 'number'),
    'any': ('JsonNode *', 'gdw_visit_any', 'value', 'any'),
}
UNSIGNED = {'uint8': 8, 'uint16': 16, 'uint32': 32, 'uint64': 64, 'size': 64}

# kind: (keys it must have, keys it may have) beside its own, doc and since
KEYS = {
    'enum': ({'values'}, {'capabilities'}),
    'struct': ({'members'}, {'parameters'}),
    'union': ({'members', 'discriminator', 'branches'}, set()),
    'command': ({'example'}, {'args', 'returns', 'async', 'oob'}),
    'event': ({'example'}, {'data'}),
}
MEMBER_KEYS = {'type', 'since', 'doc', 'default', 'range', 'unit'}

# Words that C, or gcc's gnu dialect, keeps for itself.
RESERVED = set("""auto break case char const continue default do double else enum extern float
for goto if inline int linux long register return short signed sizeof static struct switch
typedef union unix unsigned void volatile while""".split())


class SchemaError(Exception):
    """What is wrong, and where."""


def c_name(name):
    name = name.replace('-', '_')
    return 'q_' + name if name in RESERVED else name


def snake(name):
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    name = re.sub(r'([A-Z])([A-Z][a-z])', r'\1_\2', name)
    return name.replace('-', '_').lower()


def camel(name):
    return ''.join(word.capitalize() for word in re.split('[-_]', name))


def c_string(text):
    return json.dumps(text, ensure_ascii=False)


class Entity:
    """Anything with a doc and a since; @keys are the ones it may have."""

    def __init__(self, where, spec, keys):
        self.where = where
        self.need(isinstance(spec, dict), 'not an object')
        for key in spec:
            self.need(key in keys, f"unexpected key '{key}'")
        lines = spec.get('doc', '')
        lines = lines if isinstance(lines, list) else [lines]
        self.doc = ' '.join(line for line in lines if isinstance(line, str)).strip()
        self.need(self.doc, 'no doc')
        self.need('*/' not in self.doc, "'*/' in the doc")
        self.since = spec.get('since')
        self.need(self.since is not None, 'no since')
        self.need(re.fullmatch(r'\d+\.\d+', str(self.since)), "since is not 'N.N'")

    def need(self, ok, text):
        if not ok:
            raise SchemaError(f'{self.where}: {text}')


class Member(Entity):
    def __init__(self, owner, key, spec):
        self.optional = key.startswith('*')
        self.name = key.lstrip('*')
        super().__init__(f"{owner}: member '{self.name}'", spec, MEMBER_KEYS)
        self.need(re.fullmatch(r'[a-z][a-z0-9-]*|UUID', self.name), 'bad name')
        self.c, self.type, self.type_spec = c_name(self.name), None, spec.get('type')
        self.default, self.range = spec.get('default'), spec.get('range')
        self.unit = spec.get('unit')

    def resolve(self, schema):
        self.type = schema.type(self.type_spec, self)
        self.need(self.unit is None or isinstance(self.unit, str), 'unit is not a string')
        if self.range is not None:
            self.need(self.type.name in UNSIGNED, 'a range, but not an unsigned number')
            self.need(isinstance(self.range, list) and len(self.range) == 2
                      and all(type(n) is int for n in self.range)
                      and 0 <= self.range[0] <= self.range[1], 'range is not [min, max]')
        if self.default is not None:
            self.need(self.optional, 'a default, but not optional')
            self.need(isinstance(self.type, (Builtin, Enum))
                      and self.type.name not in ('number', 'any'),
                      'a default for this type is not supported')
            self.type.check(self.default, self)
            self.need(not self.range or self.range[0] <= self.default <= self.range[1],
                      'the default is out of range')

    @property
    def has(self):
        """Needs a has_x in C: optional, and no pointer that can be NULL."""
        return self.optional and not self.type.pointer


class Type:
    pointer = True


class Builtin(Type):
    def __init__(self, name):
        self.name, self.pointer = name, name in ('str', 'any')
        self.c_type, self.descriptor, self.json, self.introspect = BUILTINS[name]

    def check(self, value, where):
        wanted = {'string': str, 'boolean': bool, 'int': int, 'number': (int, float)}
        good = self.json == 'value' or (isinstance(value, wanted[self.json]) and
                                        isinstance(value, bool) == (self.json == 'boolean'))
        if good and self.name in UNSIGNED:
            good = 0 <= value < 1 << UNSIGNED[self.name]
        where.need(good, f'{json.dumps(value)} is not of type {self.name}')


class List(Type):
    def __init__(self, element):
        self.element = element
        self.name, self.introspect = f'[{element.name}]', f'[{element.introspect}]'
        self.descriptor = f'gdw_q_type_{snake(element.name)}_list'
        self.c_type = 'GPtrArray *' if element.pointer else 'GArray *'

    def check(self, value, where):
        where.need(isinstance(value, list), f'{json.dumps(value)} is not of type {self.name}')
        for element in value:
            self.element.check(element, where)


class Definition(Entity):
    PATTERNS = {'command': r'[a-z][a-z0-9_-]*', 'event': r'[A-Z][A-Z0-9_]*'}

    def __init__(self, where, kind, name, spec):
        must, may = KEYS[kind]
        super().__init__(f"{where}: {kind} '{name}'", spec, must | may | {kind, 'doc', 'since'})
        self.need(must <= set(spec), f"no {', '.join(sorted(must - set(spec)))}")
        self.need(re.fullmatch(self.PATTERNS.get(kind, r'[A-Z][A-Za-z0-9]*'), str(name)),
                  'bad name')
        self.kind, self.name, self.spec, self.snake = kind, name, spec, snake(name)
        self.descriptor, self.introspect = f'gdw_q_type_{self.snake}', name

    def flag(self, key):
        self.need(isinstance(self.spec.get(key, False), bool), f'{key} is not true or false')
        return self.spec.get(key, False)

    def resolve(self, schema):
        pass


class Enum(Definition, Type):
    pointer = False

    def __init__(self, *args):
        super().__init__(*args)
        self.c_type = f'GdwQ{self.name} '
        values, self.capabilities = self.spec['values'], self.flag('capabilities')
        self.need(isinstance(values, dict) and values, 'values is not an object with members')
        self.values = {name: Entity(f"{self.where}: value '{name}'", value, {'doc', 'since'})
                       for name, value in values.items()}
        for name, value in self.values.items():
            value.need(re.fullmatch(r'[a-z0-9][a-z0-9-]*', name), 'bad name')

    def constant(self, value):
        return f"GDW_Q_{self.snake.upper()}_{value.replace('-', '_').upper()}"

    def check(self, value, where):
        where.need(value in self.values, f'{json.dumps(value)} is not a value of {self.name}')


class Struct(Definition, Type):
    """A struct, or a union: then @branches maps values of @tag to structs."""

    def __init__(self, *args):
        super().__init__(*args)
        self.c_type = f'GdwQ{self.name} *'
        members = self.spec['members']
        self.need(isinstance(members, dict), 'members is not an object')
        self.members = [Member(self.where, key, spec) for key, spec in members.items()]
        self.parameters = self.kind == 'struct' and self.flag('parameters')
        self.tag, self.branches = None, {}

    def resolve(self, schema):
        for member in self.members:
            member.resolve(schema)
            member.need(not self.parameters or member.default is not None,
                        'a parameter must have a default')
        if self.kind == 'union':
            self.resolve_branches(schema)

    def resolve_branches(self, schema):
        tags = [m for m in self.members if m.name == self.spec['discriminator']]
        self.need(tags and not tags[0].optional and isinstance(tags[0].type, Enum),
                  'the discriminator is not a mandatory member of an enum type')
        self.tag = tags[0]
        self.need(isinstance(self.spec['branches'], dict), 'branches is not an object')
        for value, name in self.spec['branches'].items():
            self.need(value in self.tag.type.values,
                      f"branch '{value}' is not a value of {self.tag.type.name}")
            self.branches[value] = schema.type(name, self)
            self.need(isinstance(self.branches[value], Struct),
                      f"branch '{value}' is not a struct or a union")

    def check_names(self, above=(), names=()):
        """Each name once, also in C, and also together with those of a branch."""
        self.need(self not in above, 'a union is a branch of itself')
        mine = [m.c for m in self.members]
        for name in mine:
            self.need(mine.count(name) == 1 and name not in names, f"the name '{name}' is taken")
        for value, branch in self.branches.items():
            self.need(c_name(value) not in mine, f"the name '{c_name(value)}' is taken")
            branch.check_names((*above, self), (*names, *mine))

    def check(self, value, where):
        where.need(isinstance(value, dict), f'{json.dumps(value)} is not of type {self.name}')
        members, struct = {}, self
        while struct:
            members.update({m.name: m for m in struct.members})
            struct = struct.branches.get(value.get(struct.tag.name)) if struct.tag else None
        for name in value:
            where.need(name in members, f"'{name}' is not a member of {self.name}")
            members[name].type.check(value[name], where)
        for name, member in members.items():
            where.need(member.optional or name in value,
                       f"no '{name}', which {self.name} must have")


class Command(Definition):
    def __init__(self, *args):
        super().__init__(*args)
        self.c, self.example = c_name(self.name), self.spec['example']
        self.is_async, self.oob = self.flag('async'), self.flag('oob')
        self.args = self.returns = None

    def resolve(self, schema):
        if 'args' in self.spec:
            self.args = schema.inline(self, 'args', camel(self.name) + 'Args')
        if 'returns' in self.spec:
            self.returns = schema.type(self.spec['returns'], self)
            self.need(isinstance(self.returns, (Struct, List)), 'returns no struct or list')

    def check_example(self):
        self.where += ': example'
        self.need(isinstance(self.example, dict) and 'return' in self.example
                  and set(self.example) <= {'arguments', 'return'},
                  'not an object with arguments and return')
        self.need(self.args or 'arguments' not in self.example, 'the command has no arguments')
        if self.args:
            self.args.check(self.example.get('arguments', {}), self)
        self.need(self.returns or self.example['return'] == {}, 'the command returns nothing')
        if self.returns:
            self.returns.check(self.example['return'], self)


class Event(Definition):
    def __init__(self, *args):
        super().__init__(*args)
        self.c, self.example, self.data = self.name.lower(), self.spec['example'], None

    def resolve(self, schema):
        if 'data' in self.spec:
            self.data = schema.inline(self, 'data', camel(self.c) + 'Event')
            self.need(not any(m.has for m in self.data.members), 'data has optional scalars')

    def check_example(self):
        self.where += ': example'
        self.need(self.data or self.example == {}, 'the event has no data')
        if self.data:
            self.data.check(self.example, self)


class Schema:
    def __init__(self, path):
        self.seen, self.names, self.lists = set(), {}, {}
        self.types = {name: Builtin(name) for name in BUILTINS}
        self.load(path)
        for definition in list(self.names.values()):
            definition.resolve(self)
        for struct in self.structs:
            struct.check_names()
        for definition in self.commands + self.events:
            definition.check_example()

    def of(self, kind):
        return [d for d in self.names.values() if isinstance(d, kind)]

    enums = property(lambda self: self.of(Enum))
    structs = property(lambda self: self.of(Struct))
    commands = property(lambda self: self.of(Command))
    events = property(lambda self: self.of(Event))

    def load(self, path):
        where = os.path.basename(path)

        def once(pairs):
            keys = [key for key, _ in pairs]
            for key in keys:
                if keys.count(key) > 1:
                    raise SchemaError(f"{where}: key '{key}' appears twice in an object")
            return dict(pairs)

        if os.path.realpath(path) in self.seen:
            return
        self.seen.add(os.path.realpath(path))
        try:
            with open(path, encoding='utf-8') as file:
                specs = json.load(file, object_pairs_hook=once)
        except (OSError, ValueError) as error:
            raise SchemaError(f'{where}: {error}') from error
        if not isinstance(specs, list):
            raise SchemaError(f'{where}: not an array')
        for spec in specs:
            if isinstance(spec, dict) and set(spec) == {'include'}:
                self.load(os.path.join(os.path.dirname(path), str(spec['include'])))
            else:
                self.define(where, spec)

    def define(self, where, spec):
        kinds = [kind for kind in KEYS if isinstance(spec, dict) and kind in spec]
        if len(kinds) != 1:
            raise SchemaError(f'{where}: a definition is not exactly one of '
                              + ', '.join(['include', *KEYS]))
        make = {'enum': Enum, 'command': Command, 'event': Event}.get(kinds[0], Struct)
        self.add(make(where, kinds[0], spec[kinds[0]], spec))

    def add(self, definition):
        taken = definition.name in self.names or definition.name in BUILTINS
        definition.need(not taken, 'defined twice')
        self.names[definition.name] = definition
        if isinstance(definition, Type):
            self.types[definition.name] = definition

    def type(self, spec, where):
        if isinstance(spec, list) and len(spec) == 1 and isinstance(spec[0], str):
            element = self.type(spec[0], where)
            return self.lists.setdefault(element.name, List(element))
        where.need(spec is not None, 'no type')
        where.need(isinstance(spec, str), 'a type is a name or [name]')
        where.need(spec in self.types, f"type '{spec}' is not defined")
        return self.types[spec]

    def inline(self, owner, key, name):
        """The struct that a name or an object of members stands for."""
        spec = owner.spec[key]
        if isinstance(spec, str):
            owner.need(isinstance(self.types.get(spec), Struct), f"{key}: '{spec}' is no struct")
            return self.types[spec]
        struct = Struct(owner.where, 'struct', name, {
            'struct': name, 'members': spec, 'since': owner.since,
            'doc': f'What belongs to `{owner.name}`.'})
        self.add(struct)
        struct.resolve(self)
        return struct


# C types

def comment(text, indent=''):
    lines, line = [], indent + '/*'
    for word in text.split():
        if len(line) + len(word) > 88:
            lines.append(line)
            line = indent + ' *'
        line += ' ' + word
    return '\n'.join(lines + [line + ' */']) + '\n'


def inlines(type_, *functions):
    """C functions of one line: (returns, verb, parameters, call in terms of &TYPE)."""
    return ''.join(f'''
static inline {returns}
gdw_q_{type_.snake}_{verb} ({params.replace('T ', f'GdwQ{type_.name} ')})
{{
  {'' if returns == 'void' else 'return '}{call.replace('TYPE', '&' + type_.descriptor)};
}}
'''.replace('T *\n', f'GdwQ{type_.name} *\n') for returns, verb, params, call in functions)


ENUM_FUNCTIONS = [
    ('const char *', 'name', 'T value', 'gdw_visit_enum_name (TYPE, value)')]
STRUCT_FUNCTIONS = [
    ('void', 'free', 'T *value', 'gdw_visit_free (TYPE, value)'),
    ('T *', 'read', 'JsonNode *node, GError **error', 'gdw_visit_read (TYPE, node, error)'),
    ('JsonNode *', 'write', 'const T *value', 'gdw_visit_write (TYPE, value)')]


def enum_h(enum):
    values = ''.join(comment(value.doc, '  ') + f'  {enum.constant(name)},\n'
                     for name, value in enum.values.items())
    return (f'''{comment(enum.doc)}typedef enum {{
{values}  GDW_Q_{enum.snake.upper()}__N
}} GdwQ{enum.name};

extern const GdwVisitType {enum.descriptor};
''' + inlines(enum, *ENUM_FUNCTIONS) + '\n')


def enum_c(enum):
    names = ', '.join(c_string(name) for name in enum.values)
    return f'''static const char *const {enum.snake}_names[] = {{ {names} }};

const GdwVisitType {enum.descriptor} = {{
  .name = {c_string(enum.name)}, .kind = GDW_VISIT_ENUM, .size = sizeof (int),
  .names = {enum.snake}_names, .n_names = G_N_ELEMENTS ({enum.snake}_names)
}};

'''


def struct_h(struct):
    out = comment(struct.doc) + f'struct GdwQ{struct.name} {{\n'
    for member in struct.members:
        unit = f' In {member.unit}.' if member.unit else ''
        out += comment(member.doc + unit, '  ') + f'  {member.type.c_type}{member.c};\n'
        out += f'  gboolean has_{member.c};\n' if member.has else ''
    for value, branch in struct.branches.items():
        tag = struct.tag
        out += comment(f'Set if, and only if, {tag.c} is {tag.type.constant(value)}.', '  ')
        out += f'  {branch.c_type}{c_name(value)};\n'
    out += ('' if struct.members else '  char none;\n') + '};\n\n'
    out += f'extern const GdwVisitType {struct.descriptor};\n'
    out += inlines(struct, *STRUCT_FUNCTIONS)
    return out + (f'\nG_DEFINE_AUTOPTR_CLEANUP_FUNC (GdwQ{struct.name}, '
                  f'gdw_q_{struct.snake}_free)\n\n')


def default_c(member):
    if member.type.name == 'str':
        return f'.default_string = {c_string(member.default)}'
    if isinstance(member.type, Enum):
        return f'.default_number = {member.type.constant(member.default)}'
    return f'.default_number = G_GUINT64_CONSTANT ({int(member.default) % (1 << 64)})'


def member_c(struct, member):
    owner = f'GdwQ{struct.name}'
    parts = [f'.name = {c_string(member.name)}', f'.type = &{member.type.descriptor}',
             f'.offset = G_STRUCT_OFFSET ({owner}, {member.c})',
             f'.has = G_STRUCT_OFFSET ({owner}, has_{member.c})' if member.has else '.has = -1']
    if member.optional:
        parts.append('.optional = TRUE')
    if member.range:
        low, high = member.range
        parts.append(f'.ranged = TRUE, .min = {low}u, .max = G_GUINT64_CONSTANT ({high})')
    if member.unit:
        parts.append(f'.unit = {c_string(member.unit)}')
    if member.default is not None:
        parts.append(f'.defaulted = TRUE, {default_c(member)}')
    return '  { ' + ',\n    '.join(parts) + ' },\n'


def struct_c(struct):
    low, out, more = struct.snake, '', ''
    if struct.members:
        rows = ''.join(member_c(struct, m) for m in struct.members)
        out += f'static const GdwVisitMember {low}_members[] = {{\n{rows}}};\n\n'
        more += f', .members = {low}_members, .n_members = {len(struct.members)}'
    if struct.branches:
        rows = ''.join(f'''  {{ {struct.tag.type.constant(value)}, &{branch.descriptor},
    G_STRUCT_OFFSET (GdwQ{struct.name}, {c_name(value)}) }},
''' for value, branch in struct.branches.items())
        out += f'static const GdwVisitBranch {low}_branches[] = {{\n{rows}}};\n\n'
        more += (f',\n  .tag = &{low}_members[{struct.members.index(struct.tag)}], '
                 f'.branches = {low}_branches, .n_branches = {len(struct.branches)}')
    return out + f'''const GdwVisitType {struct.descriptor} = {{
  .name = {c_string(struct.name)}, .kind = GDW_VISIT_STRUCT, .size = sizeof (GdwQ{struct.name}),
  .free = (GDestroyNotify) gdw_q_{low}_free{more}
}};

'''


def types_h(schema):
    out = HEAD + '#pragma once\n\n#include "visit.h"\n\nG_BEGIN_DECLS\n\n'
    out += ''.join(enum_h(enum) for enum in schema.enums)
    out += ''.join(f'typedef struct GdwQ{s.name} GdwQ{s.name};\n' for s in schema.structs)
    out += '\n' + ''.join(struct_h(struct) for struct in schema.structs)
    out += ''.join(f'extern const GdwVisitType {l.descriptor};\n' for l in schema.lists.values())
    return out + '\nG_END_DECLS\n'


def types_c(schema):
    out = HEAD + '#include "qapi-types.h"\n\n'
    out += ''.join(enum_c(enum) for enum in schema.enums)
    out += ''.join(struct_c(struct) for struct in schema.structs)
    return out + ''.join(f'''const GdwVisitType {list_.descriptor} = {{
  .name = {c_string(list_.name)}, .kind = GDW_VISIT_LIST, .element = &{list_.element.descriptor}
}};

''' for list_ in schema.lists.values())


# Commands

def handler(command):
    """The C declaration of what the control layer implements."""
    args = f', const {command.args.c_type}args' if command.args else ''
    if command.is_async:
        return f'void gdw_cmd_{command.c} (GdwControl *control{args}, GdwCall *call);\n'
    returns = command.returns.c_type if command.returns else 'gboolean '
    return f'{returns}gdw_cmd_{command.c} (GdwControl *control{args}, GError **error);\n'


def answer(command):
    """How the control layer answers an asynchronous command."""
    value = f', {command.returns.c_type}ret' if command.returns else ''
    args = f'&{command.returns.descriptor}, ret' if command.returns else 'NULL, NULL'
    return f'''static inline void
gdw_cmd_{command.c}_return (GdwCall *call{value}, GError *error)
{{
  gdw_command_answer (call, {args}, error);
}}
'''


def commands_h(schema):
    out = HEAD + '''#pragma once

#include "command.h"
#include "qapi-types.h"

G_BEGIN_DECLS

/* Implemented by the control layer, one for each command.  @args lives until the
 * return.  What is returned is taken; NULL or FALSE: @error is set.  An
 * asynchronous command is answered by its _return, once, now or later, on the
 * same thread; that takes what it is given: ret, or an error and ret NULL. */
'''
    out += ''.join(handler(command) for command in schema.commands) + '\n'
    out += '\n'.join(answer(command) for command in schema.commands if command.is_async)
    return out + '\nG_END_DECLS\n'


def run_c(command):
    args = ', args' if command.args else ''
    returns, type_ = ((command.returns.c_type, '&' + command.returns.descriptor)
                      if command.returns else ('gboolean ', 'NULL'))
    body = f'''  GError *error = NULL;
  {returns}ret = gdw_cmd_{command.c} (control{args}, &error);
  g_warn_if_fail (!ret == !!error);
  gdw_command_answer (call, {type_}, {'ret' if command.returns else 'NULL'}, error);
'''
    if command.is_async:
        body = f'  gdw_cmd_{command.c} (control{args}, call);\n'
    return f'''static void
run_{command.c} (GdwControl *control, gconstpointer args, GdwCall *call)
{{
{body}}}

'''


def commands_c(schema):
    out = HEAD + '#include "qapi-commands.h"\n\n'
    out += ''.join(run_c(command) for command in schema.commands)
    out += 'const GdwCommand gdw_commands[] = {\n'
    for command in schema.commands:
        flags = ' | '.join(['GDW_COMMAND_ASYNC'] * command.is_async
                           + ['GDW_COMMAND_OOB'] * command.oob) or '0'
        args = '&' + command.args.descriptor if command.args else 'NULL'
        out += f'  {{ {c_string(command.name)}, {flags}, {args}, run_{command.c} }},\n'
    return out + '};\n\nconst guint gdw_n_commands = G_N_ELEMENTS (gdw_commands);\n'


# Events

def event_function(event):
    params = [('const ' if member.type.pointer else '') + member.type.c_type + member.c
              for member in (event.data.members if event.data else [])]
    return f"gdw_event_{event.c} ({', '.join(params) or 'void'})"


def events_h(schema):
    out = HEAD + '#pragma once\n\n#include "qapi-types.h"\n\n'
    out += ''.join(f'#define GDW_EVENT_{e.name} "{e.name}"\n' for e in schema.events)
    out += '\n/* The data of an event; NULL: it has none. */\n'
    return out + ''.join(f'JsonNode *{event_function(e)};\n' for e in schema.events)


def event_c(event):
    body = '  return NULL;\n'
    if event.data:
        rows = ''.join(f'    .{m.c} = ({m.type.c_type}) {m.c},\n' for m in event.data.members)
        body = (f'  const GdwQ{event.data.name} data = {{\n{rows}  }};\n'
                f'  return gdw_visit_write (&{event.data.descriptor}, &data);\n')
    return f'\nJsonNode *\n{event_function(event)}\n{{\n{body}}}\n'


def events_c(schema):
    return HEAD + '#include "qapi-events.h"\n' + ''.join(event_c(e) for e in schema.events)


# Introspection

def introspect(schema):
    """SchemaInfo of the commands, the events, and every type they lead to."""
    entries, queue = [], []

    def features(name):
        return {'features': ['unstable']} if name.startswith('x-') else {}

    def refer(type_):
        if not type_:
            return 'q_empty'
        if type_.introspect not in [t.introspect for t in queue]:
            queue.append(type_)
        return type_.introspect

    for command in schema.commands:
        entries.append({'name': command.name, 'meta-type': 'command',
                        'arg-type': refer(command.args), 'ret-type': refer(command.returns),
                        **({'allow-oob': True} if command.oob else {}),
                        **features(command.name)})
    for event in schema.events:
        entries.append({'name': event.name, 'meta-type': 'event', 'arg-type': refer(event.data)})
    entries.append({'name': 'q_empty', 'meta-type': 'object', 'members': []})
    for type_ in queue:  # grows as refer() is called
        info = {'name': type_.introspect}
        if isinstance(type_, Builtin):
            info.update({'meta-type': 'builtin', 'json-type': type_.json})
        elif isinstance(type_, List):
            info.update({'meta-type': 'array', 'element-type': refer(type_.element)})
        elif isinstance(type_, Enum):
            info.update({'meta-type': 'enum', 'values': list(type_.values),
                         'members': [{'name': v, **features(v)} for v in type_.values]})
        else:
            info.update({'meta-type': 'object', 'members': [
                {'name': m.name, 'type': refer(m.type),
                 **({'default': None} if m.optional else {}), **features(m.name)}
                for m in type_.members]})
            if type_.tag:
                info.update({'tag': type_.tag.name, 'variants': [
                    {'case': value, 'type': refer(type_.branches.get(value))}
                    for value in type_.tag.type.values]})
        entries.append(info)
    return entries


def introspect_c(schema):
    lines = [json.dumps(entry, separators=(',', ':')) for entry in introspect(schema)]
    text = ',"\n  "'.join(line.replace('\\', '\\\\').replace('"', '\\"') for line in lines)
    return HEAD + f'#include "command.h"\n\nconst char gdw_qapi_schema[] =\n  "[{text}]";\n'


# Documentation

INTRO = '''<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
<!-- SPDX-FileCopyrightText: The godwit authors -->
# QMP reference

Made by `qapi/gen.py` of `qapi/*.json`; a test holds this copy to them. The names, members,
units, states and sequences are those of QEMU 10; a name with the prefix `x-` may change. A size
is a whole number from 0 to 2^64-1, and a negative one is refused (QEMU wraps it round). A request
has at most 1 MiB and 64 levels; a client that leaves 4 MiB unread is dropped.
'''


def link(type_):
    if isinstance(type_, List):
        return f'list of {link(type_.element)}'
    return type_.name if isinstance(type_, Builtin) else f'[{type_.name}](#{type_.name.lower()})'


def table(head, rows):
    out = f"| {' | '.join(head)} |\n|{' --- |' * len(head)}\n"
    for row in rows:
        out += '| ' + ' | '.join(cell.replace('|', '\\|') for cell in row) + ' |\n'
    return out + '\n'


def later(part, whole):
    return part.doc + ('' if part.since == whole.since else f' Since {part.since}.')


def member_rows(struct):
    for member in struct.members:
        notes = []
        if member.range:
            notes.append(f'{member.range[0]} to {member.range[1]}')
        if member.unit:
            notes.append(member.unit)
        if member.default is not None:
            notes.append(f'default {json.dumps(member.default)}')
        elif member.optional:
            notes.append('optional')
        yield [f'`{member.name}`', link(member.type), ', '.join(notes), later(member, struct)]


def members_md(struct, what):
    rows = list(member_rows(struct)) if struct else []
    return table([what, 'type', '', 'meaning'], rows) if rows else ''


def command_md(command):
    out = f'### {command.name}\n\n{command.doc} Since {command.since}.\n\n'
    if isinstance(command.spec.get('args'), str):
        out += f'Arguments: {link(command.args)}.\n\n'
    else:
        out += members_md(command.args, 'argument')
    out += f'Returns: {link(command.returns)}.\n\n' if command.returns else ''
    request = {'execute': command.name}
    if 'arguments' in command.example:
        request['arguments'] = command.example['arguments']
    reply = json.dumps({'return': command.example['return']})
    return out + f'```\n-> {json.dumps(request)}\n<- {reply}\n```\n\n'


def event_md(event):
    out = f'### {event.name}\n\n{event.doc} Since {event.since}.\n\n'
    out += members_md(event.data, 'member')
    message = {'timestamp': {'seconds': 1767225600, 'microseconds': 0}, 'event': event.name,
               **({'data': event.example} if event.data else {})}
    return out + f'```\n<- {json.dumps(message)}\n```\n\n'


def type_md(type_):
    out = f'### {type_.name}\n\n{type_.doc} Since {type_.since}.\n\n'
    if isinstance(type_, Enum):
        return out + table(['value', 'meaning'], ([f'`{name}`', later(value, type_)]
                                                  for name, value in type_.values.items()))
    out += members_md(type_, 'member')
    for value, branch in type_.branches.items():
        out += f'- If `{type_.tag.name}` is `{value}`: the members of {link(branch)} too.\n'
    return out + ('\n' if type_.branches else '')


def docs(schema):
    out = INTRO + '\n## Commands\n\n' + ''.join(command_md(c) for c in schema.commands)
    out += '## Events\n\n' + ''.join(event_md(e) for e in schema.events) + '## Types\n\n'
    inline = {c.args for c in schema.commands if isinstance(c.spec.get('args'), dict)}
    inline |= {e.data for e in schema.events if isinstance(e.spec.get('data'), dict)}
    types = [t for t in schema.enums + schema.structs if t not in inline]
    types = ''.join(type_md(t) for t in sorted(types, key=lambda t: t.name))
    return (out + types).rstrip() + '\n'


OUTPUTS = {
    'qapi-types.h': types_h, 'qapi-types.c': types_c,
    'qapi-commands.h': commands_h, 'qapi-commands.c': commands_c,
    'qapi-events.h': events_h, 'qapi-events.c': events_c,
    'qapi-introspect.c': introspect_c, 'qapi.md': docs,
}


def main(argv, outputs):
    if len(argv) != 4 or argv[2] != '--out':
        print(f'usage: {argv[0]} SCHEMA.json --out DIR', file=sys.stderr)
        return 2
    try:
        schema = Schema(argv[1])
        made = {name: make(schema) for name, make in outputs.items()}
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    for name, text in made.items():
        with open(os.path.join(argv[3], name), 'w', encoding='utf-8') as file:
            file.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv, OUTPUTS))
