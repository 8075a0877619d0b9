# SPDX-License-Identifier: GPL-2.0-or-later
"""A VNC viewer without eyes: says where its pointer is, what its buttons and wheel do, what was cut (RFC 6143)."""
import socket
import struct

import domus

ESCAPE, CONTROL = 0xff1b, 0xffe3
LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN = 1, 2, 4, 8, 16


def connection(address, port):
    return socket.create_connection((address, port), 20 * domus.SLOW_HOST)


class Viewer:
    def __init__(self, host, name, connect=None):
        """connect(address, port) makes the socket, for a domain whose network is another than ours."""
        self.socket = (connect or connection)("127.0.0.1", port_of(host, name))
        self.socket.settimeout(20 * domus.SLOW_HOST)
        self.socket.sendall(b"RFB 003.008\n")  # at once: who is silent is given time to be a browser
        domus.check(self.take(12).startswith(b"RFB 003."), "no VNC server")
        kinds = self.take(self.take(1)[0])
        domus.check(1 in kinds, f"the VNC server wants a password: {kinds}")
        self.socket.sendall(b"\x01")
        domus.check(self.take(4) == bytes(4), "the VNC server does not let us in")
        self.socket.sendall(b"\x01")  # shared
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.take(16)
        self.take(struct.unpack(">I", self.take(4))[0])

    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            domus.check(more, "the VNC server hung up")
            data += more
        return data

    def pointer(self, x, y, buttons=0):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def key(self, keysym, down):
        self.socket.sendall(struct.pack(">BBHI", 4, down, 0, keysym))

    def tap(self, keysym):
        for down in (1, 0):
            self.key(keysym, down)

    def cut_text(self, text):
        """Latin-1, as RFC 6143 has it."""
        data = text.encode("latin-1")
        self.socket.sendall(struct.pack(">B3xI", 6, len(data)) + data)

    def close(self):
        self.socket.close()


def port_of(host, name):
    """Where the domain's VNC server listens, as it told xenstore."""
    domid = host.domid(name)
    for line in host.xl("xenstore-ls", name).stdout.splitlines():
        if line.startswith(f"/local/domain/{domid}/console/vnc-port"):
            return int(line.split('"')[1])
    raise domus.Failure(f"{name} has no VNC server")
