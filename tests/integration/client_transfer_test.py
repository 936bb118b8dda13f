#!/usr/bin/env python3
"""client_transfer_test.py BUILD: an import that is interrupted five times ends with each event
exactly once; so does an export; `export | import` into a fresh daemon gives equal digests, which
`compare` says. 50,000 events, or with REEL_TEST_LONG a million."""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is
from client_support import Failures, PATIENCE_S, Place, Terminal, WRITER, run

failures = Failures('client_transfer_test')
COUNT = 1000000 if os.environ.get('REEL_TEST_LONG') else 50000
CELL = 'dev.cellos.events.cell.lifecycle.v1.'
PADDING = 'x' * (100 if os.environ.get('REEL_TEST_LONG') else 400)


def write_events(path):
    """Cells that are started and destroyed; some are rejected, and some ignored."""
    with open(path, 'w', encoding='utf-8') as to:
        for n in range(COUNT):
            what = 'destroyed' if n % 5 == 4 else 'started'
            kind = 'test.ignored' if n % 1000 == 7 else CELL + what
            kind = 'dev.cellos.events.cell.formation.v1.created' if n % 1000 == 8 else kind
            to.write(json.dumps({'specversion': '1.0', 'source': '/test', 'id': str(n), 'type': kind,
                                 'padding': PADDING,
                                 'data': {'cellId': f'c-{n // 2}', 'specId': 'a'}}) + '\n')


def status(daemon):
    return json.loads(daemon.get('/v1/status'))


def digests(daemon):
    return {one['collection']: one['digest'] for one in status(daemon)['projections']}


def wait_until(what, condition):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    failures.complain(f'{what} does not happen')
    return False


# ---- Import --------------------------------------------------------------------------------------


def position_of(path):
    try:
        with open(path + '.reel-position', encoding='utf-8') as file:
            return json.load(file)
    except FileNotFoundError:
        return {'offset': 0, 'lines': 0, 'seq': 0}


