#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An hour (DOMUS_LOAD_SECONDS) of mixed load with 4 vCPUs: compiling, packing and unpacking packages, perl, sqlite, python, fork
storms, in more processes than there are vCPUs; every result is the one that the same programs give on the host itself."""
import os
import re
import sys

import domus

sys.path.insert(0, os.path.join(domus.ROOT, "tests", "bench"))
import machines  # noqa: E402

SECONDS = int(os.environ.get("DOMUS_LOAD_SECONDS", "3600"))
ENGINE = os.environ.get("DOMUS_ENGINE", "jit")
TROUBLE = r"(?m)^.*(?:BUG:|Oops|soft lockup|detected stalls|segfault at|general protection|Kernel panic|hung_task).*$"


def test(host):
    domus.recipe("linux-small")
    domus.recipe("bench")
    native = machines.Native(os.path.join(domus.GUESTS, "bench", "root"))
    expected = re.findall(r"^(\S+) ([0-9a-f]{16})$", native.shell("/bench/apps expect"), re.M)
    native.close()
    domus.check(len(expected) > 10, f"the host's own results: {expected}")
    guest = machines.Domain(host, ENGINE, domus.GUESTS, vcpus=4)
    guest.until_shell()
    for job, checksum in expected:
        guest.console.run(f"echo {job} {checksum} >>/mnt/tmp/expected")
    said = guest.shell(f"/bench/apps load {SECONDS} 6", SECONDS * 2 + 900)
    m = re.search(r"load: (\d+) right, (\d+) wrong", said)
    domus.check(m, f"the load's end: {said[-800:]}")
    print(m.group(0))
    domus.check(int(m.group(1)) >= len(expected) and m.group(2) == "0", said[-2000:])
    trouble = re.findall(TROUBLE, guest.console.run("dmesg"))
    domus.check(not trouble, "\n".join(trouble[-20:]))
    host.xl("trigger", guest.label, "power")
    host.wait_gone(guest.label, 120)


domus.main(test)
