# SPDX-License-Identifier: GPL-2.0-or-later
"""Discs for a guest, and what the guest says of them: by its kernel, and by its drive past the kernel (media/drive.c)."""
import glob
import os
import re
import shutil
import subprocess
import sys

import domus

HERE = os.path.dirname(os.path.abspath(__file__))
NO_MEDIUM, CHANGED = "sense 2/3a/00", "sense 6/28/00"


def need_tools():
    for program in ("xorriso", "cc"):
        if not shutil.which(program):
            print(f"{program} is not installed")
            sys.exit(77)


def make_iso(host, name, megabytes):
    """An ISO with that volume name and a file of so many megabytes; its path."""
    folder = host.path("of-" + name)
    os.mkdir(folder)
    with open(os.path.join(folder, "what.txt"), "w", encoding="ascii") as f:
        f.write(f"this is {name}\n")
    with open(os.path.join(folder, "fill"), "wb") as f:
        f.write(os.urandom(megabytes << 20))
    iso = host.path(name + ".iso")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-V", name, "-o", iso, folder], check=True,
                   stderr=subprocess.DEVNULL)
    return iso


def make_tools(host):
    """What the small guest lacks, as a tar on a disk of its own; where the kernel's floppy driver is one of them."""
    folder = host.path("tools")
    os.mkdir(folder)
    subprocess.run(["cc", "-O2", "-static", "-o", f"{folder}/drive", os.path.join(HERE, "media", "drive.c")], check=True)
    for module in glob.glob(f"{domus.GUESTS}/debs/linux-image-*/lib/modules/*/kernel/drivers/block/floppy.ko"):
        shutil.copy(module, folder)
    subprocess.run(["tar", "-C", folder, "-cf", host.path("tools.tar"), "."], check=True)
    return host.path("tools.tar")


class Guest:
    def __init__(self, console):
        self.console = console

    def drive(self, what, wanted, says):
        """The drive program's line must be one of those wanted."""
        out = self.console.run(f"/tmp/drive {what}").splitlines()
        line = next((x for x in reversed(out) if x.strip()), "")
        domus.check(line in wanted if isinstance(wanted, tuple) else line == wanted, f"{says}: {what}: {line!r}, not {wanted!r}")
        return line

    def sectors(self):
        return int(re.search(r"^(\d+)$", self.console.run("cat /sys/block/sr0/size"), re.M).group(1))

    def disc(self, iso, name):
        """The kernel has this disc: its size, its name, its file."""
        self.drive("status", "disc", name)
        self.drive("label", f"label {name}", name)
        domus.check(self.sectors() == os.path.getsize(iso) // 512, f"{name}: {self.sectors()} sectors in the guest")
        out = self.console.run("mount -t iso9660 -o ro /dev/sr0 /mnt && cat /mnt/what.txt && md5sum /mnt/fill && umount /mnt")
        domus.check(f"this is {name}" in out, f"{name}: {out}")


def boot(host, name, config):
    """The small guest with the tools of its other disk; which disk that is, its kernel draws lots."""
    host.create(name, config)
    console = host.console(name)
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    console.run("tar -xf /dev/sda -C /tmp 2>/dev/null || tar -xf /dev/sdb -C /tmp")
    return Guest(console)
