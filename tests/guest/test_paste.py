#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vncpaste=1: text that a viewer cuts arrives at the shell of the guest's own screen, letter for letter: every character
that an American keyboard has, over several lines. What no key has is left out, and told of; without the key in the
configuration nothing arrives."""
import hashlib
import re
import time

import domus
import rfb

CONFIG = '''
name = "paste"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vnc = 1
vncunused = 1
vncpaste = {paste}
serial = "pty"
'''
EVERY = "".join(map(chr, range(0x20, 0x7f)))
LINES = [EVERY, EVERY[::-1], "", "  Aa Bb  {[(<>)]} |&;$`\"'\\ #!", "\ttab\tand\ttab", "echo \"$HOME\" && ls | wc -l; ~!@#$%^&*()_+"]


def boot(host, disk, paste):
    host.create("paste", CONFIG.format(disk=disk, paste=paste))
    console = host.console("paste")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    return console, rfb.Viewer(host, "paste")


def await_guest(console, condition, seconds=60):
    console.run(f"until {condition}; do sleep 0.2; done", seconds)


def end_of_input(viewer):
    viewer.key(rfb.CONTROL, 1)
    viewer.tap(ord("d"))
    viewer.key(rfb.CONTROL, 0)


def pasted(host, disk):
    console, viewer = boot(host, disk, 1)
    text = "\n".join(LINES) + "\n"
    viewer.cut_text("cat >/tmp/pasted; touch /tmp/done\n")
    await_guest(console, "[ -e /tmp/pasted ]")
    viewer.cut_text(text.replace("Aa Bb", "A\xe4a Bb"))  # an umlaut is on no key here
    await_guest(console, f"[ $(wc -c </tmp/pasted) -ge {len(text)} ]", 120)
    end_of_input(viewer)
    await_guest(console, "[ -e /tmp/done ]")
    said = console.run("md5sum /tmp/pasted")
    wanted = hashlib.md5(text.encode()).hexdigest()
    domus.check(wanted in said, f"the guest got {console.run('cat /tmp/pasted')!r}, not {text!r}")
    domus.check(re.search(r"vnc: 1 character", host.log("paste")), "nothing tells of the umlaut")
    viewer.cut_text("x" * 5000 + "\n")  # too much: none of it
    viewer.cut_text("echo shell >/tmp/then\n")
    await_guest(console, "[ -s /tmp/then ]")
    viewer.close()
    host.xl("destroy", "paste")
    print(f"{len(text)} characters, all of them as they were cut")


def not_asked_for(host, disk):
    console, viewer = boot(host, disk, 0)
    viewer.cut_text("echo pasted >/tmp/pasted\n")
    time.sleep(2)
    for letter in "echo typed >/tmp/typed\n":
        viewer.tap(0xff0d if letter == "\n" else ord(letter))
        time.sleep(0.3)
    await_guest(console, "[ -e /tmp/typed ]")
    out = console.run("ls /tmp")
    domus.check("typed" in out and not re.search(r"\bpasted\b", out), f"cut text was typed unasked: {out}")
    viewer.close()
    host.xl("destroy", "paste")
    print("not asked for: not typed")


def test(host):
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    pasted(host, disk)
    not_asked_for(host, disk)


domus.main(test)
