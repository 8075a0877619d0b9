# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scripts beside this one share: display-show, which shows a picture whose every pixel says where it is, and
prints the keys and pointer events that reach it; an X server of our own; pictures; and the way cases are run.

  SCRIPT BUILD_DIRECTORY [CASE ...]     exit status 77: nothing could run, the programs named are not installed
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

import desktop

SHOW = os.path.join(sys.argv[1], "tests/display/display-show")
TMP = tempfile.mkdtemp(prefix="domus-display-")
FIRST_DISPLAY = 1100 + os.getpid() % 200 * 10  # others may run this, too, and browsers refuse some ports below
KEEP = os.environ.get("DISPLAY_SHOTS")  # a directory for the screenshots, to look at
started, browsers = [], []


class Missing(Exception):
    pass


def need(*programs):
    lost = [p for p in programs if not shutil.which(p)]
    if lost:
        raise Missing(" ".join(lost))


def start(command, **more):
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    started.append(p)
    return p


def end(p):
    if p.poll() is None:
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


class Show:
    """display-show, its output lines and its commands."""

    def __init__(self, password="", keymap="en-us", tablet=True, paste=False, words=(), env=None):
        self.paste = paste
        self.log = os.path.join(TMP, f"show{len(started)}.log")
        more = ["tablet"] * tablet + ["paste"] * paste + list(words)
        command = [SHOW, "127.0.0.1", str(FIRST_DISPLAY), "1", password, keymap, *more]
        with open(self.log, "wb") as f:
            self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=f, stderr=f, env=env)
        started.append(self.p)
        self.port = int(self.wait(r"^port (\d+)").group(1))
        self.display = f"127.0.0.1:{self.port - 5900}"  # gvnccapture's way;
        self.address = f"127.0.0.1::{self.port}"  # the others take a large display number for a port

    def text(self):
        with open(self.log) as f:
            return f.read()

    def wait(self, pattern, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            m = re.search(pattern, self.text(), re.M)
            if m:
                return m
            if self.p.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in: {self.text()[-600:]!r}")

    def command(self, line):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()
        time.sleep(0.3)

    def stop(self):
        self.p.stdin.close()
        if self.p.wait(60):
            raise AssertionError(f"display-show ended with {self.p.returncode}: {self.text()[-600:]}")


def png_pixels(path):
    """(width, height, rows of (r, g, b) bytes) of an 8-bit RGB or RGBA file."""
    with open(path, "rb") as f:
        data = f.read()
    at, idat = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            idat += body
        at += 12 + size
    assert depth == 8 and colour in (2, 6), (depth, colour)
    n = 3 if colour == 2 else 4
    raw, rows, above = zlib.decompress(idat), [], bytearray(width * n)
    for y in range(height):
        kind = raw[y * (width * n + 1)]
        row = bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        for i in range(len(row)):
            a, b, c = (row[i - n] if i >= n else 0), above[i], (above[i - n] if i >= n else 0)
            if kind == 1:
                row[i] = row[i] + a & 255
            elif kind == 2:
                row[i] = row[i] + b & 255
            elif kind == 3:
                row[i] = row[i] + (a + b) // 2 & 255
            elif kind == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                row[i] = row[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c) & 255
        rows.append(bytes(row) if n == 3 else bytes(v for i, v in enumerate(row) if i % 4 != 3))
        above = row
    return width, height, rows


def expect_picture(path, width, height, shade, slack=0):
    w, h, rows = png_pixels(path)
    assert (w, h) == (width, height), (w, h)
    for y in range(0, h, 7):
        for x in range(0, w, 11):
            want = (x * 255 // (w - 1), y * 255 // (h - 1), shade)
            got = tuple(rows[y][3 * x:3 * x + 3])
            assert all(abs(a - b) <= slack for a, b in zip(got, want)), (x, y, got, want)


def capture(show, name="capture.png", seconds=120):
    path = os.path.join(TMP, name)
    subprocess.run(["gvnccapture", show.display, path], check=True, timeout=seconds, stdout=subprocess.DEVNULL)
    keep(path)
    return path


def keep(path):
    if KEEP:
        os.makedirs(KEEP, exist_ok=True)
        shutil.copy(path, KEEP)


def x_server(key_file=None):
    """key_file: only who has that may use it."""
    need("Xvfb", "xdotool")
    env = desktop.Desktop(TMP, *(["-auth", key_file] if key_file else []))
    started.append(env.server)
    if key_file:
        env["XAUTHORITY"] = key_file
    env.wait()
    return env


def main(cases):
    wanted, failed, passed = sys.argv[2:], 0, 0
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        began = time.monotonic()
        try:
            case()
            result = "ok"
            passed += 1
        except Missing as e:
            result = f"skipped: not installed: {e}"
        except Exception as e:  # one case's trouble must not hide the others
            result = f"FAILED: {type(e).__name__}: {e}"
            traceback.print_exc()
            failed += 1
        while browsers:
            browsers.pop().close()  # again, where the case did not fail
        while started:
            end(started.pop())
        print(f"{case.__name__:<14} {result} ({time.monotonic() - began:.1f} s)", flush=True)
    shutil.rmtree(TMP, ignore_errors=True)
    sys.exit(1 if failed else 0 if passed else 77)
