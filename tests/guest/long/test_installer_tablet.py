#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's graphical installer with the tablet, on the Cirrus card: X's pointer is where the viewer's is, to the pixel, and
a click chooses the language under it."""
import time

import domus
import rfb
import screen

CONFIG = '''
name = "windows"
memory = "1024"
builder = 'hvm'
vcpus = 1
pae = 1
acpi = 1
apic = 1
disk = [ 'file:{cd},hdc:cdrom,r' ]
boot = "d"
vnc = 1
vncunused = 1
stdvga = 0
serial = 'pty'
usbdevice = 'tablet'
engine = "jit"
'''
PLACES = [(300, 300), (301, 300), (301, 302), (517, 380), (703, 200)]
DANISH = (400, 350)


def moved(one, other):
    """The top left corner of what differs."""
    rows = [y for y in range(one.height) if one.rows[y] != other.rows[y]]
    columns = [x for y in rows for x in range(one.width) if one.pixel(x, y) != other.pixel(x, y)]
    return (min(columns), min(rows)) if rows else None


def test(host):
    cds = domus.recipe("debian-installer")
    host.create("windows", CONFIG.format(cd=f"{cds}/gtk.iso"))
    shown = screen.Screen(host, "windows")
    shown.wait_like("debian-installer-gtk", 600)
    viewer = rfb.Viewer(host, "windows")
    viewer.pointer(700, 250)
    time.sleep(3)
    away = shown.picture()
    viewer.pointer(700, 600)  # as white as there, and as the places to come: the outline does not show
    time.sleep(3)
    offset = tuple(a - b for a, b in zip(moved(away, shown.picture()), (700, 250)))
    for x, y in PLACES:
        viewer.pointer(x, y)
        time.sleep(3)
        now = shown.picture()
        where = [(a, b) for a in range(x - 4, x + 5) for b in range(y - 4, y + 5) if now.pixel(a, b) != away.pixel(a, b)]
        corner = (min(a for a, b in where), min(b for a, b in where)) if where else None
        domus.check(corner == (x + offset[0], y + offset[1]), f"pointer at {corner}, not {(x, y)} + {offset}")
    for buttons in (0, rfb.LEFT, 0):
        viewer.pointer(*DANISH, buttons)
        time.sleep(0.3)
    shown.wait_like("debian-installer-gtk-tablet", 30)


domus.main(test)
