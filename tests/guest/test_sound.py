#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's driver for the Sound Blaster 16 and `aplay`: tones of several rates and formats and a sweep are in the WAV file at
their pitch and length, without gaps; also when the guest is busy. A recording has its length, and is silent."""
import re

import domus
import tones
from tones import BUSY, Player, Sound, sweep, tone

SOUNDS = [
    Sound("u8-mono-11025", 11025, 1, 2, tone(440)),
    Sound("u8-stereo-22050", 22050, 1, 2, tone(300), tone(500)),
    Sound("s16-mono-22050", 22050, 2, 2, tone(440)),
    Sound("s16-stereo-44100", 44100, 2, 3, tone(1000), tone(1500)),
    Sound("s16-stereo-8000", 8000, 2, 2, tone(250), tone(440)),
    Sound("sweep-44100", 44100, 2, 5, sweep(100, 4000, 5), sweep(4000, 100, 5)),
    Sound("sweep-16000", 16000, 2, 3, sweep(100, 1500, 3)),
]
CONVERTED, SMALL_BUFFER = SOUNDS[0], SOUNDS[3]


def record(console):
    """Two seconds of what the card hears: nothing."""
    console.run(f"amixer -q cset {tones.CHANNEL} Capture")
    said = console.run("arecord -q -D hw:0 -f S16_LE -r 22050 -c 2 -d 2 heard 2>&1; tail -c +45 heard | wc -c; "
                       "tail -c +45 heard | tr -d '\\000' | wc -c")
    counts = [int(n) for n in re.findall(r"(?m)^(\d+)$", said)]
    domus.check(counts == [2 * 22050 * 4, 0], f"bytes recorded, and those not 0: {said}")


def test(host):
    player = Player(host, SOUNDS)
    played = []

    def play(sound, how="", options="-D hw:0"):
        guest, ours = player.play(sound, options)
        print(f"{sound.name}{how}: {guest:.2f} s in the guest, {ours:.2f} s here", flush=True)
        played.append((sound, how))

    play(CONVERTED, " as 16 bits", "-D plughw:0")
    play(SMALL_BUFFER, " by a small buffer", "-D hw:0 --period-size=1024 --buffer-size=4096")
    for sound in SOUNDS:
        play(sound)
    record(player.console)
    player.console.run(f"{BUSY} true")
    for sound in SOUNDS:
        play(sound, " while busy")
    recording = player.recording()
    domus.check(len(recording.stretches) == len(played), f"{len(recording.stretches)} sounds, not {len(played)}: "
                                                         f"{recording.stretches}")
    for n, (sound, how) in enumerate(played):
        sound.check(recording, n, how)


domus.main(test)
