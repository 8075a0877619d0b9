#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each NIC model, on a bridge and behind NAT: DHCP, a download of 1 GiB with the right checksum, a port served, the link
down and up; and a download that the link goes away from and comes back to."""
import os
import sys

import domus
import network


def interrupted(net, console, name):
    """What is lost with the link comes again: TCP's business, if the card and the back end forget nothing of theirs."""
    digest = net.file("middle", 256)
    console.run(f"(wget -q -O - http://{net.gateway}:{net.port}/middle | sha256sum >/tmp/sum; echo done >>/tmp/sum) "
                "2>/tmp/wget & sleep 1")
    for _ in range(2):
        net.host.xl("network-detach", name, "0")
        network.carrier(console, 0)
        console.run("test ! -s /tmp/sum")  # it is not all there yet
        net.host.xl("network-attach", name, network.MAC)
        network.carrier(console, 1)
    console.run("until grep -q done /tmp/sum; do sleep 1; done", 600)
    domus.check(digest in console.run("cat /tmp/sum /tmp/wget"), "wrong checksum after the link was away")
    print(f"{name}: 256 MiB over a link that went away twice", flush=True)


def gib(host, kind, name, small, model):
    disk = domus.overlay(host, f"{small}/disk.img", f"{name}.img")
    os.chmod(disk, 0o644)
    with kind(host) as net:
        console = network.use(net, name, disk, model, 1024, 2400)
        interrupted(net, console, name)


def test(host):
    if os.geteuid() != 0:
        print("taps need root")
        sys.exit(77)
    network.need("ip", "dnsmasq", "setpriv")
    small = domus.recipe("linux-small")
    for model in ("rtl8139", "e1000"):
        gib(host, network.Bridged, f"br-{model}", small, model)
        gib(host, network.Natted, f"nat-{model}", small, model)


domus.main(test)
