#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A DOS-like floppy (floppy/boot.asm) uses the BIOS and raw hardware: sectors by int 13h and by the floppy controller, VBE
modes, a beep, a tone by the Sound Blaster and the DMA controller. The tones are in the WAV file."""
import array
import os
import shutil
import subprocess
import sys
import wave

import domus

HERE = os.path.dirname(os.path.abspath(__file__))
MAGIC = 0x1D0C0DE5


def make_floppy(path):
    code = path + ".bin"
    subprocess.run(["nasm", "-f", "bin", "-o", code, os.path.join(HERE, "floppy", "boot.asm")], check=True)
    with open(code, "rb") as f:
        image = bytearray(f.read().ljust(1440 * 1024, b"\0"))
    image[36 * 512:36 * 512 + 4] = MAGIC.to_bytes(4, "little")  # cylinder 1, head 0, sector 1
    with open(path, "wb") as f:
        f.write(image)


def tones(path):
    """(pitch, seconds) of each stretch of sound in the left channel, cut where the pitch changes or it is silent."""
    with wave.open(path) as w:
        rate = w.getframerate()
        left = array.array("h", w.readframes(w.getnframes()))[::2]
    found, rises = [], [i for i in range(1, len(left)) if left[i - 1] < 0 <= left[i]]
    for a, b in zip(rises, rises[1:]):
        period = b - a
        if found and abs(period - found[-1][0] / found[-1][1]) < 3:
            found[-1][0] += period
            found[-1][1] += 1
        else:
            found.append([period, 1])
    return [(rate * n / frames, frames / rate) for frames, n in found if frames > rate / 10]


def test(host):
    if not shutil.which("nasm"):
        print("nasm is not installed")
        sys.exit(77)
    image, sound = host.path("floppy.img"), host.path("sound.wav")
    make_floppy(image)
    host.create("floppy", f'''
name = "floppy"
type = "hvm"
memory = 32
disk = [ 'file:{image},fda,w' ]
boot = "a"
vnc = 0
soundhw = "sb16"
audio = "wav:{sound}"
''')
    host.wait(lambda: "SUCCESS" in host.log("floppy") or "FAILED" in host.log("floppy"), 120, "no SUCCESS", 1)
    domus.check("FAILED" not in host.log("floppy"), "the guest says that it failed")
    host.xl("destroy", "floppy")
    heard = tones(sound)
    print(heard)
    domus.check(len(heard) == 2, f"two tones were played, not {heard}")
    (beep, beep_s), (tone, tone_s) = heard
    # The beep is 18 ticks long, and they come faster where the host was late before. 21 blocks: the 20th interrupt ends the next
    domus.check(abs(beep - 1000.15) < 2, f"the beep is {beep} Hz, {beep_s} s")
    domus.check(abs(tone - 500) < 0.2 and abs(tone_s - 5.25) < 0.02, f"the tone is {tone} Hz, {tone_s} s")


domus.main(test)
