#!/usr/bin/env python3
"""hpp_complete_test.py INCLUDE_REEL LAYOUT_H: reel.hpp has all that a projector in C has: it calls
each function of the host's table, itself or through the inline functions of the headers, and it has
a function for each member of an event, of a command and of a change."""
import os
import re
import sys

# Not for a projector's code: no extension is defined, and the sizes are the host's.
NOT_WRAPPED = {'reel_host': {'struct_size', 'abi_major', 'abi_minor', 'get_extension'},
               'reel_event': {'struct_size'}, 'reel_command': {'struct_size', 'reserved'},
               'reel_change': {'struct_size', 'reserved'}}
INLINE = ['value.h', 'record.h', 'writer.h', 'decision.h']


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as text:
        return text.read()


def main():
    include, layout = sys.argv[1:]
    members = re.findall(r'^MEMBER\((\w+), (\w+)\)', read(layout), re.M)
    hpp = read(include, 'reel.hpp')
    called = set(re.findall(r'host->(\w+)\(', hpp))
    for header in INLINE:
        # Each function, and the calls in it.
        for name, body in re.findall(r'static inline [^;{]*?\b(reel_\w+)\([^{;]*\) \{(.*?)^\}',
                                     read(include, header), re.M | re.S):
            if re.search(rf'\b{name}\(', hpp):
                called |= set(re.findall(r'host->(\w+)\(', body))
    has = {'reel_host': called, 'reel_event': set(re.findall(r'c_->(\w+)\b', hpp)),
           'reel_command': set(re.findall(r'c_->(\w+)\b', hpp)),
           'reel_change': set(re.findall(r'c_->(\w+)\b', hpp))}
    faults = [f'reel.hpp has nothing for {name} of struct {struct}' for struct, name in members
              if struct in has and name not in has[struct] | NOT_WRAPPED[struct]]
    print('\n'.join(faults) if faults else f'{len(called)} functions')
    return 1 if faults or len(called) < 40 else 0


sys.exit(main())
