#!/usr/bin/env python3
"""client_completion_test.py BUILD: completion in real shells on a terminal: bash, zsh and fish. In
each, words are typed with a tab, and the line that the shell has made of them is run by a `reel` that
prints its arguments. A shell that is not there is left out."""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from client_support import Failures, Place, Terminal, WRITER, run

failures = Failures('client_completion_test')

# All of it has a meaning to some shell.
HARD = 'cells/x"`touch evil`$(touch evil)!1\\2&*{a,b}~#;\'?[z]'

# What is typed, with a tab at its end, and the words that the shell has made of it.
LINES = [
    ('reel descr', ['describe']),
    ('reel get ce', ['get', 'cells']),
    ('reel get cells st', ['get', 'cells', 'sta']),  # state= and status= have this in common
    ('reel get cells sp', ['get', 'cells', 'spec_id=']),
    ('reel get cells state=ru', ['get', 'cells', 'state=running']),
    ('reel get cells spec_id=spec-u', ['get', 'cells', 'spec_id=spec-unique']),
    ('reel get cells --ord', ['get', 'cells', '--order']),
    ('reel get cells --order spec', ['get', 'cells', '--order', 'spec_id']),
    ('reel get cells -o nd', ['get', 'cells', '-o', 'ndjson']),
    ('reel get cells/only-', ['get', 'cells/only-key']),
    ('reel describe formations/0b5d2bb0', ['describe',
                                           'formations/0b5d2bb0-0000-4000-8000-000000000001']),
    ('reel run formations cr', ['run', 'formations', 'create']),
    ('reel run formations create coord', ['run', 'formations', 'create', 'coordinator=']),
    ('reel run formations/x st', ['run', 'formations/x', 'status']),
    ('reel run formations/x status state=', ['run', 'formations/x', 'status', 'state=']),
    ('reel rejected --collection form', ['rejected', '--collection', 'formations']),
    ('reel admin reb', ['admin', 'rebuild']),
    ('reel admin rebuild ce', ['admin', 'rebuild', 'cells']),
    ('reel get --context prod', ['get', '--context', 'production']),
    ('reel import input-', ['import', 'input-file.ndjson']),
    ('reel help outp', ['help', 'output']),
    ('reel help compl', ['help', 'completion']),
    ('reel get nothing=', ['get', 'nothing=']),
    ('reel get "ce', ['get', 'cells']),
    ("reel get cells 'state=ru", ['get', 'cells', 'state=running']),
    ("reel get 'cells' state='ru", ['get', 'cells', 'state=running']),
    ('reel get cells "spec_id"=spec-u', ['get', 'cells', 'spec_id=spec-unique']),
    ("reel get cells/'a ", ['get', 'cells/a b']),
    ("reel get 'cells/a ", ['get', 'cells/a b']),
    ('reel get "cells/a ', ['get', 'cells/a b']),
    ('reel get cells/a\\ ', ['get', 'cells/a b']),
    ('reel get cells/a@', ['get', 'cells/a@b']),
    ("reel get cells/it\\'", ['get', "cells/it's $d"]),
    ('reel get cells/it', ['get', "cells/it's $d"]),
    ('reel get "cells/it', ['get', "cells/it's $d"]),
    ("reel get 'cells/it", ['get', "cells/it's $d"]),
    ('reel get "cells/it\'s \\$', ['get', "cells/it's $d"]),
    ('reel get cells/x', ['get', HARD]),
    ("reel get 'cells/x", ['get', HARD]),
    ('reel get "cells/x', ['get', HARD]),
    ("reel get cells 'spec\tspec-u", ['get', 'cells', 'spec_id=spec-unique']),  # it stays open
    ("reel run 'formations/0b", ['run', 'formations/0b5d2bb0-0000-4000-8000-000000000001']),
    ('reel import "input-', ['import', 'input-file.ndjson']),
    ('reel get cells/b-0', ['get', 'cells/b-0']),  # and not what the first 200 have in common
    ('reel get cells/b-0399', ['get', 'cells/b-0399']),
]

CELL = 'dev.cellos.events.cell.lifecycle.v1.started'
EVENTS = [
    {'specversion': '1.0', 'source': '/test', 'id': '1', 'type': CELL,
     'data': {'cellId': 'only-key', 'specId': 'spec-unique'}},
    {'specversion': '1.0', 'source': '/test', 'id': '2', 'type': CELL,
     'data': {'cellId': 'evil \x1b[31m$(touch evil)`touch evil`;touch evil', 'specId': 'b'}},
    {'specversion': '1.0', 'source': '/test', 'id': '3',
     'type': 'dev.cellos.events.cell.formation.v1.created',
     'data': {'formationId': '0b5d2bb0-0000-4000-8000-000000000001', 'formationName': 'web'}},
]

# `reel` is a program that completes as the real one does, and otherwise prints its arguments.
FAKE = '''#!/bin/sh
case $1 in
__complete | completion) exec "{reel}" "$@" ;;
esac
printf '<%s>' "$@"
echo '<end>'
'''

SHELLS = {
    'bash': (['--norc', '--noprofile', '-i'],
             "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; PS1='prompt> '\n"
             'source <(reel completion bash)\n'),
    'zsh': (['-f', '-i'],
            "PS1='prompt> '; unsetopt zle_bracketed_paste prompt_sp beep 2>/dev/null; "
            'unset zle_bracketed_paste; autoload -Uz compinit; compinit -D -u; '
            'source <(reel completion zsh)\n'),
    'fish': (['--no-config', '-i'],
             "function fish_prompt; echo -n 'prompt> '; end; set -g fish_greeting; "
             'reel completion fish | source\n'),
}


