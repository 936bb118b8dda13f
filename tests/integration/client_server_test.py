#!/usr/bin/env python3
"""client_server_test.py BUILD: a server that is not as it should be: what it sends reaches no terminal
as it is, has a bound, and gets no token that was not meant for it. And streams that end."""
import http.server
import json
import os
import re
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # the source tree stays as it is
from client_support import Failures, Place, Terminal, WRITER, on_terminal, run

failures = Failures('client_server_test')

EVIL = '\x1b]0;title\x07\x1b[31m\x9b31m\u202e\x7f\r\x08'
FIELDS = [{'name': 'id', 'kind': 'string', 'filter': 'id', 'indexed': True},
          {'name': 'evil' + EVIL, 'kind': 'one_of', 'filter': 'evil' + EVIL,
           'values': ['a' + EVIL]}]
CATALOG = {'plugins': [{'name': 'p' + EVIL, 'version': EVIL, 'abi': EVIL, 'path': EVIL}],
           'collections': [{'name': 'things', 'revision': 1, 'type_prefixes': [EVIL],
                            'fields': FIELDS, 'events': [{'type': EVIL, 'summary': EVIL,
                                                          'members': [{'name': EVIL}]}],
                            'commands': [{'verb': 'do' + EVIL, 'summary': EVIL,
                                          'members': [{'name': EVIL, 'kind': EVIL}]}]}]}
RECORD = {'id': 'k' + EVIL, 'evil' + EVIL: EVIL, 'other': {EVIL: [EVIL]}}
STATUS = {'ready': False, 'reason': EVIL, 'epoch': EVIL, 'cursor': 3, 'head': 3, 'first_seq': 1,
          'feed': {'kind': EVIL, 'state': EVIL}, 'rejected': 1,
          'projections': [{'collection': EVIL, 'state': EVIL, 'reason': EVIL, 'digest': EVIL}]}
PROBLEM = {'type': '/problems/' + EVIL, 'title': 'No' + EVIL, 'status': 400, 'detail': EVIL * 200}


class Server(http.server.BaseHTTPRequestHandler):
    """Answers as the test says: by `answers`, a path and what is sent for it."""
    protocol_version = 'HTTP/1.1'
    answers, seen = {}, []

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client has seen enough

    def answer(self):
        Server.seen.append((self.command, self.path, dict(self.headers)))
        length = int(self.headers.get('Content-Length') or 0)
        self.rfile.read(length)
        path = self.path.split('?')[0]
        wanted = Server.answers.get(path) or Server.answers.get('*')
        wanted(self)

    do_GET = do_POST = do_DELETE = answer

    def reply(self, status, kind, body, headers=()):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def stream(self, parts):
        """Server-sent events, and then the end of the connection."""
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Connection', 'close')
        self.end_headers()
        for part in parts:
            self.wfile.write(part.encode('utf-8'))
        self.close_connection = True


def sends(kind, value, status=200, headers=()):
    body = value if isinstance(value, bytes) else json.dumps(
        value, ensure_ascii=False, separators=(',', ':')).encode('utf-8')
    return lambda server: server.reply(status, kind, body, headers)


def is_harmless(text):
    """Only colours, clearing and line feeds of our own."""
    text = re.sub(r'\x1b\[(\d*m|K|H|2J)', '', text)
    return not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]', text)


def hostile(place, environment):
    Server.answers = {
        '/v1/plugins': sends('application/json', CATALOG),
        '/v1/status': sends('application/json', STATUS),
        '/v1/things': lambda server: sends('application/x-ndjson', {
            'seq': 1, 'key': EVIL, 'record': RECORD} if 'frames=' in server.path else RECORD)(server),
        '/v1/things/k': sends('application/json', RECORD),
        '/v1/things/k/history': sends('application/json', {'history': [
            {'seq': 1, 'time': EVIL, 'type': EVIL, 'changed': [EVIL], 'record': {}}]}),
        '/v1/events': sends('application/x-ndjson',
                            {'seq': 1, 'event': {'type': EVIL, 'id': EVIL, 'subject': EVIL}}),
        '/v1/events/1': sends('application/json', {'seq': 1, 'event': RECORD, 'outcomes': [
            {'collection': EVIL, 'outcome': EVIL, 'reason': EVIL}]}),
        '/v1/rejected': sends('application/json', {'rejected': [
            {'seq': 1, 'type': EVIL, 'collection': EVIL, 'reason': EVIL}]}),
    }
    commands = ['get things', 'get things -o wide', 'get things -o json', 'get things -o ndjson',
                'get things -o csv', 'get things/k', 'get things/k -o json', 'get nothing',
                'describe things/k', 'describe events/1', 'events --since 0',
                'events --since 0 -o wide', 'events --since 0 -o json', 'rejected',
                'rejected -o json', 'status', 'status -o json', 'plugins', 'plugins -o json',
                'plugins things', 'run things x', 'export']
    for command in commands:
        code, out = on_terminal(place, command.split(), 100, environment)
        failures.check(code in (0, 1, 2) and is_harmless(out), f'{command}: {code} {out!r}')
    Server.answers = {'*': sends('application/problem+json', PROBLEM, 400)}
    for command in commands:
        code, out = on_terminal(place, command.split(), 100, environment)
        failures.check(code == 1 and is_harmless(out) and 'No' in out and len(out) < 5000,
                       f'{command}, a problem: {code} {out!r}')


