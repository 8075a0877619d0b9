#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel with 1, 2 and 4 vCPUs: all are up and compute at once and right, vcpu-list shows them, and each guest is
powered off another way: the ACPI button, shutdown -F, and Xen's own shutdown request."""
import hashlib

import domus

# Each shell hashes what another one made before it; every vCPU has its own, pinned there.
LOAD = ("for c in $(seq 0 {last}); do (taskset -c $c sh -c \"i=0; while [ \\$i -lt 40 ]; do seq 1 2000; i=\\$((i+1)); "
        "done | sha256sum >/tmp/sum$c\") & done; wait; cat /tmp/sum*")
EXPECTED = hashlib.sha256("".join(f"{n}\n" for n in range(1, 2001)).encode() * 40).hexdigest()
ENDS = {1: ("trigger", "vcpus", "power"), 2: ("shutdown", "-F", "-w", "vcpus"), 4: ("shutdown", "-w", "vcpus")}


def one(host, count):
    small = domus.recipe("linux-small")
    host.create("vcpus", f'''
name = "vcpus"
type = "hvm"
memory = 256
vcpus = {count}
disk = [ 'file:{small}/small.iso,hdc:cdrom,r' ]
boot = "d"
vnc = 0
serial = "pty"
''')
    console = host.console("vcpus")
    console.wait(f"{count} vcpu, booted from CD", 400)
    console.wait("/ # ", 60)
    seen = console.run("grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online")
    domus.check(str(count) in seen.split(), f"processors: {seen}")
    sums = [line for line in console.run(LOAD.format(last=count - 1), 240).splitlines() if line.endswith(" -")]
    domus.check(len(sums) == count and all(line.startswith(EXPECTED) for line in sums), f"wrong results: {sums}")
    rows = [row.split() for row in host.xl("vcpu-list", "vcpus").stdout.splitlines()[1:]]
    domus.check([row[2] for row in rows] == [str(n) for n in range(count)], f"vcpu-list: {rows}")
    domus.check(all(float(row[5]) > 0 for row in rows), f"a vCPU never ran: {rows}")
    host.xl(*ENDS[count], timeout=180)
    host.wait_gone("vcpus", 120)
    print(f"{count}: {rows}")


def test(host):
    for count in ENDS:
        one(host, count)


domus.main(test)
