# SPDX-License-Identifier: GPL-2.0-or-later
"""An X server of our own (Xvfb), its windows and what its screen shows."""
import ctypes
import os
import struct
import subprocess
import time
import zlib


class Desktop(dict):
    """The environment of an X server, which it starts, with more arguments; its screen is in a file (XWDFile.h). server: to be
    ended by who made this."""

    def __init__(self, folder, *more):
        for number in range(90, 120):
            if not os.path.exists(f"/tmp/.X11-unix/X{number}"):
                break
        screen = os.path.join(folder, f"screen{number}")
        os.makedirs(screen, exist_ok=True)
        self.screen = os.path.join(screen, "Xvfb_screen0")
        self.server = subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "1280x1024x24", "-nolisten", "tcp",
                                        "-noreset", "-fbdir", screen, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().__init__(os.environ, DISPLAY=f":{number}", HOME=folder)

    def wait(self):
        for _ in range(600):
            if subprocess.run(["xdotool", "getdisplaygeometry"], env=self, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("Xvfb does not answer")

    def pixels(self):
        """(width, height, rows of (r, g, b) bytes)."""
        with open(self.screen, "rb") as f:
            data = f.read()
        head = struct.unpack(">25I", data[:100])
        width, height, stride, at = head[4], head[5], head[12], head[0] + 12 * head[19]
        rows = []
        for y in range(height):
            bgrx = data[at + y * stride:at + y * stride + 4 * width]
            row = bytearray(3 * width)
            row[0::3], row[1::3], row[2::3] = bgrx[2::4], bgrx[1::4], bgrx[0::4]
            rows.append(bytes(row))
        return width, height, rows

    def write_png(self, path):
        width, height, rows = self.pixels()
        parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
                 (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
        with open(path, "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n")
            for kind, body in parts:
                f.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))


def xdo(env, *words):
    return subprocess.run(["xdotool", *words], env=env, check=True, capture_output=True, text=True, timeout=120).stdout


def window(env, name):
    return xdo(env, "search", "--sync", "--onlyvisible", "--name", name).split()[0]


def geometry(env, w):
    """(x, y, width, height) of a window's inside; xdotool's own x and y are wrong under a window manager."""
    x11, numbers = ctypes.CDLL("libX11.so.6"), [ctypes.c_int() for _ in range(6)]
    x11.XOpenDisplay.restype = ctypes.c_void_p
    if "XAUTHORITY" in env:
        os.environ["XAUTHORITY"] = env["XAUTHORITY"]
    display = ctypes.c_void_p(x11.XOpenDisplay(env["DISPLAY"].encode()))
    assert display, "no connection to the X server"
    root = ctypes.c_ulong()
    x11.XGetGeometry(display, ctypes.c_ulong(int(w)), ctypes.byref(root), *map(ctypes.byref, numbers))
    x, y, child = ctypes.c_int(), ctypes.c_int(), ctypes.c_ulong()
    x11.XTranslateCoordinates(display, ctypes.c_ulong(int(w)), root, 0, 0, ctypes.byref(x), ctypes.byref(y),
                              ctypes.byref(child))
    x11.XCloseDisplay(display)
    return x.value, y.value, numbers[2].value, numbers[3].value