def wrong(place, environment):
    """Something that is not Reel."""
    cases = [
        (sends('text/html', b'<html>'), 1, 'something other than JSON'),
        (sends('application/json', b'[]'), 1, 'no collection'),
        (sends('application/json', b'{"a":'), 1, 'something other than JSON'),
        (sends('application/json', b'['*100000), 1, 'something other than JSON'),
        (sends('application/json', b'\xff\xfe'), 1, 'something other than JSON'),
        (sends('text/plain', b'no', 502), 1, 'not as Reel does'),
        (sends('application/problem+json', b'[]', 500), 1, 'not as Reel does'),
        (sends('application/problem+json', b'x' * (2 << 20), 500), 1, 'larger than'),
        (sends('text/html', b'', 302, [('Location', 'http://127.0.0.1:1/')]), 1,
         'not followed'),
        (lambda server: server.wfile.write(b'nonsense\r\n\r\n'), 3, 'cannot reach'),
    ]
    for n, (answer, wanted, said) in enumerate(cases):
        Server.answers = {'*': answer}
        code, _, err = run(place, ['get', 'things'], environment=environment)
        failures.check(code == wanted and said in err, f'wrong {n}: {code} {err}')
    Server.answers = {'/v1/plugins': sends('application/json', CATALOG),
                      '/v1/things': sends('application/x-ndjson', b'[1]\n')}
    code, _, err = run(place, ['get', 'things'], environment=environment)
    failures.check(code == 1 and 'not a record' in err, f'a line: {code} {err}')


def pages(place, environment):
    """The next page is of the same server, whatever the link says."""
    def page(server):
        last = 'after=' in server.path
        link = [] if last else [('Link', '</v1/things?after=1>; rel="next"')]
        server.reply(200, 'application/x-ndjson',
                     b'{"id":"2"}\n' if last else b'{"id":"1"}\n', link)
    Server.answers = {'/v1/plugins': sends('application/json', CATALOG), '/v1/things': page}
    code, out, _ = run(place, ['get', 'things', '-o', 'ndjson'], environment=environment)
    failures.check(code == 0 and out == '{"id":"1"}\n{"id":"2"}\n', f'pages: {out!r}')
    def csv(server):
        last = 'after=' in server.path
        server.reply(200, 'text/csv', b'id,x\r\n3,"a""\r\nb"\r\n4,c\r\n' if last
                     else b'id,x\r\n1,"\r\n"\r\n2,\r\n',
                     [] if last else [('Link', '</v1/things?after=2>; rel="next"')])
    Server.answers['/v1/things'] = csv
    for limit, rows in ((), b'3,"a""\r\nb"\r\n4,c\r\n'), (['--limit', '3'], b'3,"a""\r\nb"\r\n'):
        done = subprocess.run([place.reel, 'get', 'things', '-o', 'csv', *limit], check=False,
                              stdout=subprocess.PIPE, env={**place.environment, **environment})
        failures.check(done.stdout == b'id,x\r\n1,"\r\n"\r\n2,\r\n' + rows,
                       f'csv {limit}: {done.stdout!r}')
    Server.answers['/v1/things'] = sends('application/x-ndjson', b'{"id":"1"}\n', 200,
                                         [('Reel-Stale', 'true'), ('Reel-Cursor', '7')])
    code, out, err = run(place, ['get', 'things', '-o', 'ndjson'], environment=environment)
    failures.check(code == 0 and out and 'as of event 7' in err, f'stale: {code} {err}')
    for link in '<http://127.0.0.1:1/v1/x>; rel="next"', '<//evil/v1/>; rel="next"', '<', '>':
        Server.answers['/v1/things'] = sends('application/x-ndjson', b'{"id":"1"}\n', 200,
                                             [('Link', link)])
        code, out, _ = run(place, ['get', 'things', '-o', 'ndjson'], environment=environment)
        failures.check(code == 0 and out == '{"id":"1"}\n', f'the link {link}: {code} {out!r}')


