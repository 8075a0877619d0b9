#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The web console in a real browser, of a real guest: the page shows what the guest shows, pixel for pixel, at several
sizes; keys, text and pointer reach the guest as they are; Ctrl-Alt-Del, Reset and Shut down do what they say, the latter
two asked for once more; and after a reboot the page comes back by itself."""
import base64
import json
import os
import random
import string
import sys
import time

import domus
import evdev
import network
import rfb
import screen

sys.path.insert(0, os.path.join(domus.ROOT, "tests", "display"))
from browser import CONTROL, ENTER, SHIFT, Browser  # noqa: E402

NAME = "web"
CONFIG = '''
name = "web"
type = "hvm"
memory = 256
disk = [ 'file:{disk},hda,w' ]
boot = "c"
vga = "stdvga"
vnc = 1
vncunused = 1
serial = "pty"
usbdevice = "tablet"
on_reboot = "restart"
on_poweroff = "destroy"
'''
CONNECTED = "document.body.dataset.state === 'connected'"
AWAY = "document.body.dataset.state === 'away'"
CANVAS = "document.querySelector('#screen canvas')"
PIXELS = f'''
const c = {CANVAS}, from = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let text = '', part = [];
for (let i = 0; i < from.length; i += 4) {{
  part.push(from[i], from[i + 1], from[i + 2]);
  if (part.length >= 30000) {{ text += String.fromCharCode(...part); part = []; }}
}}
return [c.width, c.height, btoa(text + String.fromCharCode(...part))];
'''
SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?' + string.ascii_uppercase, "`1234567890-=[]\\;',./" + string.ascii_lowercase))
PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7f))
SIZES = [(1024, 768), (1920, 1080), (2560, 1600)]
KEY_PAUSE_MS = 30  # a quick typist's; a keyboard's buffer holds few keys


class Page:
    """The browser and the domain that it looks at."""

    def __init__(self, host, created):
        self.host = host
        said = created.stdout + created.stderr
        self.url = f"http://127.0.0.1:{rfb.port_of(host, NAME)}/"
        domus.check(self.url in said, f"create does not say {self.url}: {said}")
        home = host.path("browser")
        os.mkdir(home)
        self.browser = Browser(home, (1000, 740))

    def open(self):
        self.browser.open(self.url)
        self.browser.until(CONNECTED)
        domus.check(self.browser.run("return document.title") == f"{NAME} – domus", "another domain's page")

    def booted(self):
        console = network.booted(self.host, NAME)
        console.run("printf '\\033[?25l' >/dev/tty1")  # a cursor that blinks would make two pictures of one
        return console

    def same_picture(self, what):
        """The page's picture becomes the guest's, each pixel; the size."""
        shot = self.host.path("guest.png")
        wrong = size = ""

        def same():
            nonlocal wrong, size
            self.host.xl("screenshot", NAME, shot)
            guest = screen.Picture(shot)
            width, height, data = self.browser.run(PIXELS)
            if (width, height) != (guest.width, guest.height):
                wrong = f"{width}x{height}, not {guest.width}x{guest.height}"
                return False
            size = f"{width}x{height}"
            data, stride = base64.b64decode(data), 3 * width
            lines = [y for y in range(height) if data[stride * y:stride * (y + 1)] != guest.rows[y]]
            wrong = f"{len(lines)} lines differ, the first is {lines[:1]}"
            return not lines and len(set(data)) > 1

        try:
            self.host.wait(same, 20, "", 0.5)
        except domus.Failure:
            self.keep("web-console-failed")
            raise domus.Failure(f"{what}: the page's picture is not the guest's: {wrong}") from None
        print(f"{what}: {size} the same")

    def keep(self, name):
        """Keeps what the browser shows where build logs are; those of docs/ there when they are being made anew."""
        docs = os.path.join(domus.ROOT, "docs", "screenshots")
        where = os.path.join(domus.ROOT, "build", "guest-logs")
        if os.environ.get("DOMUS_KEEP_SCREENSHOTS") and os.path.exists(os.path.join(docs, name + ".png")):
            where = docs
        os.makedirs(where, exist_ok=True)
        self.browser.shot(os.path.join(where, name + ".png"))

    def press(self, text):
        """As fingers do it, on a keyboard of the United States."""
        pause = {"type": "pause", "duration": KEY_PAUSE_MS}
        actions = []
        for c in text:
            key = SHIFTED.get(c, c)
            held = [SHIFT] if c in SHIFTED else []
            actions += [{"type": "keyDown", "value": k} for k in held + [key]] + [pause]
            actions += [{"type": "keyUp", "value": k} for k in [key] + held] + [pause]
        self.browser.act("key", *actions)


def end_of_file(page):
    page.browser.act("key", *[{"type": kind, "value": key} for kind, key in (
        ("keyDown", CONTROL), ("keyDown", "d"), ("keyUp", "d"), ("keyUp", CONTROL))])


def expect_file(host, console, path, wanted):
    """The guest has that file, and in it that text."""
    got = ""

    def same():
        nonlocal got
        said = console.run(f"base64 {path} || true").partition("\n")[2]  # behind the command itself
        got = base64.b64decode(said).decode("latin-1")
        return got == wanted

    try:
        host.wait(same, 20, "", 1.0)
    except domus.Failure:
        raise domus.Failure(f"{path} in the guest is {got!r}, not {wanted!r}") from None


def keys(page, console):
    """Every printable character, in two orders, by keys; and by the page's button, from a text of several lines."""
    shuffled = "".join(random.Random(7).sample(PRINTABLE, len(PRINTABLE)))
    page.browser.click("#screen canvas")
    page.press("cat >/tmp/pressed" + ENTER + PRINTABLE + ENTER + shuffled + ENTER)
    end_of_file(page)
    expect_file(page.host, console, "/tmp/pressed", f"{PRINTABLE}\n{shuffled}\n")
    lines = ["", PRINTABLE, "\tTab", shuffled, "", "the END"]
    page.browser.click("#type")
    page.browser.run("document.getElementById('text').value = " + json.dumps("cat >/tmp/typed" + "\n".join(lines)))
    page.browser.type(" of it" + ENTER)  # into the dialog, not into the guest
    page.keep("web-console-type-text")
    page.browser.click("#go")
    page.browser.until("document.getElementById('type').textContent === 'Stop typing'")
    page.browser.until("document.getElementById('type').textContent === 'Type text'")
    end_of_file(page)
    expect_file(page.host, console, "/tmp/typed", "\n".join(lines[1:]) + " of it\n")


