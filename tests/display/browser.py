# SPDX-License-Identifier: GPL-2.0-or-later
"""Headless Chromium, led by chromedriver (the W3C WebDriver protocol)."""
import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

SHIFT, CONTROL, ENTER = "\ue008", "\ue009", "\ue007"
BUSY_HOST_S = 120  # how long anything may take


class Browser:
    def __init__(self, home, size=(1000, 740)):
        """home: a directory for what the two leave behind."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], env=dict(os.environ, HOME=home),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size[0]},{size[1]}"]
        try:
            self.begin(arguments)
        except BaseException:
            self.close()
            raise

    def begin(self, arguments):
        for _ in range(300):
            try:
                self.call("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments}}}})["sessionId"]
        self.base += "/session/" + self.session

    def call(self, method, path, body=None):
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=BUSY_HOST_S) as reply:
            return json.load(reply)["value"]

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def until(self, expression, seconds=BUSY_HOST_S):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.run(f"return Boolean({expression})"):
                return
            time.sleep(0.2)
        raise AssertionError(f"never {expression}: {self.run('return document.body.innerText')!r}")

    def click(self, selector):
        element = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", "/element/" + next(iter(element.values())) + "/click")

    def act(self, kind, *actions):
        more = {"parameters": {"pointerType": "mouse"}} if kind == "pointer" else {}
        self.call("POST", "/actions", {"actions": [{"type": kind, "id": kind, "actions": list(actions), **more}]})

    def type(self, text):
        """Each character is a key, pressed as it is: who wants upper case holds SHIFT."""
        self.act("key", *[{"type": kind, "value": c} for c in text for kind in ("keyDown", "keyUp")])

    def point(self, x, y, click=True):
        button = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")] if click else []
        self.act("pointer", {"type": "pointerMove", "x": x, "y": y, "duration": 0}, *button)

    def shot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "")  # ends the browser
        except OSError:
            pass
        self.driver.terminate()
        self.driver.wait()
