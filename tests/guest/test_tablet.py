#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tablet: wherever a VNC viewer points, at whatever resolution, the guest's evdev has that pixel; buttons and wheel
come through; after a mode change the guest's pointer is where the viewer's stayed. A mouse and a keyboard behind a hub work
beside it, and SeaBIOS's boot menu takes the USB keyboard."""
import random
import time

import domus
import rfb
import screen
from evdev import DISPI_MEMORY, EV_KEY, EV_REL, Evdev, Places, pixel, set_mode, vga_bar

CONFIG = '''
name = "{name}"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vga = "stdvga"
videoram = 64
vnc = 1
vncunused = 1
serial = "pty"
engine = "jit"
{usb}
'''
SIZES = [(640, 480), (800, 600), (1000, 700), (1024, 768), (1280, 1024), (1360, 768), (1920, 1080), (2560, 1600)]
BUTTONS = {0x110: "left", 0x111: "right", 0x112: "middle"}


def tablet(host, disk):
    said = host.create("tablet", CONFIG.format(name="tablet", disk=disk, usb="usbdevice = 'tablet'")).stderr
    domus.check("does nothing yet" not in said and "usbdevice" not in said, said)
    console = host.console("tablet")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    memory = int(console.run(f"devmem {vga_bar(console, 2) + 0x500 + 2 * DISPI_MEMORY:#x} 16").split()[-1], 16)
    domus.check(memory == 64 * 16, f"videoram=64, and the guest's card has {memory} times 64 KiB")
    places = Places(Evdev(console, "USB Tablet"))
    viewer = rfb.Viewer(host, "tablet")
    rng = random.Random(4)
    last = None
    for size in SIZES:
        set_mode(host, "tablet", console, size)
        later = rfb.Viewer(host, "tablet")
        domus.check((later.width, later.height) == size, f"{size}: a VNC client sees {later.width}x{later.height}")
        later.close()
        if last:  # the viewer did not move; the guest's pointer came along
            seen = places.since()
            domus.check(seen and pixel(seen[-1], size) == last, f"{size}: after the mode change {seen[-3:]}, not {last}")
        w, h = size
        wanted = [(0, 0), (w - 1, h - 1), (0, h - 1), (w - 1, 0), (w // 2, h // 2), (1, 1), (w - 2, h - 2)]
        wanted += [(rng.randrange(w), rng.randrange(h)) for _ in range(40)]
        wanted.append((rng.randrange(600), rng.randrange(400)))  # a place that the next size has too
        places.follow(wanted, size, lambda place: viewer.pointer(*place))
        last = wanted[-1]
        print(f"{w}x{h}: {len(wanted)} places exact")
    events = []
    for button in (rfb.LEFT, rfb.RIGHT, rfb.MIDDLE, rfb.WHEEL_UP, rfb.WHEEL_DOWN):
        for state, code in ((button, EV_KEY), (0, EV_KEY)) if button < rfb.WHEEL_UP else ((button, EV_REL), (0, None)):
            viewer.pointer(*last, state)
            # one after the other: up and down at once would be no turn of the wheel
            events += places.evdev.until(lambda seen: code is None or any(kind == code for kind, _, _ in seen))
    pressed = [(BUTTONS[code], value) for kind, code, value in events if kind == EV_KEY]
    domus.check(pressed == [(b, v) for b in ("left", "right", "middle") for v in (1, 0)], f"buttons: {pressed}")
    wheel = [value for kind, code, value in events if kind == EV_REL and code == 8]
    domus.check(wheel == [1, -1], f"wheel: {wheel}")
    viewer.close()
    host.xl("destroy", "tablet")


def hub(host, disk):
    said = host.create("hub", CONFIG.format(name="hub", disk=disk,
                                            usb="usb = 1\nusbdevice = [ 'keyboard', 'mouse', 'mouse' ]")).stderr
    domus.check("usbdevice=\"tablet\"" in said, f"create gives no hint of a tablet: {said}")
    shown = screen.Screen(host, "hub")
    viewer = rfb.Viewer(host, "hub")
    host.wait(lambda: "Press ESC for boot menu" in host.log("hub"), 60, "no boot menu", 0.05)
    viewer.tap(rfb.ESCAPE)  # the menu waits for two and a half seconds
    shown.wait_text("Select boot device", 20)
    domus.check("USB keyboard initialized" in host.log("hub"), "SeaBIOS found no USB keyboard")
    host.xl("send-keys", "hub", "1")
    console = host.console("hub")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    mouse, keyboard = Evdev(console, "USB Mouse"), Evdev(console, "USB Keyboard")
    devices = console.run("ls /sys/bus/usb/devices")
    domus.check("1-2.2" in devices, f"nothing behind the hub: {devices}")

    def way(events):
        return sum(value for kind, code, value in events if kind == EV_REL and code == 0)

    for x in (100, 90, 300):
        viewer.pointer(x, 50)
        time.sleep(0.1)
    moved = way(mouse.until(lambda events: way(events) >= 200))
    domus.check(moved == 200, f"the mouse moved {moved}, not 200")
    host.xl("send-keys", "hub", "shift-a", "ret")

    def presses(events):
        return [(code, value) for kind, code, value in events if kind == EV_KEY and value < 2]

    keys = presses(keyboard.until(lambda events: len(presses(events)) >= 6))
    domus.check(keys == [(42, 1), (30, 1), (30, 0), (42, 0), (28, 1), (28, 0)], f"keys: {keys}")
    viewer.close()
    host.xl("destroy", "hub")


def refused(host, disk):
    for usb, why in (("'joystick'", "does not exist in domus"), (str(["mouse"] * 10), "at most 9 devices")):
        said = host.create("bad", CONFIG.format(name="bad", disk=disk, usb=f"usbdevice = {usb}"), ok=False).stderr
        domus.check(why in said, said)


def test(host):
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    tablet(host, disk)
    hub(host, disk)
    refused(host, disk)


domus.main(test)
