#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests with four serial ports, each with another back end: random bytes go through each of them, both ways, and come
out the same. The other sides are sockets, pipes and Python's telnetlib, which refuses every option."""
import hashlib
import os
import random
import re
import socket
import threading
import time
import warnings

import domus

warnings.simplefilter("ignore", DeprecationWarning)  # it goes with Python 3.13
import telnetlib  # noqa: E402

BREAK = telnetlib.IAC + telnetlib.BRK
CONFIG = '''
name = "{name}"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vnc = 0
serial = {serial}
'''
RNG = random.Random(7)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def boot(host, disk, name, serial):
    said = host.create(name, CONFIG.format(name=name, disk=disk, serial=serial)).stderr
    console = host.console(name)
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    console.run("exec 5<>/dev/ttyS1 6<>/dev/ttyS2 7<>/dev/ttyS3; for n in 1 2 3; do stty -F /dev/ttyS$n raw -echo; done")
    return console, said


def md5_in(text):
    """The sum in a command's output, which has the command's echo, too."""
    m = re.search(r"\b[0-9a-f]{32}\b", text)
    domus.check(m, f"no sum in {text!r}")
    return m.group(0)


def to_guest(console, port, data, send):
    """The guest gets exactly these bytes at ttySport."""
    console.run(f"(head -c {len(data)} /dev/ttyS{port} | md5sum >/tmp/sum; touch /tmp/done) & rm -f /tmp/done; true")
    send(data)
    console.run("while [ ! -e /tmp/done ]; do sleep 0.2; done", 120)
    got = md5_in(console.run("cat /tmp/sum"))
    domus.check(got == hashlib.md5(data).hexdigest(), f"ttyS{port} got other bytes than were sent")


def from_guest(console, port, n, receive, alphabet="tr -d ''"):
    """What the guest writes to ttySport is what receive(n) gives. The alphabet: a filter in the guest."""
    console.run(f"head -c {4 * n} /dev/urandom | {alphabet} | head -c {n} >/tmp/out; (sleep 1; cat /tmp/out >/dev/ttyS{port}) &"
                " true")
    data = receive(n)
    wanted = md5_in(console.run("md5sum /tmp/out"))
    domus.check(hashlib.md5(data).hexdigest() == wanted, f"ttyS{port} sent other bytes than came: {len(data)} of {n}")


def take(s):
    """receive() of a stream socket."""
    def receive(n):
        data = b""
        s.settimeout(60 * domus.SLOW_HOST)
        while len(data) < n:
            more = s.recv(n - len(data))
            domus.check(more, "the serial port hung up")
            data += more
        return data
    return receive


def tcp(console, port):
    s = socket.create_connection(("127.0.0.1", port), 10 * domus.SLOW_HOST)
    to_guest(console, 1, RNG.randbytes(20000), s.sendall)
    from_guest(console, 1, 20000, take(s))
    s.close()
    s = socket.create_connection(("127.0.0.1", port), 10 * domus.SLOW_HOST)  # the next client
    from_guest(console, 1, 100, take(s))
    s.close()
    print("tcp: both ways")


def telnet(console, port):
    tn = telnetlib.Telnet("127.0.0.1", port, 60 * domus.SLOW_HOST)

    def receive(n):
        data = b""
        while len(data) < n:
            data += tn.read_some()
        return data

    # telnetlib drops NUL and Ctrl-Q, whoever sent them
    from_guest(console, 2, 5000, receive, "tr -d '\\000\\021'")
    # not a CR before a NUL or at the end: those are what TELNET's end of line is made of
    to_guest(console, 2, RNG.randbytes(5000).replace(b"\r\0", b"..") + b".", tn.write)
    console.run("stty -F /dev/ttyS2 raw -echo parmrk -ignbrk -brkint")
    console.run("(head -c 5 /dev/ttyS2 | hexdump -v -e '5/1 \"%02x\"' >/tmp/broken; touch /tmp/done) & rm -f /tmp/done; true")
    tn.get_socket().sendall(b"a" + BREAK + b"b")
    console.run("while [ ! -e /tmp/done ]; do sleep 0.2; done", 60)
    got = console.run("cat /tmp/broken")
    domus.check(re.search(r"\b61ff000062\b", got), f"a break between a and b is {got}")
    console.run("stty -F /dev/ttyS2 sane; setsid sh -c 'exec sh </dev/ttyS2 >/dev/ttyS2 2>&1' & true")
    tn.write(b"echo $((6 * 7))\r\0echo $((7 * 7))\r\0")  # what a terminal's Return is
    for answer in (rb"\r\n42\r\n", rb"\r\n49\r\n"):
        found, _, text = tn.expect([answer], 60 * domus.SLOW_HOST)
        domus.check(found == 0, f"no {answer!r} from the shell: {text!r}")
    tn.close()
    print("telnet: both ways, a break, a shell")


