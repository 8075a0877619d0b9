# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's installer from a CD to its first screen, the choice of a language, as the picture in docs/ has it."""
import domus
import screen


def first_screen(host, iso, picture):
    cds = domus.recipe("debian-installer")
    host.create("installer", f'''
name = "installer"
type = "hvm"
memory = 1024
disk = [ 'file:{cds}/{iso}.iso,hdc:cdrom,r' ]
boot = "d"
vnc = 0
''')
    shown = screen.Screen(host, "installer")
    shown.wait_like(picture, 600)
    return shown
