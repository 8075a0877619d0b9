#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose translated blocks are each compared with the reference engine (DOMUS_JIT_LOCKSTEP), through SeaBIOS, GRUB and
Debian's kernel to a shell that works a little: no block differs."""
import os
import re

import domus

NAMES = ("blocks compared", "of them as far as they ran", "blocks not compared", "instructions not compared")


def counted(host):
    said = host.xl("debug", "lockstep").stdout
    found = {name: re.search(rf"^  {name} +(\d+)", said, re.M) for name in NAMES}
    domus.check(all(found.values()), f"xl debug: {said}")
    return {name: int(m.group(1)) for name, m in found.items()}


def test(host):
    os.environ["DOMUS_JIT_LOCKSTEP"] = os.environ.get("DOMUS_JIT_LOCKSTEP", "1")
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    host.create("lockstep", f'''
name = "lockstep"
type = "hvm"
memory = 256
vcpus = 1
engine = "jit"
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vnc = 0
serial = "pty"
on_poweroff = "destroy"
on_crash = "preserve"
''')
    console = host.console("lockstep")
    try:
        console.wait("domus-guest-ready", 1800)
        console.wait("/ # ", 120)
        console.run("mount /dev/sda1 /mnt && find /mnt -type f | xargs cat | md5sum && umount /mnt", 1800)
        console.run("n=0; while [ $n -lt 20 ]; do n=$((n + 1)); ls -l /proc/$$ | sort | gzip | gunzip >/dev/null; done", 1800)
    finally:
        differences = [x for x in host.log("lockstep").splitlines() if "differs from the reference" in x]
        if differences:
            print(host.log("lockstep")[-6000:])
    domus.check(not differences, f"{len(differences)} blocks differ")
    counts = counted(host)
    print(", ".join(f"{counts[name]} {name}" for name in NAMES) + ", 0 differences")
    domus.check(counts["blocks compared"] > 1000000, "hardly a block was compared")
    domus.check(counts["blocks compared"] > 4 * counts["blocks not compared"], "too many blocks were not compared")
    host.xl("trigger", "lockstep", "power")
    host.wait_gone("lockstep", 600)


domus.main(test)
