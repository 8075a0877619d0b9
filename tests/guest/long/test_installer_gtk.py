#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's graphical installer (an X server on the Cirrus card) boots from its CD to the choice of a language."""
import domus
import installer


def test(host):
    installer.first_screen(host, "gtk", "debian-installer-gtk").keep("debian-installer-gtk")


domus.main(test)
