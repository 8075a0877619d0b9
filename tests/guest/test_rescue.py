#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""GRUB's rescue CD to its prompt, where keys reach it; iPXE's CD to its banner and its shell."""
import domus
import screen


def boot(host, name, iso):
    host.create(name, f'''
name = "{name}"
type = "hvm"
memory = 128
disk = [ 'file:{iso},hdc:cdrom,r' ]
boot = "d"
vnc = 0
''')
    return screen.Screen(host, name)


def test(host):
    rescue = domus.recipe("rescue")
    grub = boot(host, "grub", f"{rescue}/grub.iso")
    grub.wait_text("\ngrub>", 120)
    host.xl("send-keys", "grub", "text:ls", "ret")
    grub.wait_text("(cd)", 30)
    grub.keep("grub-rescue")
    host.xl("destroy", "grub")

    ipxe = boot(host, "ipxe", f"{rescue}/ipxe.iso")
    ipxe.wait_text("iPXE initialising devices", 120)
    ipxe.wait_text("Press Ctrl-B", 60)
    host.xl("send-keys", "ipxe", "ctrl-b")
    ipxe.wait_text("iPXE>", 60)
    host.xl("send-keys", "ipxe", "text:cpuid --ext 29 && echo long-mode", "ret")
    ipxe.wait_text("\nlong-mode", 30)
    ipxe.keep("ipxe")
    host.xl("destroy", "ipxe")


domus.main(test)
