#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A config as people have it, and a Debian system that its own installer puts on the empty disk, unattended, with packages
over the emulated NIC from where the host's apt has its own. Then that one system: from the disk, on the network, X with the
viewer's pointer, the Sound Blaster, its reboot and its crash.

DOMUS_INSTALLED=FILE keeps the installed disk there, and begins with it when it is there."""
import base64
import os
import re
import time

import domus
import mirror
import network
import rfb
import screen
import tones

MAC = "00:01:3e:11:9c:15"
CONFIG = '''
name = "windows"
builder = "hvm"
memory = 2048
vcpus = 1
acpi = 1
apic = 1
vif = [ 'type=ioemu, mac={mac}, bridge=bridge0' ]
disk = [ 'file:{image},hda,w', 'phy:{cd},hdc:cdrom,r' ]
boot = "d"
on_reboot = "restart"
on_crash = "destroy"
sdl = 0
opengl = 1
vnc = 1
stdvga = 0
usbdevice = 'tablet'
soundhw = 'sb16'
'''
SHELL = 2323  # the guest's port, see guests/unattended/target
SOUNDS = [
    tones.Sound("s16-stereo-44100", 44100, 2, 3, tones.tone(1000), tones.tone(1500)),
    tones.Sound("s16-mono-22050", 22050, 2, 2, tones.tone(440)),
]


class Guest:
    """The installed system, once it answers: at the address that DHCP gave to MAC."""

    def __init__(self, host, net):
        self.host, self.net = host, net
        self.domid = host.domid("windows")
        self.leases = host.path("leases")
        host.wait(self.up, 400, "the installed system does not answer", 2.0)
        print(f"domid {self.domid} answers at {self.address()}", flush=True)

    def address(self):
        with open(self.leases, encoding="ascii") as f:
            rows = [line.split() for line in f]
        return max(((int(row[0]), row[2]) for row in rows if row[1] == MAC), default=(0, None))[1]

    def up(self):
        try:
            return self.address() and self.run("systemctl is-active screen.service", ok=None).strip() == "active"
        except (OSError, domus.Failure):
            return False

    def run(self, command, ok=True, put=b"", seconds=60):
        """What the command says. put: what /tmp/put shall have; ok=None: whatever its exit status is."""
        with mirror.socket_there(self.net.enter, "create_connection", self.address(), SHELL) as s:
            s.settimeout(seconds * domus.SLOW_HOST)
            if put:
                s.sendall(b"base64 -d >/tmp/put <<END\n" + base64.encodebytes(put) + b"END\n")
            s.sendall(f"{{ {command}; }} 2>&1; echo \"=$?=\"; exit\n".encode())
            said = b""
            while more := s.recv(1 << 16):
                said += more
        m = re.fullmatch(r"(?s)(.*)=(\d+)=\n", said.decode("utf-8", "replace"))
        domus.check(m, f"in the guest: {command}: {said[-500:]}")
        domus.check(ok is None or m.group(2) == "0", f"in the guest: {command}: exit {m.group(2)}: {m.group(1)[-800:]}")
        return m.group(1)

    def later(self, command):
        """In a second, when nobody waits for an answer any more; not in the shell's own service, which ends with it."""
        self.run(f"systemd-run -q --on-active=1 sh -c '{command}'")

    def restarted(self):
        """After its own restart: the same guest as another domain."""
        self.host.wait(lambda: self.host.domid("windows") not in (None, self.domid), 240, "no new domain after the guest's reboot")
        return Guest(self.host, self.net)


def create(host, net, text, *args):
    """What create says, each thing in a line; the guest starts all the same."""
    said = host.create("windows", text, *args).stderr
    print(said, flush=True)
    domus.check("vif" not in said and "usbdevice" not in said and "soundhw" not in said, said)


