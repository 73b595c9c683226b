# SPDX-License-Identifier: Apache-2.0
"""The least of an HTTP/2 client that can misbehave: frames by hand, headers as literals, replies as raw frames."""
import select
import socket
import ssl
import struct
import time

DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, FLOW_CONTROL, CANCEL, CALM = 0, 3, 8, 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """RFC 7541, 6.2.2: literal without indexing, no Huffman; lengths in one to three bytes."""
    def text(t):
        t = t.encode() if isinstance(t, str) else t
        if len(t) < 127:
            return bytes([len(t)]) + t
        n, out = len(t) - 127, b"\x7f"
        while n >= 128:
            out += bytes([n % 128 + 128])
            n //= 128
        return out + bytes([n]) + t
    return b"\0" + text(name) + text(value)


def request(path="/grpc.testing.TestService/EmptyCall", extra=()):
    fields = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
              ("te", "trailers"), ("content-type", "application/grpc"), *extra]
    return b"".join(literal(*f) for f in fields)


def message(length, body=b""):
    return struct.pack(">BI", 0, length) + body


class Client:
    def __init__(self, server, greet=True, source="127.0.0.1"):
        context = ssl.create_default_context(cafile=server.ca)
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection(("127.0.0.1", server.port), source_address=(source, 0))
        self.sock = context.wrap_socket(raw, server_hostname="localhost")
        self.sock.settimeout(10)
        self.buffer, self.closed, self.stream = b"", False, -1
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data):
        """False when the server has closed."""
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            self.closed = True
            return False

    def open(self, flags=END_STREAM | END_HEADERS, path="/grpc.testing.TestService/EmptyCall", extra=()):
        self.stream += 2
        self.send(frame(HEADERS, flags, self.stream, request(path, extra)))
        return self.stream

    def fill(self, until):
        if self.sock.pending() == 0:
            ready, _, _ = select.select([self.sock], [], [], max(0, until - time.monotonic()))
            if not ready:
                return False
        try:
            piece = self.sock.recv(65536)
        except OSError:
            piece = b""
        self.closed = not piece
        self.buffer += piece
        return bool(piece)

    def next(self, timeout=5.0):
        """(kind, flags, stream, payload); None when the server closed or nothing came."""
        until = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + length:
                    kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
                    payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
                    return kind, flags, stream, payload
            if not self.fill(until):
                return None

    def wait(self, kind, timeout=5.0, stream=None):
        until = time.monotonic() + timeout
        while (f := self.next(max(0, until - time.monotonic()))) is not None:
            if f[0] == kind and (stream is None or f[2] == stream):
                return f
        return None

    def goaway(self, timeout=5.0):
        """The error code of a GOAWAY; None when the connection ended or time passed without one."""
        f = self.wait(GOAWAY, timeout)
        return None if f is None else struct.unpack(">I", f[3][4:8])[0]

    def ended(self, timeout=5.0):
        """True when the server closes within the time."""
        until = time.monotonic() + timeout
        while time.monotonic() < until and not self.closed:
            self.next(max(0, until - time.monotonic()))
        return self.closed

    def close(self):
        self.sock.close()
