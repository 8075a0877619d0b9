#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""keymap="cs": what a VNC viewer sends as characters arrives in a guest whose own keyboard layout is Czech, and so does what
xl send-keys types."""
import re
import time

import domus
import rfb

CONFIG = '''
name = "czech"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vnc = 1
serial = "pty"
keymap = "cs"
'''
# Linux's numbers of the keys that a Czech keyboard has other letters on than an American one.
CZECH = {2: "+", 3: "ě", 4: "š", 5: "č", 6: "ř", 7: "ž", 8: "ý", 9: "á", 10: "í", 11: "é", 12: "=", 21: "z", 26: "ú", 39: "ů",
         40: "§", 44: "y", 53: "-"}
DEAD_ACUTE = 0x0401  # K(KT_DEAD, 1) of linux/keyboard.h, on key 13
PLAIN = len("bkeymap") + 256  # where loadkmap(8)'s file has the table of keys without Shift and such
TEXT = "příliš žluťoučký kůň, úzký žebřík: ó"


def load_layout(console):
    """Makes the guest's own layout Czech, as far as TEXT needs it; the rest stays as the kernel has it."""
    console.run("dumpkmap >/tmp/map")
    for key, what in {**{k: ord(c) ^ 0xf000 for k, c in CZECH.items()}, 13: DEAD_ACUTE}.items():
        console.run(f"printf '\\x{what & 255:02x}\\x{what >> 8:02x}' | "
                    f"dd of=/tmp/map bs=1 seek={PLAIN + 2 * key} conv=notrunc 2>/dev/null")
    console.run("loadkmap </tmp/map")


def test(host):
    disk = domus.overlay(host, f"{domus.recipe('linux-small')}/disk.img", "disk.img")
    host.create("czech", CONFIG.format(disk=disk))
    console = host.console("czech")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    load_layout(console)
    console.run("chvt 2; cat </dev/tty2 >/tmp/typed & true")
    text = TEXT.replace("ť", "t").replace("ň", "n").replace(":", "")  # Linux's own tables have no dead caron
    viewer = rfb.Viewer(host, "czech")
    for c in text:
        viewer.tap(ord(c) if ord(c) < 0x100 else 0x1000000 | ord(c))
        time.sleep(0.3)
    viewer.tap(0xff0d)

    def arrived(lines):
        return int(re.search(r"(?m)^(\d+)\r?$", console.run("wc -l </tmp/typed")).group(1)) >= lines

    host.wait(lambda: arrived(1), 30, "the viewer's line does not arrive", 1.0)
    host.xl("send-keys", "czech", "text:" + text, "ret")
    host.wait(lambda: arrived(2), 30, "the line of send-keys does not arrive", 1.0)
    out = console.run("hexdump -v -e '1/1 \"%02x\"' /tmp/typed; echo")
    lines = bytes.fromhex(re.search(r"^[0-9a-f]+$", out, re.M).group()).decode().splitlines()
    domus.check(lines == [text, text], f"typed {text!r} twice, got {lines}")
    viewer.close()


domus.main(test)