def interrupted_import(place, daemon, path, environment):
    """Kills the client three times, when it is at another place each time; and the daemon twice,
    the second time without a word, while the client goes on."""
    size = os.path.getsize(path)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
    for n in range(3):
        before = position_of(path)['offset']
        client = subprocess.Popen([place.reel, 'import', '-q', path], stdout=subprocess.DEVNULL,
                                  env={**place.environment, **environment})
        wait_until('progress', lambda: position_of(path)['offset'] > before
                   or client.poll() is not None)
        client.send_signal(signal.SIGKILL if n != 1 else signal.SIGINT)
        client.wait()
        at = position_of(path)['offset']
        failures.check(0 < at < size, f'interruption {n}: the position is {at} of {size}')
    client = subprocess.Popen([place.reel, 'import', '-o', 'json', path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**place.environment, **environment})
    for how in signal.SIGTERM, signal.SIGKILL:
        before = position_of(path)['offset']
        wait_until('progress', lambda: position_of(path)['offset'] > before
                   or client.poll() is not None)
        failures.check(client.poll() is None, 'the import has ended too early')
        daemon.end(how)
        daemon.start()
    out, err = client.communicate(timeout=PATIENCE_S * 5)
    counts = json.loads(out or '{}')
    failures.check(client.returncode == 0, f'import: exit code {client.returncode}: {err}')
    failures.check(b'continuing after line' in err and b'trying again' in err, f'import: {err}')
    failures.check(counts.get('lines') == COUNT, f'the import counts {counts}')
    failures.check(not os.path.exists(path + '.reel-position'), 'the position is still there')
    now = status(daemon)
    failures.check(now['cursor'] == COUNT, f'{now["cursor"]} events are in the log, not {COUNT}')
    failures.check(now['rejected'] == COUNT // 1000, f'{now["rejected"]} events are rejected')


def other_imports(place, daemon, path, environment):
    """A repeat appends nothing; a line that is not an event; a file that is another one."""
    code, out, _ = run(place, ['import', '-o', 'json', path], environment=environment)
    counts = json.loads(out)
    failures.check(code == 0 and counts['repeated'] == COUNT and counts['appended'] == 0,
                   f'the repeat: {code} {counts}')
    good = '{"specversion":"1.0","source":"/t","id":"%d","type":"x"}\n'
    bad = place.write('bad.ndjson', good % 1 + '\n' + 'no event\n' + good % 2)
    code, out, err = run(place, ['import', '-o', 'json', bad], environment=environment)
    failures.check(code == 1 and 'line 3 is not an event' in err and
                   json.loads(out)['appended'] == 1, f'a bad line: {code} {out} {err}')
    code, out, err = run(place, ['import', '-o', 'json', '--skip-invalid', bad],
                         environment=environment)
    counts = json.loads(out)
    failures.check(code == 0 and counts['appended'] == 1 and counts['repeated'] == 1 and
                   counts['invalid'] == 1 and 'line 3 is not an event' in err,
                   f'--skip-invalid: {code} {counts} {err}')
    other = place.write('other.ndjson', good % 3)
    epoch = status(daemon)['epoch']
    for text in ('{"epoch":"%s","offset":5,"lines":1,"seq":0,"hash":"0"}' % epoch, 'x', '{}',
                 '{"epoch":"another","offset":0,"lines":0,"seq":0,"hash":"0"}',
                 '{"epoch":"%s","offset":99999,"lines":1,"seq":0,"hash":"0"}' % epoch,
                 '{"epoch":"%s","offset":-1,"lines":1,"seq":0,"hash":"0"}' % epoch):
        place.write('other.ndjson.reel-position', text)
        code, out, err = run(place, ['import', '-o', 'json', other], environment=environment)
        failures.check(code == 0 and json.loads(out)['lines'] == 1 and 'beginning again' in err,
                       f'the position {text}: {code} {out} {err}')
    code, out, _ = run(place, ['import', '-o', 'json', '-'], (good % 4).encode('utf-8').rstrip(),
                       environment)
    failures.check(code == 0 and json.loads(out)['appended'] == 1, f'standard input: {code} {out}')


def a_slow_pipe_is_not_waited_for(place, daemon, environment):
    """Lines of a pipe are in the log although the pipe stays open."""
    before = status(daemon)['cursor']
    client = subprocess.Popen([place.reel, 'import', '-'], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**place.environment, **environment})
    for n in range(3):
        client.stdin.write(b'{"specversion":"1.0","source":"/slow","id":"%d","type":"x"}\n' % n)
        client.stdin.flush()
        wait_until('a line of a pipe', lambda: status(daemon)['cursor'] == before + n + 1)
    client.stdin.close()
    failures.check(client.wait(PATIENCE_S) == 0, 'the import of a pipe fails')


def progress_on_a_terminal(place, what, path, environment):
    terminal = Terminal(place, [place.reel, what, path], 80, environment)
    code = terminal.finish()
    lines = re.split(rb'[\r\n]', terminal.output)
    shown = [line for line in lines if line.startswith(what.encode('ascii') + b' [')]
    failures.check(code == 0 and shown, f'no progress of {what}: {code} {terminal.output[:300]!r}')
    failures.check(any(re.search(rb'\d+%  [\d,]+ events', line) for line in shown),
                   f'the progress of {what} is {shown[:3]}')
    failures.check(all(len(line.replace(b'\x1b[K', b'')) < 80 for line in shown),
                   f'the progress of {what} is too wide')


# ---- Export --------------------------------------------------------------------------------------


