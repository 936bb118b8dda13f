#!/usr/bin/env python3
"""layout_rust_test.py LAYOUT_H LAYOUT_TXT PROGRAM: examples/rust/reel.rs has each struct that a
projector needs, with the offsets and sizes of C. PROGRAM (layout.rs) prints those of Rust."""
import re
import subprocess
import sys

# The headers of a projector, as layout.h has them in its comments.
HEADERS = ['abi.h', 'event.h', 'host.h', 'decision.h', 'setting.h', 'note.h', 'member.h',
           'projector.h']


def structs(text):
    parts = re.split(r'^struct (\w+)\n', text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def main():
    layout_h, layout_txt, program = sys.argv[1:]
    with open(layout_h, encoding='utf-8') as text:
        sections = re.split(r'^/\* (\w+\.h) \*/$', text.read(), flags=re.M)
    wanted = [name for header, section in zip(sections[1::2], sections[2::2]) if header in HEADERS
              for name in re.findall(r'^BEGIN\((\w+)\)', section, re.M)]
    with open(layout_txt, encoding='utf-8') as text:
        c = structs(text.read())
    rust = structs(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
    faults = [f'reel.rs or layout.rs has no {name}' for name in wanted if name not in rust]
    for name, members in rust.items():
        if members != c.get(name):
            faults.append(f'{name}: reel.rs or layout.rs has\n{members}but the headers have\n'
                          f'{c.get(name)}')
    print('\n'.join(faults) if faults else f'{len(rust)} structs')
    return 1 if faults or len(wanted) < 10 else 0


sys.exit(main())
