#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""phy:/dev/sr0,hdc:cdrom,r as far as it goes without a real drive: media/fake_cd.c plays one for the domain's process. Discs
put into it appear in the guest by themselves, with their table of contents; the guest locks its door and moves its tray."""
import os
import subprocess

import discs
import domus

CONFIG = '''
name = "drive"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w', 'file:{tools},hdb,r', 'phy:{node},hdc:cdrom,r' ]
boot = "c"
vnc = 0
serial = "pty"
'''
NO_DISC, DISC = 1, 4


class Drive:
    """The fake drive, from the side of whoever stands before it."""

    def __init__(self, host):
        self.node = host.path("sr0")
        os.mkdir(self.node + ".d")
        with open(self.node, "wb"):
            pass
        self.put("status", NO_DISC)
        shim = host.path("fake_cd.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, os.path.join(discs.HERE, "media", "fake_cd.c")], check=True)
        host.env.update({"LD_PRELOAD": shim, "FAKE_CD": self.node})

    def put(self, name, value):
        with open(f"{self.node}.d/{name}.new", "w", encoding="ascii") as f:
            f.write(f"{value}\n")
        os.rename(f"{self.node}.d/{name}.new", f"{self.node}.d/{name}")

    def insert(self, iso, tracks):
        medium = self.node + ".d/medium"
        if os.path.lexists(medium):
            os.unlink(medium)
        os.symlink(iso, medium)
        self.put("tracks", tracks)
        self.put("changed", 1)
        self.put("status", DISC)

    def told(self):
        try:
            with open(self.node + ".d/log", encoding="ascii") as f:
                return f.read().split()
        except FileNotFoundError:
            return []


def test(host):
    discs.need_tools()
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    one, two = discs.make_iso(host, "DISC_ONE", 3), discs.make_iso(host, "DISC_TWO", 5)
    tools = discs.make_tools(host)
    drive = Drive(host)
    guest = discs.boot(host, "drive", CONFIG.format(disk=disk, tools=tools, node=drive.node))
    guest.drive("status", "empty", "at the start")

    def until(status):
        guest.console.run(f"until [ \"$(/tmp/drive status)\" = {status} ]; do sleep 0.5; done", 30)

    drive.insert(one, 1)
    until("disc")
    guest.drive("toc", "1:4@0 end@20000", "one track")
    guest.drive("label", "label DISC_ONE", "the first disc")
    domus.check(guest.sectors() == 80000, f"the disc's end is its table's: {guest.sectors()}")
    drive.insert(two, 3)
    host.wait(lambda: "3 tracks" in host.log("drive"), 30, "the second disc is not noticed")
    guest.drive("ready", discs.NO_MEDIUM, "a disc in another's place")
    guest.drive("ready", discs.CHANGED, "a disc in another's place")
    guest.drive("toc", "1:4@0 2:0@20000 3:0@40000 end@60000", "a track of data and two of audio")
    guest.drive("label", "label DISC_TWO", "the second disc")

    guest.console.run("mount -t iso9660 -o ro /dev/sr0 /mnt")  # its kernel locks the door
    host.wait(lambda: "lock" in drive.told(), 20, "the door is not locked")
    guest.console.run("umount /mnt")
    host.wait(lambda: drive.told()[-1] == "unlock", 20, f"the door stays locked: {drive.told()}")
    guest.drive("eject", "ok", "the guest's eject")
    host.wait(lambda: drive.told()[-1] == "eject", 20, f"the tray stays: {drive.told()}")
    until("open")
    guest.drive("close", "ok", "the guest's load")
    until("disc")
    domus.check(drive.told()[-1] == "close", f"{drive.told()}")
    guest.drive("label", "label DISC_TWO", "in again")

    guest.drive("lock", "ok", "the guest's lock")
    host.wait(lambda: drive.told()[-1] == "lock", 20, "the door is not locked")
    host.xl("cd-eject", "drive", "hdc")  # from the guest, not from the host's drive, whose door is free again
    guest.drive("status", "empty", "after cd-eject")
    domus.check(drive.told()[-1] == "unlock" and drive.told().count("eject") == 1, f"{drive.told()}")
    host.xl("cd-insert", "drive", "hdc", one)  # an image in the same place
    guest.disc(one, "DISC_ONE")
    host.xl("cd-insert", "drive", "hdc", drive.node)  # and the drive again
    guest.drive("label", "label DISC_TWO", "the drive again")
    host.xl("destroy", "drive")
    print("the drive of the host: discs, tables, door and tray")


domus.main(test)
