"""reel.py: what gdb shows of Reel's strings, texts and JSON values.

    (gdb) source core/common/gdb/reel.py

    struct reel_str     "cells", or NULL
    struct text         "what was appended so far" len 24, size 64; with `failed` if memory ran out
    struct reel_value   the value as JSON, or MISSING; long ones are cut

Each printer only reads memory, so it also works on a core file. Memory that cannot be read is shown
as gdb's own message. How values lie in memory is explained in core/common/json/value.c: the printer
walks the same tape.
"""
import struct

import gdb
import gdb.printing

BYTES_MAX = 1024   # of a string that is shown
MEMBERS_MAX = 64   # of an object or array
DEPTH_MAX = 8      # of nested objects and arrays


def quoted(address, length):
    """The bytes as a C string, cut to BYTES_MAX. What is not UTF-8 is shown as \\xff."""
    shown = min(length, BYTES_MAX)
    data = bytes(gdb.selected_inferior().read_memory(address, shown)) if shown else b''
    text = data.decode('utf-8', 'backslashreplace' if shown == length else 'ignore')
    escapes = {'"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t'}
    text = ''.join(escapes.get(c, c if c.isprintable() else f'\\x{ord(c):02x}') for c in text)
    return f'"{text}"' + ('' if shown == length else f'... ({length} bytes)')


class StrPrinter:
    """struct reel_str"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        data, length = int(self.value['data']), int(self.value['len'])
        return readable(lambda: quoted(data, length) if data else 'NULL')


class TextPrinter:
    """struct text"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        data, length = int(self.value['data']), int(self.value['len'])
        shown = readable(lambda: quoted(data, length if data else 0))
        failed = ', failed' if self.value['failed'] else ''
        return f'{shown} len {length}, size {int(self.value["size"])}{failed}'


class ValuePrinter:
    """struct reel_value"""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        if int(self.value['json']) == 0:
            return 'MISSING'
        return readable(lambda: Tape(self.value['json']).shown(int(self.value['at']), 0)[0])


def readable(show):
    try:
        return show()
    except gdb.error as error:  # gdb.MemoryError is one
        return f'<{error}>'


class Tape:
    """A parsed text, as simdjson leaves it: see core/common/json/value.c."""

    def __init__(self, values):
        json = values.cast(gdb.lookup_type('struct json').pointer()).dereference()
        self.tape, self.strings = int(json['tape']), int(json['strings'])

    def word(self, at, form='<Q'):
        return struct.unpack(form, bytes(gdb.selected_inferior().read_memory(
            self.tape + 8 * at, 8)))[0]

    def shown(self, at, depth):
        """The value at this index, and the index after it."""
        word = self.word(at)
        letter, payload = chr(word >> 56), word & ((1 << 56) - 1)
        if letter in '{[':
            return self.container(letter, at, payload & 0xFFFFFFFF, depth), payload & 0xFFFFFFFF
        if letter in 'lud':
            return str(self.word(at + 1, {'l': '<q', 'u': '<Q', 'd': '<d'}[letter])), at + 2
        if letter == '"':
            string = self.strings + payload
            length = bytes(gdb.selected_inferior().read_memory(string, 4))
            return quoted(string + 4, struct.unpack('<I', length)[0]), at + 1
        names = {'n': 'null', 't': 'true', 'f': 'false'}
        return names.get(letter, f'<tape word {word:#x}>'), at + 1

    def container(self, letter, at, end, depth):
        parts, close, at, last = [], {'{': '}', '[': ']'}[letter], at + 1, end - 1
        while at < last:
            if len(parts) == MEMBERS_MAX or depth == DEPTH_MAX:
                parts.append('...')
                break
            name = ''
            if letter == '{':
                name, at = self.shown(at, depth)
                name += ':'
            shown, at = self.shown(at, depth + 1)
            parts.append(name + shown)
        return letter + ','.join(parts) + close


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter('reel')
    collection.add_printer('reel_str', '^reel_str$', StrPrinter)
    collection.add_printer('text', '^text$', TextPrinter)
    collection.add_printer('reel_value', '^reel_value$', ValuePrinter)
    return collection


gdb.printing.register_pretty_printer(None, printers(), replace=True)
