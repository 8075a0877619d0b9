# SPDX-License-Identifier: GPL-2.0-or-later
"""The figures of a bench run as a table and as a plot."""
import math

COLOURS = {"jit": "#3465a4", "tcg": "#cc0000", "interp": "#73d216"}
TITLES = {"tcg": "QEMU TCG"}


def geomean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def number(v):
    return "–" if v is None else f"{v:.2f}" if v < 10 else f"{v:.0f}" if v >= 100 else f"{v:.1f}"


def ratio(medians, row, machine, base):
    a, b = medians[row].get(machine), medians[row].get(base)
    return a / b if a and b else None


def columns(names):
    """(title, machine, base): each machine against native, and TCG against each engine of domus."""
    guests = [n for n in names if n != "native"]
    found = [(f"{TITLES.get(n, n)} / native", n, "native") for n in guests if "native" in names]
    if "tcg" in names:
        found += [(f"TCG / {n}", "tcg", n) for n in guests if n != "tcg"]
    return found or [(f"{n} seconds", n, None) for n in guests]


def table(names, chosen, medians):
    cols = columns(names)
    first = "native s" if "native" in names else f"{names[0]} s"
    lines = [f"| group | row | {first} | " + " | ".join(c[0] for c in cols) + " |", "|---|---|" + "--:|" * (len(cols) + 1)]
    for group in dict.fromkeys(g for g, _ in chosen):
        mine = [r for g, r in chosen if g == group]
        for row in mine:
            cells = [number(ratio(medians, row, m, b)) for _, m, b in cols]
            base = medians[row].get(names[0])
            lines.append(f"| {group} | {row.rpartition(':')[2]} | {base:.4f} | " + " | ".join(cells) + " |"
                         if base else f"| {group} | {row.rpartition(':')[2]} | – | " + " | ".join(cells) + " |")
        if len(mine) > 1:
            lines.append(f"| **{group}** | **geometric mean** | | " + " | ".join(
                f"**{number(mean(medians, mine, m, b))}**" for _, m, b in cols) + " |")
    return lines


def mean(medians, some, machine, base):
    return geomean([r for r in (ratio(medians, row, machine, base) for row in some) if r])
