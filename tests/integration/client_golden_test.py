#!/usr/bin/env python3
"""client_golden_test.py BUILD: what each command of the client prints, and what it says when
something is wrong: in a pipe, and on terminals of 80 and 200 columns. The output is that of the files
in client/; REEL_TEST_WRITE=1 writes them."""
import json
import re
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
from client_support import (ADMIN, Failures, PATIENCE_S, Place, READER, WRITER, compare_golden,
                            on_terminal, run)

failures = Failures('client_golden_test')

# Ages of a day and some hours read the same for hours.
LONG_AGO = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 30.5 * 3600))
FORMATION = '0b5d2bb0-0000-4000-8000-00000000000'
CELL = 'dev.cellos.events.cell.lifecycle.v1.'


def cell(key, what, spec, formation, **more):
    return {'specversion': '1.0', 'source': '/test', 'id': f'{key[:3]}-{what}', 'type': CELL + what,
            'time': LONG_AGO, 'data': {'cellId': key, 'specId': spec,
                                       'formationId': FORMATION + formation, **more}}


def cells():
    return [cell('c-1', 'started', 'a', '1'), cell('c-2', 'started', 'b', '1', runId='run-7'),
            cell('c-3 \x1b[31m\u009b\u202e\n', 'started', 'b', '2'),
            cell('c-1', 'destroyed', 'a', '1', outcome='out of memory')]


def formation(key, name):
    return {'specversion': '1.0', 'source': '/test', 'id': f'{key}-created',
            'type': 'dev.cellos.events.cell.formation.v1.created',
            'time': LONG_AGO, 'data': {'formationId': FORMATION + key, 'formationName': name,
                                       'members': [{'id': 'c'}], 'size': 12345678901234567890}}


class Scrubber:
    """Replaces what is different each time, with names of a stable length."""

    def __init__(self, place, daemon):
        status = json.loads(daemon.get('/v1/status'))
        self.fixed = [(daemon.url, 'http://SERVER'), (status['epoch'], 'EPOCH'),
                      (place.path, 'DIR'), (place.build, 'BUILD'), (LONG_AGO, 'A-DAY-AND-SOME-HOURS')]
        self.uuids = {}

    def uuid(self, found):
        text = found.group(0)
        if text.startswith('0b5d2bb0'):
            return text
        return self.uuids.setdefault(text, f'made-uuid-{len(self.uuids) + 1}')

    def scrub(self, text):
        for what, instead in self.fixed:
            text = text.replace(what, instead)
        text = re.sub(r'\b[0-9a-f]{32}\b', 'DIGEST', text)
        text = re.sub(r'\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b', self.uuid, text)
        text = re.sub(r'\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', 'TIME', text)
        text = re.sub(r'(?m)^up( +)\S+$', r'up\1TIME', text)
        text = re.sub(r'(?m)^store( +).*$', r'store\1SIZES', text)
        text = re.sub(r'TIME \([0-9smh]+\)', 'TIME (AGE)', text)
        text = re.sub(r'127\.0\.0\.1 port 1 after \d+ ms', '127.0.0.1 port 1 after N ms', text)
        text = re.sub(r'"(bytes|log_bytes|uptime_s|connections|requests)": \d+', r'"\1": N', text)
        return text.replace('\x1b', '<ESC>').replace('\r', '<CR>')


