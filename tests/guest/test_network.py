#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each NIC model on a bridge, and as a plain user behind NAT: DHCP, DNS, a download, a port served, the link, PXE."""
import os
import shutil
import socket
import subprocess
import urllib.request

import domus
import network

MAC = "mac=00:16:3e:11:22:33"


def on_bridge(host, small, model):
    name = f"br-{model}"
    with network.Bridged(host) as net:
        digest = net.file("big", 16)
        said = host.create(name, network.config(name, f"{small}/disk.img", f"model={model},{MAC}")).stderr
        domus.check("NAT" not in said, f"no tap: {said}")
        console = network.booted(host, name)
        network.lease(console)
        domus.check("10.77.0.1" in console.run("ping -c 1 host.test"), "no DNS")
        took = network.download(console, "http://10.77.0.1:8000/big", digest)
        print(f"{name}: 16 MiB in {took:.1f} s")
        console.run("mkdir -p /tmp/www; echo served-by-guest >/tmp/www/page; httpd -p 80 -h /tmp/www")
        address = console.run("ifconfig eth0 | grep -o 'addr:[0-9.]*' | cut -d: -f2").split()[-1]
        got = subprocess.run(net.enter + ["python3", "-c", "import urllib.request as u, sys;"
                             f"sys.stdout.write(u.urlopen('http://{address}/page', timeout=20).read().decode())"],
                             capture_output=True, text=True, check=False).stdout
        domus.check(got == "served-by-guest\n", f"the guest's port: {got!r}")
        network.pull_and_plug(host, console, name, "10.77.0.1")


def by_pxe(host, small, model):
    name = f"pxe-{model}"
    with network.Bridged(host) as net:
        for f in ("vmlinuz", "initrd.img"):
            shutil.copy(f"{small}/{f}", net.files)
        with open(os.path.join(net.files, "boot.ipxe"), "w", encoding="ascii") as f:
            f.write("#!ipxe\nkernel vmlinuz console=ttyS0 domus.from=PXE\n"
                    "initrd http://10.77.0.1:8000/initrd.img\nboot\n")
        host.create(name, network.config(name, None, f"model={model},{MAC}", 'boot = "n"'))
        console = host.console(name)
        console.wait("booted from PXE", 300)


def behind_nat(host, small, model):
    name, env = f"nat-{model}", host.env
    with network.Net(host) as net:
        if os.geteuid() == 0:
            net.use("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
            host.env = {"DOMUS_RUN_DIR": host.path(name)}  # root's is closed to that user
            os.makedirs(host.env["DOMUS_RUN_DIR"])
            os.chown(host.env["DOMUS_RUN_DIR"], 65534, 65534)
        digest = net.file("big", 16)
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            b.bind(("127.0.0.1", 0))
            web, forward = a.getsockname()[1], b.getsockname()[1]
        net.web("127.0.0.1", web)
        disk = domus.overlay(host, f"{small}/disk.img", "nat.img")
        os.chmod(disk, 0o644)
        vif = f"model={model},{MAC},hostfwd=tcp:{forward}-80"
        host.create(name, network.config(name, disk, vif))
        console = network.booted(host, name)
        network.lease(console)
        took = network.download(console, f"http://10.0.2.2:{web}/big", digest)
        print(f"{name}: 16 MiB in {took:.1f} s")
        console.run("mkdir -p /tmp/www; echo served-by-guest >/tmp/www/page; httpd -p 80 -h /tmp/www")
        got = urllib.request.urlopen(f"http://127.0.0.1:{forward}/page", timeout=20).read()
        domus.check(got == b"served-by-guest\n", f"the forwarded port: {got!r}")
        network.pull_and_plug(host, console, name, "10.0.2.2")
    host.env = env


def says_why(host, small):
    """No bridge: one line that names the config's line and the remedy, and the guest starts."""
    p = host.create("nobridge", network.config("nobridge", None, "bridge=nosuchbr"))
    lines = [line for line in p.stderr.splitlines() if "vif" in line]
    domus.check(len(lines) == 1 and "nobridge.cfg:8: vif: there is no bridge nosuchbr" in lines[0], p.stderr)
    host.xl("destroy", "nobridge")


def test(host):
    network.need("ip", "dnsmasq", "setpriv")
    small = domus.recipe("linux-small")
    says_why(host, small)
    for model in ("rtl8139", "e1000"):
        behind_nat(host, small, model)
        if os.geteuid() == 0:
            on_bridge(host, small, model)
            by_pxe(host, small, model)


domus.main(test)
