#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work is refused: a clear line, a non-zero exit, nothing left running, no file harmed."""
import hashlib
import os
import signal
import socket
import subprocess

import domus

BASE = 'name = "bad"\ntype = "hvm"\nmemory = 64\nvnc = 0\n'


def refused(host, what, text, line, status=None):
    """The config is refused with that line; what create says besides is at most a handful of lines."""
    p = host.create("bad", text, ok=False)
    domus.check(line in p.stderr, f"{what}: no {line!r} in:\n{p.stderr}")
    domus.check(len(p.stderr) < 1500 and p.stderr.count("\n") <= 6, f"{what}: too many words:\n{p.stderr[:3000]}")
    domus.check(p.stderr.count(line) == 1, f"{what}: said twice:\n{p.stderr}")
    domus.check(status is None or p.returncode == status, f"{what}: exit {p.returncode}, not {status}")
    domus.check(host.domid("bad") is None, f"{what}: the domain is there all the same")
    domus.check(not processes(host), f"{what}: processes are left: {processes(host)}")
    print(f"{what}: exit {p.returncode}: {p.stderr.splitlines()[-1][:160]}")


def processes(host):
    """pid -> parent of the domain processes of this run directory."""
    found = {}
    wanted = f"DOMUS_RUN_DIR={host.env['DOMUS_RUN_DIR']}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if not f.read().startswith("domus-domain"):
                    continue
            with open(f"/proc/{pid}/environ", "rb") as f:
                ours = wanted in f.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                stat = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if ours and stat[0] != "Z":
            found[int(pid)] = int(stat[1])
    return found


def disk(path, how="hda,w"):
    return BASE + f"disk = [ '{path},{how}' ]\n"


def images(host):
    refused(host, "missing image", disk("file:/nowhere/no.img"), "/nowhere/no.img: no such file or device", 3)
    refused(host, "missing ISO", disk("file:/nowhere/no.iso", "hdc:cdrom,r"), "/nowhere/no.iso: no such file", 3)
    refused(host, "missing device", disk("phy:cd0a", "hdc:cdrom,r"), "neither cd0a nor /dev/cd0a exists", 3)
    refused(host, "a directory", disk("file:/tmp"), "/tmp: is a directory, not an image", 3)
    refused(host, "a character device", disk("phy:/dev/null"), "/dev/null: neither a file nor a block device", 3)
    refused(host, "missing firmware", BASE + 'firmware_override = "/nowhere/hvmloader"\n', "/nowhere/hvmloader: No such", 3)
    refused(host, "no firmware", BASE + f'firmware_override = "{__file__}"\n', "not an ELF file", 3)


def no_permission(host):
    """A reader without rights; root has them all, so a plain user tries."""
    path = host.path("secret.img")
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    os.chmod(path, 0o000)
    config = host.config("denied", disk("file:" + path))
    run = host.path("run-of-nobody")
    os.mkdir(run)
    command = [domus.XL, "create", config]
    if os.geteuid() == 0:
        os.chmod(host.dir, 0o755)
        os.chown(run, 65534, 65534)
        command[0] = os.path.join(host.programs(), "xl")  # the build may be under a home that is closed to others
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] + command
    p = subprocess.run(command, env={**os.environ, "DOMUS_RUN_DIR": run}, capture_output=True, text=True,
                       timeout=60 * domus.SLOW_HOST)
    domus.check(p.returncode == 3 and f"disk 'hda': {path}: " in p.stderr and "ermission" in p.stderr,
                f"no permission: exit {p.returncode}: {p.stderr}")
    print(f"no permission: exit {p.returncode}: {p.stderr.splitlines()[-1]}")
    os.chmod(path, 0o600)


