#!/usr/bin/env python3
"""client_odd_test.py BUILD: what is seldom and must be right all the same: names with NUL, numbers of
any size, long conditions, a log that takes the place of another, a reader that leaves, options that
do not belong together, and keys that are no field."""
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
from client_support import Failures, PATIENCE_S, Place, Terminal, WRITER, on_terminal, run

failures = Failures('client_odd_test')
CELL = 'dev.cellos.events.cell.lifecycle.v1.'
NUMBERS = ('0.1', '99999999999999999999', '1.10', '12345678901234567890', '9007199254740993',
           '-0', '1e400', '-9223372036854775808')


def cell(key, what='started', **more):
    return {'specversion': '1.0', 'source': '/odd', 'id': repr(key) + what, 'type': CELL + what,
            'data': {'cellId': key, 'specId': 's', **more}}


class Client:
    def __init__(self, place, daemon):
        self.place = place
        self.environment = {'REEL_URL': daemon.url, 'REEL_TOKEN': WRITER}

    def run(self, *arguments, text=b''):
        return run(self.place, list(arguments), text, self.environment)

    def send(self, *events):
        text = '\n'.join(one if isinstance(one, str) else json.dumps(one) for one in events)
        code, _, err = self.run('send', '-', text=text.encode('utf-8'))
        failures.check(code == 0, f'send: {code} {err}')

    def begun(self, *arguments):
        return subprocess.Popen([self.place.reel, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE,
                                env={**self.place.environment, **self.environment})


def names_and_numbers(client):
    """An event is shown whatever is in it: NUL in a name, and each number as it was sent."""
    numbers = ','.join(f'"n{i}":{text}' for i, text in enumerate(NUMBERS) if text != '1e400')
    client.send('{"specversion":"1.0","source":"/odd","id":"odd","type":"' + CELL + 'started",'
                '"data":{"cellId":"odd","specId":"s","a\\u0000b":1,"c\\\\u0000":2,' + numbers + '}}')
    for arguments in (('events', '--since', '0'), ('events',), ('events', '-o', 'wide'),
                      ('describe', 'events/1'), ('get', 'cells'), ('describe', 'cells/odd')):
        code, out, err = client.run(*arguments)
        failures.check(code == 0 and 'odd' in out, f'NUL in a name: {arguments}: {code} {out} {err}')
    _, out, _ = client.run('describe', 'events/1')
    for i, text in enumerate(NUMBERS):
        failures.check(text == '1e400' or f'"n{i}": {text}' in out, f'the number {text}: {out}')
    failures.check('"a\ufffdb": 1' in out and '"c\\\\u0000": 2' in out, f'the names: {out}')
    body = client.place.write('body', '{"name":"x","coordinator":"c","members":[{"id":"c","a\\u0000":1}]}')
    code, _, err = client.run('run', 'formations', 'create', '--file', body, 'name=y')
    failures.check(code == 2 and 'NUL' in err, f'a body with NUL in a name: {code} {err}')
    code, _, err = client.run('run', 'formations', 'create', '--file', body)
    failures.check(code == 0, f'such a body as it is: {code} {err}')
    code, out, err = client.run('get', 'formations')
    failures.check(code == 0 and 'x' in out, f'its record: {code} {out} {err}')


def long_conditions(client):
    """A list is whole, however long the link to its next page is."""
    client.send(*[cell(f'l-{n}') for n in range(1200)])
    conditions = [f'spec_id={n:0200}' for n in range(40)]
    code, out, err = client.run('get', 'cells', 'spec_id=s', *conditions, '-o', 'ndjson')
    failures.check(code == 0 and out.count('\n') == 1201, f'{code} {out.count(chr(10))} {err}')


def filtered_watch(client):
    """A record that did not fulfil the conditions before is not said to be gone."""
    watch = Terminal(client.place, [client.place.reel, 'get', 'cells', 'state=destroyed', '-w'], 100,
                     client.environment)
    client.send(cell('w-0'), cell('w-0', 'destroyed'))
    failures.check(watch.wait_for(rb'w-0'), f'{watch.output!r}')
    client.send(cell('w-1'), cell('w-2'), cell('w-2', 'destroyed'))
    failures.check(watch.wait_for(rb'w-2'), f'{watch.output!r}')
    watch.close()
    failures.check(b'w-1' not in watch.output and b'(gone)' not in watch.output,
                   f'other records: {watch.output!r}')
    for arguments in (['get', 'cells', '--group', 'state', '-o', 'csv'],
                      ['get', 'cells', '--group', 'state', '-o', 'ndjson']):
        code, out, err = client.run(*arguments)
        lines = out.splitlines()
        failures.check(code == 0 and (lines[0].startswith('state,count') if 'csv' in arguments
                                      else all(json.loads(line)['count'] for line in lines)),
                       f'{arguments}: {code} {out!r} {err}')


def long_keys(client):
    """A key that does not fit into a target is one all the same, and so is one that looks like a
    name."""
    for key in 'é' * 900, '\x7f', '\x7fab':
        client.send({**cell(key), 'id': 'key-' + repr(key)[:20]})
        code, out, err = client.run('get', 'cells/' + key, '-o', 'json')
        failures.check(code == 0 and json.loads(out)['id'] == key, f'{key[:9]!r}: {code} {out} {err}')


def commands(client):
    """What a DELETE has for a body arrives."""
    code, out, err = client.run('run', 'formations', 'create', '-o', 'json', 'name=gone',
                                'coordinator=c', 'members:=[{"id":"c"}]')
    failures.check(code == 0, f'create: {code} {err}')
    code, _, err = client.run('run', 'formations/gone', 'delete', 'reason:=[')
    failures.check(code == 2, f'a member of delete is read: {code} {err}')
    body = client.place.write('text', 'no JSON')
    code, _, err = client.run('run', 'formations/gone', 'delete', '--file', body)
    failures.check(code == 1 and '400' in err, f'the body of delete is sent: {code} {err}')
    code, _, err = client.run('run', 'formations/gone', 'delete')
    failures.check(code == 0, f'delete: {code} {err}')


def readers_that_leave(client):
    for arguments in (('events', '--since', '0'), ('events', '-f', '--since', '0'),
                      ('get', 'cells', '-w'), ('get', 'cells', 'id=odd', '-w'), ('export',),
                      ('get', 'cells', '-o', 'json'), ('status', '-w')):
        program = client.begun(*arguments)
        program.stdout.readline()
        program.stdout.close()
        try:
            code = program.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            code = 'it goes on'
        err = program.stderr.read().decode()
        program.stderr.close()
        failures.check(code == 0 and 'cannot write' not in err, f'{arguments} | head: {code} {err}')
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([client.place.reel, 'events', '--since', '0'], stdout=full, check=False,
                              stderr=subprocess.PIPE,
                              env={**client.place.environment, **client.environment})
    failures.check(done.returncode == 1 and b'cannot write' in done.stderr and
                   b'Success' not in done.stderr, f'a full disk: {done}')


def exports(client):
    """An interrupted export continues with the same options only."""
    path = client.place.file('export.ndjson')
    for name, text in ((path, ''), (path + '.reel-position', None)):
        position = {'epoch': client.epoch, 'offset': 0, 'lines': 0, 'seq': 7, 'counts': {
            'query': '', 'since': 7}, 'hash': 'cbf29ce484222325'}
        with open(name, 'w', encoding='utf-8') as file:
            file.write(json.dumps(position) if text is None else text)
    code, _, err = client.run('export', path, '--since', '9')
    failures.check(code == 2 and 'other options' in err, f'another --since: {code} {err}')
    code, _, err = client.run('export', path, '--since', '7')
    failures.check(code == 0 and 'continuing after event 7' in err, f'the same: {code} {err}')


def refusals(client):
    for arguments, said in (
            (['get', 'cells/odd', '--order', 'state'], '`--order` is for lists'),
            (['get', 'cells/odd', '--limit', '1'], '`--limit` is for lists'),
            (['get', 'cells', '--group', 'state', '--limit', '1'], 'no --limit'),
            (['get', 'cells', '--limit', '0'], '`--limit` is 0'),
            (['events', '--limit', '5'], '--tail'),
            (['admin', 'reload', '--wait'], 'for rebuild'),
            (['describe', 'cells/odd', '--history', 'x'], '--history'),
            (['get', 'cells', '--token', ''], 'the token is empty')):
        code, out, err = client.run(*arguments)
        failures.check(code == 2 and said in err and not out, f'{arguments}: {code} {out!r} {err}')
    code, out, err = client.run('get', 'cells', '-o', 'json', 'foo=1')
    failures.check(code == 1 and not out, f'a refused list: {code} {out!r} {err}')
    code, _, err = client.run('get', 'cells', '--min-cursor', '99999999')
    failures.check(code == 1 and '--timeout' not in err, f'--min-cursor: {code} {err}')


def trimmed(place):
    """A record is described although the log has lost what made it."""
    daemon = place.daemon('trimmed', arguments=['--retention-events', '100', '--segment-bytes',
                                                '65536'])
    client = Client(place, daemon)
    for part in range(4):
        client.send(*[cell(f't-{part}-{n}', padding='x' * 300) for n in range(300)])
    daemon.end()
    daemon.start()
    client = Client(place, daemon)
    for _ in range(PATIENCE_S * 10):
        code, out, err = client.run('describe', 'cells/t-3-299')
        if 'not shown' in err:
            break
    failures.check(code == 0 and 't-3-299' in out and 'the history is not shown' in err,
                   f'after a trim: {code} {out} {err}')
    daemon.end()


def another_log(place):
    """A log that takes the place of another one is not its continuation."""
    first = place.daemon('first')
    client = Client(place, first)
    client.send(*[cell(f'p-{n}') for n in range(10)])
    watches = [Terminal(place, [place.reel, *words], 100, client.environment)
               for words in (['get', 'cells', '-w'], ['events', '-f', '--since', '8'])]
    failures.check(watches[0].wait_for(rb'p-9') and watches[1].wait_for(rb'p-9'),
                   f'{[watch.output for watch in watches]}')
    other = place.daemon('second')
    Client(place, other).send(*[cell(f'q-{n}') for n in range(20)])
    other.end()
    first.end()
    other.port = first.port
    other.start()
    failures.check(watches[0].wait_for(rb'q-0 .*[^$]*q-19'), f'{watches[0].output!r}')
    failures.check(b'another one' in watches[0].output and b'come again' in watches[0].output,
                   f'{watches[0].output!r}')
    watches[0].close(signal.SIGTERM)
    code = watches[1].finish()
    failures.check(code == 1 and b'q-' not in watches[1].output and
                   b'the log was replaced' in watches[1].output, f'{code} {watches[1].output!r}')
    other.end()


def rows_of_csv(client):
    client.send(cell('one\nnl'), cell('onf'))
    code, out = on_terminal(client.place, ['get', 'cells', 'id=one\nnl', 'id=onf', '-o', 'csv',
                                           '--limit', '2'], 200, client.environment)
    failures.check(code == 0 and 'onf' in out, f'rows of CSV: {code} {out!r}')


def main():
    place = Place(sys.argv[1])
    try:
        daemon = place.daemon()
        client = Client(place, daemon)
        client.epoch = json.loads(daemon.get('/v1/status'))['epoch']
        names_and_numbers(client)
        long_conditions(client)
        filtered_watch(client)
        long_keys(client)
        commands(client)
        readers_that_leave(client)
        exports(client)
        refusals(client)
        rows_of_csv(client)
        daemon.end()
        trimmed(place)
        another_log(place)
    finally:
        place.close()
    failures.exit()


main()
