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


# How many times faster than TCG each group is meant to be, at the least.
WANTED = {"integer and calls": 3, "floating point": 15, "SIMD": 30, "memory and strings": 4, "system calls and processes": 3,
          "kernel-side tools": 4, "crypto": 10, "applications": 3, "code writing": 20}


def summary(names, chosen, medians):
    cols = columns(names)
    aim = "tcg" in names
    lines = ["| group | " + " | ".join(c[0] for c in cols) + (" | TCG / jit wanted |" if aim else " |"),
             "|---|" + "--:|" * (len(cols) + aim)]
    for group in dict.fromkeys(g for g, _ in chosen):
        mine = [r for g, r in chosen if g == group]
        lines.append(f"| {group} | " + " | ".join(number(mean(medians, mine, m, b)) for _, m, b in cols) +
                     (f" | {WANTED[group]} |" if aim else " |"))
    return lines


def slower(chosen, medians, engine):
    """Rows that TCG does faster than the engine, worst first."""
    found = [(ratio(medians, r, "tcg", engine), r.rpartition(":")[2]) for _, r in chosen]
    return [f"{name} ({v:.2f})" for v, name in sorted((v, n) for v, n in found if v and v < 1)]


def boots(figures):
    lines = ["| machine | processor s to init | s to init | MiB beside the guest's memory, after boot | at most |",
             "|---|--:|--:|--:|--:|"]
    for name, (cpu, wall, booted, peak) in figures.items():
        lines.append(f"| {TITLES.get(name, name)} | {cpu:.1f} | {wall:.1f} | {booted:.0f} | {peak:.0f} |")
    return lines


def parallel(names, gains):
    lines = ["| row | " + " | ".join(TITLES.get(n, n) for n in names) + " |", "|---|" + "--:|" * len(names)]
    for row, by in gains.items():
        lines.append(f"| {row} | " + " | ".join(number(by[n]) for n in names) + " |")
    lines.append("| **geometric mean** | " + " | ".join(
        f"**{number(geomean([by[n] for by in gains.values()]))}**" for n in names) + " |")
    return lines


def plot(path, names, chosen, medians):
    """A dot per row and machine on a logarithmic axis of times native."""
    guests = [n for n in names if n != "native"]
    ratios = {r: {n: ratio(medians, r, n, "native") for n in guests} for _, r in chosen}
    values = [v for by in ratios.values() for v in by.values() if v]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    width, left, step = 900, 150, 14
    groups = list(dict.fromkeys(g for g, _ in chosen))
    height = 60 + step * len(chosen) + 24 * len(groups)

    def x(v):
        return left + (width - left - 30) * (math.log10(v) - low) / (high - low)

    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
           f'font-size="11"><rect width="100%" height="100%" fill="white"/>']
    for decade in range(low, high + 1):
        v = 10.0 ** decade
        svg.append(f'<line x1="{x(v):.0f}" y1="34" x2="{x(v):.0f}" y2="{height - 8}" stroke="{"#888" if v == 1 else "#ddd"}"/>'
                   f'<text x="{x(v):.0f}" y="30" text-anchor="middle">{v:g}x</text>')
    for j, n in enumerate(guests):
        svg.append(f'<circle cx="{left + 110 * j}" cy="10" r="4" fill="{COLOURS.get(n, "#555")}"/>'
                   f'<text x="{left + 8 + 110 * j}" y="14">{TITLES.get(n, n)}</text>')
    svg.append(f'<text x="{width - 8}" y="14" text-anchor="end">times native, less is better</text>')
    y = 40
    for g in groups:
        y += 16
        svg.append(f'<text x="8" y="{y}" font-weight="bold">{g}</text>')
        y += 8
        for _, r in (c for c in chosen if c[0] == g):
            dots = [(x(v), n) for n, v in ratios[r].items() if v]
            svg.append(f'<text x="{left - 8}" y="{y + 9}" text-anchor="end">{r.rpartition(":")[2]}</text>')
            if dots:
                svg.append(f'<line x1="{min(dots)[0]:.0f}" y1="{y + 5}" x2="{max(dots)[0]:.0f}" y2="{y + 5}" stroke="#bbb"/>')
            svg += [f'<circle cx="{at:.1f}" cy="{y + 5}" r="4" fill="{COLOURS.get(n, "#555")}"/>' for at, n in dots]
            y += step
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(svg + ["</svg>"]) + "\n")