def tokens(place, url):
    """Which token goes where."""
    Server.answers = {'*': sends('application/json', STATUS)}
    place.write('config/reel/config',
                f'# contexts\ncurrent = one\n[one]\nurl = {url}\ntoken = of-one\n'
                f'[two]\nurl={url}/prefix/\ntoken-file = {place.file("token")}\n'
                f'[bare]\nurl = {url}\n', 0o600)
    place.write('token', '# a comment\nwrite name of-two\n')
    other = url.replace('127.0.0.1', 'localhost')
    cases = [
        ([], {}, 'of-one', '/v1/status'),
        (['--context', 'two'], {}, 'of-two', '/prefix/v1/status'),
        (['--context', 'bare'], {'REEL_TOKEN': 'of-environment'}, None, '/v1/status'),
        (['--context', 'two', '--token', 'of-flag'], {}, 'of-flag', '/prefix/v1/status'),
        (['--url', other], {}, None, '/v1/status'),
        ([], {'REEL_URL': other}, None, '/v1/status'),
        ([], {'REEL_URL': other, 'REEL_TOKEN': 'of-environment'}, 'of-environment', '/v1/status'),
        (['--url', url], {'REEL_URL': other, 'REEL_TOKEN': 'e'}, 'e', '/v1/status'),
        (['--token-file', place.file('token')], {'REEL_TOKEN': 'e'}, 'of-two', '/v1/status'),
    ]
    for arguments, environment, token, path in cases:
        Server.seen.clear()
        code, _, err = run(place, ['status', '-o', 'json'] + arguments, environment=environment)
        wanted = 'Bearer ' + token if token else None
        failures.check(code == 0 and Server.seen and Server.seen[0][1] == path and
                       Server.seen[0][2].get('Authorization') == wanted,
                       f'{arguments} {environment}: {code} {err} {Server.seen}')
    for text, said in (('url = x\n', 'line 1: before'), ('[a]\nurl\n', 'line 2: wanted'),
                       ('[a]\n[a]\n', 'line 2: there is'), ('[a]\nfrob = 1\n', 'line 2: a context'),
                       ('[\n', 'line 1: wanted'), ('[a]\nurl =\n', 'the value is missing'),
                       ('[a]\ntoken = x\ntoken-file = y\n', 'a token and a token-file'),
                       ('current = none\n', 'no context `none`')):
        place.write('config/reel/config', text)
        code, _, err = run(place, ['status'])
        failures.check(code == 2 and said in err, f'config {text!r}: {code} {err}')
    os.remove(place.file('config/reel/config'))


def streams(place, environment):
    """A watch goes on after its connection has ended, from the last position; and takes everything
    again when the records were rebuilt."""
    asked = []

    def stream(server):
        asked.append(server.headers.get('Last-Event-ID'))
        frame = 'data: {"seq":%d,"key":"%s","record":{"id":"%s"}}\n\n'
        if len(asked) == 1:
            server.stream([frame % (1, 'a', 'a'), 'data: {"seq":1,"generation":0,"snapshot":true}\n'
                           'id: 1.0\n\n'])
        elif len(asked) == 2:
            server.stream([': ping\n\n', 'id: 2.0\ndata: {"seq":2,"key":"b",\n'
                           'data: "record":{"id":"b"}}\n\n', 'id: 3.0\ndata: {"seq":3,"key":"cut'])
        elif len(asked) == 3:
            server.reply(410, 'application/problem+json',
                         b'{"type":"/problems/generation-changed","title":"t","status":410}')
        elif len(asked) == 4:
            server.stream([frame % (4, 'again', 'again'),
                           'data: {"seq":4,"generation":1,"snapshot":true}\nid: 4.1\n\n',
                           'id: 5.1\ndata: {"seq":5,"key":"again","record":null}\n\n'])
        else:
            server.reply(401, 'application/problem+json',
                         b'{"type":"/problems/unauthorized","title":"Unauthorized","status":401}')
    Server.answers = {'/v1/plugins': sends('application/json', CATALOG), '/v1/things': stream}
    code, out, err = run(place, ['get', 'things', '-w', '-o', 'ndjson'], environment=environment)
    keys = [(json.loads(line)['key'], json.loads(line)['record']) for line in out.splitlines()]
    failures.check(asked[:5] == [None, '1.0', '2.0', '2.0', None][:len(asked)] or
                   asked == [None, '1.0', '2.0', None, '5.1'], f'Last-Event-ID: {asked}')
    failures.check(keys == [('a', {'id': 'a'}), ('b', {'id': 'b'}), ('again', {'id': 'again'}),
                            ('again', None)], f'the frames: {keys}')
    failures.check(code == 1 and 'Unauthorized' in err and 'connecting again' in err and
                   'all records come again' in err, f'the end: {code} {err}')
    asked.clear()
    code, out, _ = run(place, ['get', 'things', '-w'], environment=environment)
    rows = [line.split()[:2] for line in out.splitlines()]
    failures.check([row[0] for row in rows] == ['ID', 'a', 'b', 'again', 'again'] and
                   rows[-1][1] == '(gone)', f'the rows: {rows}')


