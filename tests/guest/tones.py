# SPDX-License-Identifier: GPL-2.0-or-later
"""Sound for a guest to play, the guest that plays it, and what came of it: tones and sweeps, and the cycles of a recording."""
import array
import io
import math
import os
import re
import tarfile
import time
import wave

import domus

QUIET = 64  # of 32767: silence has nothing louder
LEVEL = 0.6  # of full scale: what the tones have
CHANNEL = "iface=CARD,name='16-bit DMA Allocation'"  # the driver's: what its 16-bit DMA channel is for
# Makes the guest busy: more that computes than it has processors, and a CD that is read.
BUSY = "for i in 1 2 3; do (while :; do :; done) & done; (while :; do cat /dev/sr0 >/dev/null; done) &"


def wav(rate, width, sides, seconds, before=0.0, after=0.0):
    """A WAV file's bytes. sides: for each channel, the cycles passed t seconds after its beginning; width: bytes a sample;
    before and after: silence around it, in seconds."""
    frames = array.array("h" if width == 2 else "B")
    count = round(rate * seconds)
    silence = [0 if width == 2 else 128] * len(sides)
    frames.extend(silence * round(rate * before))
    for i in range(count):
        for cycles in sides:
            level = LEVEL * math.sin(2 * math.pi * cycles(i / rate))
            frames.append(round(32767 * level) if width == 2 else 128 + round(127 * level))
    frames.extend(silence * round(rate * after))
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(len(sides))
        w.setsampwidth(width)
        w.setframerate(rate)
        w.writeframes(frames.tobytes())
    return out.getvalue()


def tone(hz):
    return lambda t: hz * t


def sweep(low, high, seconds):
    """From low to high Hz, the frequency rising evenly."""
    return lambda t: low * t + (high - low) * t * t / (2 * seconds)


class Recording:
    """A WAV file of domus: 16 bits, stereo; cut into stretches of sound where it is silent for longer than `pause`."""

    def __init__(self, path, pause=0.1):
        with wave.open(path) as w:
            self.rate = w.getframerate()
            both = array.array("h", w.readframes(w.getnframes()))
        self.sides = [both[::2], both[1::2]]
        self.seconds = len(self.sides[0]) / self.rate
        self.stretches = []
        last = -self.rate * pause - 1
        for i, (left, right) in enumerate(zip(*self.sides)):
            if -QUIET <= left <= QUIET and -QUIET <= right <= QUIET:
                continue
            if i - last > self.rate * pause:
                self.stretches.append([i, i])
            last = self.stretches[-1][1] = i

    def stretch(self, n, side):
        return Stretch(self, *self.stretches[n], self.sides[side])


class Stretch:
    """Sound without a pause, on one side: where its cycles begin, in seconds."""

    def __init__(self, recording, first, last, levels):
        rate = recording.rate
        self.levels = levels[first:last + 1]
        self.seconds = len(self.levels) / rate
        self.silent = self.longest_silence() / rate
        self.rises = []
        below = False  # rises count from well below, so that the steps of 8 bits make none of their own
        for i in range(1, len(self.levels)):
            a, b = self.levels[i - 1], self.levels[i]
            below = below or a < -QUIET * 16
            if below and a < 0 <= b:
                self.rises.append((i - b / (b - a)) / rate)
                below = False

    def longest_silence(self):
        longest = run = 0
        for level in self.levels:
            run = run + 1 if -QUIET <= level <= QUIET else 0
            longest = max(longest, run)
        return longest

    def pitch(self):
        return (len(self.rises) - 1) / (self.rises[-1] - self.rises[0]) if len(self.rises) > 1 else 0.0

    def slips(self, cycles):
        """By how much, in cycles, each beginning of a cycle is off when cycles(t) have passed t seconds after the first
        sample. A drift shows at the end of the list; a step in it is a piece that is missing, or there twice."""
        early, late = 0.0, 1.0
        while late - early > 1e-9:  # when the first of them begins, by cycles()
            middle = (early + late) / 2
            early, late = (middle, late) if cycles(middle) < 1 else (early, middle)
        return [cycles(r - self.rises[0] + early) - n for n, r in enumerate(self.rises, 1)]


