#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's i386 text installer (a 32-bit kernel with PAE) boots from its CD to the choice of a language."""
import domus
import installer


def test(host):
    installer.first_screen(host, "i386", "debian-installer-i386-text").keep("debian-installer-i386-text")


domus.main(test)
