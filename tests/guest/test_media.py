#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A block device of the host is a disk, and nobody else's meanwhile. Discs and floppies come and go under a running Linux: xl cd-insert and cd-eject, the guest's own lock, eject and load, and
what its kernel and its drive say of it, past the driver too (media/drive.c)."""
import os
import re
import subprocess

import domus
from discs import CHANGED, NO_MEDIUM, Guest, boot, make_iso, make_tools, need_tools

DEVICE_SECTORS = 6145
CONFIG = '''
name = "media"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w', 'file:{tools},hdb,r', ',hdc:cdrom,r', 'file:{floppy},fda,w'{device} ]
boot = "c"
vnc = 0
serial = "pty"
'''


def make_floppy(host, name):
    path = host.path(name + ".img")
    with open(path, "wb") as f:
        f.write(f"this is {name}\n".encode().ljust(1440 * 1024, b"\0"))
    return path


def discs(host, guest):
    one, two = make_iso(host, "DISC_ONE", 3), make_iso(host, "DISC_TWO", 5)
    guest.drive("status", "empty", "at the start")
    guest.drive("ready", NO_MEDIUM, "at the start")
    guest.drive("label", "No medium found", "at the start")

    host.xl("cd-insert", "media", "hdc", one)
    guest.drive("ready", CHANGED, "a disc into an empty drive")
    guest.drive("ready", "ready", "a disc into an empty drive")
    guest.disc(one, "DISC_ONE")

    host.xl("cd-insert", "media", "hdc", two)  # in the other's place: told in two steps
    guest.drive("ready", NO_MEDIUM, "a disc in another's place")
    guest.drive("ready", CHANGED, "a disc in another's place")
    guest.drive("ready", "ready", "a disc in another's place")
    guest.disc(two, "DISC_TWO")

    # The kernel alone finds out, too: nobody asks the drive but its own polling, which tells of it by an event.
    guest.console.run("echo 500 >/sys/block/sr0/events_poll_msecs; /tmp/drive watch >/tmp/event & true")
    host.xl("cd-insert", "media", "hdc", one)
    guest.console.run("while [ ! -s /tmp/event ]; do sleep 0.2; done; grep changed /tmp/event", 60)
    guest.disc(one, "DISC_ONE")
    guest.console.run("echo 0 >/sys/block/sr0/events_poll_msecs")

    guest.drive("lock", "ok", "the guest's lock")
    guest.drive("eject", ("refused", "Input/output error", "Device or resource busy"), "locked")
    guest.drive("status", "disc", "locked")
    host.xl("cd-eject", "media", "hdc")  # from outside it comes out all the same, as with xl
    guest.drive("status", "empty", "after cd-eject")
    guest.drive("ready", NO_MEDIUM, "after cd-eject")
    guest.drive("label", "No medium found", "after cd-eject")
    guest.drive("unlock", "ok", "empty")

    host.xl("cd-insert", "media", "hdc", two)
    guest.disc(two, "DISC_TWO")
    guest.drive("eject", "ok", "the guest's own eject")
    guest.drive("status", "open", "the tray is out")
    guest.drive("close", "ok", "the guest's own load")
    guest.disc(two, "DISC_TWO")  # nobody has taken it out
    p = host.xl("cd-insert", "media", "hdc", "/nowhere.iso", ok=False)
    domus.check("/nowhere.iso" in p.stderr, p.stderr)
    p = host.xl("cd-eject", "media", "hda", ok=False)
    domus.check("hda is not a CD-ROM drive" in p.stderr, p.stderr)
    guest.disc(two, "DISC_TWO")
    print("discs: inserted, swapped, locked, ejected from both sides")


def floppies(host, guest):
    console = guest.console
    if "floppy.ko" not in console.run("ls /tmp"):
        print("no floppy driver in this kernel's package: the floppies were not tried")
        return
    console.run("insmod /tmp/floppy.ko; while [ ! -e /dev/fd0 ]; do sleep 0.2; done", 60)

    def first_line():
        return console.run("dd if=/dev/fd0 bs=512 count=1 2>/dev/null | head -n 1", 60)

    domus.check("this is FLOPPY_ONE" in first_line(), "the first floppy is not there")
    two = make_floppy(host, "FLOPPY_TWO")
    host.xl("cd-insert", "media", "fda", two)
    domus.check("this is FLOPPY_TWO" in first_line(), "the second floppy is not there")
    console.run("echo written by the guest | dd of=/dev/fd0 bs=512 seek=7 conv=sync,fsync", 60)
    host.xl("cd-eject", "media", "fda")
    with open(two, "rb") as f:
        domus.check(b"written by the guest\n" in f.read()[7 * 512:8 * 512], "what the guest wrote is not in the image")
    out = console.run("dd if=/dev/fd0 of=/dev/null bs=512 count=1; true", 60)
    domus.check("this is" not in out and re.search(r"No such device|I/O error", out), f"an empty drive reads: {out}")
    big = host.path("big.img")
    with open(big, "wb") as f:
        f.truncate(2880 * 1024)
    p = host.xl("cd-insert", "media", "fda", big, ok=False)
    domus.check("this drive takes no disk of that size" in p.stderr, p.stderr)
    p = host.xl("cd-insert", "media", "fdb", two, ok=False)
    domus.check("no such floppy drive" in p.stderr, p.stderr)
    print("floppies: changed, written, taken out")


def attach(host, image):
    """A loop device over the file, or None."""
    with open(image, "wb") as f:
        f.truncate(DEVICE_SECTORS * 512)
    try:
        p = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return p.stdout.strip() if p.returncode == 0 else None


def device(host, guest, image, path):
    found = re.search(r"at-(sd.)", guest.console.run(
        f"for d in /sys/block/sd*; do [ $(cat $d/size) != {DEVICE_SECTORS} ] || echo at-${{d##*/}}; done"))
    domus.check(found, f"no disk of {DEVICE_SECTORS} sectors in the guest")
    guest.console.run(f"echo written to the device | dd of=/dev/{found.group(1)} bs=512 seek={DEVICE_SECTORS - 1} "
                      "conv=sync,fsync", 60)
    with open(image, "rb") as f:
        domus.check(f.read()[-512:].startswith(b"written to the device\n"), "what the guest wrote is not on the device")
    p = host.create("second", f'name = "second"\ntype = "hvm"\nmemory = 64\nvnc = 0\ndisk = [ "phy:{path},hda,w" ]\n', ok=False)
    domus.check(f"{path}: the device is in use" in p.stderr, p.stderr)
    print("a loop device: its size, its last sector, and nobody else's")


def test(host):
    need_tools()
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    image = host.path("device.img")
    loop = attach(host, image)
    try:
        guest = boot(host, "media", CONFIG.format(
            disk=disk, tools=make_tools(host), floppy=make_floppy(host, "FLOPPY_ONE"),
            device=f", 'phy:{loop},hdd,w'" if loop else ""))
        if loop:
            device(host, guest, image, loop)
        else:
            print("no loop device can be made here: a device as a disk was not tried")
        discs(host, guest)
        floppies(host, guest)
        host.xl("destroy", "media")
    finally:
        if loop:
            host.xl("destroy", "media", ok=None)
            subprocess.run(["losetup", "-d", loop], check=False)


domus.main(test)
