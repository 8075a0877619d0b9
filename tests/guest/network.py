# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks for guest tests: a namespace with a bridge, DHCP, DNS, TFTP and a web server; or the host, as a plain user."""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import domus

SERVER = """
import http.server, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), H).serve_forever()
"""


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            print(f"no {p}")
            sys.exit(77)


class Net:
    """Servers of a test, and how its xl is called. Use as a context manager."""

    def __init__(self, host):
        self.host, self.children, self.prefix = host, [], []
        self.files = host.path("files")
        os.makedirs(self.files, exist_ok=True)
        os.chmod(host.dir, 0o755)
        os.chmod(self.files, 0o755)
        self.real_xl = domus.XL

    def __enter__(self):
        return self

    def use(self, *prefix):
        """xl runs behind that command from here on."""
        self.prefix = list(prefix)
        program = os.path.join(self.host.programs(), "xl")  # the build may be under a home that is closed to others
        path = self.host.path("xl-there")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec {' '.join(prefix)} {program} \"$@\"\n")
        os.chmod(path, 0o755)
        domus.XL = path

    def start(self, *command, cwd=None):
        self.children.append(subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL))

    def web(self, address, port, *prefix):
        self.start(*prefix, sys.executable, "-c", SERVER, address, str(port), cwd=self.files)

    def file(self, name, mib):
        """A file to download; its SHA-256."""
        digest = hashlib.sha256()
        with open(os.path.join(self.files, name), "wb") as f:
            for _ in range(mib):
                block = os.urandom(1 << 20)
                f.write(block)
                digest.update(block)
        return digest.hexdigest()

    def __exit__(self, *unused):
        for name in [row[0] for row in self.host.list() if row[1] != "0"]:
            self.host.xl("destroy", name, ok=None)
        domus.XL = self.real_xl
        for child in self.children:
            child.send_signal(signal.SIGTERM)
            child.wait()


class Bridged(Net):
    """A namespace with bridge xenbr0, 10.77.0.1, where xl runs too."""

    def __enter__(self):
        self.ns = f"domus{os.getpid()}"
        subprocess.run(["ip", "netns", "add", self.ns], check=True)
        inside = ["ip", "-n", self.ns]
        for command in (["link", "set", "lo", "up"], ["link", "add", "xenbr0", "type", "bridge"],
                        ["addr", "add", "10.77.0.1/24", "dev", "xenbr0"], ["link", "set", "xenbr0", "up"]):
            subprocess.run(inside + command, check=True)
        self.enter = ["ip", "netns", "exec", self.ns]
        self.use(*self.enter)
        self.start(*self.enter, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                   "--no-hosts", "--interface=xenbr0", "--user=root", "--pid-file=",
                   "--dhcp-range=10.77.0.50,10.77.0.99,1h", "--dhcp-leasefile=" + self.host.path("leases"),
                   "--address=/host.test/10.77.0.1", "--enable-tftp", "--tftp-root=" + self.files,
                   "--dhcp-boot=boot.ipxe")
        self.web("10.77.0.1", 8000, *self.enter)
        return self

    def __exit__(self, *unused):
        super().__exit__(*unused)
        subprocess.run(["ip", "netns", "del", self.ns], check=True)


def config(name, disk, vif, extra=""):
    disks = f"[ 'file:{disk},hda,r' ]" if disk else "[]"
    return f'''
name = "{name}"
type = "hvm"
memory = 384
vcpus = 1
engine = "jit"
disk = {disks}
vif = [ '{vif}' ]
vnc = 0
serial = "pty"
on_poweroff = "destroy"
{extra}
'''


LEASE = ("printf '#!/bin/sh\\n[ $1 != bound ] || { ifconfig $interface $ip netmask $subnet; route add default gw "
         "$router; echo nameserver $dns >/etc/resolv.conf; }\\n' >/tmp/lease; chmod +x /tmp/lease")


def booted(host, name):
    console = host.console(name)
    console.wait("domus-guest-ready", 300)
    console.wait("/ # ", 30)
    console.run("dmesg -n 1")
    return console


def lease(console):
    console.run("ifconfig eth0 up")
    console.run(LEASE)
    console.run("udhcpc -i eth0 -q -n -t 10 -s /tmp/lease", 90)


def download(console, url, digest, seconds=300):
    start = time.monotonic()
    said = console.run(f"wget -q -O - {url} | sha256sum", seconds)
    domus.check(digest in said, f"wrong checksum of {url}: {said!r}")
    return time.monotonic() - start


def pull_and_plug(host, console, name, ping):
    """The link goes down and comes up; the table of NICs follows."""
    domus.check("00:16:3e" in host.xl("network-list", name).stdout, "network-list shows no NIC")
    host.xl("network-detach", name, "0")
    domus.check("00:16:3e" not in host.xl("network-list", name).stdout, "a detached NIC is listed")
    p = host.xl("network-detach", name, "9", ok=False)
    domus.check("Unknown device 9." in p.stderr, p.stderr)
    console.run("sleep 3; test $(cat /sys/class/net/eth0/carrier) = 0")
    host.xl("network-attach", name, "mac=00:16:3e:11:22:33")
    console.run("sleep 5; test $(cat /sys/class/net/eth0/carrier) = 1")
    console.run(f"ping -c 2 {ping}")