def poor_host(host, text):
    """Without the bridge and a sound device: a line for each, and the guest starts."""
    said = host.create("windows", text).stderr
    wanted = [] if os.path.exists("/sys/class/net/bridge0") else ["vif: there is no bridge bridge0"]
    wanted += [] if os.path.exists("/dev/snd") else ["sound: no sound device here"]
    for line in wanted:
        domus.check(len([s for s in said.splitlines() if "windows.cfg" in s and line in s]) == 1, f"no line {line!r}: {said}")
    screen.Screen(host, "windows").wait_text("Debian installer (i386, unattended)", 120)
    host.xl("destroy", "windows")


def progress(shown, packages, begin, last):
    """Tells of the installer's screen when it is another; what it showed last."""
    try:
        picture = shown.picture()
    except domus.Failure:
        return last  # between two domains
    now = hash(tuple(picture.rows))
    if now != last:
        print(f"{time.monotonic() - begin:6.0f} s: {packages.bytes >> 20} MiB of packages", flush=True)
    return now


def install(host, net, text, source):
    """From the empty disk to the guest's own reboot."""
    with mirror.Mirror(net.enter, net.gateway, 3128, source) as packages:
        begin = time.monotonic()
        create(host, net, text)
        first = host.domid("windows")
        shown = screen.Screen(host, "windows")
        last, kept = None, False
        while host.domid("windows") == first:
            seconds = time.monotonic() - begin
            domus.check(seconds < 3600 * domus.SLOW_HOST, "not installed after hours")
            last = progress(shown, packages, begin, last)
            if packages.bytes >= 160 << 20 and not kept and shown.picture():
                shown.keep("install-packages")
                kept = True
            time.sleep(5)
        host.wait(lambda: host.domid("windows") is not None, 60, "no new domain after the installer's reboot")
        print(f"installed: domid {first} -> {host.domid('windows')} after {time.monotonic() - begin:.0f} s; "
              f"{packages.requests} requests, {packages.bytes >> 20} MiB, not there: {packages.missing}", flush=True)
        domus.check(packages.bytes > 100 << 20, "the packages did not come over the network")
    host.xl("destroy", "windows")  # its disk is installed, and boot="d" begins anew


def system(guest):
    """What was installed, and what it has of the config."""
    said = guest.run("cat /etc/debian_version; uname -srm; dpkg -l | grep -c ^ii; findmnt -no SOURCE,FSTYPE,SIZE /; "
                     "cat /proc/cmdline; free -m | grep Mem; nproc")
    print(said)
    domus.check(re.match(r"12\.\d+\nLinux 6\S+-686 i686\n\d+\n/dev/sda1 +ext4 +\d+(\.\d)?G\n", said), said)
    domus.check("unattended" not in said and "BOOT_IMAGE=/boot/vmlinuz" in said, f"not booted from its disk: {said}")
    nic = guest.run("ip -o link show up; basename $(readlink /sys/bus/pci/devices/*/net/*/device/driver); ip -o -4 addr")
    domus.check(MAC in nic and "8139cp" in nic and guest.address() + "/24" in nic, nic)
    guest.run(f"ping -c 2 {guest.net.gateway}")
    domus.check("windows" in open(guest.leases, encoding="ascii").read(), "the lease has no host name")
    devices = guest.run("cat /proc/bus/input/devices")
    domus.check("USB Tablet" in devices, devices)


