#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares our xl, word for word, with what xl 4.17 printed and returned for commands that need no domain.

usage: test_transcripts.py XL TRANSCRIPTS
In TRANSCRIPTS: `$ xl ...`, then lines `O|` (standard output) and `E|` (standard error), then `rc=N`. A line `O|...` or
`E|...` alone ends what is compared of that stream: the record is cut there, or our own text follows.
"""
import os
import shlex
import subprocess
import sys
import tempfile

CUT = "..."


def records(path):
    command, out, err = None, [], []
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("$ "):
            command, out, err = line[2:], [], []
        elif line.startswith("O|"):
            out.append(line[2:])
        elif line.startswith("E|"):
            err.append(line[2:])
        elif line.startswith("rc="):
            yield command, out, err, int(line[3:])
        elif line and not line.startswith("#"):
            sys.exit(f"{path}: not understood: {line}")


def same(expected, text):
    got = text.split("\n")
    if got[-1] == "":
        got.pop()
    if CUT in expected:
        at = expected.index(CUT)
        return got[:at] == expected[:at]
    return got == expected


def main():
    xl, transcripts = map(os.path.abspath, sys.argv[1:])
    failures = count = 0
    with tempfile.TemporaryDirectory() as directory:
        env = dict(os.environ, DOMUS_RUN_DIR=os.path.join(directory, "run"), LC_ALL="C")
        for command, out, err, rc in records(transcripts):
            argv = shlex.split(command)
            ours = subprocess.run(argv, executable=xl, env=env, cwd=directory, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60)
            count += 1
            if ours.returncode == rc and same(out, ours.stdout) and same(err, ours.stderr):
                continue
            failures += 1
            print(f"--- {command}\nexpected rc={rc}, got rc={ours.returncode}")
            print("expected:", *[f"  O|{l}" for l in out], *[f"  E|{l}" for l in err], sep="\n")
            print("got:", *[f"  O|{l}" for l in ours.stdout.splitlines()],
                  *[f"  E|{l}" for l in ours.stderr.splitlines()], sep="\n")
    print(f"{count - failures} of {count} transcripts agree")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
