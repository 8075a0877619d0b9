# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives real guests under our own xl: a private run directory, domains made from config text, consoles on a pty."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
XL = os.path.join(os.environ.get("DOMUS_BUILD", os.path.join(ROOT, "build")), "xl")
GUESTS = os.environ.get("DOMUS_GUESTS", os.path.join(ROOT, "build", "guests"))

SLOW_HOST = 5  # how many times slower than a quiet one a host may be: waits end early, limits are for what hangs


class Failure(Exception):
    pass


class Ended(Exception):
    """A signal: the test took longer than it may, or whoever runs it has enough."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def recipe(name):
    """Makes (or finds) the guests of a recipe; the directory they are in."""
    subprocess.run([os.path.join(ROOT, "guests", name), GUESTS], check=True)
    return os.path.join(GUESTS, {"linux-small": "small", "linux-sound": "sound", "debian-installer": "d-i",
                                 "debian-unattended": "unattended"}.get(name, name))


class Console:
    """`xl console` in a pty of our own: what the guest's serial port says, and typing into it."""

    def __init__(self, host, name):
        self.text = ""
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(host.env)
            os.execv(XL, [XL, "console", name])

    def pump(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def wait(self, pattern, seconds):
        """Waits for a regular expression in what has not been matched yet; returns the match."""
        end = time.monotonic() + seconds * SLOW_HOST
        while True:
            m = re.compile(pattern).search(self.text, self.seen)
            if m:
                self.seen = m.end()
                return m
            left = end - time.monotonic()
            if left <= 0 or not self.pump(min(left, 1.0)):
                raise Failure(f"no {pattern!r} on the console; it ends with:\n{self.text[-1500:]}")

    def send(self, text):
        os.write(self.fd, text.encode())

    def run(self, command, seconds=60):
        """A shell command in the guest: its output; the guest's shell must be at its prompt."""
        self.send(f"{command}; echo \"=$?=\"\n")
        begin = self.seen
        m = self.wait(r"=(\d+)=\r*\n", seconds)  # without what comes before it: that would be tried from every character
        said = self.text[begin:m.start()]
        check(m.group(1) == "0", f"in the guest: {command}: exit {m.group(1)}: {said[-500:]}")
        return said.replace("\r", "")

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)


class Host:
    """A run directory of our own. Use as a context manager: on leaving, every domain in it is destroyed."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="domus-test-")
        self.env = {"DOMUS_RUN_DIR": os.path.join(self.dir, "run")}
        self.consoles = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for c in self.consoles:
            c.close()
        for name in [row[0] for row in self.list() if row[1] != "0"]:
            self.xl("destroy", name, ok=None)
        shutil.rmtree(self.dir, ignore_errors=True)

    def xl(self, *args, ok=True, timeout=60):
        """Runs xl; ok: True = must succeed, False = must fail, None = either. The finished process, output as text."""
        p = subprocess.run([XL, *args], env={**os.environ, **self.env}, capture_output=True, text=True,
                           timeout=timeout * SLOW_HOST, stdin=subprocess.DEVNULL)
        if ok is not None:
            check((p.returncode == 0) == ok, f"xl {' '.join(args)}: exit {p.returncode}: {p.stderr or p.stdout}")
        return p

    def path(self, name):
        return os.path.join(self.dir, name)

    def programs(self):
        """A copy of the build's programs in our directory; its path."""
        path = self.path("bin")
        if not os.path.exists(path):
            os.makedirs(path)
            for name in os.listdir(os.path.dirname(XL)):
                if name in ("xl", "domus-domain", "domus-stub", "domus-window"):
                    shutil.copy(os.path.join(os.path.dirname(XL), name), path)
        return path

    def config(self, name, text):
        path = self.path(name + ".cfg")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def create(self, name, text, *args, ok=True):
        engine = os.environ.get("DOMUS_ENGINE")  # to run the same tests on another engine
        if engine and "engine" not in text:
            args = (*args, f"--engine={engine}")
        return self.xl("create", *args, self.config(name, text), ok=ok)

    def console(self, name):
        c = Console(self, name)
        self.consoles.append(c)
        return c

    def list(self):
        """Rows of `xl list`: name, domid, memory, vcpus, state, time."""
        return [line.split() for line in self.xl("list").stdout.splitlines()[1:]]

    def domid(self, name):
        p = self.xl("domid", name, ok=None)
        return int(p.stdout) if p.returncode == 0 else None

    def wait_gone(self, name, seconds):
        self.wait(lambda: self.domid(name) is None, seconds, f"{name} is still there")

    @staticmethod
    def wait(condition, seconds, otherwise, pause=0.2):
        end = time.monotonic() + seconds * SLOW_HOST
        while not condition():
            check(time.monotonic() < end, otherwise)
            time.sleep(pause)

    def log(self, name):
        """What the domain logged, of late; without a name, every domain, the one that spoke last at the end."""
        paths = [os.path.join(folder, f) for folder, _, files in os.walk(self.dir) for f in files
                 if f.endswith(f"{name}.log")]
        text = ""
        for path in sorted(paths, key=os.path.getmtime):
            with open(path, encoding="utf-8", errors="replace") as log:
                text += f"--- {os.path.basename(path)}\n" + log.read()[-3000:]
        return text


def overlay(host, image, name):
    """A private, sparse copy of an image, for a guest that writes."""
    path = host.path(name)
    subprocess.run(["cp", "--sparse=always", image, path], check=True)
    return path


def reason(error):
    """One line: what went wrong, and the places in the tests that led there."""
    said = str(error).strip().splitlines()
    ours = (os.path.join(ROOT, "tests", ""), os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), ""))
    places = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
              if os.path.abspath(f.filename).startswith(ours) and os.path.abspath(f.filename) != os.path.abspath(__file__)]
    kind = "" if isinstance(error, Failure) else type(error).__name__ + ": "
    return f"{kind}{said[0] if said else 'no word'} ({' > '.join(places)})"


def ended(number, _frame):
    signal.signal(number, signal.SIG_IGN)  # once is enough: the domains are to be destroyed in peace
    raise Ended(signal.Signals(number).name)


def main(test):
    """Runs test(host); exit status 0 passed, 1 failed. Ended from outside, it still destroys its domains. What a failed test
    writes last is the reason, in a line that begins with FAILED."""
    signal.signal(signal.SIGTERM, ended)
    failed = None
    with Host() as host:
        try:
            test(host)
        except Exception as e:  # whatever it was: a test that cannot go on has failed
            print(host.log(""), file=sys.stderr)
            traceback.print_exc()
            failed = reason(e)
    if failed:
        print(f"FAILED: {failed}", file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)