def udp(console, here, there):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", here))
    s.connect(("127.0.0.1", there))
    sizes = []

    def send(data):
        for i in range(0, len(data), 1000):
            s.send(data[i:i + 1000])

    def receive(n):
        data = b""
        s.settimeout(60 * domus.SLOW_HOST)
        while len(data) < n:
            more = s.recv(65536)
            sizes.append(len(more))
            data += more
        return data

    to_guest(console, 3, RNG.randbytes(5000), send)
    from_guest(console, 3, 5000, receive)
    domus.check(max(sizes) > 1, f"each byte is a datagram: {sizes[:10]}")
    s.close()
    print(f"udp: both ways, up to {max(sizes)} bytes a datagram")


def sockets(host, disk):
    ports = [free_port(k) for k in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_DGRAM)]
    console, said = boot(host, disk, "sockets", [
        "pty", f"tcp:127.0.0.1:{ports[0]},server,nowait", f"telnet:127.0.0.1:{ports[1]},server,nowait",
        f"udp:127.0.0.1:{ports[2]}@127.0.0.1:{ports[3]}"])
    domus.check("serial=" not in said, f"create has something to say: {said}")
    tcp(console, ports[0])
    telnet(console, ports[1])
    udp(console, ports[2], ports[3])
    host.xl("destroy", "sockets")


def files(host, disk):
    """The domain's log, a pair of pipes, and a Unix socket that the domain connects to."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(host.path("socket"))
    listener.listen()
    for end in ("in", "out"):
        os.mkfifo(host.path("pipe." + end))
    console, said = boot(host, disk, "files",
                         ["mon:pty", "stdio", f"pipe:{host.path('pipe')}", f"unix:{host.path('socket')}"])
    for spec in ("mon:pty", "stdio"):
        domus.check(re.search(rf'files\.cfg:8: serial="{spec}": \w', said), f"create says nothing of {spec}: {said}")
    console.run("echo to-the-$((1))-log >/dev/ttyS1")
    host.wait(lambda: "to-the-1-log" in host.log("files"), 20, "stdio is not in the log")
    s, _ = listener.accept()
    to_guest(console, 3, RNG.randbytes(5000), s.sendall)
    from_guest(console, 3, 5000, take(s))
    s.close()
    writer = os.open(host.path("pipe.in"), os.O_WRONLY)
    reader = os.open(host.path("pipe.out"), os.O_RDONLY)

    def receive(n):
        data = b""
        while len(data) < n:
            data += os.read(reader, n - len(data))
        return data

    to_guest(console, 2, RNG.randbytes(5000), lambda data: os.write(writer, data))
    from_guest(console, 2, 5000, receive)
    os.close(writer)
    os.close(reader)
    host.xl("destroy", "files")
    print("stdio, pipe, unix: as they should be")


def wait_and_vc(host, disk):
    """The start waits for the first client; what QEMU shows as a page of the screen is a pty."""
    port = free_port(socket.SOCK_STREAM)
    came = []  # the socket, and when it was about to be there

    def come():
        end = time.monotonic() + 30 * domus.SLOW_HOST
        while time.monotonic() < end:
            time.sleep(0.5)
            now = time.monotonic()
            try:
                came.extend((socket.create_connection(("127.0.0.1", port), 10 * domus.SLOW_HOST), now))
                return
            except ConnectionRefusedError:
                pass

    client = threading.Thread(target=come)
    client.start()
    said = host.create("waits", CONFIG.format(name="waits", disk=disk, serial=["vc", f"tcp:127.0.0.1:{port},server,wait"]),
                       "-p").stderr
    created = time.monotonic()
    client.join()
    domus.check(came and came[1] < created, "the start did not wait for its client")
    came[0].close()
    domus.check('serial="vc": ' in said and "waits up to 60 seconds" in said, said)
    domus.check("serial/0/tty = \"/dev/pts/" in host.xl("xenstore-ls", "waits").stdout, "vc has no pty")
    host.xl("destroy", "waits")


def refused(host, disk):
    for spec, why in (("tcp:nowhere", '"nowhere" is not HOST:PORT'), ("telnet:h:1,sever", 'unknown option "sever"'),
                      ("/dev/parport0", "is a parallel port"), ("joystick", "use pty, vc, stdio, null, "),
                      ("tcp:127.0.0.1:1", "cannot connect to 127.0.0.1:1: Connection refused")):
        p = host.create("bad", CONFIG.format(name="bad", disk=disk, serial=repr(spec)), ok=False)
        line = f'{host.path("bad.cfg")}:8: serial="{spec}": '
        domus.check(line in p.stderr and why in p.stderr, f"{spec}: {p.stderr}")
        domus.check(host.domid("bad") is None, f"{spec}: the domain is there all the same")
    p = host.create("bad", CONFIG.format(name="bad", disk=disk, serial=["null"] * 5), ok=False)
    domus.check("a PC has at most four serial ports" in p.stderr, p.stderr)


def test(host):
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    refused(host, disk)
    wait_and_vc(host, disk)
    sockets(host, disk)
    files(host, disk)


domus.main(test)