def words_of(terminal, line):
    """Types the line, a tab and a return, which the shell reads when it has completed the line; what
    was run."""
    begun = len(terminal.output)
    terminal.send(line.encode('utf-8') + b'\t\r')
    found = terminal.wait_for(rb'((?:<[^<>\r\n]*>)+)<end>', begun)
    if not found:
        return None
    words = re.findall(rb'<([^<>]*)>', found.group(1))
    terminal.wait_for(rb'prompt> ', begun + found.end())
    return [word.decode('utf-8') for word in words]


def drive(place, name, environment):
    path = shutil.which(name)
    if not path:
        print(f'client_completion_test: there is no {name}: it is left out', file=sys.stderr)
        return
    arguments, setup = SHELLS[name]
    terminal = Terminal(place, [path] + arguments, 120, environment)
    try:
        terminal.send(setup.encode('utf-8') + b'echo re"ady"\r')
        if not terminal.wait_for(rb'(?s)[\r\n]ready.*prompt> '):
            failures.complain(f'{name} does not start: {terminal.output!r}')
            return
        for line, wanted in LINES:
            if name == 'fish' and line.endswith('cells st'):
                continue  # opens a list of both, in which return chooses one
            found = words_of(terminal, line)
            failures.check(found == wanted, f'{name}: `{line}` becomes {found}, wanted {wanted}')
            if found is None:
                failures.complain(f'{name}: nothing was run: {terminal.output[-500:]!r}')
                break
        failures.check(not os.path.exists(place.file('evil')), f'{name}: a key was run')
    finally:
        terminal.close()


def candidates(place, environment, words, wanted):
    """What the shells are told."""
    code, out, err = run(place, ['__complete'] + words, environment=environment)
    found = sorted(line.split('\t')[0] for line in out.splitlines())
    failures.check(code == 0 and not err and found == sorted(wanted),
                   f'__complete {words}: {code} {found} {err!r}, wanted {sorted(wanted)}')


def of_many_keys(place, environment):
    """Keys are found wherever they are in their order, and shells insert only what all of them have
    in common."""
    events = [{'specversion': '1.0', 'source': '/many', 'id': f'{i}', 'type': CELL,
               'data': {'cellId': f'b-{i:05}', 'specId': 'many'}} for i in range(4000)]
    others = ['b-0399', 'c\u00e8d', 'c\u00e8e', 'c\u00e9f', 'a b', 'a@b', "it's $d", HARD[6:]]
    events += [{'specversion': '1.0', 'source': '/other', 'id': f'{i}', 'type': CELL,
                'data': {'cellId': key, 'specId': 'many'}} for i, key in enumerate(others)]
    text = ''.join(json.dumps(event) + '\n' for event in events)
    code, _, err = run(place, ['import', '-', '-q'], text.encode('utf-8'), environment)
    failures.check(code == 0, f'import: {err}')
    candidates(place, environment, ['get', 'cells/b-0399'],
               ['cells/b-0399'] + [f'cells/b-0399{i}' for i in range(10)])
    candidates(place, environment, ['get', 'cells/b-03999'], ['cells/b-03999'])
    candidates(place, environment, ['get', 'cells/b-04'], [])
    candidates(place, environment, ['get', 'cells/c\u00e8'], ['cells/c\u00e8d', 'cells/c\u00e8e'])
    code, out, _ = run(place, ['__complete', 'get', 'cells/b'], environment=environment)
    found = [line.split('\t')[0] for line in out.splitlines()]
    common = os.path.commonprefix(found)
    failures.check(code == 0 and 200 <= len(found) < 210 and common == 'cells/b-0',
                   f'of many keys: {code} {len(found)} {common}')


def main():
    place = Place(sys.argv[1])
    try:
        daemon = place.daemon()
        environment = {'REEL_URL': daemon.url, 'REEL_TOKEN': WRITER}
        code, _, err = run(place, ['send', '-'], json.dumps(EVENTS).encode('utf-8'), environment)
        failures.check(code == 0, f'send: {err}')
        place.write('config/reel/config', '[production]\nurl = https://reel.example.org\n')
        place.write('input-file.ndjson', '')
        candidates(place, environment, ['get', 'cells', 'state='],
                   ['state=pending', 'state=running', 'state=destroyed'])
        # the evil key has a control character: it cannot be typed
        candidates(place, environment, ['get', 'cells/'], ['cells/only-key'])
        candidates(place, environment, ['run', ''], ['formations', 'formations/'])
        candidates(place, environment, ['get', '--group', ''], [])
        candidates(place, environment, ['get', 'cells', '--group', 's'],
                   ['state', 'spec_id', 'status'])
        candidates(place, environment, ['frob', ''], [])
        candidates(place, {'REEL_URL': 'http://127.0.0.1:1'}, ['get', ''], [])
        candidates(place, {'REEL_URL': 'nonsense'}, ['get', ''], [])
        candidates(place, {**environment, 'REEL_TOKEN': 'wrong'}, ['get', ''], [])
        of_many_keys(place, environment)
        place.write('bin/reel', FAKE.format(reel=place.reel), 0o755)
        environment['PATH'] = place.file('bin') + ':' + os.environ['PATH']
        for name in SHELLS:
            drive(place, name, environment)
    finally:
        place.close()
    failures.exit()


main()