# Each line is a command; `<` is its input. What comes first is what the others show.
PIPE = [
    ('send -', 'cells'),
    ('send - -o json', 'cells'),
    ('send -', 'formations'),
    ('send -', 'rejected'),
    ('send -', 'two'),
    ('send -', 'no json'),
    ('send -', 'nothing'),
    'get cells',
    'get cells -o wide',
    'get cells -o json',
    'get cells -o ndjson',
    'get cells -o csv',
    'get cells state=RUNNING',
    'get cells state=running state=destroyed --order -changed --limit 2',
    'get cells id>=c-2 id<c-3',
    'get cells outcome.is=set',
    'get cells formation=web',
    'get cells --group state',
    'get cells --group state -o json',
    'get cells --at 2',
    'get cells/c-1',
    'get cells/c-1 -o json',
    'get cells/c-1 -o ndjson',
    'get formations',
    'get formations/web -o json',
    'get formations state=x',
    'get cells state=gone',
    'get cells --order outcome',
    'get cells --order',
    'get cells -o xml',
    'get cells x',
    'get cells/none',
    'get formations/none',
    'get none',
    'get',
    'get cells --limit x',
    'get cells -w --limit 2',
    'describe cells/c-1',
    'describe cells/c-2 --history 0',
    'describe formations/web',
    'describe events/1',
    'describe events/6',
    'describe events/999',
    'describe events/x',
    'describe cells',
    'describe cells/c-1 --token READER',
    'events',
    'events --since 4',
    'events --since 4 -o wide',
    'events --tail 1 -o json',
    'events --tail 2 --type dev.cellos.events.cell.lifecycle -o ndjson',
    'events --since 0 --type dev.cellos.events.cell.formation -o ndjson',
    'events --since 999',
    'events --limit 2 --since 0',
    'events -f --limit 2',
    'run formations create name=db coordinator=c members:=[{"id":"c"}]',
    'run formations create name=db coordinator=c members=x',
    'run formations create name=db',
    'run formations create name=db coordinator=c members:=[] --idempotency-key k',
    'run formations/db status state=running',
    'run formations/db status state=running --if-match "x"',
    'run formations/db delete -o ndjson',
    'run formations/db delete',
    'run formations/db explode',
    'run cells/c-1 explode',
    'run formations status',
    'run formations/db create',
    'run formations/web status state=completed --token READER',
    ('run formations create --file -', 'body'),
    'rejected',
    'rejected -o wide',
    'rejected -o json',
    'rejected --collection cells',
    'rejected --limit 1 -o ndjson',
    'rejected --by-reason',
    'rejected --by-reason -o wide',
    'rejected --by-reason -o json',
    'rejected --by-reason --collection cells',
    'rejected --reason x -o json',
    'rejected --by-reason --reason x',
    'status',
    'status -o json',
    'plugins',
    'plugins cells',
    'plugins formations',
    'plugins none',
    'admin rebuild cells',
    'admin reload',
    'admin rebuild none --token ADMIN',
    'admin resume cells --token ADMIN',
    'admin release cells --token ADMIN',
    'admin explode cells',
    'admin rebuild',
    'compare SERVER SERVER',
    'compare SERVER',
    'compare SERVER none',
    'get cells --token wrong',
    'get cells --token-file /nowhere',
    'get cells --url http://127.0.0.1:1',
    'get cells --url ftp://x',
    'get cells --url http://me@x/',
    'get cells --context none',
    'frob',
    'help frob',
    'get --frob cells',
    'help',
    'help get',
    'help config',
    'help filters',
    'help output',
    'help exit',
    'completion tcsh',
]

TERMINAL = [
    'get cells', 'get cells -o wide', 'get cells -o json', 'get cells --group state',
    'get cells/c-1', 'get formations name=web', 'describe cells/c-1', 'describe events/6',
    'events --since 0 --limit 6',
    'rejected', 'rejected --by-reason', 'status', 'plugins cells', 'get none', 'get cells --token wrong',
]

INPUTS = {
    'cells': '\n'.join(map(json.dumps, cells())),
    'formations': json.dumps([formation('1', 'web')]),
    'rejected': json.dumps({'specversion': '1.0', 'source': '/test', 'id': 'bad', 'time': LONG_AGO,
                            'type': 'dev.cellos.events.cell.formation.v1.created', 'data': {}}),
    'two': json.dumps(cells()[0]) + json.dumps(cells()[1]),
    'no json': json.dumps(cells()[0]) + '{"specversion":',
    'nothing': ' \n',
    'body': '{"name":"two","coordinator":"c","members":[{"id":"c"}]}',
}


