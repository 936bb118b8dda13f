#!/usr/bin/env python3
"""names_in_pages_test.py ROOT PAGE...: what pages for maintainers name is in the tree.

In backticks, outside of code blocks: a file (`core/engine/work.c`, or its end, `fold/host.c`, or a
pattern, `http_*_test.c`), or a name of the code (`works_run`, `struct job`, `REEL_ABI_MINOR`; not
`…`). Of docs/architecture.md also: its table of threads has each name that thread_start is given,
and its table of rooms each room of layers_test.py.
"""
import fnmatch
import os
import re
import sys

SOURCES = ('.c', '.h', '.cpp', '.cc', '.py', '.sh', '.build', '.json', '.md', '.map', '.in')
FILE = re.compile(r'[\w*./-]*\.(c|h|cpp|py|sh|json|md|map|1|symbols)$|[\w*./-]+/$|(\w+/)+\w+$')
NAME = re.compile(r'(struct |enum )?([A-Za-z]\w*_\w+)(\(.*\))?$|struct (\w+)$')


def main():
    root, pages = sys.argv[1], sys.argv[2:]
    files = dict(read_tree(root))
    words = set(re.findall(r'\w+', '\n'.join(text for path, text in files.items()
                                               if not path.endswith('.md'))))
    faults, count = [], 0
    for page in pages:
        for line, quoted in quoted_in(files[page]):
            count += 1
            if not is_there(quoted, files, words):
                faults.append(f'{page}:{line}: `{quoted}` is not in the tree')
        if page == 'docs/architecture.md':
            faults += tables(files, page)
    print('\n'.join(faults) or f'{count} names, all there')
    return 1 if faults or count < 50 else 0


def read_tree(root):
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(('.', 'build'))]
        for name in names:
            if name.endswith(SOURCES) or '.' not in name or name.endswith(('.1', '.symbols')):
                path = os.path.join(directory, name)
                with open(path, encoding='utf-8', errors='replace') as file:
                    yield os.path.relpath(path, root), file.read()


def quoted_in(text):
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith('```'):
            inside = not inside
        elif not inside:
            for quoted in re.findall(r'`([^`]+)`', line):
                if '…' not in quoted and '<' not in quoted and ' -' not in quoted:
                    yield number, quoted


def is_there(quoted, files, words):
    if '*' in quoted and not FILE.match(quoted):
        return True  # a pattern of names
    if FILE.match(quoted) and not quoted.startswith('/') and 'NAME' not in quoted:
        return is_file(quoted, files)
    name = NAME.match(quoted)
    return not name or (name.group(2) or name.group(4)) in words


def is_file(quoted, files):
    if quoted.startswith('build'):
        return True
    if '.' not in os.path.basename(quoted):
        folder = '/' + quoted.strip('/') + '/'
        return any(fnmatch.fnmatchcase('/' + path, '*' + folder + '*') for path in files)
    return any(fnmatch.fnmatchcase('/' + path, '*/' + quoted) for path in files)


def tables(files, page):
    text = files[page]
    for path, source in files.items():
        if path.startswith(('core/', 'sinks/')) and path.endswith('.c'):
            for name in re.findall(r'thread_start\([^;]*?"([^"]+)"', source):
                if f'| `{name}` |' not in text:
                    yield f'{page}: the thread `{name}` of {path} is not in the table'
    layers = files['tests/layers/layers_test.py']
    for room in re.findall(r"^    '((?:core|sinks)/[\w/]+)':", layers, re.M):
        if f'| `{room}` |' not in text:
            yield f'{page}: the room {room} of layers_test.py is not in the table'


sys.exit(main())