def texts(host):
    refused(host, 'memory="2G"', 'name = "bad"\ntype = "hvm"\nmemory = "2G"\n', "memory could not be read", 3)
    refused(host, "a bad MAC", BASE + "vif = [ 'mac=00:16:3e:zz:00:01' ]\n", "this mac= is no address", 3)
    refused(host, "more memory than there is", BASE + "memory = 4000000\n", "lower memory=", 3)
    refused(host, "memory beyond any host", BASE + "memory = 99999999\n", "cannot be laid out", 3)
    refused(host, "no name", 'type = "hvm"\nmemory = 64\n', "Domain name must be specified.", 1)
    refused(host, "a line of 10 MB", "x" * 10000000, "bad.cfg:1: config parsing error", 1)
    refused(host, "a value of 10 MB", BASE + f'extra = "{"x" * 10000000}"\n', "its configuration is more than 4 MiB")
    path = host.path("binary.cfg")
    with open(path, "wb") as f:
        f.write(os.urandom(3000) + b"\0" + os.urandom(30000))
    p = host.xl("create", path, ok=False)
    domus.check("this is a binary file, not a configuration" in p.stderr and len(p.stderr) < 500, p.stderr[:2000])
    p = host.xl("create", host.path("none.cfg"), ok=False)
    domus.check("none.cfg: No such file or directory" in p.stderr, p.stderr)


def in_use(host):
    """A second user of a name, of an image, of a VNC port; the first keeps what it has."""
    image = host.path("d.img")
    with open(image, "wb") as f:
        f.write(os.urandom(1 << 20))
    with open(image, "rb") as f:
        before = hashlib.sha256(f.read()).digest()
    text = 'name = "first"\ntype = "hvm"\nmemory = 64\nvnc = 0\n' + f"disk = [ 'file:{image},hda,w' ]\n"
    host.create("first", text)
    p = host.create("first", text, ok=False)
    domus.check('Domain with name "first" already exists.' in p.stderr, p.stderr)
    p = host.create("second", text.replace('"first"', '"second"'), ok=False)
    domus.check(f"{image}: in use by process" in p.stderr, p.stderr)
    p = host.create("reader", text.replace('"first"', '"reader"').replace(",hda,w", ",hda,r"), ok=False)
    domus.check(f"{image}: in use by process" in p.stderr, p.stderr)
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    p = host.create("third", 'name = "third"\ntype = "hvm"\nmemory = 64\n'
                    f"vncdisplay = {port - 5900}\nvncunused = 0\n", ok=False)
    domus.check(f"port {port} on 127.0.0.1 is in use" in p.stderr, p.stderr)
    taken.close()
    domus.check([row[0] for row in host.list()] == ["Domain-0", "first"], f"left over: {host.list()}")
    host.xl("destroy", "first")
    with open(image, "rb") as f:
        domus.check(hashlib.sha256(f.read()).digest() == before, "the image was changed")


def killed(host):
    """kill -9 of either process of a domain: no entry stays, no lock, and no other process."""
    image = host.path("killed.img")
    with open(image, "wb") as f:
        f.truncate(1 << 20)
    text = 'name = "victim"\ntype = "hvm"\nmemory = 64\nvnc = 0\n' + f"disk = [ 'file:{image},hda,w' ]\n"
    for which in ("supervisor", "machine"):
        host.create("victim", text)
        found = processes(host)
        domus.check(len(found) == 2, f"a domain is two processes: {found}")
        pids = [pid for pid, parent in found.items() if (parent in found) == (which == "machine")]
        os.kill(pids[0], signal.SIGKILL)
        host.wait_gone("victim", 10)
        host.wait(lambda: not processes(host), 10, f"{which} killed: processes are left")
        domus.check([row[0] for row in host.list()] == ["Domain-0"], f"{which} killed: {host.list()}")
        domus.check(not os.listdir(os.path.join(host.env["DOMUS_RUN_DIR"], "domain")), f"{which} killed: stale entry")
        print(f"{which} killed: entry, lock and processes are gone")
    host.create("victim", text)
    host.xl("destroy", "victim")


def test(host):
    images(host)
    no_permission(host)
    texts(host)
    in_use(host)
    killed(host)


domus.main(test)
