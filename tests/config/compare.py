#!/usr/bin/env python3
"""Runs cfgdump over the rows of data files and compares exit code, xl's messages and JSON with what real xl did.

usage: compare.py CFGDUMP DATA.json...
Lines that begin with "+ " are domus's own additions and are left out. cfgdump also reads its JSON back. A row with "ours" is one where domus means to differ: it must then be accepted, with a note.
"""
import json
import re
import subprocess
import sys

UUID = re.compile(r'"uuid": "[^"]*"')


def pretty(text):
    """xl's layout of JSON: four blanks a level, and an empty object or list over three lines."""
    out, depth, i = [], 0, 0
    while i < len(text):
        c = text[i]
        if c == '"':
            end = i + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[i:end + 1])
            i = end
        elif c in "{[":
            depth += 1
            out.append(c + "\n" + ("" if text[i + 1] in "}]" else "    " * depth))
        elif c in "}]":
            depth -= 1
            out.append("\n" + "    " * depth + c)
        elif c == ",":
            out.append(",\n" + "    " * depth)
        elif c == ":":
            out.append(": ")
        else:
            out.append(c)
        i += 1
    return "".join(out) + "\n"


def run(program, rows):
    """For each row: exit code, message lines, JSON."""
    texts = [row["text"].encode("utf-8") for row in rows]
    stdin = b"".join(b"%d\n%s" % (len(t), t) for t in texts)
    p = subprocess.run([program, "--batch"], input=stdin, capture_output=True, timeout=100)
    if p.returncode or p.stderr:
        sys.exit(f"{program} ended with {p.returncode}: {p.stderr.decode('utf-8', 'replace')}")
    at = 0
    for _ in rows:
        end = p.stdout.index(b"\n", at)
        rc, messages, out = map(int, p.stdout[at:end].split())
        at = end + 1
        lines = p.stdout[at:at + messages].decode("utf-8", "replace").split("\n")
        at += messages
        yield rc, [l for l in lines if l], p.stdout[at:at + out].decode()
        at += out


def check(row, outputs, rc, lines, out):
    """What is wrong with a row, or None."""
    ours = [l for l in lines if l.startswith("+ ")]
    theirs = [l for l in lines if not l.startswith("+ ")]
    if "ours" in row:
        if rc != 0 or theirs or not ours:
            return f"should be accepted with a note: exit {rc}, {theirs}, {ours}"
        return None
    if rc != row["rc"]:
        return f"exit {rc}, not {row['rc']}: {theirs}"
    if theirs != row["stderr"]:
        return f"messages {theirs}, not {row['stderr']}"
    want = pretty(outputs[row["json"]]) if "json" in row else ""
    if UUID.sub('"uuid": "U"', out) != want:
        return f"JSON\n{out}instead of\n{want}"
    return None


def main():
    bad, count = 0, 0
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as f:
            data = json.load(f)
        for row, result in zip(data["rows"], run(sys.argv[1], data["rows"])):
            count += 1
            wrong = check(row, data["outputs"], *result)
            if wrong:
                bad += 1
                print(f"{name}: {row['what']}: {wrong}")
    print(f"{count} rows, {bad} differ")
    return 1 if bad or not count else 0


sys.exit(main())