def interrupted_export(place, daemon, environment):
    """Kills the client as soon as it has written a position, until it has got to the end."""
    path = place.file('exported.ndjson')
    interruptions = 0
    for _ in range(5):
        before = position_of(path)['seq']
        client = subprocess.Popen([place.reel, 'export', '-q', path],
                                  env={**place.environment, **environment})
        wait_until('progress', lambda: position_of(path)['seq'] > before
                   or client.poll() is not None)
        if client.poll() is not None:
            break
        client.kill()
        client.wait()
        interruptions += 1
        with open(path, 'ab') as end:
            end.write(b'what was not counted')
    failures.check(interruptions > 0, 'the export was never interrupted')
    if client.poll() != 0:
        code, _, err = run(place, ['export', path], environment=environment)
        failures.check(code == 0 and 'continuing after event' in err, f'export: {code} {err}')
    whole = daemon.get('/v1/events?since=0&bare=true', 'application/x-ndjson')
    with open(path, 'rb') as file:
        failures.check(file.read() == whole, 'the export is not the log')
    failures.check(not os.path.exists(path + '.reel-position'), 'the position is still there')
    code, _, err = run(place, ['export', path], environment=environment)
    failures.check(code == 2 and 'exists' in err, f'a file that exists: {code} {err}')
    code, _, err = run(place, ['export', '--force', '--type', CELL + 'des', path],
                       environment=environment)
    with open(path, 'rb') as file:
        types = {json.loads(line)['type'] for line in file}
    failures.check(code == 0 and types == {CELL + 'destroyed'}, f'--type: {code} {types} {err}')


def copy(place, daemon, other, environment):
    """reel export | reel import, and then compare."""
    there = {**place.environment, 'REEL_URL': other.url, 'REEL_TOKEN': WRITER}
    source = subprocess.Popen([place.reel, 'export'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env={**place.environment, **environment})
    target = subprocess.run([place.reel, 'import', '-'], stdin=source.stdout,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=there, check=False,
                            timeout=PATIENCE_S * 5)
    source.stdout.close()
    failures.check(source.wait() == 0 and target.returncode == 0,
                   f'export | import: {source.returncode} {target.returncode} {target.stderr}')
    failures.check(digests(daemon) == digests(other), 'the digests differ')
    code, out, err = run(place, ['compare', daemon.url, other.url], environment=environment)
    failures.check(code == 0 and out.count(': equal at ') == 2, f'compare: {code} {out} {err}')
    different(place, daemon, other, environment)


def different(place, daemon, other, environment):
    events = [{'specversion': '1.0', 'source': '/d', 'id': key, 'type': CELL + 'started',
               'data': {'cellId': key, 'specId': spec}}
              for key, spec in (('only', 'a'), ('both', 'a'), ('both', 'b'))]
    for where, text in ((daemon, events[:2]), (other, events[2:])):
        code, _, err = run(place, ['send', '-'], json.dumps(text).encode('utf-8'),
                           {**environment, 'REEL_URL': where.url})
        failures.check(code == 0, f'send: {err}')
    code, out, err = run(place, ['compare', daemon.url, other.url], environment=environment)
    failures.check(code == 1 and 'cells: 2 records differ' in out and
                   re.search(r'cells +only +\d+ +- +only in the first', out) and
                   re.search(r'cells +both +\d+ +\d+ +different', out) and
                   'formations: equal' in out and 'not the same' in err,
                   f'compare: {code} {out} {err}')
    code, out, _ = run(place, ['compare', '--limit', '1', other.url, daemon.url],
                       environment=environment)
    failures.check(code == 1 and 'cells: 2 records differ' in out and 'second' in out.lower() and
                   len(re.findall(r'(?m)^cells +', out)) == 1, f'--limit: {out}')


def main():
    place = Place(sys.argv[1])
    try:
        daemon = place.daemon()
        environment = {'REEL_URL': daemon.url, 'REEL_TOKEN': WRITER}
        path = place.file('events.ndjson')
        write_events(path)
        interrupted_import(place, daemon, path, environment)
        interrupted_export(place, daemon, environment)
        copy(place, daemon, place.daemon('other'), environment)
        other_imports(place, daemon, path, environment)
        a_slow_pipe_is_not_waited_for(place, daemon, environment)
        progress_on_a_terminal(place, 'import', path, environment)
        progress_on_a_terminal(place, 'export', place.file('shown.ndjson'), environment)
    finally:
        place.close()
    failures.exit()


main()