class Sound:
    """What a guest shall play: its name, format, and the cycles of each channel."""

    def __init__(self, name, rate, width, seconds, *sides):
        self.name, self.rate, self.width, self.seconds, self.sides = name, rate, width, seconds, sides

    def wav(self):
        # The silence after it is longer than aplay's buffer: the card plays on until the guest stops it.
        return wav(self.rate, self.width, self.sides, self.seconds, 0.2, 0.6)

    def check(self, recording, n, how=""):
        """The recording's n-th stretch is this sound: its length, pitch, no gap, nothing missing, nothing twice, no drift."""
        for side in (0, 1):
            cycles = self.sides[side % len(self.sides)]
            heard = recording.stretch(n, side)
            what = f"{self.name}{how}, {('left', 'right')[side]}"
            domus.check(abs(heard.seconds - self.seconds) < 0.002, f"{what}: {heard.seconds} s, not {self.seconds}")
            domus.check(heard.silent < 0.002, f"{what}: {heard.silent * 1000:.1f} ms of silence")
            whole = round(cycles(self.seconds))
            domus.check(abs(len(heard.rises) - whole) <= 1, f"{what}: {len(heard.rises)} cycles, not {whole}")
            slips = heard.slips(cycles)
            worst = max(slips, key=abs)
            print(f"{what}: {heard.seconds:.4f} s, {heard.pitch():.4f} Hz, cycles off by at most {worst:+.4f}, "
                  f"at the end by {slips[-1]:+.4f}, silent for at most {heard.silent * 1000:.2f} ms")
            domus.check(abs(heard.pitch() / (whole / self.seconds) - 1) < 0.005, f"{what}: {heard.pitch()} Hz")
            domus.check(abs(worst) < 0.01, f"{what}: a cycle is off by {worst:+.3f}, the {slips.index(worst)}th")


class Player:
    """A domain of guests/linux-sound that has these sounds as files, and its recording."""

    def __init__(self, host, sounds):
        iso = os.path.join(domus.recipe("linux-sound"), "sound.iso")
        self.host, self.path, files = host, host.path("sound.wav"), host.path("sounds.tar")
        with tarfile.open(files, "w", format=tarfile.USTAR_FORMAT) as tar:
            for sound in sounds:
                data = sound.wav()
                member = tarfile.TarInfo(sound.name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        host.create("player", f'''
name = "player"
type = "hvm"
memory = 256
disk = [ 'file:{files},hda,r', 'file:{iso},hdc:cdrom,r' ]
boot = "d"
vnc = 0
serial = "pty"
soundhw = "sb16"
audio = "wav:{self.path}"
''')
        self.console = host.console("player")
        self.console.wait("domus-guest-ready", 240)
        self.console.wait("/ # ", 30)
        self.console.run("cd /tmp && tar xf /dev/sda && amixer -q set Master 100% && amixer -q set PCM 100%", 120)

    def play(self, sound, options="-D hw:0"):
        """How long it took by the guest's clock and by ours. hw:0: as it is, no other rate, no other format."""
        # The driver plays 8 bits only when the 16-bit channel is left to recording; else plughw makes 16 of them.
        channel = "Capture" if sound.width == 1 and "plughw" not in options else "Playback"
        self.console.run(f"amixer -q cset {CHANNEL} {channel}")
        now = "cut -d ' ' -f 1 /proc/uptime"
        start = time.monotonic()
        said = self.console.run(f"{now}; aplay {options} {sound.name} 2>&1 && {now}", sound.seconds + 60)
        took = time.monotonic() - start
        domus.check("underrun" not in said and "Playing WAVE" in said, f"aplay {sound.name}: {said}")
        begin, end = re.findall(r"(?m)^(\d+\.\d+)$", said)
        return float(end) - float(begin), took

    def recording(self):
        self.host.xl("destroy", "player")
        return Recording(self.path)
