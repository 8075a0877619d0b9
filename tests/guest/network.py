# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks for guest tests: a namespace with a bridge, DHCP, DNS, TFTP and a web server; or the host, as a plain user."""
import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import domus

SERVER = """
import http.server, socket, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
S((sys.argv[1], int(sys.argv[2])), H).serve_forever()
"""
FETCH = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=300).read().decode())"
NOBODY = 65534
MAC = "mac=00:16:3e:11:22:33"


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            print(f"no {p}")
            sys.exit(77)


class Net:
    """Servers of a test, and how its xl is called. Use as a context manager. gateway: the servers' address for the guest."""

    def __init__(self, host):
        self.host, self.children, self.ns, self.enter = host, [], None, []
        self.files = host.path("files")
        os.makedirs(self.files, exist_ok=True)
        os.chmod(host.dir, 0o755)
        os.chmod(self.files, 0o755)
        self.real_xl = domus.XL

    def namespace(self):
        """A network namespace of our own; `enter` begins commands in it."""
        ns = f"domus{os.getpid()}"
        subprocess.run(["ip", "netns", "add", ns], check=True)
        self.ns = ns
        self.enter = ["ip", "netns", "exec", ns]
        self.ip("link", "set", "lo", "up")

    def ip(self, *command):
        subprocess.run(["ip", "-n", self.ns, *command], check=True)

    def use(self, *prefix):
        """xl runs behind that command from here on."""
        program = os.path.join(self.host.programs(), "xl")  # the build may be under a home that is closed to others
        path = self.host.path("xl-there")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nexec {shlex.join([*prefix, program])} \"$@\"\n")
        os.chmod(path, 0o755)
        domus.XL = path

    def start(self, *command, cwd=None):
        self.children.append(subprocess.Popen([*self.enter, *command], cwd=cwd, stdin=subprocess.DEVNULL))

    def dnsmasq(self, *options):
        self.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                   "--pid-file=", f"--address=/host.test/{self.gateway}", *options)

    def web(self, address, port):
        self.start(sys.executable, "-c", SERVER, address, str(port), cwd=self.files)

    def fetch(self, url):
        """The text there, as a program of the host's side gets it."""
        p = subprocess.run([*self.enter, sys.executable, "-c", FETCH, url], capture_output=True, text=True, check=False)
        domus.check(p.returncode == 0, f"{url}: {p.stderr[-300:]}")
        return p.stdout

    def file(self, name, mib):
        """A file to download; its SHA-256."""
        digest = hashlib.sha256()
        with open(os.path.join(self.files, name), "wb") as f:
            for _ in range(mib):
                block = os.urandom(1 << 20)
                f.write(block)
                digest.update(block)
        return digest.hexdigest()

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for name in [row[0] for row in self.host.list() if row[1] != "0"]:
            self.host.xl("destroy", name, ok=None)
        domus.XL = self.real_xl
        for child in self.children:
            child.send_signal(signal.SIGTERM)
            child.wait()
        if self.ns:
            subprocess.run(["ip", "netns", "del", self.ns], check=True)


class Bridged(Net):
    """A namespace with a bridge, 10.77.0.1, where xl runs too."""

    gateway, port = "10.77.0.1", 8000

    def __init__(self, host, bridge="xenbr0"):
        super().__init__(host)
        self.bridge = bridge

    def begin(self):
        self.namespace()
        self.ip("link", "add", self.bridge, "type", "bridge")
        self.ip("addr", "add", self.gateway + "/24", "dev", self.bridge)
        self.ip("link", "set", self.bridge, "up")
        self.use(*self.enter)
        self.dnsmasq("--interface=" + self.bridge, "--dhcp-range=10.77.0.50,10.77.0.99,1h",
                     "--dhcp-leasefile=" + self.host.path("leases"), "--enable-tftp", "--tftp-root=" + self.files,
                     "--dhcp-boot=boot.ipxe")
        self.web(self.gateway, self.port)

    def vif(self, model):
        return f"model={model},{MAC}"

    def served(self, console):
        """Where the guest's port 80 is."""
        return "http://" + console.run("ifconfig eth0 | grep -o 'addr:[0-9.]*' | cut -d: -f2").split()[-1]


