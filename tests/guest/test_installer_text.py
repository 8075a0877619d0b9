#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's amd64 text installer boots from its CD to the choice of a language, and takes keys."""
import domus
import installer


def test(host):
    shown = installer.first_screen(host, "text", "debian-installer-text")
    shown.keep("debian-installer-text")
    # The bar over English moves to the next line.
    english, esperanto = (640, 376), (640, 392)
    before = shown.picture()
    bar, paper = before.pixel(*english), before.pixel(*esperanto)
    domus.check(bar != paper, "no bar over English")
    host.xl("send-keys", "installer", "down")

    def moved():
        now = shown.picture()
        return now.pixel(*english) == paper and now.pixel(*esperanto) == bar

    host.wait(moved, 60, "the installer takes no keys", 1.0)


domus.main(test)
