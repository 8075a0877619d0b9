#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A minute of tones by `aplay`, and another with the guest busy: in the WAV file each cycle is where it belongs, to the end, and
the guest's clock and the host's say a minute."""
import domus
from tones import BUSY, Player, Sound, tone

MINUTE = Sound("minute", 44100, 2, 60, tone(440), tone(997))


def test(host):
    player = Player(host, [MINUTE])
    hows = ("", " while busy")
    for how in hows:
        player.console.run(f"{BUSY if how else ''} true")
        guest, ours = player.play(MINUTE)
        print(f"minute{how}: {guest:.2f} s in the guest, {ours:.2f} s here", flush=True)
        # 0.8 s of silence around it; what is more than that is aplay's last period, and starting it.
        domus.check(60.7 < guest < 62 * domus.SLOW_HOST, f"{guest} s in the guest for a minute{how}")
    recording = player.recording()
    domus.check(len(recording.stretches) == len(hows), f"{recording.stretches}")
    for n, how in enumerate(hows):
        MINUTE.check(recording, n, how)


domus.main(test)
