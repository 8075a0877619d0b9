#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtest86+ tests 64 MB once and finds no error."""
import re

import domus
import screen


def test(host):
    rescue = domus.recipe("rescue")
    host.create("memtest", f'''
name = "memtest"
type = "hvm"
memory = 64
disk = [ 'file:{rescue}/memtest.iso,hdc:cdrom,r' ]
boot = "d"
vnc = 0
''')
    shown = screen.Screen(host, "memtest")
    shown.wait_text("Memtest86+ v", 120)
    passes, errors = 0, 0

    def whole_pass():
        nonlocal passes, errors
        m = re.search(r"Pass: +(\d+) +Errors: +(\d+)", shown.text())
        if m:
            passes, errors = int(m.group(1)), int(m.group(2))
        return passes or errors

    host.wait(whole_pass, 4500, "no whole pass", 10)
    shown.keep("memtest86plus")
    domus.check(passes and not errors, f"{errors} errors in {passes} passes")


domus.main(test)
