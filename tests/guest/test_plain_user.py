#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Without root: create, list, console, pause, screenshot, destroy; with a home and, as nobody, without."""
import os
import shutil
import subprocess
import sys

import domus


class Plain:
    """xl as uid 65534 where we are root, else as we are, with the directories such a user has."""

    def __init__(self, host, home):
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("DOMUS_RUN", "XDG_"))}
        self.env["HOME"] = home or "/nonexistent"
        self.prefix = []
        self.program = os.path.join(host.programs(), "xl")  # the build may be under a home that is closed to others
        if os.geteuid() == 0:
            self.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            for path in [home] if home else []:
                os.chown(path, 65534, 65534)
        os.chmod(host.dir, 0o755)

    def xl(self, *args, stdin=subprocess.DEVNULL):
        p = subprocess.run(self.prefix + [self.program, *args], env=self.env, stdin=stdin, capture_output=True, text=True,
                           timeout=60 * domus.SLOW_HOST)
        domus.check(p.returncode == 0, f"xl {' '.join(args)}: exit {p.returncode}: {p.stderr or p.stdout}")
        return p.stdout


def works(host, home):
    user = Plain(host, home)
    name = "plain-home" if home else "plain-nohome"
    shots = host.path(name)
    os.mkdir(shots)
    os.chmod(shots, 0o777)
    # The BIOS finds nothing to boot; its screen and log are enough here.
    config = host.config(name, f'name = "{name}"\ntype = "hvm"\nmemory = 64\nvnc = 0\nserial = "pty"\n')
    user.xl("create", config)
    try:
        domus.check(name in user.xl("list"), "not in its user's list")
        pty = subprocess.Popen(user.prefix + [user.program, "console", name], env=user.env, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said = pty.communicate(b"\x1d", timeout=20 * domus.SLOW_HOST)[0]
            domus.check(pty.returncode == 0, f"console: exit {pty.returncode}: {said!r}")
        finally:
            pty.kill()
        user.xl("pause", name)
        user.xl("unpause", name)
        user.xl("screenshot", name, os.path.join(shots, "screen.png"))
        domus.check(os.path.getsize(os.path.join(shots, "screen.png")) > 100, "an empty screenshot")
    finally:
        user.xl("destroy", name)
    domus.check(name not in user.xl("list"), "still in the list")


def test(host):
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        print("no setpriv to become a plain user with")
        sys.exit(77)
    home = host.path("home")
    os.mkdir(home)
    works(host, home)
    works(host, None)


domus.main(test)
