#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sdl=1 in an X server of our own: the window has the guest's screen to the pixel, keys typed there are the guest's, the
mouse reaches it, closing the window is the power button, and without an X server the guest runs all the same."""
import os
import shutil
import subprocess
import sys
import time

import domus
import screen
from evdev import EV_KEY, Evdev, Places

sys.path.insert(0, os.path.join(domus.ROOT, "tests", "display"))
import desktop  # noqa: E402

CONFIG = '''
name = "{name}"
type = "hvm"
memory = 256
disk = [ '{disk}' ]
boot = "{boot}"
serial = "pty"
usbdevice = "tablet"
vnc = 0
sdl = 1
{more}
'''


def same(host, env, name, w):
    """Is the window's inside what `xl screenshot` shows?"""
    path = host.path("same.png")
    host.xl("screenshot", name, path)
    guest = screen.Picture(path)
    left, top, width, height = desktop.geometry(env, w)
    rows = env.pixels()[2]
    return (width, height) == (guest.width, guest.height) and all(
        rows[top + y][3 * left:3 * (left + width)] == guest.rows[y] for y in range(height))


def grub(host, env):
    iso = f"{domus.recipe('rescue')}/grub.iso"
    config = CONFIG.format(name="grub", disk=f"file:{iso},hdc:cdrom,r", boot="d",
                           more=f'opengl = 1\ndisplay = "{env["DISPLAY"]}"')
    host.env["DISPLAY"] = ":917"  # nobody's; the configuration says where
    said = host.create("grub", config).stderr
    domus.check("nothing yet" not in said and "sdl" not in said, said)
    w = desktop.window(env, "^grub$")
    shown = screen.Screen(host, "grub")
    shown.wait_text("\ngrub>", 120)
    host.wait(lambda: same(host, env, "grub", w), 20, "the window is not as the screen")
    desktop.xdo(env, "windowfocus", "--sync", w)
    desktop.xdo(env, "type", "--delay", "100", "echo From_The_Windox")
    desktop.xdo(env, "key", "BackSpace")
    desktop.xdo(env, "key", "w")
    desktop.xdo(env, "key", "Return")
    shown.wait_text("\nFrom_The_Window", 30)
    host.wait(lambda: same(host, env, "grub", w), 20, "the window is not as the screen after keys")
    env.write_png(os.path.join(domus.ROOT, "build", "guest-logs", "window-grub.png"))
    host.xl("destroy", "grub")
    host.wait(lambda: "grub" not in names(env), 10, "the window outlives its domain")


def names(env):
    """The titles of the windows there are."""
    p = subprocess.run(["xdotool", "search", "--name", ".", "getwindowname", "%@"], env=env, capture_output=True,
                               text=True)
    return p.stdout.split("\n")


def close(host, env, w):
    """As the window manager's user; it may not have begun yet. True: the domain heard of it."""
    subprocess.run(["xdotool", "windowactivate", w, "key", "alt+F4"], env=env, capture_output=True)
    time.sleep(1)
    return "the window was closed" in host.log("small")


def linux(host, env):
    disk = domus.overlay(host, f"{domus.recipe('linux-small')}/disk.img", "disk.img")
    host.env["DISPLAY"] = env["DISPLAY"]
    host.create("small", CONFIG.format(name="small", disk=f"file:{disk},hda,w", boot="c", more=""))
    w = desktop.window(env, "^small$")
    console = host.console("small")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    tablet = Evdev(console, "USB Tablet")
    size = desktop.geometry(env, w)[2:]
    Places(tablet).follow([(100, 50), (0, 0), (size[0] - 1, size[1] - 1), (300, 200)], size,
                          lambda place: desktop.xdo(env, "mousemove", "--window", w, *map(str, place)))
    desktop.xdo(env, "click", "1")
    buttons = [event for event in tablet.until(lambda events: sum(e[0] == EV_KEY for e in events) >= 2) if event[0] == EV_KEY]
    domus.check(buttons == [(EV_KEY, 0x110, 1), (EV_KEY, 0x110, 0)], f"a click became {buttons}")
    host.wait(lambda: same(host, env, "small", w), 20, "the window is not as the screen")
    manager = subprocess.Popen(["openbox"], env=env, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
    host.wait(lambda: close(host, env, w), 30, "the window cannot be closed", 1.0)
    host.wait_gone("small", 60)
    manager.terminate()
    manager.wait()


def nowhere(host):
    iso = f"{domus.recipe('rescue')}/grub.iso"
    for key in "DISPLAY", "WAYLAND_DISPLAY":
        host.env[key] = ""
    for more, line in ("", "DISPLAY is not set"), ("display = ':918'", 'the X server ":918" cannot be reached'):
        said = host.create("bare", CONFIG.format(name="bare", disk=f"file:{iso},hdc:cdrom,r", boot="d", more=more)).stderr
        found = [text for text in said.splitlines() if "sdl" in text]
        domus.check(len(found) == 1 and line in found[0] and found[0].startswith(host.path("bare.cfg") + ": sdl=1: "), said)
        screen.Screen(host, "bare").wait_text("\ngrub>", 120)
        host.xl("destroy", "bare")


def test(host):
    missing = [p for p in ("Xvfb", "xdotool", "openbox") if not shutil.which(p)]
    if missing:
        print("not installed: " + " ".join(missing))
        sys.exit(77)
    env = desktop.Desktop(host.dir)
    try:
        env.wait()
        grub(host, env)
        linux(host, env)
        nowhere(host)
    finally:
        env.server.terminate()
        env.server.wait()


domus.main(test)
