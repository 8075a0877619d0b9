# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines that are compared: each has a shell in the bench guest's root and can say how long a row took there.

A native row's time is its processor time on one processor. In a guest it is the guest's own clock, less what the vCPU's
thread waited for a host processor meanwhile: so what else the host does hardly counts."""
import collections
import os
import pty
import re
import subprocess
import threading
import time

import domus

Result = collections.namedtuple("Result", "seconds checksum")
READY = "domus-guest-ready"
INIT = "Run /init as init process"
TICK = os.sysconf("SC_CLK_TCK")
TRIES = 8


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:  # a thread or process that has ended
        return ""


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def family(pid):
    """The process and those it started (an engine's helpers)."""
    found = [pid]
    for tid in tasks(pid):
        for child in read(f"/proc/{pid}/task/{tid}/children").split():
            found += family(int(child))
    return found


def cpu_seconds(pid):
    """Of the process and its children, those that have ended too."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    total = sum(int(f) for f in fields[11:15]) / TICK
    return total + sum(cpu_seconds(p) for p in family(pid)[1:])


def threads(pid):
    """Per thread that runs guest code (a vCPU's, and all of a helper's): seconds it waited for a processor."""
    found = {}
    for p in family(pid):
        for tid in tasks(p):
            name, fields = read(f"/proc/{p}/task/{tid}/comm"), read(f"/proc/{p}/task/{tid}/schedstat").split()
            if fields and (p != pid or re.match(r"vcpu\d|CPU \d", name)):
                found[tid] = int(fields[1]) / 1e9
    return found


class Waits:
    """While it is entered, looks again and again, because a helper that has ended cannot be asked any more."""

    def __init__(self, pid):
        self.pid, self.before, self.latest = pid, threads(pid), {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.wait(0.03):
            self.latest.update(threads(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.thread.join()
        self.latest.update(threads(self.pid))

    def seconds(self):
        return sum(self.latest[t] - self.before.get(t, 0) for t in self.latest)


def resident(pid, ram_bytes, ram_name):
    """MiB resident (each page once), without the guest's memory: mappings of that name or, without one, of at least that size."""
    rest, skip = 0, False
    for line in "".join(read(f"/proc/{p}/smaps") for p in family(pid)).splitlines():
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+\s*(.*)", line)
        if m:
            size = int(m.group(2), 16) - int(m.group(1), 16)
            skip = ram_name in m.group(3) if ram_name else size >= ram_bytes * 9 // 10
        elif line.startswith("Pss:") and not skip:
            rest += int(line.split()[1])
    return rest / 1024


class Machine:
    name = "?"
    pid = None

    def line(self, text):
        m = re.search(r"^(\S+) (\d+\.\d+) (\d+\.\d+) ([0-9a-f]{16})\s*$", text, re.M)
        if not m and re.search(r"^\S+ skipped\s*$", text, re.M):
            return None
        domus.check(m, f"{self.name}: no result in {text[-600:]!r}")
        return float(m.group(2)), float(m.group(3)), m.group(4)

    def measure(self, command, vcpus=1):
        """A Result, or None where the machine's processor cannot do this row. A run that mostly waited says little: once more."""
        for _ in range(TRIES):
            start = time.monotonic()
            with Waits(self.pid) as waits:
                text = self.shell(command)
            got, host = self.line(text), time.monotonic() - start
            if not got:
                return None
            delay = waits.seconds() / vcpus * min(got[0] / host, 1)
            if delay < got[0] / 2:
                return Result(got[0] - delay, got[2])
        raise domus.Failure(f"{self.name}: {command}: the host has no time to measure anything")


class Native(Machine):
    """busybox's shell in the root's directory, on one processor; where we are not root, in a user namespace."""
    name = "native"

    def __init__(self, root):
        flags = ["-m"] if os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0 \
            else ["-Urm"]
        script = f"mount --rbind /dev {root}/dev && mount --rbind /proc {root}/proc && mount -t tmpfs tmp {root}/tmp && " \
                 f"cd {root} && exec chroot {root} /bin/sh"
        processor = {max(os.sched_getaffinity(0))}
        # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn
        self.process = subprocess.Popen(["unshare", *flags, "sh", "-c", script], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                                        preexec_fn=lambda: os.sched_setaffinity(0, processor))
        self.pid = self.process.pid

    def shell(self, command):
        self.process.stdin.write(f"export PATH=/usr/bin; {command} </dev/null; echo =done=\n")
        self.process.stdin.flush()
        text = ""
        while not text.endswith("=done=\n"):
            line = self.process.stdout.readline()
            domus.check(line, f"native: the shell ended: {text[-500:]}")
            text += line
        return text

    def measure(self, command, vcpus=1):
        got = self.line(self.shell(command))
        return Result(max(got[1], 1e-6), got[2]) if got else None

    def memory(self):
        return 0.0

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Guest(Machine):
    """What domains and QEMU share: the small guest boots, and the bench disk is its second one."""
    boot = (0.0, 0.0)  # from start to init: processor seconds, seconds

    def until_init(self, started):
        self.console.wait(INIT, 900)
        self.boot = (cpu_seconds(self.pid), time.monotonic() - started)

    def until_shell(self):
        self.console.wait(READY, 900)
        self.console.wait("/ # ", 60)
        self.console.run("mount -t ext4 -o ro $(findfs LABEL=domus-bench) /mnt && mount -t proc proc /mnt/proc && "
                         "mount -o bind /dev /mnt/dev && mount -t tmpfs tmp /mnt/tmp", 120)

    def shell(self, command, limit=3600):
        return self.console.run(f"chroot /mnt {command} </dev/null", limit)


class Domain(Guest):
    def __init__(self, host, engine, guests, vcpus=1, memory=1024, label=None):
        self.host, self.name, self.label = host, engine, label or engine
        small = domus.overlay(host, f"{guests}/small/disk.img", f"{self.label}.img")
        started = time.monotonic()
        host.create(self.label, f'''
name = "{self.label}"
type = "hvm"
memory = {memory}
vcpus = {vcpus}
disk = [ 'file:{small},hda,w', 'file:{guests}/bench/bench.img,hdb,r' ]
boot = "c"
vnc = 0
serial = "pty"
engine = "{engine}"
''')
        about = read(os.path.join(host.env["DOMUS_RUN_DIR"], "domain", str(host.domid(self.label)), "about"))
        supervisor = int(re.search(r'"pid": *(\d+)', about).group(1))
        self.pid = int(read(f"/proc/{supervisor}/task/{supervisor}/children").split()[0])
        self.console = host.console(self.label)
        self.until_init(started)

    def memory(self):
        return resident(self.pid, 0, "domus-ram")

    def close(self):
        self.host.xl("destroy", self.label)


class QemuConsole(domus.Console):
    """A serial port on standard input and output."""

    def __init__(self, command):  # pylint: disable=super-init-not-called
        self.text, self.seen = "", 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)


class Qemu(Guest):
    name = "tcg"

    def __init__(self, guests, vcpus=1, memory=1024):
        self.ram = memory << 20
        started = time.monotonic()
        self.console = QemuConsole([
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(vcpus), "-m", str(memory),
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-net", "none", "-name", "bench,debug-threads=on",
            "-drive", f"file={guests}/small/disk.img,format=raw,snapshot=on,file.locking=off",
            "-drive", f"file={guests}/bench/bench.img,format=raw,snapshot=on,file.locking=off"])
        self.pid = self.console.pid
        self.until_init(started)

    def memory(self):
        return resident(self.pid, self.ram, None)

    def close(self):
        self.console.close()


def machine(name, host, guests, vcpus=1, label=None):
    """One by its name: native, an engine's, or tcg."""
    if name == "native":
        m = Native(os.path.join(guests, "bench", "root"))
    elif name == "tcg":
        m = Qemu(guests, vcpus)
    else:
        m = Domain(host, name, guests, vcpus, label=label)
    return m
