# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads screenshots: the text of a text screen, by the VGA BIOS's font, and likeness to a picture that was looked at."""
import glob
import os
import struct
import zlib

import domus

FONT_HEIGHT = 16
# The 'A' of the 8x16 font: by it the font is found in the VGA BIOS.
LETTER_A = bytes.fromhex("000010386cc6c6fec6c6c6c600000000")


class Picture:
    """A PNG with 8 bits a channel, as rows of RGB bytes."""

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        domus.check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is not a PNG")
        at, packed = 8, b""
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at:at + 8])
            body = data[at + 8:at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, depth, color = struct.unpack(">IIBB", body[:10])
                domus.check(depth == 8 and color == 2, f"{path}: depth {depth}, colour type {color}")
            elif kind == b"IDAT":
                packed += body
            at += 12 + length
        self.rows = self.unfilter(zlib.decompress(packed))

    def unfilter(self, raw):
        stride = self.width * 3
        rows, above = [], bytearray(stride)
        for y in range(self.height):
            kind = raw[y * (stride + 1)]
            row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
            if kind == 2:
                row = bytearray((a + b) & 255 for a, b in zip(row, above))
            elif kind:
                for i in range(stride):
                    a = row[i - 3] if i >= 3 else 0
                    b, c = above[i], above[i - 3] if i >= 3 else 0
                    if kind == 1:
                        add = a
                    elif kind == 3:
                        add = (a + b) // 2
                    else:
                        pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                        add = a if pa <= pb and pa <= pc else b if pb <= pc else c
                    row[i] = (row[i] + add) & 255
            rows.append(bytes(row))
            above = row
        return rows

    def pixel(self, x, y):
        return self.rows[y][3 * x:3 * x + 3]

    def likeness(self, other):
        """How much of what stands out from other's background is the same here, 0 to 1; 0 for another size."""
        if (self.width, self.height) != (other.width, other.height):
            return 0.0
        counts = {}
        for row in other.rows:
            for i in range(0, len(row), 3):
                counts[row[i:i + 3]] = counts.get(row[i:i + 3], 0) + 1
        background = max(counts, key=counts.get)
        drawn = same = 0
        for mine, its in zip(self.rows, other.rows):
            if mine == its and its == background * self.width:
                continue
            for i in range(0, len(its), 3):
                if its[i:i + 3] != background or mine[i:i + 3] != background:
                    drawn += 1
                    same += mine[i:i + 3] == its[i:i + 3]
        return same / drawn if drawn else 1.0


def font():
    """Each glyph's 16 bytes -> its character, for the printable ASCII ones."""
    for path in glob.glob("/usr/share/seabios/vgabios-*.bin"):
        with open(path, "rb") as f:
            rom = f.read()
        at = rom.find(LETTER_A)
        if at >= 0:
            first = at - ord("A") * FONT_HEIGHT
            return {rom[first + 16 * c:first + 16 * c + 16]: chr(c) for c in range(0x20, 0x7f)}
    raise domus.Failure("no VGA BIOS with an 8x16 font in /usr/share/seabios")


def text(picture, glyphs):
    """The rows of characters of a text screen, 8 or 9 pixels a column; '?' for what is no ASCII."""
    width = 9 if picture.width % 9 == 0 and picture.width % 80 == 0 else 8
    lines = []
    for top in range(0, picture.height - FONT_HEIGHT + 1, FONT_HEIGHT):
        line = ""
        for left in range(0, picture.width - width + 1, width):
            paper = picture.pixel(left, top)
            cell = bytes(sum((picture.pixel(left + x, top + y) != paper) << (7 - x) for x in range(8))
                         for y in range(FONT_HEIGHT))
            # The underline cursor stands in the last two or three lines.
            line += glyphs.get(cell) or glyphs.get(cell[:13] + bytes(3)) or "?"
        lines.append(line.rstrip())
    return "\n".join(lines)


class Screen:
    """A domain's screen: waits for what it shall show."""

    def __init__(self, host, name):
        self.host, self.name, self.path = host, name, host.path(name + ".png")
        self.glyphs = font()

    def picture(self):
        self.host.xl("screenshot", self.name, self.path)
        return Picture(self.path)

    def text(self):
        return text(self.picture(), self.glyphs)

    def keep(self, name):
        """Keeps the last picture where build logs are, and in docs/ when the pictures are being made anew."""
        where = os.path.join(domus.ROOT, "docs", "screenshots") if os.environ.get("DOMUS_KEEP_SCREENSHOTS") else \
            os.path.join(domus.ROOT, "build", "guest-logs")
        os.makedirs(where, exist_ok=True)
        with open(self.path, "rb") as source, open(os.path.join(where, name + ".png"), "wb") as out:
            out.write(source.read())

    def wait_text(self, wanted, seconds):
        """Waits until the text screen holds the words; its text."""
        seen = ""

        def there():
            nonlocal seen
            seen = self.text()
            return wanted in seen

        try:
            self.host.wait(there, seconds, "", 1.0)
        except domus.Failure:
            raise domus.Failure(f"no {wanted!r} on {self.name}'s screen; it shows:\n{seen}") from None
        return seen

    def wait_like(self, name, seconds):
        """Waits until the screen is as docs/screenshots/NAME.png, which somebody looked at, but for a cursor."""
        kept = Picture(os.path.join(domus.ROOT, "docs", "screenshots", name + ".png"))
        best = 0.0

        def there():
            nonlocal best
            best = self.picture().likeness(kept)
            return best >= 0.97

        try:
            self.host.wait(there, seconds, "", 3.0)
        except domus.Failure:
            self.keep(name + "-failed")
            raise domus.Failure(f"{self.name}'s screen is not like docs/screenshots/{name}.png: {best:.3f}; it is "
                                f"build/guest-logs/{name}-failed.png") from None