def admin(place, environment):
    """What an operator asks for, and a rebuild that is waited for."""
    states = [{'state': 'live', 'generation': 1},
              {'state': 'live', 'generation': 1, 'progress': {'cursor': 50, 'to': 100}},
              {'state': 'live', 'generation': 1, 'progress': {'cursor': 90, 'to': 100}},
              {'state': 'live', 'generation': 2}]

    def status(server):
        now = states.pop(0) if len(states) > 1 else states[0]
        sends('application/json', {'head': 100, 'projections': [{'collection': 'things', **now}]})(
            server)
    Server.answers = {'/v1/status': status,
                      '*': sends('application/json', {'requested': 'x'}, 202)}
    Server.seen.clear()
    for words in (['pause', 'things'], ['release', 'a/b'], ['reload']):
        code, out, err = run(place, ['admin'] + words, environment=environment)
        failures.check(code == 0 and 'accepted' in out and not err, f'{words}: {code} {out} {err}')
    asked = [(method, path) for method, path, _ in Server.seen]
    failures.check(asked == [('POST', '/v1/collections/things/pause'),
                             ('POST', '/v1/collections/a%2Fb/release'),
                             ('POST', '/v1/plugins/reload')], f'admin asks {asked}')
    code, out = on_terminal(place, ['admin', 'rebuild', 'things', '--wait'], 80, environment)
    failures.check(code == 0 and re.search(r'rebuild \[#+\.+\] 50%', out) and
                   re.search(r'rebuild \[#+\.+\] 90%', out) and out.endswith('things: live\n'),
                   f'rebuild --wait: {code} {out!r}')
    states[:] = [{'state': 'live', 'generation': 1}, {'state': 'stopped', 'generation': 2,
                 'stopped': {'seq': 7, 'reason': 'the projector crashed (SIGSEGV)'},
                 'set_aside': 2}]
    code, out, err = run(place, ['admin', 'rebuild', 'things', '--wait'], environment=environment)
    failures.check(code == 1 and 'has stopped' in err and out == 'things: stopped at event 7: the '
                   'projector crashed (SIGSEGV), 2 set aside\n', f'stopped: {code} {out!r} {err}')


def live(place):
    """A terminal that watches a real daemon, which is started again meanwhile."""
    daemon = place.daemon()
    environment = {'REEL_URL': daemon.url, 'REEL_TOKEN': WRITER, 'NO_COLOR': '1'}

    def send(key):
        event = {'specversion': '1.0', 'source': '/test', 'id': key, 'data': {
            'cellId': key, 'specId': 's'}, 'type': 'dev.cellos.events.cell.lifecycle.v1.started'}
        code, _, err = run(place, ['send', '-'], json.dumps(event).encode('utf-8'), environment)
        failures.check(code == 0, f'send {key}: {err}')

    send('first')
    terminals = [Terminal(place, [place.reel] + words, 100, environment)
                 for words in (['get', 'cells', '-w'], ['get', 'cells/second', '-w'],
                               ['events', '-f', '--since', '0'], ['status', '-w'])]
    try:
        for at in 0, 2:
            failures.check(terminals[at].wait_for(rb'first'), f'{at}: {terminals[at].output!r}')
        failures.check(terminals[3].wait_for(rb'ready'), f'{terminals[3].output!r}')
        send('second')
        for at in 0, 1, 2:
            failures.check(terminals[at].wait_for(rb'second'), f'{at}: {terminals[at].output!r}')
        daemon.end()
        failures.check(terminals[3].wait_for(rb'cannot reach'), f'{terminals[3].output!r}')
        daemon.start()
        send('third')
        for at in 0, 2:
            failures.check(terminals[at].wait_for(rb'third'), f'{at}: {terminals[at].output!r}')
            failures.check(terminals[at].output.count(b'first') == 1, f'{at}: a repeat')
        failures.check(b'first' not in terminals[1].output, 'another record than was asked for')
        failures.check(terminals[3].wait_for(rb'cells +live +3 '), f'{terminals[3].output!r}')
    finally:
        for terminal in terminals:
            terminal.close()


def main():
    place = Place(sys.argv[1])
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f'http://127.0.0.1:{server.server_address[1]}'
    environment = {'REEL_URL': url, 'REEL_TOKEN': WRITER}
    try:
        hostile(place, environment)
        wrong(place, environment)
        pages(place, environment)
        tokens(place, url)
        streams(place, environment)
        admin(place, environment)
        live(place)
    finally:
        server.shutdown()
        place.close()
    failures.exit()


main()
