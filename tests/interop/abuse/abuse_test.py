#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that misbehave: the server ends their connection, and others are served on.

usage: abuse_test.py PATH-OF-grpc_testing_server
"""
import contextlib
import os
import signal
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from serving import serving, skip  # noqa: E402

try:
    import grpc
except ImportError:
    skip("python3-grpcio is not installed")

import h2  # noqa: E402

PROGRAM = sys.argv.pop(1)
EMPTY, UNARY = "/grpc.testing.TestService/EmptyCall", "/grpc.testing.TestService/UnaryCall"
SLEEP = "/grpc.testing.TestService/FullDuplexCall"


@contextlib.contextmanager
def good_client(server):
    with open(server.ca, "rb") as f:
        credentials = grpc.ssl_channel_credentials(f.read())
    with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
        yield lambda: channel.unary_unary(EMPTY)(b"", timeout=5)


class Abuse(unittest.TestCase):
    def abused(self, act, verdict, **limits):
        """act misbehaves on a connection of its own, between two requests of a good client."""
        with serving(PROGRAM, **limits) as server, good_client(server) as ask:
            self.assertEqual(ask(), b"")
            client = h2.Client(server)
            act(client)
            client.close()
            self.assertEqual(ask(), b"")
            time.sleep(0.1)
            if verdict is not None:
                self.assertIn(f"why={verdict}", "".join(server.lines))

    def test_rapid_reset(self):
        def act(c):
            for _ in range(200):
                stream = c.open(flags=h2.END_HEADERS, path=UNARY)
                if not c.send(h2.frame(h2.RST, 0, stream, struct.pack(">I", h2.CANCEL))):
                    break
            self.assertEqual(c.goaway(), h2.CALM)
            self.assertTrue(c.ended())
        self.abused(act, "reset_budget")

    def test_resets_that_the_server_is_made_to_send(self):
        def act(c):
            for _ in range(200):
                stream = c.open(flags=h2.END_HEADERS, path=UNARY)
                if not c.send(h2.frame(h2.WINDOW, 0, stream, struct.pack(">I", 0x7fffffff))):
                    break
            self.assertEqual(c.goaway(), h2.CALM)
            self.assertTrue(c.ended())
        self.abused(act, "reset_budget")

    def test_continuation_flood(self):
        def act(c):
            c.send(h2.frame(h2.HEADERS, 0, 1, h2.request()))
            for _ in range(100):
                if not c.send(h2.frame(h2.CONTINUATION, 0, 1, h2.literal("x", "y"))):
                    break
            self.assertTrue(c.ended())
        self.abused(act, None)

    def test_a_few_bytes_that_stand_for_many_headers(self):
        def act(c):
            # one field into the dynamic table (RFC 7541, 6.2.1), then 4,000 references of one byte to it
            field = b"\x40" + h2.literal("a", "b" * 3000)[1:]
            c.send(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, h2.request() + field + b"\xbe" * 4000))
            self.assertTrue(c.ended())
        self.abused(act, "header_list")

    def test_headers_over_the_limit_are_refused_alone(self):
        def act(c):
            stream = c.open(extra=[("x", "y" * 9000)])
            f = c.wait(h2.HEADERS, stream=stream)
            self.assertTrue(f[1] & h2.END_STREAM)
            stream = c.open(flags=h2.END_HEADERS)
            c.send(h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(0)))
            self.assertEqual(c.wait(h2.DATA, stream=stream)[3], h2.message(0))
        self.abused(act, None)

    def test_ping_flood(self):
        def act(c):
            for _ in range(10):
                c.send(h2.frame(h2.PING, 0, 0, bytes(8)))
            self.assertEqual(c.goaway(), h2.CALM)
            self.assertTrue(c.ended())
        self.abused(act, "too_many_pings")

    def test_settings_flood(self):
        def act(c):
            for _ in range(20000):
                if not c.send(h2.frame(h2.SETTINGS, 0, 0) * 50):
                    break
            self.assertTrue(c.ended() or c.closed)
        self.abused(act, None)

    def test_slow_headers(self):
        def act(c):
            c.send(h2.frame(h2.HEADERS, 0, 1, h2.request()))
            self.assertTrue(c.ended(3))
        self.abused(act, "slow_headers", grace_ms=500)

    def test_slow_body(self):
        def act(c):
            stream = c.open(flags=h2.END_HEADERS, path=UNARY)
            began = time.monotonic()
            for _ in range(50):
                c.send(h2.frame(h2.DATA, 0, stream, b"\0\0\0\xff\xff"[:5] if _ == 0 else b"x"))
                f = c.next(0.1)
                if f is not None and f[0] == h2.HEADERS:
                    break
            else:
                self.fail("a body of ten bytes a second was accepted")
            self.assertGreater(time.monotonic() - began, 0.4)
            self.assertTrue(f[1] & h2.END_STREAM)
            self.assertEqual(struct.unpack(">I", c.wait(h2.RST, stream=stream)[3])[0], h2.NO_ERROR)
        self.abused(act, None, grace_ms=500)

    def test_no_preface(self):
        with serving(PROGRAM, handshake_ms=500) as server, good_client(server) as ask:
            client = h2.Client(server, greet=False)
            self.assertTrue(client.ended(3))
            silent = socket.create_connection(("127.0.0.1", server.port))
            silent.settimeout(3)
            self.assertEqual(silent.recv(1), b"")
            silent.close()
            client.close()
            self.assertEqual(ask(), b"")

    def test_not_http2(self):
        with serving(PROGRAM) as server:
            client = h2.Client(server, greet=False)
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            self.assertTrue(client.ended())
            client.close()
            time.sleep(0.1)
            self.assertIn("why=not_http2", "".join(server.lines))

    def test_frames_that_are_none(self):
        def act(c):
            c.send(b"GET / HTTP/1.1\r\n\r\n" * 4)
            self.assertEqual(c.goaway(), 6)  # FRAME_SIZE_ERROR
            self.assertTrue(c.ended())
        self.abused(act, None)

    def test_an_oversize_prefix_costs_nothing(self):
        def act(c):
            stream = c.open(flags=h2.END_HEADERS, path=UNARY)
            c.send(h2.frame(h2.DATA, 0, stream, h2.message(0xffffffff)))
            self.assertTrue(c.wait(h2.HEADERS, stream=stream)[1] & h2.END_STREAM)
            self.assertEqual(struct.unpack(">I", c.wait(h2.RST, stream=stream)[3])[0], h2.NO_ERROR)
        self.abused(act, None, body_memory=1000)

    def test_body_memory_is_shared_and_comes_back(self):
        with serving(PROGRAM, body_memory=3 << 20, grace_ms=1000) as server, good_client(server) as ask:
            hogs = [h2.Client(server) for _ in range(3)]
            for c in hogs:
                stream = c.open(flags=h2.END_HEADERS, path=UNARY)
                c.send(h2.frame(h2.DATA, 0, stream, h2.message(1 << 20)))
                c.send(h2.frame(h2.PING, 0, 0, bytes(8)))
                c.wait(h2.PING)
            with open(server.ca, "rb") as f:
                credentials = grpc.ssl_channel_credentials(f.read())
            with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
                call = channel.unary_unary(UNARY)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(bytes(1000), timeout=5)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                details = dict(caught.exception.trailing_metadata())["grpc-status-details-bin"]
                self.assertIn(b"google.rpc.RetryInfo", details)
                self.assertEqual(ask(), b"")  # an empty message needs no room
                time.sleep(1.3)  # the hogs were too slow
                call(b"", timeout=5)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(bytes(1000), timeout=5)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)  # it was read: 1000 zeros
            for c in hogs:
                c.close()

    def test_streams_over_the_maximum(self):
        def act(c):
            c.send(h2.frame(h2.SETTINGS, h2.ACK, 0))
            for _ in range(10):
                c.open(flags=h2.END_HEADERS, path=UNARY)
            self.assertTrue(c.goaway() is not None or c.ended())
        self.abused(act, None, streams=4)

    def test_connections_of_one_source_are_limited(self):
        with serving(PROGRAM, connections=8) as server:
            clients = []
            for _ in range(5):  # half of 8, and one
                c = h2.Client(server)
                self.assertIsNotNone(c.wait(h2.SETTINGS))
                clients.append(c)
            with self.assertRaises(OSError):
                h2.Client(server)
            for c in clients:
                c.close()
            time.sleep(0.2)
            with good_client(server) as ask:
                self.assertEqual(ask(), b"")

    def test_silent_connections_make_room(self):
        with serving(PROGRAM, connections=4) as server, good_client(server) as ask:
            silent = [h2.Client(server, source=f"127.0.0.{n}") for n in range(2, 6)]
            for c in silent:
                self.assertIsNotNone(c.wait(h2.SETTINGS))
            busy = silent[0].open(flags=h2.END_HEADERS, path=UNARY)
            time.sleep(1.2)
            self.assertEqual(ask(), b"")
            silent[0].send(h2.frame(h2.DATA, h2.END_STREAM, busy, h2.message(0)))
            self.assertIsNotNone(silent[0].wait(h2.DATA, stream=busy))  # the one with a request stayed
            self.assertEqual([c.ended(0.2) for c in silent].count(True), 1)
            for c in silent:
                c.close()

    def test_a_client_that_opens_no_window(self):
        def act(c):
            c.send(h2.frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
            stream = c.open(flags=h2.END_HEADERS)
            c.send(h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(0)))
            self.assertEqual(struct.unpack(">I", c.wait(h2.RST, stream=stream)[3])[0], h2.CANCEL)
        self.abused(act, None, write_stall_ms=500)

    def test_idle_connections_go(self):
        def act(c):
            self.assertEqual(c.goaway(3), h2.NO_ERROR)
            self.assertTrue(c.ended(3))
        self.abused(act, None, idle_ms=500)

    def test_old_connections_go_and_requests_do_not_notice(self):
        with serving(PROGRAM, connection_age_ms=300) as server, good_client(server) as ask:
            until = time.monotonic() + 3
            while time.monotonic() < until:
                self.assertEqual(ask(), b"")
                time.sleep(0.02)

    def test_drain_lets_streams_finish(self):
        with serving(PROGRAM) as server:
            client = h2.Client(server)
            stream = client.open(flags=h2.END_HEADERS)
            client.send(h2.frame(h2.PING, 0, 0, bytes(8)))
            client.wait(h2.PING)
            server.process.send_signal(signal.SIGUSR1)
            self.assertEqual(client.goaway(), h2.NO_ERROR)
            client.send(h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(0)))
            self.assertEqual(client.wait(h2.DATA, stream=stream)[3], h2.message(0))
            self.assertTrue(client.ended())
            client.close()
            self.assertEqual(server.process.wait(5), 0)

    def test_without_alpn_the_connection_ends(self):
        import ssl
        with serving(PROGRAM) as server:
            context = ssl.create_default_context(cafile=server.ca)
            with socket.create_connection(("127.0.0.1", server.port)) as raw:
                with context.wrap_socket(raw, server_hostname="localhost") as s:
                    s.settimeout(3)
                    try:
                        self.assertEqual(s.recv(1), b"")
                    except OSError:
                        pass

    def test_tls_1_2_is_refused(self):
        import ssl
        with serving(PROGRAM) as server:
            context = ssl.create_default_context(cafile=server.ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with socket.create_connection(("127.0.0.1", server.port)) as raw, self.assertRaises(OSError):
                context.wrap_socket(raw, server_hostname="localhost")


if __name__ == "__main__":
    unittest.main()
