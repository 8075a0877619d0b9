#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A failing test's reason is seen: tests/guest/run and tests/run-check over tests that are made to fail.

reports.py BUILD
"""
import importlib.machinery
import importlib.util
import io
import contextlib
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = sys.argv.pop(1)
TESTS = {
    "test_example_good": "domus.main(lambda host: None)",
    "test_example_skipped": "print('no such thing here'); raise SystemExit(77)",
    "test_example_failing": """
def test(host):
    os.makedirs(host.path("run/log"))
    with open(host.path("run/log/domain-late.log"), "w") as f:
        f.write("".join(f"the domain's line {i}\\n" for i in range(200)))
    domus.check(False, "the guest is green\\n" + "the console's line\\n" * 100)
domus.main(test)""",
    "test_example_dying": "domus.main(lambda host: [][1])",
    "test_example_ended": "domus.main(lambda host: os.kill(os.getpid(), signal.SIGTERM))",
    "test_example_broken": "def (",
}


def load_run_check():
    loader = importlib.machinery.SourceFileLoader("run_check", os.path.join(HERE, "run-check"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_check", loader))
    loader.exec_module(module)
    return module


def run_guests(names):
    with tempfile.TemporaryDirectory() as d:
        for name in names:
            with open(os.path.join(d, name + ".py"), "w", encoding="ascii") as f:
                f.write("import os, signal\nimport domus\n" + TESTS[name] + "\n")
        return subprocess.run([os.path.join(HERE, "guest", "run"), *(os.path.join(d, n + ".py") for n in names)],
                              env={**os.environ, "DOMUS_BUILD": BUILD}, capture_output=True, text=True, check=False)


class GuestRun(unittest.TestCase):
    def test_good(self):
        p = run_guests(["test_example_good", "test_example_skipped"])
        self.assertEqual(p.stdout, "guest test_example_good: passed\nguest test_example_skipped: skipped (no such thing here)\n"
                                   "1 passed, 0 failed, 1 skipped\n")
        self.assertEqual(p.returncode, 0)

    def test_reasons(self):
        p = run_guests([n for n in TESTS if "skipped" not in n])
        self.assertEqual(p.returncode, 1)
        lines = p.stdout.splitlines()
        self.assertEqual(lines[-1], "1 passed, 4 failed, 0 skipped")
        self.assertEqual(lines[-2], "failed: test_example_failing, test_example_dying, test_example_ended, test_example_broken")
        for name, why in {"failing": "the guest is green (test_example_failing.py", "dying": "IndexError: list index out",
                          "ended": "Ended: SIGTERM", "broken": "SyntaxError"}.items():
            said = [line for line in lines if line.startswith(f"guest test_example_{name}: FAILED (exit 1; ")]
            self.assertEqual(len(said), 1, p.stdout)
            self.assertIn(why, said[0])


class Summary(unittest.TestCase):
    def setUp(self):
        self.module = load_run_check()
        self.dir = tempfile.TemporaryDirectory()
        self.module.LOGS = self.dir.name
        self.check = self.module.Check()

    def tearDown(self):
        self.dir.cleanup()

    def closing(self, steps):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            for step in steps:
                self.check.run(*step)
            self.status = self.check.close()
        return [line for line in out.getvalue().splitlines() if line.startswith("failed: ") or " passed, " in line]

    def test_steps(self):
        said = self.closing([("good", ["true"], 10), ("bad", ["sh", "-c", "echo first; echo last; exit 3"], 10),
                             ("absent", ["/no/such/program"], 10)])
        self.assertEqual(said[:-2], ["failed: bad: exit 3: last"])
        self.assertTrue(said[-2].startswith("failed: absent: exit 127: run-check: /no/such/program: "), said)
        self.assertEqual(said[-1], "1 passed, 2 failed, 0 skipped")
        self.assertEqual(self.status, 1)

    def test_guests(self):
        text = "guest test_a: passed\n    guest words\nguest test_b: FAILED (exit 1; no bell)\nguest test_c: skipped (no cc)\n"
        said = self.closing([("guests", ["sh", "-c", f"printf '{text}'; exit 1"], 10, self.module.guest_counts)])
        self.assertEqual(said, ["failed: guests: test_b (exit 1; no bell)", "1 passed, 1 failed, 1 skipped"])

    def test_meson(self):
        logs = os.path.join(self.dir.name, "meson-logs")
        os.mkdir(logs)
        with open(os.path.join(logs, "testlog.json"), "w", encoding="ascii") as f:
            f.write('{"name": "one", "result": "OK"}\n'
                    '{"name": "two", "result": "FAIL", "stderr": "x.c:1: f: Assertion `a == b\' failed.\\nAborted\\n"}\n'
                    '{"name": "three", "result": "TIMEOUT", "stdout": "row 1\\nrow 2\\n"}\n{"name": "four", "result": "SKIP"}\n')
        said = self.closing([("tests", ["false"], 10, self.module.meson_counts(self.dir.name))])
        self.assertEqual(said, ["failed: tests: two: FAIL: x.c:1: f: Assertion `a == b' failed.",
                                "failed: tests: three: TIMEOUT: row 2", "1 passed, 2 failed, 1 skipped"])

    def test_nothing_failed(self):
        self.assertEqual(self.closing([("good", ["true"], 10)]), ["1 passed, 0 failed, 0 skipped"])
        self.assertEqual(self.status, 0)


unittest.main()
