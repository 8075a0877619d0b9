# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's source of packages for guests in a network namespace: a web proxy there that asks from outside, as the host's apt
does; and sockets in a namespace for a test that is not in it."""
import http.server
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

OPEN = """
import socket, sys
kind, address, port = sys.argv[1:]
s = getattr(socket, kind)((address, int(port)))
socket.send_fds(socket.socket(fileno=0), [b"."], [s.fileno()])
"""
PASSED_ON = ("Range", "If-Range", "If-Modified-Since", "Cache-Control", "Accept", "User-Agent")
HANDED_BACK = ("Content-Length", "Content-Type", "Content-Range", "Last-Modified", "ETag")


def socket_there(enter, kind, address, port):
    """socket.KIND((address, port)) made behind the command `enter`: create_server, or create_connection."""
    ours, its = socket.socketpair()
    with ours, its:
        made = subprocess.run([*enter, sys.executable, "-c", OPEN, kind, address, str(port)], stdin=its,
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise ConnectionError(f"{kind} {address}:{port}: {made.stderr.strip()[-200:]}")
        return socket.socket(fileno=socket.recv_fds(ours, 1, 1)[1][0])


def opener():
    """As the host's apt gets there: its proxy, else the environment's."""
    said = subprocess.run(["apt-config", "shell", "P", "Acquire::http::Proxy"], capture_output=True, text=True, check=False)
    proxy = said.stdout.strip().partition("=")[2].strip("'")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({"http": proxy})] if proxy else []))


class Mirror:
    """A web proxy at address:port behind the command `enter` that lets through to the host of `url` only. Use as a context
    manager; `bytes`, `requests` and `missing` (what answered 404) tell what came through."""

    def __init__(self, enter, address, port, url):
        self.bytes, self.requests, self.missing = 0, 0, []
        mirror, ask = self, opener()
        name = urllib.parse.urlsplit(url).netloc

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *unused):
                pass

            def do_GET(self):
                if urllib.parse.urlsplit(self.path).netloc != name:
                    self.send_error(403)
                    return
                wanted = {key: self.headers[key] for key in PASSED_ON if key in self.headers}
                try:
                    answer = ask.open(urllib.request.Request(self.path, headers=wanted, method=self.command), timeout=60)
                except urllib.error.HTTPError as e:
                    answer = e
                except OSError as e:
                    self.send_error(502, str(e))
                    return
                with answer:
                    self.answer(answer)

            do_HEAD = do_GET

            def answer(self, answer):
                mirror.requests += 1
                if answer.status == 404:
                    mirror.missing.append(self.path)
                self.send_response(answer.status)
                for key in HANDED_BACK:
                    if key in answer.headers:
                        self.send_header(key, answer.headers[key])
                if "Content-Length" not in answer.headers:
                    self.send_header("Connection", "close")
                self.end_headers()
                mirror.bytes += int(answer.headers.get("Content-Length", 0))
                if self.command == "GET":
                    shutil.copyfileobj(answer, self.wfile, 1 << 16)

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *unused):
                pass  # a client that goes away is its own business

        self.server = Server((address, port), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = socket_there(enter, "create_server", address, port)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()
