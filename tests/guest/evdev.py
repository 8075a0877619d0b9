# SPDX-License-Identifier: GPL-2.0-or-later
"""The small guest's input devices as its kernel sees them, and the standard VGA's modes to point at."""
import re
import time

import domus
import screen

EV_KEY, EV_REL, EV_ABS = 1, 2, 3
DISPI_XRES, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK, DISPI_MEMORY = 1, 2, 3, 4, 5, 10


class Evdev:
    """One of the guest's input devices: what it said since last asked."""

    def __init__(self, console, name):
        self.console = console
        m = None
        for _ in range(50):  # what is behind a hub takes the kernel a while
            devices = console.run("cat /proc/bus/input/devices")
            m = re.search(rf'Name="[^"]*{name}"(?:\n.+)*?Handlers=.*?(event\d+)', devices)
            if m:
                break
            time.sleep(1)
        domus.check(m, f"the guest has no {name}:\n{devices}")
        self.event = m.group(1)
        self.log = "/tmp/" + self.event
        self.read = 0
        console.run(f"cat /dev/input/{self.event} >{self.log} & true")

    def events(self):
        """(type, code, value) of each, in order."""
        out = self.console.run(f"tail -c +{self.read + 1} {self.log} | hexdump -v -e '12/2 \"%d \" \"\\n\"'")
        rows = [tuple(map(int, line.split())) for line in out.splitlines() if re.fullmatch(r"(-?\d+ ?){12}", line)]
        self.read += 24 * len(rows)
        return [(kind, code, (low & 0xffff) | high << 16) for *_, kind, code, low, high in rows]


    def until(self, enough, seconds=20):
        """Events from here on, until enough(events) or until the time is over."""
        events, end = [], time.monotonic() + seconds * domus.SLOW_HOST
        while not enough(events) and time.monotonic() < end:
            events += self.events()
        return events


class Places:
    """The places that a tablet's events tell of."""

    def __init__(self, evdev):
        self.evdev, self.x, self.y = evdev, 0, 0

    def since(self):
        seen = []
        for kind, code, value in self.evdev.events():
            if kind == EV_ABS and code == 0:
                self.x = value
            elif kind == EV_ABS and code == 1:
                self.y = value
            elif kind == 0:
                seen.append((self.x, self.y))
        return seen

    def follow(self, wanted, size, move):
        """Each place that move(place) points at comes through as that pixel. A busy host may join several moves into their
        last: those left out are pointed at again, slower."""
        missing, pause = wanted, 0.03
        for _ in range(5):
            for place in missing:
                move(place)
                time.sleep(pause)
            seen = []
            for _ in range(250):
                seen += [pixel(p, size) for p in self.since()]
                if seen and seen[-1] == wanted[-1]:
                    break
                time.sleep(0.2)
            rest = iter(missing)
            domus.check(seen and seen[-1] == wanted[-1] and all(p in rest for p in seen),
                        f"{size}: pointed at {missing}, the guest has {seen}")
            missing = [p for p in missing if p not in seen]
            if not missing:
                return
            missing, pause = missing + wanted[-1:], 3 * pause
        raise domus.Failure(f"{size}: {missing} do not come through")


def pixel(place, size):
    """As libinput and X make a pixel of an absolute coordinate."""
    return tuple(v * n // 32768 for v, n in zip(place, size))


def vga_bar(console, number):
    """Where the guest's display card has that BAR."""
    line = console.run(f"sed -n {number + 1}p /sys/bus/pci/devices/0000:00:03.0/resource")
    return int(line.split()[-3], 16)


def dispi(console, bar, register, value):
    console.run(f"devmem {bar + 0x500 + 2 * register:#x} 16 {value}")


def noise(console, banks):
    """Fills so many banks of 64 KiB of the frame buffer, from its start, with what nothing can pack."""
    address = vga_bar(console, 2) + 0x500 + 2 * DISPI_BANK
    console.run(f"i=0; while [ $i -lt {banks} ]; do devmem {address:#x} 16 $i; "
                "dd if=/dev/urandom of=/dev/mem bs=65536 seek=10 count=1 conv=notrunc 2>/dev/null; i=$((i+1)); done", 120)


def set_mode(host, name, console, size):
    """A mode of the standard VGA, 32 bits a pixel, by its registers; waits until the screen has that size."""
    bar = vga_bar(console, 2)
    for register, value in ((DISPI_ENABLE, 0), (DISPI_XRES, size[0]), (DISPI_YRES, size[1]), (DISPI_BPP, 32),
                            (DISPI_ENABLE, 0x41)):
        dispi(console, bar, register, value)
    shot = host.path("size.png")

    def there():
        host.xl("screenshot", name, shot)
        p = screen.Picture(shot)
        return (p.width, p.height) == size

    host.wait(there, 20, f"the screen is not {size}")