def transcript(place, daemon, scrubber, commands, ask):
    """The commands, with what they print and how they end. `ask` runs one."""
    parts = []
    for command in commands:
        line, text = command if isinstance(command, tuple) else (command, None)
        words = [{'ADMIN': ADMIN, 'READER': READER, 'SERVER': daemon.url}.get(word, word) for word in line.split()]
        code, out, err = ask(words, (INPUTS[text] if text else '').encode('utf-8'))
        shown = f'$ reel {line}' + (f' < {text}' if text else '') + '\n' + out
        shown += ''.join(f'! {part}\n' for part in err.splitlines())
        parts.append(scrubber.scrub(shown) + (f'= {code}\n' if code else ''))
    return '\n'.join(parts)


def main():
    place = Place(sys.argv[1])
    try:
        daemon = place.daemon()
        where = {'REEL_URL': daemon.url, 'REEL_TOKEN': WRITER}
        scrubber = Scrubber(place, daemon)
        compare_golden(failures, 'pipe.txt', transcript(
            place, daemon, scrubber, PIPE,
            lambda words, text: run(place, words, text, where)))
        for columns in 80, 200:
            compare_golden(failures, f'terminal_{columns}.txt', transcript(
                place, daemon, scrubber, TERMINAL,
                lambda words, _: (*on_terminal(place, words, columns, where), "")))
        plain = on_terminal(place, ['get', 'cells'], 80, {**where, 'NO_COLOR': '1'})
        failures.check('\x1b' not in plain[1] and 'c-1' in plain[1], f'NO_COLOR: {plain}')
        too_wide(place, where)
        rarer_reasons(place, where)
        operated(place, {**where, 'REEL_TOKEN': ADMIN})
    finally:
        place.close()
    failures.exit()


def rarer_reasons(place, where):
    """Of two reasons the one that comes last is shown, and that there is another."""
    event = formation('1', 'web') | {'id': 'no-uuid', 'data': {'formationId': 'x'}}
    run(place, ['send', '-'], json.dumps(event).encode('utf-8'), where)
    code, out, err = run(place, ['rejected', '--by-reason', '--limit', '1'], environment=where)
    failures.check(code == 0 and out.endswith('event formationId not a UUID (x)\n') and
                   '1 more were rejected for other reasons' in err,
                   f'rejected --by-reason --limit 1: {code} {out!r} {err!r}')


def wait_for_state(place, where, wanted):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        _, out, _ = run(place, ['status', '-o', 'json'], environment=where)
        states = {one['collection']: one['state'] for one in json.loads(out)['projections']}
        if states['cells'] == wanted:
            return
        time.sleep(0.02)
    failures.complain(f'cells are not {wanted}')


def operated(place, where):
    """What an operator asks for is done, and seen."""
    def admin(*words):
        code, _, err = run(place, ['admin', *words], environment=where)
        failures.check(code == 0, f'admin {words}: {code} {err}')

    admin('pause', 'cells')
    wait_for_state(place, where, 'paused')
    _, _, err = run(place, ['get', 'cells'], environment=where)
    failures.check('cells' in err and 'as of' in err, f'cells that are paused: {err!r}')
    admin('resume', 'cells')
    wait_for_state(place, where, 'live')
    _, before, _ = run(place, ['status', '-o', 'json'], environment=where)
    admin('rebuild', 'cells', '--wait')
    _, after, _ = run(place, ['status', '-o', 'json'], environment=where)
    generations = [next(one['generation'] for one in json.loads(text)['projections']
                        if one['collection'] == 'cells') for text in (before, after)]
    failures.check(generations[1] == generations[0] + 1, f'rebuild --wait: {generations}')


def too_wide(place, where):
    """No line of a table is wider than the terminal."""
    for columns in 20, 40, 80, 120:
        for command in TERMINAL:
            if '-o' in command or command.startswith(('describe', 'status')):
                continue
            _, out = on_terminal(place, command.split(), columns, {**where, 'NO_COLOR': '1'})
            for line in out.splitlines():
                is_table = not line.startswith(('reel:', '      ', 'event ', 'command '))
                failures.check(not is_table or len(line) <= max(columns, 20),
                               f'{command}: wider than {columns}: {line!r}')


main()
