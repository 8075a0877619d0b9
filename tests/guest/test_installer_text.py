#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's amd64 text installer boots from its CD to the choice of a language, and takes keys."""
import domus
import installer


def test(host):
    shown = installer.first_screen(host, "text", "debian-installer-text")
    shown.keep("debian-installer-text")
    # One line down: English is chosen no more.
    before = shown.picture()
    host.xl("send-keys", "installer", "down")
    host.wait(lambda: shown.picture().likeness(before) < 1.0, 60, "the installer takes no keys", 1.0)


domus.main(test)
