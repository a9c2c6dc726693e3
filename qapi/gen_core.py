#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Generate the parameters and the capabilities of a schema, for code that uses only GLib.

    gen_core.py SCHEMA.json --out DIR

parameters.h has a struct for each, and tables of their members for core/base/setting.h.
"""
import sys

sys.dont_write_bytecode = True  # in the source tree

import gen  # pylint: disable=wrong-import-position

KINDS = {'str': 'GDW_SETTING_STRING', 'bool': 'GDW_SETTING_BOOL',
         **{name: 'GDW_SETTING_UINT' for name in gen.UNSIGNED}}


class Setting:
    """A member of the struct, for a parameter or a capability."""

    def __init__(self, name, entity):
        self.name, self.c, self.doc = name, gen.c_name(name), entity.doc
        self.type = getattr(entity, 'type', None)
        self.range, self.unit = getattr(entity, 'range', None), getattr(entity, 'unit', None)
        default = getattr(entity, 'default', False)
        self.default = default if isinstance(default, str) else gen.json.dumps(default)
        entity.need(not self.type or self.type.name in KINDS,
                    'a parameter of this type is not supported')

    @property
    def c_type(self):
        return self.type.c_type if self.type else 'gboolean '

    def member(self):
        unit = f' In {self.unit}.' if self.unit else ''
        return gen.comment(self.doc + unit, '  ') + f'  {self.c_type}{self.c};\n'

    def row(self, struct):
        kind = KINDS[self.type.name if self.type else 'bool']
        parts = [f'.name = {gen.c_string(self.name)}', f'.kind = {kind}',
                 f'.offset = G_STRUCT_OFFSET ({struct}, {self.c})',
                 f'.size = sizeof ((({struct} *) 0)->{self.c})',
                 f'.default_text = {gen.c_string(self.default)}']
        if self.range:
            low, high = self.range
            parts.append(f'.ranged = TRUE, .min = {low}u, .max = G_GUINT64_CONSTANT ({high})')
        if self.unit:
            parts.append(f'.unit = {gen.c_string(self.unit)}')
        return '  { ' + ',\n    '.join(parts) + ' },\n'


def tables(schema):
    """Yields the struct's name, its table's name, a title and its settings for each."""
    yield ('GdwParameters', 'gdw_parameters', 'The parameters of a migration.',
           [Setting(member.name, member) for struct in schema.structs if struct.parameters
            for member in struct.members])
    yield ('GdwCapabilities', 'gdw_capabilities', 'The capabilities, and whether each is on.',
           [Setting(name, value) for enum in schema.enums if enum.capabilities
            for name, value in enum.values.items()])


def header(schema):
    out = gen.HEAD + '#pragma once\n\n#include "core/base/setting.h"\n'
    for struct, table, doc, settings in tables(schema):
        out += (f'\n{gen.comment(doc)}typedef struct {{\n'
                + ''.join(setting.member() for setting in settings)
                + f'}} {struct};\n\nextern const GdwSetting {table}[];\n')
    return out


def source(schema):
    out = gen.HEAD + '#include "parameters.h"\n'
    for struct, table, _doc, settings in tables(schema):
        out += (f'\nconst GdwSetting {table}[] = {{\n'
                + ''.join(setting.row(struct) for setting in settings) + '  { 0 }\n};\n')
    return out


if __name__ == '__main__':
    sys.exit(gen.main(sys.argv, {'parameters.h': header, 'parameters.c': source}))