def pointer(host, guest):
    """X on the Cirrus card has the viewer's pointer, to the pixel; a click gives its window the focus, a key goes there."""
    size = guest.run("for i in 1 2 3 4 5 6 7 8 9; do xdotool search --class xterm >/dev/null && break; sleep 2; done; "
                     "xdotool getdisplaygeometry").split()
    card = guest.run("for d in /sys/class/drm/card0 /sys/class/graphics/fb0; do cat $d/device/vendor $d/device/device; "
                     "basename $(readlink $d/device/driver); done; grep -E '(modeset|FBDEV|VESA|CIRRUS).0.: ' "
                     "/var/log/Xorg.0.log | head -n 40", ok=None)
    print(card)
    domus.check(card.startswith("0x1013\n0x00b8\ncirrus"), card)
    connect = lambda address, port: mirror.socket_there(guest.net.enter, "create_connection", address, port)
    viewer = rfb.Viewer(host, "windows", connect)
    domus.check(size == [str(viewer.width), str(viewer.height)], f"X has {size}, the viewer {viewer.width}x{viewer.height}")
    w, h = viewer.width, viewer.height
    for place in [(0, 0), (w - 1, h - 1), (w - 1, 0), (0, h - 1), (w // 2, h // 2), (123, 45), (w - 77, h - 321), (301, 299)]:
        viewer.pointer(*place)
        said = ""

        def there():
            nonlocal said
            said = guest.run("xdotool getmouselocation")
            return said.startswith(f"x:{place[0]} y:{place[1]} ")  # pylint: disable=cell-var-from-loop

        try:
            host.wait(there, 10, "")
        except domus.Failure:
            raise domus.Failure(f"the viewer points at {place}, X at {said}") from None
    print(f"X, {w}x{h}: 8 places exact")
    window = guest.run("xdotool search --class xterm | tail -n 1").strip()
    x, y = map(int, re.search(r"Position: (\d+),(\d+)", guest.run(f"xdotool getwindowgeometry {window}")).groups())
    viewer.pointer(x + 300, y + 200)
    time.sleep(2)  # twm's focus follows the pointer
    host.xl("send-keys", "windows", *[{" ": "spc", "/": "slash", "\n": "ret"}.get(c, c) for c in "touch /root/typed\n"])
    host.wait(lambda: guest.run("test -e /root/typed && echo there", ok=None) == "there\n", 30, "nothing was typed into xterm")
    guest.run("rm /root/typed")
    viewer.pointer(w * 2 // 3, h * 2 // 3)  # where it is seen: xterm hides it from who types
    time.sleep(1)
    viewer.close()
    shown = screen.Screen(host, "windows")
    shown.picture()
    shown.keep("installed-x")


def sound(guest):
    """Debian's driver for the card plays; the recording is looked at when the domain is gone."""
    cards = guest.run("cat /proc/asound/cards")
    domus.check("Sound Blaster 16" in cards, cards)
    guest.run(f"amixer -q set Master 100%; amixer -q set PCM 100%; amixer -q cset {tones.CHANNEL} Playback")
    for s in SOUNDS:
        said = guest.run("aplay -D hw:0 /tmp/put", put=s.wav(), seconds=s.seconds + 60)
        domus.check("underrun" not in said and "Playing WAVE" in said, said)


def crash(host, guest):
    """The kernel's panic ends in a triple fault, as panic=1 and reboot=t have it; on_crash destroys."""
    guest.run("echo triple >/sys/kernel/reboot/type && sysctl kernel.panic=1")
    guest.later("echo c >/proc/sysrq-trigger")
    host.wait_gone("windows", 120)
    domus.check("triple fault" in host.log("windows"), "the log does not say why")


def test(host):
    network.need("ip", "dnsmasq")
    if os.geteuid() != 0:
        network.need("a bridge without root")
    cds = domus.recipe("debian-unattended")
    with open(f"{cds}/mirror", encoding="ascii") as f:
        source = f.read().strip()
    image = os.environ.get("DOMUS_INSTALLED", host.path("windows.img"))
    heard = host.path("heard.wav")
    text = CONFIG.format(mac=MAC, image=image, cd=f"{cds}/unattended.iso")
    empty = not os.path.exists(image)
    if empty:
        with open(image, "wb") as f:
            f.truncate(50 << 30)
        poor_host(host, text)
    with network.Bridged(host, "bridge0") as net:
        if empty:
            install(host, net, text, source)
        create(host, net, text, 'boot="c"', f'audio="wav:{heard}"')
        guest = Guest(host, net)
        system(guest)
        pointer(host, guest)
        guest.later("systemctl reboot")
        again = guest.restarted()
        print(f"reboot: domid {guest.domid} -> {again.domid}")
        sound(again)
        crash(host, again)
    recording = tones.Recording(heard)
    domus.check(len(recording.stretches) == len(SOUNDS), f"{len(recording.stretches)} sounds: {recording.stretches}")
    for n, s in enumerate(SOUNDS):
        s.check(recording, n)


domus.main(test)
