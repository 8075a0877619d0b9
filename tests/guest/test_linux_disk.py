#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's generic kernel boots from a disk by BIOS and GRUB to a shell, and powers off by the ACPI button."""
import os
import re
import time

import domus


def look_at_trace(host, console):
    """xl debug -t: the guest runs on, and what it ran is text."""
    name, lines = os.path.join(host.dir, "trace"), []
    console.run("while :; do :; done & busy=$!")
    host.xl("debug", "-t", name, "-n", "200000", "small")
    end = time.monotonic() + 120 * domus.SLOW_HOST
    while len(lines) < 200000 and time.monotonic() < end:
        time.sleep(1)
        with open(name, encoding="ascii") as f:
            lines = f.read().splitlines()
    console.run("kill $busy")
    odd = [x for x in lines if not re.match(r"0 (system|user  ) [0-9a-f]{4}:[0-9a-f]{16}  [0-9a-f ]{44}  [a-z]|"
                                            r"0 (interrupt|exception|software interrupt) \d+", x)]
    domus.check(len(lines) >= 200000 and not odd, f"xl debug -t: {len(lines)} lines, {odd[:5]}")


def test(host):
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    host.create("small", f'''
name = "small"
type = "hvm"
memory = 256
vcpus = 1
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vnc = 0
serial = "pty"
on_poweroff = "destroy"
''')
    console = host.console("small")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    domus.check("Xen" in console.run("cat /sys/hypervisor/type /proc/cpuinfo /sys/class/dmi/id/sys_vendor 2>/dev/null"),
                "the guest does not see Xen")
    console.run("mount /dev/sda1 /mnt && ls /mnt/boot && umount /mnt")
    look_at_trace(host, console)
    counted = host.xl("debug", "small").stdout
    for what in ("blocks decoded", "page walks", "exceptions and interrupts", "entries of user code"):
        domus.check(re.search(rf"^  {what} +[1-9]", counted, re.M), f"xl debug: {what}: {counted}")
    host.xl("trigger", "small", "power")
    host.wait_gone("small", 60)


domus.main(test)
