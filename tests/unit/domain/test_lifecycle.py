#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of domains as xl shows it: the real xl and supervisor over fake_domain's machine, which obeys cmdline=.

usage: test_lifecycle.py XL FAKE_DOMAIN
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

XL, FAKE = (os.path.abspath(p) for p in sys.argv[1:3])
PATIENCE = 30


class Domains(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.run_dir = os.path.join(self.directory.name, "run")
        self.env = dict(os.environ, DOMUS_RUN_DIR=self.run_dir, DOMUS_DOMAIN=FAKE, LC_ALL="C")

    def tearDown(self):
        for _, domid, *_ in self.rows():
            self.xl("destroy", domid)
        self.assertEqual(self.rows(), [])
        self.until("all processes to end", lambda: not self.processes())
        self.directory.cleanup()

    def xl(self, *args, rc=0):
        r = subprocess.run([XL, *args], env=self.env, cwd=self.directory.name, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60)
        if rc is not None:
            self.assertEqual(r.returncode, rc, f"xl {args}: {r.stdout}{r.stderr}")
        # Only the fake machine has a use for cmdline= in an HVM domain.
        r.stderr = "".join(line for line in r.stderr.splitlines(True) if "'cmdline' does nothing yet" not in line)
        return r

    def config(self, name, orders="", *lines):
        path = os.path.join(self.directory.name, name.replace("/", "_") + ".cfg")
        with open(path, "w", encoding="utf-8") as f:
            orders = [f'cmdline="{orders}"'] if orders else []
            f.write("\n".join([f'name="{name}"', 'type="hvm"', "memory=64", *orders, *lines, ""]))
        return path

    def create(self, name, orders="", *lines, options=(), rc=0):
        return self.xl("create", "-q", self.config(name, orders, *lines), *options, rc=rc)

    def rows(self):
        return [line.split() for line in self.xl("list").stdout.splitlines()[2:]]

    def row(self, name):
        found = [r for r in self.rows() if r[0] == name]
        return found[0] if found else None

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.fail("waited in vain: " + what)

    def log(self, name):
        with open(os.path.join(self.run_dir, "log", f"xl-{name}.log"), encoding="utf-8") as f:
            return re.sub(r"pid \d+", "pid P", f.read()).splitlines()

    def supervisor(self, domid):
        with open(os.path.join(self.run_dir, "domain", domid, "about"), encoding="utf-8") as f:
            return json.load(f)["pid"]

    def processes(self):
        """Processes of this test's domains: those whose environment names its run directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as e, open(f"/proc/{pid}/cmdline", "rb") as c:
                    if self.run_dir.encode() in e.read() and c.read().startswith(b"domus-domain"):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    # --- starting ---

    def test_create_list_destroy(self):
        r = self.create("one")
        self.assertEqual((r.stdout, r.stderr), ("", "engine fake, because this is a test\n"))
        self.assertEqual(self.row("one"), ["one", "1", "64", "1", "-b----", "1.5"])
        self.assertEqual(self.xl("domid", "one").stdout, "1\n")
        self.assertEqual(self.xl("domname", "1").stdout, "one\n")
        again = self.create("one", rc=6)
        self.assertEqual(again.stderr, 'libxl: error: Domain with name "one" already exists.\n')
        self.xl("destroy", "one")
        self.assertIsNone(self.row("one"))
        self.until("the supervisor to end", lambda: not self.processes())
        self.create("one")
        self.assertEqual(self.row("one")[1], "2")  # a domid is not used again

    def test_failed_start_leaves_nothing(self):
        r = self.create("bad", "fail", rc=3)
        self.assertEqual(r.stderr, "warning: the disk looked strange already\n"
                                   "libxl: error: Domain bad: disk hda: no such image\n")
        r = self.create("bad", "die", rc=3)
        self.assertEqual(r.stderr, "libxl: error: Domain bad: error: last words of bad\n")
        self.assertEqual(self.rows(), [])
        self.assertEqual(self.processes(), [])

    def test_names(self):
        self.assertEqual(self.create("", rc=6).stderr, "libxl: error: A domain's name must not be empty.\n")
        self.create("../../up-and-away")
        self.assertEqual(sorted(os.listdir(os.path.join(self.run_dir, "log"))),
                         ["domain-.._.._up-and-away.log", "xl-.._.._up-and-away.log"])

    def test_missing_supervisor(self):
        self.env["DOMUS_DOMAIN"] = "/nonexistent/domus-domain"
        r = self.create("bad", rc=3)
        self.assertIn("/nonexistent/domus-domain cannot be run: No such file or directory", r.stderr)

    def test_interrupted_create_leaves_nothing(self):
        p = subprocess.Popen([XL, "create", "-q", self.config("slow", "slow")], env=self.env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.until("the domain to be listed", lambda: self.row("slow"))
        self.assertEqual(self.row("slow")[4], "--p---")
        p.kill()
        p.wait()
        self.until("the domain to go", lambda: not self.processes())
        self.assertIsNone(self.row("slow"))

    def test_output_ends_with_xl(self):
        """A script that reads create's output must not wait for the domain's end."""
        r = subprocess.run(["sh", "-c", f'"{XL}" create "{self.config("quick")}" 2>&1 | cat'], env=self.env,
                           capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(r.stdout, f"Parsing config from {self.directory.name}/quick.cfg\n"
                                   "engine fake, because this is a test\n"
                                   "VNC display: 127.0.0.1:7\nweb console: http://127.0.0.1:1/\n")

    def test_many_at_once(self):
        paths = [self.config(f"d{i}") for i in range(6)] + [self.config("d0")]
        all_of_them = [subprocess.Popen([XL, "create", "-q", p], env=self.env, stderr=subprocess.DEVNULL) for p in paths]
        codes = [p.wait() for p in all_of_them]
        self.assertEqual(sorted(codes), [0] * 6 + [6])
        self.assertEqual(len({r[1] for r in self.rows()}), 6)

    def test_foreground(self):
        p = subprocess.Popen([XL, "create", "-q", "-F", self.config("fg")], env=self.env, stderr=subprocess.PIPE,
                             text=True)
        self.until("the domain to run", lambda: (self.row("fg") or [""] * 5)[4] == "-b----")
        self.xl("trigger", "fg", "power")
        self.assertEqual(p.wait(PATIENCE), 0)
        said = re.sub(r"pid \d+", "pid P", p.stderr.read()).splitlines()
        self.assertEqual([line for line in said if not line.startswith("engine")],
                         ["Waiting for domain fg (domid 1) to die [pid P]",
                          "Domain 1 has shut down, reason code 0 0x0",
                          "Domain 1 ended by: the button",
                          "Action for shutdown reason code 0 is destroy",
                          "Domain 1 needs to be cleaned up: destroying the domain",
                          "Done. Exiting now"])
        p.stderr.close()

    def test_foreground_ends_with_its_terminal(self):
        p = subprocess.Popen([XL, "create", "-q", "-F", self.config("fg")], env=self.env, stderr=subprocess.DEVNULL,
                             start_new_session=True)
        self.until("the domain to run", lambda: (self.row("fg") or [""] * 5)[4] == "-b----")
        os.killpg(p.pid, signal.SIGINT)
        p.wait(PATIENCE)
        self.assertEqual(self.processes(), [])

    # --- running ---

    def test_pauses_nest(self):
        self.create("p", options=["-p"])
        self.assertEqual(self.row("p")[4], "--p---")
        self.xl("pause", "p")
        self.xl("unpause", "p")
        self.assertEqual(self.row("p")[4], "--p---")
        self.xl("unpause", "p")
        self.assertEqual(self.row("p")[4], "-b----")

    def test_rename(self):
        self.create("before")
        self.create("other")
        r = self.xl("rename", "before", "other", rc=1)
        self.assertEqual(r.stderr.splitlines()[-1], "Can't rename domain 'before'.")
        self.xl("rename", "before", "after")
        self.assertEqual(sorted(r[0] for r in self.rows()), ["after", "other"])
        self.assertEqual(json.loads(self.xl("list", "-l", "after").stdout)[0]["config"]["c_info"]["name"], "after")

    def test_lists(self):
        self.create("lists", "", "vcpus=2")
        both = json.loads(self.xl("list", "-l").stdout)
        self.assertEqual([d["domid"] for d in both], [0, 1])
        self.assertEqual(both[0]["config"]["c_info"]["name"], "Domain-0")
        self.assertEqual(both[1]["config"]["c_info"]["type"], "hvm")
        self.assertNotIn("domus", both[1]["config"])
        uuid = both[1]["config"]["c_info"]["uuid"]
        self.assertIn(f"{uuid}  1    lists", self.xl("vm-list").stdout)
        self.assertEqual(self.xl("list", "-v", "lists").stdout.splitlines()[1].split(),
                         ["lists", "1", "64", "1", "-b----", "1.5", uuid, "-", "-"])
        self.assertEqual(self.xl("vcpu-list", "lists").stdout.splitlines()[1:], [
            "lists                                1     0    0   -b-       1.5  all / all",
            "lists                                1     1    -   --p       0.0  all / all"])
        self.assertRegex(self.xl("uptime", "lists").stdout.splitlines()[1], r"^lists +1  0:00:\d\d$")

    def test_screenshot_and_keys(self):
        self.create("s")
        self.xl("screenshot", "s", "shot.png")
        with open(os.path.join(self.directory.name, "shot.png"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "picture")
        r = self.xl("screenshot", "s", "/nonexistent/shot.png", rc=1)
        self.assertEqual(r.stderr, "libxl: error: Domain 1: the file cannot be written\n")
        self.xl("send-keys", "s", "ctrl-alt-delete", "F12", "-")
        self.assertIn("'xl send-keys' requires at least 2 arguments.", self.xl("send-keys", "s", rc=2).stderr)

    def test_console(self):
        self.create("c")
        p = subprocess.Popen([XL, "console", "c"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), b"hello from the guest\r\n")
        p.stdin.write(b"\x1d")
        p.stdin.close()
        self.assertEqual(p.wait(PATIENCE), 0)
        p.stdout.close()

    def test_dry_attach(self):
        self.create("windows")
        r = self.xl("-N", "block-attach", "windows", "file:/x,hdb,w")
        self.assertEqual(r.stdout, 'disk: {\n    "pdev_path": "/x",\n    "vdev": "hdb",\n    "format": "raw",\n'
                                   '    "readwrite": 1\n}\n\n')
        r = self.xl("block-attach", "windows", "foo", rc=1)
        self.assertEqual(r.stderr.splitlines()[0], "command line: config parsing error in disk specification: "
                                                   "no vdev specified in `foo'")
        r = self.xl("-N", "network-attach", "windows", "bridge=br0,x=1")
        self.assertEqual(r.stdout, 'vif: {\n    "bridge": "br0,x=1"\n}\n\n')
        r = self.xl("network-attach", "windows", "foo=1", rc=1)
        self.assertEqual(r.stderr, "unrecognized argument `foo=1'\n")
        self.assertIn("libxl_device_nic_add failed.", self.xl("network-attach", "windows", "bridge=br0", rc=1).stderr)
        self.assertEqual(self.xl("network-detach", "windows", "9", rc=1).stderr, "Unknown device 9.\n")

    def test_shutdown_needs_drivers_or_F(self):
        self.create("s")
        r = self.xl("shutdown", "s", rc=1)
        self.assertEqual(r.stderr.splitlines(), [
            "Shutting down domain 1",
            "PV control interface not available: external graceful shutdown not possible.",
            'Use "-F" to fallback to ACPI power event.',
            "shutdown failed (rc=-10)"])
        r = self.xl("reboot", "s", rc=1)
        self.assertEqual(r.stderr.splitlines(), [
            "Rebooting domain 1",
            "PV control interface not available: external graceful reboot not possible.",
            'Use "-F" to fallback to ACPI reset event.',
            "reboot failed (rc=-10)"])
        r = self.xl("shutdown", "-F", "-w", "s")
        self.assertEqual(r.stderr.splitlines(), [
            "Shutting down domain 1",
            "PV control interface not available: sending ACPI power button event.",
            "Waiting for 1 domains",
            "Domain 1 has been shut down, reason code 0",
            "Domain 1 has been destroyed"])
        self.assertIsNone(self.row("s"))

    # --- ending ---

    def test_reboot_gets_a_new_domid(self):
        self.create("r")
        uuid = self.xl("list", "-v", "r").stdout.splitlines()[1].split()[6]
        self.xl("reboot", "-F", "r")
        self.until("the second boot", lambda: (self.row("r") or [""] * 5)[1:5:3] == ["2", "-b----"])
        self.assertEqual(self.xl("list", "-v", "r").stdout.splitlines()[1].split()[6], uuid)
        self.assertEqual(self.log("r"), [
            "Waiting for domain r (domid 1) to die [pid P]",
            "Domain 1 has shut down, reason code 1 0x1",
            "Domain 1 ended by: the button",
            "Action for shutdown reason code 1 is restart",
            "Domain 1 needs to be cleaned up: destroying the domain",
            "Done. Rebooting now",
            "Waiting for domain r (domid 2) to die [pid P]"])

    def test_crash_of_the_machine_is_a_crash(self):
        self.create("a", "abort")
        self.until("the domain to go", lambda: not self.row("a"))
        self.assertIn("Domain 1 has shut down, reason code 3 0x3", self.log("a"))
        self.create("b", "abort", 'on_crash="preserve"')
        self.until("the domain to be kept", lambda: self.row("b")[4] == "---sc-")
        self.assertIn("is not running", self.xl("pause", "b", rc=1).stderr)
        self.xl("destroy", "b")
        self.assertIsNone(self.row("b"))

    def test_policies(self):
        for key, reason, letter in (("on_poweroff", 0, "-"), ("on_reboot", 1, "r"), ("on_crash", 3, "c"),
                                    ("on_watchdog", 4, "w"), ("on_soft_reset", 5, "S")):
            with self.subTest(key):
                self.create("k", f"reason={reason}", f'{key}="preserve"')
                self.until("it to be kept", lambda: self.row("k")[4] == f"---s{letter}-")
                self.assertEqual(self.xl("list", "-v", "k").stdout.splitlines()[1].split()[7], str(reason))
                self.xl("destroy", "k")
                self.create("k", f"reason={reason}", f'{key}="destroy"')
                self.until("it to go", lambda: not self.row("k"))

    def test_unattended(self):
        self.create("e", "reason=1", options=["-e"])
        self.until("it to stay", lambda: self.row("e")[4] == "---sr-")

    def test_rename_restart(self):
        self.create("rr", "once=3", 'on_crash="rename-restart"')
        self.until("both", lambda: len(self.rows()) == 2 and (self.row("rr") or [""] * 5)[4] == "-b----")
        old, new = self.rows()
        self.assertRegex(old[0], r"^rr-\d{8}T\d{4}Z$")
        self.assertEqual((old[1], old[4], new[0], new[1]), ("1", "---sc-", "rr", "2"))

    def test_killed_supervisor_leaves_no_entry(self):
        self.create("k")
        os.kill(self.supervisor("1"), signal.SIGKILL)
        self.until("the processes to go", lambda: not self.processes())
        self.assertEqual(self.rows(), [])
        self.assertEqual(os.listdir(os.path.join(self.run_dir, "domain")), [])
        self.create("k")

    def test_hanging_machine(self):
        self.create("h", "hang")
        self.assertEqual(self.row("h")[:2], ["h", "1"])  # listed, and soon
        machine = [p for p in self.processes() if p != self.supervisor("1")]
        self.xl("destroy", "h")  # it is killed after a while
        self.assertEqual(len(machine), 1)
        self.assertEqual([p for p in self.processes() if p in machine], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
