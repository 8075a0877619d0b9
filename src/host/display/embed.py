#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""embed.py FILE HEADER NAME: the file's bytes as a C array of that name."""
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
with open(sys.argv[2], "w") as f:
    f.write(f"static const unsigned char {sys.argv[3]}[] = {{\n")
    for at in range(0, len(data), 24):
        f.write(",".join(map(str, data[at:at + 24])) + ",\n")
    f.write("};\n")
