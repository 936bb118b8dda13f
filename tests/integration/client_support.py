"""client_support.py: for the tests of the client `reel`: a daemon, the client in a pipe or on a
terminal, and golden files."""
import errno
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request

PATIENCE_S = 120
WRITER, READER, ADMIN = 'token-that-writes', 'token-that-reads', 'token-of-an-operator'


class Failures:
    """Complaints, and the exit code."""

    def __init__(self, name):
        self.name, self.count = name, 0

    def complain(self, what):
        self.count += 1
        print(f'{self.name}: {what}', file=sys.stderr)

    def check(self, holds, what):
        if not holds:
            self.complain(what)

    def exit(self):
        sys.exit(1 if self.count else 0)


class Place:
    """A scratch directory, the programs, and an environment in which nothing of the user's is."""

    def __init__(self, build):
        self.build = build
        self.path = tempfile.mkdtemp(prefix='reel-client-')
        self.reel = os.path.join(build, 'core/client/reel')
        self.reeld = os.path.join(build, 'core/daemon/reeld')
        self.plugins = [os.path.join(build, f'plugins/{name}/{name}.so')
                        for name in ('cell', 'formation')]
        self.daemons = []
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(('REEL_', 'CELLOS_', 'XDG_'))
                            and name not in ('NO_COLOR', 'http_proxy', 'https_proxy', 'all_proxy')}
        self.environment.update(HOME=self.path, XDG_CONFIG_HOME=self.file('config'),
                                TERM='xterm', LC_ALL='C.UTF-8')

    def file(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, text, mode=0o644):
        path = self.file(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as to:
            to.write(text)
        os.chmod(path, mode)
        return path

    def daemon(self, name='data', **options):
        daemon = Daemon(self, name, **options)
        self.daemons.append(daemon)
        return daemon

    def close(self):
        for daemon in self.daemons:
            daemon.end()
        shutil.rmtree(self.path, ignore_errors=True)


class Daemon:
    def __init__(self, place, name, arguments=(), port=0):
        self.place, self.name, self.process = place, name, None
        self.tokens = place.write('tokens', f'write writer {WRITER}\nread reader {READER}\n'
                                  f'admin operator {ADMIN}\n', 0o600)
        self.arguments, self.port, self.url = list(arguments), port, None
        self.start()

    def start(self):
        log = self.place.file(self.name + '.log')
        command = [self.place.reeld, 'serve', '--bind', f'127.0.0.1:{self.port}', '--data',
                   self.place.file(self.name), '--token-file', self.tokens]
        for plugin in self.place.plugins:
            command += ['--plugin', plugin]
        with open(log, 'wb') as to:
            self.process = subprocess.Popen(command + self.arguments, stderr=to,
                                            stdin=subprocess.DEVNULL, env=self.place.environment)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            with open(log, encoding='utf-8') as lines:
                found = re.search(r'listening on (http://127\.0\.0\.1:(\d+))', lines.read())
            if found:
                self.url, self.port = found.group(1), int(found.group(2))
                return
            time.sleep(0.02)
        with open(log, encoding='utf-8') as lines:
            raise RuntimeError('the daemon does not start:\n' + lines.read())

    def end(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def get(self, path, accept='application/json'):
        request = urllib.request.Request(self.url + path, headers={
            'Authorization': 'Bearer ' + WRITER, 'Accept': accept})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read()


def run(place, arguments, text=b'', environment=None, cwd=None):
    """The client in a pipe: exit code, stdout, stderr."""
    done = subprocess.run([place.reel] + arguments, input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE_S * 3, check=False,
                          cwd=cwd or place.path,
                          env={**place.environment, **(environment or {})})
    return done.returncode, done.stdout.decode('utf-8'), done.stderr.decode('utf-8')


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, place, command, columns, environment=None, rows=50):
        self.output = b''
        self.process, self.fd = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            os.chdir(place.path)
            os.execve(command[0], command, {**place.environment, **(environment or {})})

    def read(self, timeout_s):
        """More output; False at the end of it."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return True
        try:
            part = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            part = b''
        self.output += part
        return bool(part)

    def wait_for(self, pattern, since=0):
        """Waits until the output has this pattern; the match, or None at the end of the output."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = re.search(pattern, self.output[since:])
            if found or not self.read(0.1):
                return found
        return None

    def send(self, text):
        os.write(self.fd, text)

    def close(self, how=signal.SIGKILL):
        try:
            os.kill(self.process, how)
        except ProcessLookupError:
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self.fd)
        return status

    def finish(self):
        """Waits for the end; the exit code."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.read(0.5):
            pass
        _, status = os.waitpid(self.process, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def on_terminal(place, arguments, columns, environment=None):
    """The client on a terminal: exit code, output."""
    terminal = Terminal(place, [place.reel] + arguments, columns, environment)
    code = terminal.finish()
    return code, terminal.output.decode('utf-8').replace('\r\n', '\n')


def compare_golden(failures, name, text):
    """`text` is the golden file of this name. With REEL_TEST_WRITE=1, it is written instead."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'client', name)
    if os.environ.get('REEL_TEST_WRITE'):
        with open(path, 'w', encoding='utf-8') as to:
            to.write(text)
        return
    with open(path, encoding='utf-8') as golden:
        wanted = golden.read()
    if wanted == text:
        return
    other = os.path.join(tempfile.mkdtemp(prefix='reel-golden-'), name)
    with open(other, 'w', encoding='utf-8') as to:
        to.write(text)
    difference = subprocess.run(['diff', '-u', path, other], stdout=subprocess.PIPE, check=False)
    shutil.rmtree(os.path.dirname(other))
    failures.complain(f'{name} is another one:\n' + difference.stdout.decode('utf-8'))
