#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each NIC model downloads 1 GiB over a bridge, with the right checksum."""
import os
import sys

import domus
import network


def test(host):
    if os.geteuid() != 0:
        print("taps need root")
        sys.exit(77)
    network.need("ip", "dnsmasq")
    small = domus.recipe("linux-small")
    for model in ("rtl8139", "e1000"):
        with network.Bridged(host) as net:
            digest = net.file("big", 1024)
            host.create(model, network.config(model, f"{small}/disk.img", f"model={model}"))
            console = network.booted(host, model)
            network.lease(console)
            took = network.download(console, "http://10.77.0.1:8000/big", digest, 2400)
            print(f"{model}: 1 GiB in {took:.0f} s, {1024 / took:.1f} MiB/s")


domus.main(test)
