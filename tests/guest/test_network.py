#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each NIC model on a bridge, and as a plain user behind NAT: DHCP, DNS, a download, a port served, the link; PXE on the
bridge; IPv6 behind NAT."""
import os
import shutil

import domus
import network


def on_bridge(host, small, model):
    with network.Bridged(host) as net:
        console = network.use(net, f"br-{model}", f"{small}/disk.img", model, 16)
        domus.check("10.77.0.1" in console.run("ping -c 1 -W 60 host.test", 90), "no DNS")


def by_pxe(host, small, model):
    name = f"pxe-{model}"
    with network.Bridged(host) as net:
        for f in ("vmlinuz", "initrd.img"):
            shutil.copy(f"{small}/{f}", net.files)
        with open(os.path.join(net.files, "boot.ipxe"), "w", encoding="ascii") as f:
            f.write("#!ipxe\nkernel http://10.77.0.1:8000/vmlinuz console=ttyS0 no_timer_check domus.from=PXE\n"
                    "initrd http://10.77.0.1:8000/initrd.img\nboot\n")
        host.create(name, network.config(name, None, net.vif(model), 'boot = "n"'))
        console = host.console(name)
        console.wait("booted from PXE", 300)


def behind_nat(host, small, model):
    disk = domus.overlay(host, f"{small}/disk.img", f"nat-{model}.img")
    os.chmod(disk, 0o644)
    with network.Natted(host) as net:
        console = network.use(net, f"nat-{model}", disk, model, 16)
        if net.enter:  # else there is only the host's resolver, and who knows what that knows
            console.run(f"cat /etc/resolv.conf; grep -qx 'nameserver 10.0.2.3' /etc/resolv.conf")
            named = console.run("ping -c 1 -W 60 host.test", 90)
            domus.check(net.gateway in named, f"no DNS by way of the NAT's: {named}")
            console.run("! ping -c 1 nowhere.test")
        if os.path.exists("/proc/net/if_inet6"):
            over_ipv6(net, console)


def over_ipv6(net, console):
    """An address by router advertisement, and the host's servers at [fec0::2]."""
    console.run("for i in $(seq 60); do ! ifconfig eth0 | grep -q 'inet6 addr: fec0::' || break; sleep 1; done")
    address = console.run("ifconfig eth0 | grep inet6")
    domus.check("fec0::216:3eff:fe11:2233/64" in address, f"no IPv6 address by router advertisement: {address}")
    digest = net.file("big", 4)
    took = network.download(console, f"'http://[fec0::2]:{net.port}/big'", digest)
    print(f"IPv6: 4 MiB in {took:.1f} s")


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