def stopped_typing(page, console):
    """The button stops what it started, and no key stays down."""
    page.press("cat >/tmp/stopped" + ENTER)
    page.browser.click("#type")
    page.browser.run("document.getElementById('text').value = 'A'.repeat(2000)")
    page.browser.click("#go")
    page.browser.until("Number(/Typing (\\d+)/.exec(document.getElementById('status').textContent)?.[1]) >= 20")
    page.browser.click("#type")
    page.browser.until("document.getElementById('type').textContent === 'Type text'")
    page.press("z" + ENTER)
    end_of_file(page)
    page.host.wait(lambda: "z" in console.run("cat /tmp/stopped"), 20, "nothing came after the stop")
    count = console.run("cat /tmp/stopped").count("A")
    domus.check(20 <= count < 2000, f"{count} characters were typed before the stop")


def pointer(page, console, places, size):
    """The guest's pointer is at the pixel that the page's is over."""
    left, top, shown = page.browser.run(f"const r = {CANVAS}.getBoundingClientRect(); return [r.left, r.top, r.width]")
    scale, rng = shown / size[0], random.Random(size[0])
    wanted = {}
    while len(wanted) < 25:
        x, y = (int(start + rng.randrange(n) * scale) + 1 for start, n in zip((left, top), size))
        exact = ((x - left) / scale, (y - top) / scale)
        if any(not 0 < e < n or not 0.05 < e % 1 < 0.95 for e, n in zip(exact, size)):
            continue  # beside the picture, or so near a pixel's edge that rounding decides
        wanted[tuple(map(int, exact))] = x, y
    places.since()
    places.follow(list(wanted), size, lambda place: page.browser.point(*wanted[place], click=False))
    print(f"{size[0]}x{size[1]} at {scale:.3f}: {len(wanted)} places exact")


def modes(page, console):
    """The page follows the guest's resolution; colours are exact in all of the picture."""
    places = evdev.Places(evdev.Evdev(console, "USB Tablet"))
    for size in SIZES:
        evdev.set_mode(page.host, NAME, console, size)
        evdev.noise(console, 12)
        page.same_picture("graphics")
        pointer(page, console, places, size)


def comes_back(page, domid):
    """The restarted domain's page, without a hand."""
    page.host.wait(lambda: page.host.domid(NAME) not in (None, domid), 60, "no new domain")
    page.browser.until(AWAY)
    page.keep("web-console-away")
    page.browser.until(CONNECTED)
    console = page.booted()
    page.same_picture("after the restart")
    return console


def restarts(page, console):
    domid = page.host.domid(NAME)
    console.run("echo 1 >/proc/sys/kernel/ctrl-alt-del")
    page.browser.click("#cad")
    console = comes_back(page, domid)
    page.press("echo again >/tmp/again" + ENTER)  # the page has the keyboard, still
    expect_file(page.host, console, "/tmp/again", "again\n")

    domid = page.host.domid(NAME)
    page.browser.click("#reset")
    page.keep("web-console-reset")
    page.browser.click("#confirm button[value='']")
    console.run("sleep 3")
    domus.check(page.host.domid(NAME) == domid, "Cancel reset the guest")
    page.browser.click("#reset")
    page.browser.click("#yes")
    console = comes_back(page, domid)

    page.browser.click("#shutdown")
    page.keep("web-console-shut-down")
    page.browser.click("#yes")
    console.wait("reboot: Power down", 60)  # the guest itself did it
    page.host.wait_gone(NAME, 60)
    page.browser.until(AWAY)


def test(host):
    network.need("chromium", "chromedriver")
    if not os.path.exists("/usr/share/novnc/core/rfb.js"):
        print("no novnc")
        sys.exit(77)
    disk = domus.overlay(host, f"{domus.recipe('linux-small')}/disk.img", "disk.img")
    page = Page(host, host.create(NAME, CONFIG.format(disk=disk)))
    try:
        page.open()
        console = page.booted()
        page.same_picture("text")
        page.keep("web-console")
        keys(page, console)
        stopped_typing(page, console)
        modes(page, console)
        restarts(page, console)
    except AssertionError as e:
        page.keep("web-console-failed")
        raise domus.Failure(str(e)) from None
    finally:
        page.browser.close()


domus.main(test)
