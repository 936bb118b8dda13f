#!/usr/bin/env python3
"""conform_faulty.py URL FAULT: a gateway in front of a daemon that has a fault, for conform_test.sh.

Prints its own URL, and forwards each connection. What it does to the frames of followers:

    none      nothing
    hole      a follower that resumes does not get the first event, or the first record
    seam      a follower that began with a snapshot does not get the first four records after it
    repeat    a follower that resumes gets the first change twice
    older     a follower that resumes gets records as they were when they were first seen
    deletion  records that are deleted are not mentioned
    ids       server-sent events have no ids
    buffer    server-sent events come when the stream ends
    pong      a WebSocket's pings are not answered
    epoch     the parameter `epoch` is left out of requests
"""
import json
import re
import socket
import sys
import threading
from urllib.parse import urlsplit

upstream = urlsplit(sys.argv[1])
fault = sys.argv[2]
first_seen = {}
lock = threading.Lock()


class Ended(Exception):
    """The connection has ended."""


class Source:
    """What comes from a socket, piece by piece."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b''

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise Ended
        self.buffer += got

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        end = self.buffer.index(mark) + len(mark)
        return self.exactly(end)

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


class Faults:
    """What happens to the frames of one follower."""

    def __init__(self, request):
        self.resumes = b'since=' in request or b'last-event-id' in request.lower()
        self.changes, self.snapshot = 0, False

    def apply(self, text):
        """The frames that are sent in place of this one."""
        frame = json.loads(text)
        self.snapshot |= 'snapshot' in frame
        if 'key' not in frame and 'event' not in frame:
            return [text]
        follows = self.resumes or self.snapshot
        self.changes += follows and frame.get('record', '') is not None
        if fault == 'hole' and self.resumes and self.changes == 1:
            return []
        if fault == 'seam' and not self.resumes and 1 <= self.changes <= 4:
            return []
        if self.changes == 1 and self.resumes and fault == 'repeat':
            return [text, text]
        if fault == 'deletion' and frame.get('record', '') is None:
            return []
        if fault == 'older' and frame.get('record'):
            return [self.older(frame, text)]
        return [text]

    def older(self, frame, text):
        mark = b',"record":'
        head, record = text[:text.index(mark)], text[text.index(mark):]
        with lock:
            first = first_seen.setdefault(frame['key'], record)
        return head + (first if self.resumes else record)


def sse_body(source, head):
    """The bytes of the body, without its chunks."""
    if b'transfer-encoding: chunked' not in head.lower():
        while True:
            if not source.buffer:
                source.more()
            yield source.exactly(len(source.buffer))
    while True:
        size = int(source.until(b'\r\n').split(b';')[0], 16)
        data = source.exactly(size + 2)[:-2]
        if size == 0:
            return
        yield data


def forward_sse(source, client, head, faults):
    chunked = b'transfer-encoding: chunked' in head.lower()
    held, rest = b'', b''
    client.sendall(head)

    def send(data):
        if data:
            client.sendall(b'%x\r\n%s\r\n' % (len(data), data) if chunked else data)

    try:
        for part in sse_body(source, head):
            *events, rest = (rest + part).split(b'\n\n')
            for event in events:
                out = b''.join(sse_event(event, faults))
                held = held + out if fault == 'buffer' else (send(out), b'')[1]
    finally:
        send(held)
    send(rest)
    if chunked:
        client.sendall(b'0\r\n\r\n')


def sse_event(event, faults):
    lines = event.split(b'\n')
    data = [line for line in lines if line.startswith(b'data: ')]
    others = [line for line in lines if not line.startswith(b'data: ')]
    if fault == 'ids':
        others = [line for line in others if not line.startswith(b'id: ')]
    if not data:
        return [b'\n'.join(others) + b'\n\n']
    return [b'\n'.join([b'data: ' + text] + others) + b'\n\n' for text in faults.apply(data[0][6:])]


def forward_websocket(source, client, head, faults):
    client.sendall(head)
    while True:
        start = source.exactly(2)
        size = {126: 2, 127: 8}.get(start[1], 0)
        more = source.exactly(size)
        length = int.from_bytes(more, 'big') if size else start[1]
        payload = source.exactly(length)
        opcode = start[0] & 15
        if opcode == 10 and fault == 'pong':
            continue
        for text in faults.apply(payload) if opcode == 1 else [payload]:
            client.sendall(start[:1] + ws_length(len(text)) + text)


def ws_length(length):
    if length < 126:
        return bytes([length])
    if length < 65536:
        return bytes([126]) + length.to_bytes(2, 'big')
    return bytes([127]) + length.to_bytes(8, 'big')


def forward_raw(source, to):
    while True:
        if source.buffer:
            to.sendall(source.exactly(len(source.buffer)))
        source.more()


def answer(client, server, request):
    source = Source(server)
    head = source.until(b'\r\n\r\n')
    faults = Faults(request)
    if head.startswith(b'HTTP/1.1 101'):
        forward_websocket(source, client, head, faults)
    elif b'text/event-stream' in head:
        forward_sse(source, client, head, faults)
    else:
        client.sendall(head)
        forward_raw(source, client)


def until_it_ends(do, *arguments, ends):
    try:
        do(*arguments)
    except (Ended, OSError):
        pass
    for sock in ends:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    with client, socket.create_connection((upstream.hostname, upstream.port)) as server:
        source = Source(client)
        try:
            request = source.until(b'\r\n\r\n')
        except (Ended, OSError):
            return
        if fault == 'epoch':
            request = re.sub(rb'[?&]epoch=[^& ]*', b'', request, count=1)
        server.sendall(request)
        ends = client, server
        up = threading.Thread(target=until_it_ends, args=(forward_raw, source, server),
                              kwargs={'ends': ends})
        up.start()
        until_it_ends(answer, client, server, request, ends=ends)
        up.join()


def main():
    listener = socket.create_server(('127.0.0.1', 0), backlog=64)
    print(f'http://127.0.0.1:{listener.getsockname()[1]}', flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


main()
