#!/usr/bin/env python3
"""layers_test.py ROOT: who may include whom, read from the #include lines.

A folder is a room. ROOMS says which rooms each may include (beside itself and what it includes in
its own room); DOORS, by which header alone a room may be entered from elsewhere; WHOLE, where each
header has a source of its name. A file is a header and the source of its name together; files must
not include each other in a circle.

    layers_test.py ROOT            the tree; prints what is wrong, one line each
    layers_test.py ROOT --planted  plants a wrong include, and a circle, in copies of the tree, and
                                   fails unless each is found
"""
import os
import re
import shutil
import sys
import tempfile

ABI = 'core/include/reel'
BASE, JSON, EVENT = 'core/common/base', 'core/common/json', 'core/common/event'
COMMON = [ABI, BASE, JSON, EVENT]
ENGINE = 'core/engine'
LOG, STORE, FOLD, VIEW = (f'{ENGINE}/{room}' for room in ('log', 'store', 'fold', 'view'))
MEMTABLE = f'{STORE}/memtable'

# Longest prefix first: a file belongs to the first room here that its path begins with.
ROOMS = {
    ABI: [],
    BASE: [ABI],
    JSON: [ABI, BASE],
    EVENT: [ABI, BASE, JSON],
    LOG: COMMON + [STORE],
    MEMTABLE: COMMON,
    STORE: COMMON + [MEMTABLE],
    FOLD: COMMON + [LOG, STORE],
    VIEW: COMMON + [LOG, STORE, FOLD],
    ENGINE: COMMON + [LOG, STORE, FOLD, VIEW],
    'core/feeds': COMMON + [ENGINE],
    'core/check': COMMON + [ENGINE],
    'core/plan': COMMON + [ENGINE],
    'core/conform': COMMON + ['sinks/websocket'],
    'core/client': COMMON,
    'core/daemon': COMMON + [ENGINE, 'core/feeds', 'core/check', 'core/plan'],
    'core/daemon/main.c': COMMON + [ENGINE, 'core/feeds', 'core/check', 'core/conform', 'core/daemon',
                                    'sinks/http', 'sinks/stdout'],
    'sinks/events': COMMON,
    'sinks/websocket': COMMON,
    'sinks/follow': COMMON + ['sinks/events', 'sinks/websocket'],
    'sinks/stdout': COMMON + ['sinks/events'],
    'sinks/http': COMMON + ['sinks/events', 'sinks/websocket', 'sinks/follow'],
    'plugins/formation': [ABI],
    'plugins/cell': [ABI],
    'examples': [ABI],
}

# In these rooms each header has a source of its name.
WHOLE = [ENGINE]

# room: the header by which it is entered from outside of its folder (its own rooms are inside).
DOORS = {ENGINE: 'core/engine/engine.h'}

INCLUDE_PATH = ['core/include', 'core/common', 'core', 'sinks']
SOURCES = re.compile(r'\.(c|h|cc|cpp|hpp)$')


def main():
    root = sys.argv[1]
    if sys.argv[2:] == ['--planted']:
        return planted(root)
    faults, count = examine(root)
    print('\n'.join(faults) if faults else f'{count} files, no include across a wall, no circle')
    return 1 if faults or count == 0 else 0


def examine(root):
    files = sorted(sources(root))
    includes = {file: sorted(included_by(root, file, set(files))) for file in files}
    faults = [fault for file in files for fault in walls(file, includes[file])]
    return faults + lonely(files) + circles(includes), len(files)


def sources(root):
    for top in ('core', 'sinks', 'plugins', 'examples'):
        for directory, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if SOURCES.search(name):
                    yield os.path.relpath(os.path.join(directory, name), root)


def included_by(root, file, files):
    with open(os.path.join(root, file), encoding='utf-8') as text:
        lines = re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text.read(), re.M)
    for kind, name in lines:
        near = [os.path.dirname(file)] if kind == '"' else []
        for directory in near + INCLUDE_PATH:
            path = os.path.normpath(os.path.join(directory, name))
            if path in files:
                yield path
                break


# ---- Walls ---------------------------------------------------------------------------------------


def room_of(file):
    return max((room for room in ROOMS if file == room or file.startswith(room + '/')), key=len,
               default=None)


def walls(file, includes):
    here = room_of(file)
    if here is None:
        yield f'{file}: is in no room that layers_test.py knows'
        return
    for other in includes:
        there = room_of(other)
        if there != here and there not in ROOMS[here] and not behind_door(there, ROOMS[here]):
            yield f'{file}: includes {other}, which {here} may not'
        for room, door in DOORS.items():
            if other.startswith(room + '/') and not file.startswith(room + '/') and other != door:
                yield f'{file}: includes {other}; from outside only {door} may be'


def behind_door(there, allowed):
    """A room inside one with a door: the fault is told by the door's rule."""
    return any(room in allowed and there is not None and there.startswith(room + '/')
               for room in DOORS)


def lonely(files):
    stems = {stem_of(file) for file in files if not file.endswith('.h')}
    return [f'{file}: has no source of its name' for file in files
            if file.endswith('.h') and any(file.startswith(room + '/') for room in WHOLE)
            and stem_of(file) not in stems]


# ---- Circles -------------------------------------------------------------------------------------


def circles(includes):
    """Strongly connected components (Tarjan) of files, a header and its source being one."""
    graph = {}
    for file, others in includes.items():
        stem = stem_of(file)
        graph.setdefault(stem, set()).update(s for s in map(stem_of, others) if s != stem)
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[-len(part):]
            if len(part) > 1:
                found.append('a circle: ' + ', '.join(sorted(part)))

    sys.setrecursionlimit(10000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def stem_of(file):
    return SOURCES.sub('', file).removesuffix('_private')


# ---- The test of the test ------------------------------------------------------------------------


def planted(root):
    plants = {
        'a wrong include': ('sinks/http/http.c', '#include "engine/engine.h"\n'),
        'an inner header': ('core/feeds/feed.c', '#include "engine/store/store.h"\n'),
        'a plugin that looks inside': ('plugins/cell/cell.c', '#include "../../core/common/base/text.h"\n'),
        'a circle': ('core/common/base/text.h', '#include "json/write.h"\n'),
        'a header without a source': ('core/engine/log/alone.h', '\n'),
        'a circle in a room': ('core/engine/store/environment.h', '#include "engine/store/keys.h"\n'),
    }
    missed = [what for what, plant in plants.items() if not is_found(root, *plant)]
    print('\n'.join(f'not found: {what}' for what in missed) or f'{len(plants)} plants found')
    return 1 if missed else 0


def is_found(root, file, line):
    with tempfile.TemporaryDirectory() as copy:
        for top in ('core', 'sinks', 'plugins', 'examples'):
            shutil.copytree(os.path.join(root, top), os.path.join(copy, top))
        before = set(examine(copy)[0])
        with open(os.path.join(copy, file), 'a', encoding='utf-8') as text:
            text.write(line)
        return bool(set(examine(copy)[0]) - before)


sys.exit(main())
