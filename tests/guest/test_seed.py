#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A config as people have it from Xen: an empty 50 GB disk and a CD. The guest boots the CD, partitions the disk, makes a
filesystem, installs a boot loader and reboots (a new domid); with boot="c" it boots from that disk; and a triple fault
destroys it."""
import os
import subprocess

import domus

# The keys that domus cannot serve yet are here on purpose: each only says so.
CONFIG = '''
name="windows"
memory="2048"
builder='hvm'
vcpus=1
pae=1
acpi=1
apic=1
vif = [ 'type=ioemu, bridge=bridge0, mac=00:16:3e:00:00:01' ]
disk = [ 'file:{image},hda,w', 'phy:{iso},hdc:cdrom,r' ]
boot="d"
on_poweroff = 'destroy'
on_reboot = 'restart'
on_crash = 'destroy'
vnc=1
vncunused=1
vncpasswd=''
sdl=0
opengl=1
stdvga=0
serial='pty'
usb=1
usbdevice='tablet'
soundhw='es1370'
'''
# lidt with an empty table, then int3: no handler can be reached, so the processor shuts down.
TRIPLE_FAULT = bytes.fromhex("fa 0f011e107c cc f4") + bytes(502) + b"\x55\xaa"


def ready(host):
    console = host.console("windows")
    console.wait("domus-guest-ready", 400)
    console.wait("/ # ", 60)
    return console


def install(console):
    domus.check(console.run("cat /sys/block/sda/size").split()[-1] == str((50 << 30) // 512),
                "the guest does not see 50 GiB")
    console.run("mkdir -p /cd && mount -t iso9660 /dev/sr0 /cd && ls -l /cd/install")
    # A new table with one partition at 1 MiB, bootable: GRUB's core image goes before it.
    console.run("printf 'o\\nn\\np\\n1\\n2048\\n+256M\\na\\n1\\nw\\n' | fdisk -u /dev/sda", 120)
    console.run("fdisk -lu /dev/sda && test -b /dev/sda1")
    console.run("mke2fs -L domus-small /dev/sda1", 240)
    console.run("mount -t ext4 /dev/sda1 /mnt && mkdir -p /mnt/boot/grub", 120)
    console.run("cp /cd/boot/vmlinuz /cd/boot/initrd.img /mnt/boot/ && cp /cd/install/grub.cfg /mnt/boot/grub/", 240)
    console.run("sum=$(cd /cd/boot; md5sum vmlinuz initrd.img); echo \"$sum\" >/mnt/boot/sums; umount /mnt", 240)
    console.run("dd if=/cd/install/boot.img of=/dev/sda bs=446 count=1 conv=notrunc")
    console.run("dd if=/cd/install/core.img of=/dev/sda bs=512 seek=1 conv=notrunc && sync", 120)


def test(host):
    small = domus.recipe("linux-small")
    image = host.path("windows.img")
    subprocess.run(["dd", "if=/dev/zero", "of=" + image, "bs=1024k", "count=0", "seek=50k"], check=True,
                   stderr=subprocess.DEVNULL)
    text = CONFIG.format(image=image, iso=f"{small}/small.iso")
    said = host.create("windows", text).stderr
    domus.check("soundhw 'es1370' does not exist yet in domus" in said, f"create says nothing of soundhw:\n{said}")
    print(said)
    first = host.domid("windows")
    console = ready(host)
    domus.check("domus.from=CD" in console.run("cat /proc/cmdline"), "not booted from the CD")
    install(console)
    console.send("reboot -f\n")
    host.wait(lambda: host.domid("windows") not in (None, first), 120, "no new domain after the guest's reboot")
    print(f"reboot: domid {first} -> {host.domid('windows')}")
    host.xl("destroy", "windows")
    domus.check(os.stat(image).st_blocks * 512 < 1 << 30, "the image is sparse no more")

    host.create("windows", text, 'boot="c"')
    console = ready(host)
    domus.check("domus.from=disk" in console.run("cat /proc/cmdline"), "not booted from the disk")
    console.run("mount -t ext4 /dev/sda1 /mnt && cd /mnt/boot && md5sum -c sums && cd / && umount /mnt", 240)
    host.xl("trigger", "windows", "power")
    host.wait_gone("windows", 120)

    bad = host.path("triple.img")
    with open(bad, "wb") as f:
        f.write(TRIPLE_FAULT + bytes((1 << 20) - 512))
    host.create("windows", text.replace(image, bad), 'boot="c"')
    host.wait_gone("windows", 60)
    domus.check("triple fault" in host.log("windows"), "the log does not say why")


domus.main(test)