class Natted(Net):
    """NAT, as a plain user has it. Where we are root: in a namespace, with a resolver that knows host.test, and as nobody."""

    gateway = "10.0.2.2"

    def begin(self):
        self.old_env = self.host.env
        self.port, self.forward = free_ports(2)
        if os.geteuid() == 0:
            self.namespace()
            resolv = self.host.path("resolv.conf")
            with open(resolv, "w", encoding="ascii") as f:
                f.write("nameserver 127.0.0.1\n")
            self.dnsmasq("--listen-address=127.0.0.1", "--bind-interfaces")
            # each `ip netns exec` has mounts of its own
            self.use(*self.enter, "sh", "-c", f"mount --bind {resolv} /etc/resolv.conf && exec setpriv --reuid {NOBODY} "
                                              f"--regid {NOBODY} --clear-groups \"$0\" \"$@\"")
            run = self.host.path("nobody")  # root's is closed to that user
            os.makedirs(run, exist_ok=True)
            os.chown(run, NOBODY, NOBODY)
            self.host.env = {"DOMUS_RUN_DIR": run}
        self.web("127.0.0.1", self.port)
        if os.path.exists("/proc/net/if_inet6"):
            self.web("::1", self.port)

    def __exit__(self, *unused):
        super().__exit__()
        self.host.env = self.old_env

    def vif(self, model):
        return f"model={model},{MAC},hostfwd=tcp:{self.forward}-80"

    def served(self, console):
        return f"http://127.0.0.1:{self.forward}"


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


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
    console.run("udhcpc -i eth0 -q -n -t 60 -s /tmp/lease", 90)


def download(console, url, digest, seconds=300):
    start = time.monotonic()
    said = console.run(f"wget -q -O - {url} | sha256sum", seconds)
    domus.check(digest in said, f"wrong checksum of {url}: {said!r}")
    return time.monotonic() - start


def serves(net, console):
    """The guest's port 80 is there for the host's side."""
    console.run("mkdir -p /tmp/www; echo served-by-guest >/tmp/www/page; httpd -p 80 -h /tmp/www")
    got = net.fetch(net.served(console) + "/page")
    domus.check(got == "served-by-guest\n", f"the guest's port: {got!r}")


def carrier(console, wanted):
    console.run(f"for i in $(seq 60); do sleep 1; [ $(cat /sys/class/net/eth0/carrier) != {wanted} ] || break; "
                f"done; test $(cat /sys/class/net/eth0/carrier) = {wanted}")


def pull_and_plug(net, console, name):
    """The link goes down and comes up; the table of NICs follows."""
    host = net.host
    domus.check("00:16:3e" in host.xl("network-list", name).stdout, "network-list shows no NIC")
    host.xl("network-detach", name, "0")
    domus.check("00:16:3e" not in host.xl("network-list", name).stdout, "a detached NIC is listed")
    p = host.xl("network-detach", name, "9", ok=False)
    domus.check("Unknown device 9." in p.stderr, p.stderr)
    carrier(console, 0)
    console.run(f"! ping -c 1 -W 2 {net.gateway}")
    host.xl("network-attach", name, MAC)
    carrier(console, 1)
    console.run(f"ping -c 2 -W 60 {net.gateway}", 90)


def use(net, name, disk, model, mib, seconds=300):
    """A guest with that NIC, from DHCP to the link's going and coming; its console, and the MiB a second of a download."""
    digest = net.file("big", mib)
    said = net.host.create(name, config(name, disk, net.vif(model))).stderr
    domus.check("NAT" not in said, f"{name}: {said}")  # neither asked for in vain, nor instead of a tap
    console = booted(net.host, name)
    lease(console)
    took = download(console, f"http://{net.gateway}:{net.port}/big", digest, seconds)
    print(f"{name}: {mib} MiB in {took:.1f} s, {mib / took:.1f} MiB/s", flush=True)
    serves(net, console)
    pull_and_plug(net, console, name)
    return console
