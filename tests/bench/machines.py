# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines that are compared: each has a shell in the bench guest's root and can say how long a row took there.

A native row's time is its processor time on one processor. In a guest it is the guest's own clock, less what the vCPU's
thread waited for a host processor meanwhile: so what else the host does hardly counts."""
import collections
import os
import pty
import re
import subprocess
import time

import domus

Result = collections.namedtuple("Result", "seconds checksum")
READY = "domus-guest-ready"
INIT = "Run /init as init process"
TICK = os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:  # a thread or process that has ended
        return ""


def cpu_seconds(pid):
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK if fields else 0.0


def threads(pid):
    """Per thread: seconds it ran, seconds it was ready but waited for a processor."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        fields = read(f"/proc/{pid}/task/{tid}/schedstat").split()
        if fields:
            found[tid] = (int(fields[0]) / 1e9, int(fields[1]) / 1e9)
    return found


def waited(before, after, vcpus=1):
    """How long the busiest threads (the vCPUs) waited, in the mean."""
    deltas = sorted(((after[t][0] - before.get(t, (0, 0))[0], after[t][1] - before.get(t, (0, 0))[1]) for t in after),
                    reverse=True)[:vcpus]
    return sum(d[1] for d in deltas) / max(len(deltas), 1)


def resident(pid, ram_bytes, ram_name):
    """MiB resident, without the guest's memory: mappings of that name or, where it has none, of at least that size."""
    rest, skip = 0, False
    for line in read(f"/proc/{pid}/smaps").splitlines():
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+\s*(.*)", line)
        if m:
            size = int(m.group(2), 16) - int(m.group(1), 16)
            skip = ram_name in m.group(3) if ram_name else size >= ram_bytes * 9 // 10
        elif line.startswith("Rss:") and not skip:
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
        """A Result, or None where the machine's processor cannot do this row."""
        before, start = threads(self.pid), time.monotonic()
        text = self.shell(command)
        host, after = time.monotonic() - start, threads(self.pid)
        got = self.line(text)
        if not got:
            return None
        delay = min(waited(before, after, vcpus), host) * min(got[0] / host, 1)
        return Result(max(got[0] - delay, 1e-6), got[2])


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
        self.console.run("mount -t ext4 -o ro /dev/sdb /mnt && mount -t proc proc /mnt/proc && "
                         "mount -o bind /dev /mnt/dev && mount -t tmpfs tmp /mnt/tmp", 120)

    def shell(self, command):
        return self.console.run(f"chroot /mnt {command} </dev/null", 3600)


class Domain(Guest):
    def __init__(self, host, engine, guests, vcpus=1, memory=1024, name=None):
        self.host, self.name, self.label = host, engine, name or engine
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
            "-display", "none", "-serial", "stdio", "-monitor", "none", "-net", "none",
            "-drive", f"file={guests}/small/disk.img,format=raw,snapshot=on",
            "-drive", f"file={guests}/bench/bench.img,format=raw,snapshot=on"])
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
        m = Domain(host, name, guests, vcpus, name=label)
    return m
