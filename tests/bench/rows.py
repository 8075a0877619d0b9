# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make bench` measures: groups of rows, each a command in the bench guest's root that prints a line

    name seconds cpu-seconds checksum

Rows named app: are tests/bench/apps', crypto: are micro/crypto.c's, all others micro's. The programs set the amount of work,
the same on every machine, for some hundredths of a second to some tenths natively; less where TCG takes longest."""

GROUPS = {
    "integer and calls": "qsort sha256 crc32 lzmatch bst bytecode nqueens fib virtual wordcount matint divide",
    "floating point": "nbody mandelbrot spectral fft x87 convert printf",
    "SIMD": "saxpy dot_avx2 matmul bytescan hex_ssse3 lanes_avx2 aesni shani clmul",
    "memory and strings":
        "chase_l1 chase_64m stream random_64m memcpy memcpy_small memmove memset strings rep atomics",
    "system calls and processes":
        "getppid pipe fork exec fault mmap signal segv futex yield readwrite stat clock",
    "kernel-side tools":
        "app:urandom app:zero app:copy app:tar app:untar app:find app:files app:proc app:pipes app:processes",
    "crypto": "crypto:aes-gcm crypto:aes-cbc crypto:chacha20 crypto:sha256 crypto:sha512 crypto:md5 crypto:rsa "
              "crypto:ed25519 app:sha512sum",
    "applications": "app:gzip app:bzip2 app:xz app:7z app:perl app:python app:sqlite app:openssl app:tcc app:sort app:awk "
                    "app:sh",
    "code writing": "fresh patch mixed next cold protect",
}
# Rows that two vCPUs do twice as much of as one (`micro --many`).
PARALLEL = "sha256 qsort bytecode nbody memcpy fault".split()


def command(row):
    kind, _, name = row.rpartition(":")
    return {"": "/bench/micro ", "app": "/bench/apps ", "crypto": "/bench/crypto "}[kind] + name


def chosen(groups, rows):
    """(group, row) of those whose group begins with one of groups, or whose name is one of rows; empty: all."""
    found = [(g, r) for g, names in GROUPS.items() for r in names.split()
             if (not groups and not rows) or any(g.startswith(x) for x in groups)
             or r in rows or r.rpartition(":")[2] in rows]
    return found
