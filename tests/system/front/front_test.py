#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""latchkey-front, whole, between stand-ins for its neighbours, asked by grpcio.

usage: front_test.py FOLDER-OF-PROGRAMS
"""
import contextlib
import hashlib
import os
import select
import ssl
import struct
import sys
import threading
import time
import unittest

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # we fork to exec; its handlers may wait for its own threads for ever
try:
    import grpc
except ImportError:
    print("SKIPPED: python3-grpcio is not installed")
    sys.exit(77)

import ring as R

PROGRAM = os.path.join(sys.argv.pop(1), "latchkey-front")
GET, RELEASE = "/latchkey.v1.KeyRelease/GetChallenge", "/latchkey.v1.KeyRelease/Release"
CHANGE, QUERY = "/latchkey.v1.Admin/Change", "/latchkey.v1.Admin/Query"
LARGE = bytes((64 << 10) + 1)  # by the limits that the stand-in sends
APPRAISE, HELLO = "/latchkey.v1.Attestation/Appraise", "/latchkey.v1.Admin/Hello"
CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


@contextlib.contextmanager
def running(**options):
    ring = R.Ring(PROGRAM, **options)
    try:
        yield ring
    finally:
        ring.stop()


@contextlib.contextmanager
def channel(ring, name=None):
    key, cert = (ring.read(f"{name}.key"), ring.read(f"{name}.pem")) if name else (None, None)
    credentials = grpc.ssl_channel_credentials(ring.read("ca.pem"), key, cert)
    with grpc.secure_channel(f"localhost:{ring.port}", credentials, options=[("grpc.enable_retries", 0)]) as c:
        yield c


@contextlib.contextmanager
def echoing(ring, *workers, delay=0.0):
    stop = threading.Event()
    threads = [threading.Thread(target=R.echo, args=(ring, w, stop, delay)) for w in workers]
    for t in threads:
        t.start()
    try:
        yield
    finally:
        stop.set()
        for t in threads:
            t.join()


def ask(c, method, message=b"x", timeout=5.0):
    return c.unary_unary(method)(message, timeout=timeout)


def failure(future):
    error = future.exception() if hasattr(future, "exception") else future
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    return error.code(), details


def health(serving, text=b""):
    """The payload of CTL_HEALTH: proto/link/messages.h."""
    return struct.pack("<BH", serving, len(text)) + text


class Front(unittest.TestCase):
    def refused(self, code, reason, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        got, details = failure(caught.exception)
        self.assertEqual(got, code)
        self.assertIn(reason, details)
        self.assertIn(b"latchkey", details)
        return details

    def test_a_request_goes_round(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(RELEASE).future(b"bundle", timeout=5)
            kind, request, payload = w.next()
            deadline, roles = struct.unpack_from("<QI", payload)
            self.assertEqual((kind, roles, payload[12:44], payload[44:]), ("REQ_RELEASE", 0, bytes(32), b"bundle"))
            self.assertLess(abs(deadline - time.monotonic() * 1000 - 5000), 500)
            ring.taken(w)
            ring.answer(request, R.answer(7, message="no: 100%".encode(), details=b"\x08\x07"))
            with self.assertRaises(grpc.RpcError) as caught:
                f.result()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
            self.assertEqual(caught.exception.details(), "no: 100%")
            self.assertEqual(failure(caught.exception)[1], b"\x08\x07")

    def test_a_worker_has_one_request_at_a_time(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            first, second = (c.unary_unary(GET).future(m, timeout=5) for m in (b"1", b"2"))
            one = w.next()
            with self.assertRaises(TimeoutError):
                w.next(0.3)
            ring.taken(w)
            two = w.next()
            for frame in (two, one):
                ring.answer(frame[1], R.answer(0, body=frame[2][44:]))
            self.assertEqual({first.result(), second.result()}, {b"1", b"2"})

    def test_large_bundles_pass(self):
        with running() as ring, channel(ring) as c:
            with echoing(ring, ring.worker(1, large=True)):
                message = os.urandom(1 << 20)
                self.assertEqual(ask(c, RELEASE, message), message)

    def test_each_method_has_a_largest_message(self):
        most = {GET: (64 << 10) - 256, RELEASE: 4 << 20, HELLO: 1024 - 256, CHANGE: 4 << 20, QUERY: (64 << 10) - 256}
        with running() as ring, channel(ring) as c:
            for method, size in most.items():
                self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, b"TOO_LARGE", lambda: ask(c, method, bytes(size + 1)))
            futures = [c.unary_unary(method).future(bytes(size), timeout=5) for method, size in most.items()]
            usual, large = ring.worker(1), ring.worker(2, large=True)
            self.assertEqual((usual.next()[0], large.next()[0]), ("REQ_CHALLENGE", "REQ_RELEASE"))
            kinds = {R.receive(ring.admin)[0] for _ in range(3)}
            self.assertEqual(kinds, {"ADMIN_HELLO", "ADMIN_CHANGE", "ADMIN_QUERY"})
            for f in futures:
                f.cancel()

    def test_nothing_waits_behind_large_bundles(self):
        with running() as ring, channel(ring) as c:
            usual, large = ring.worker(1), ring.worker(2, large=True)
            bundles = [c.unary_unary(RELEASE).future(LARGE, timeout=10) for _ in range(8)]
            self.assertEqual(len(large.next()[2]), len(LARGE) + 44)
            with self.assertRaises(TimeoutError):
                usual.next(0.3)  # idle, and not for them
            for i in range(3):
                small = c.unary_unary(RELEASE).future(b"small", timeout=5)
                _, request, payload = usual.next()
                self.assertEqual(payload[44:], b"small")
                ring.taken(usual)
                ring.answer(request, R.answer(0, body=b"done"))
                self.assertEqual(small.result(), b"done")
                self.assertFalse(any(b.done() for b in bundles))
            for b in bundles:  # one at a time, in their order, all by the one worker
                request = large.last
                ring.taken(large)
                ring.answer(request, R.answer(0, body=b"judged"))
                if b is not bundles[-1]:
                    large.next()
            self.assertEqual([b.result() for b in bundles], [b"judged"] * 8)

    def test_the_largest_usual_message_is_usual(self):
        with running() as ring, channel(ring) as c:
            usual, large = ring.worker(1), ring.worker(2, large=True)
            f = c.unary_unary(RELEASE).future(bytes(64 << 10), timeout=5)
            self.assertEqual(len(usual.next()[2]), (64 << 10) + 44)
            g = c.unary_unary(RELEASE).future(bytes((64 << 10) + 1), timeout=5)
            self.assertEqual(len(large.next()[2]), (64 << 10) + 1 + 44)
            f.cancel(), g.cancel()

    def test_large_bundles_fill_their_own_queue_and_share_of_memory(self):
        with running(limits=R.Limits(queue=1)) as ring, channel(ring) as c:
            usual, large = ring.worker(1), ring.worker(2, large=True)
            held = [c.unary_unary(RELEASE).future(LARGE, timeout=5) for _ in range(2)]
            large.next()
            time.sleep(0.2)
            self.refused(grpc.StatusCode.UNAVAILABLE, b"OVERLOAD", lambda: ask(c, RELEASE, LARGE))
            with echoing(ring, usual):
                self.assertEqual(ask(c, RELEASE, b"small"), b"small")
            for f in held:
                f.cancel()
        with running(limits=R.Limits(body_memory=4 << 20)) as ring, channel(ring) as c:
            usual = ring.worker(1)
            held = [c.unary_unary(RELEASE).future(bytes(1 << 20), timeout=5) for _ in range(3)]
            time.sleep(0.5)
            self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, b"OVERLOAD", lambda: ask(c, RELEASE, bytes(1 << 20)))
            with echoing(ring, usual):
                self.assertEqual(ask(c, RELEASE, bytes(60000)), bytes(60000))
            for f in held:
                f.cancel()

    def test_without_workers_for_them_large_bundles_are_refused_at_the_prefix(self):
        with running(limits=R.Limits(large_workers=0)) as ring, channel(ring) as c:
            with echoing(ring, ring.worker(1)):
                self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, b"this broker has no log-verifiers", lambda: ask(c, RELEASE, LARGE))
                self.assertEqual(ask(c, RELEASE, bytes(64 << 10)), bytes(64 << 10))
            R.send(ring.control, "CTL_LIMITS", R.Limits().bytes())  # a reload
            with echoing(ring, ring.worker(2, large=True)):
                self.assertEqual(ask(c, RELEASE, LARGE), LARGE)

    def test_health_is_that_of_the_usual_workers(self):
        with running() as ring, channel(ring) as c:
            ring.worker(1, large=True)
            R.send(ring.control, "CTL_HEALTH", health(1))
            time.sleep(0.2)
            self.assertEqual(ask(c, CHECK, b""), NOT_SERVING)
            ring.worker(2)
            time.sleep(0.2)
            self.assertEqual(ask(c, CHECK, b""), SERVING)

    def test_a_worker_is_relieved_by_one_of_its_class(self):
        with running(limits=R.Limits(worker_requests=1)) as ring, channel(ring) as c:
            large = ring.worker(1, large=True)
            with echoing(ring, large):
                self.assertEqual(ask(c, RELEASE, LARGE), LARGE)
                self.assertEqual(ring.heard(), ("CTL_TIRED", 0, struct.pack("<I", 1)))
                ring.worker(2)
                with self.assertRaises(TimeoutError):
                    ring.heard(0.3)
                ring.worker(3, large=True)
                self.assertEqual(ring.heard(), ("CTL_RETIRED", 0, struct.pack("<I", 1)))

    def test_a_lost_worker_is_unavailable_and_not_retried(self):
        with running() as ring, channel(ring) as c:
            a = ring.worker(1)
            f = c.unary_unary(GET).future(b"x", timeout=5)
            a.next()
            a.ours.close()
            R.send(ring.control, "CTL_WORKER_GONE", struct.pack("<I", 1))
            b = ring.worker(2)
            with self.assertRaises(TimeoutError):
                b.next(0.3)
            self.assertFalse(f.done())  # only the keeper knows that no verdict came
            R.send(ring.keeper, "WORKER_LOST", struct.pack("<I", 1))
            details = self.refused(grpc.StatusCode.UNAVAILABLE, b"WORKER_LOST", f.result)
            self.assertIn(b"google.rpc.RetryInfo", details)

    def test_an_answer_before_the_loss_counts(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(GET).future(b"x", timeout=5)
            _, request, _ = w.next()
            ring.taken(w)
            R.send(ring.control, "CTL_WORKER_GONE", struct.pack("<I", 1))
            ring.answer(request, R.answer(0, body=b"in time"))
            R.send(ring.keeper, "WORKER_LOST", struct.pack("<I", 1))
            self.assertEqual(f.result(), b"in time")

    def test_the_queue_is_bounded_and_knows_deadlines(self):
        with running(limits=R.Limits(queue=2)) as ring, channel(ring) as c:
            w = ring.worker(1)
            calls = [c.unary_unary(GET).future(b"0", timeout=5)]
            w.next()
            calls += [c.unary_unary(GET).future(b"1", timeout=0.5), c.unary_unary(GET).future(b"2", timeout=5)]
            time.sleep(0.2)
            self.refused(grpc.StatusCode.UNAVAILABLE, b"OVERLOAD", lambda: ask(c, GET))
            with self.assertRaises(grpc.RpcError) as caught:
                calls[1].result()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            time.sleep(0.3)
            ring.taken(w)
            self.assertEqual(w.next()[2][44:], b"2")  # the late one was dropped, not judged

    def test_without_workers_requests_wait_a_little(self):
        with running() as ring, channel(ring) as c:
            f = c.unary_unary(GET).future(b"x", timeout=5)
            time.sleep(0.3)
            with echoing(ring, ring.worker(1)):
                self.assertEqual(f.result(), b"x")
            R.send(ring.control, "CTL_WORKER_GONE", struct.pack("<I", 1))
            self.refused(grpc.StatusCode.UNAVAILABLE, b"OVERLOAD", lambda: ask(c, GET))

    def test_a_new_generation_drops_nothing(self):
        with running() as ring, channel(ring) as c:
            old = ring.worker(1, generation=1)
            f = c.unary_unary(GET).future(b"old", timeout=5)
            _, request, _ = old.next()
            new = ring.worker(2, generation=2)
            R.send(ring.control, "CTL_RETIRE", struct.pack("<Q", 1))
            g = c.unary_unary(GET).future(b"new", timeout=5)
            _, other, _ = new.next()
            with self.assertRaises(TimeoutError):
                ring.heard(0.3)  # the old one is busy
            ring.taken(old)
            self.assertEqual(ring.heard(), ("CTL_RETIRED", 0, struct.pack("<I", 1)))
            self.assertIsNone(old.next())
            ring.answer(other, R.answer(0, body=b"2"))
            ring.answer(request, R.answer(0, body=b"1"))
            self.assertEqual((f.result(), g.result()), (b"1", b"2"))

    def test_a_worker_tires(self):
        with running(limits=R.Limits(worker_requests=2)) as ring, channel(ring) as c:
            w = ring.worker(1)
            with echoing(ring, w):
                ask(c, GET)
                with self.assertRaises(TimeoutError):
                    ring.heard(0.3)
                ask(c, GET)
                self.assertEqual(ring.heard(), ("CTL_TIRED", 0, struct.pack("<I", 1)))
                ask(c, GET)  # it goes on, and is told of once
                with self.assertRaises(TimeoutError):
                    ring.heard(0.3)
                fresh = ring.worker(2)
                self.assertEqual(ring.heard(), ("CTL_RETIRED", 0, struct.pack("<I", 1)))
            self.assertIsNone(w.next())
            with echoing(ring, fresh):
                self.assertEqual(ask(c, GET), b"x")

    def test_a_worker_that_has_a_request_too_long_is_told_on(self):
        with running(limits=R.Limits(deadline_ms=500)) as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(GET).future(b"x")
            begin = time.monotonic()
            w.next()
            self.assertEqual(ring.heard(), ("CTL_WORKER_HUNG", 0, struct.pack("<I", 1)))
            self.assertGreater(time.monotonic() - begin, 0.9)
            with self.assertRaises(TimeoutError):
                ring.heard(0.6)  # told once
            self.assertEqual(f.exception().code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_a_worker_that_answers_another_request_is_told_on(self):
        with running() as ring, channel(ring) as c:
            w, other = ring.worker(1), ring.worker(2)
            f = c.unary_unary(GET).future(b"a", timeout=5)
            given = next(x for x in (w, other) if select.select([x.ours], [], [], 1)[0])
            liar = other if given is w else w
            given.next()
            liar.last = given.last
            ring.taken(liar)
            heard = ring.heard()
            self.assertEqual((heard[0], heard[2][:8]), ("CTL_FATAL", struct.pack("<II", 1, liar.number)))
            ring.taken(given)
            ring.answer(given.last, R.answer(0, body=b"mine"))
            self.assertEqual(f.result(), b"mine")

    def test_admin_answers_are_for_admins(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(GET).future(b"x", timeout=5)
            _, request, _ = w.next()
            R.send(ring.admin, "ANSWER", R.answer(0, body=b"id"), request=request)
            heard = ring.heard()
            self.assertEqual((heard[0], heard[2][:4]), ("CTL_FATAL", struct.pack("<I", 4)))
            self.assertFalse(f.done())

    def test_only_named_callers_may_appraise(self):
        with running(client_ca=True) as ring:
            d = ring.folder.name
            R.certificate(d, "named", "/CN=named", ca="ca")
            R.certificate(d, "other", "/CN=other", ca="ca")
            der = ssl.PEM_cert_to_DER_cert(ring.read("named.pem").decode())
            fingerprint = hashlib.sha256(der).digest()
            R.send(ring.control, "CTL_CALLERS", fingerprint + struct.pack("<I", 1))
            w = ring.worker(1)
            for name in (None, "other"):
                with channel(ring, name) as c:
                    self.refused(grpc.StatusCode.PERMISSION_DENIED, b"CALLER_NOT_NAMED", lambda: ask(c, APPRAISE))
            with channel(ring, "named") as c:
                f = c.unary_unary(APPRAISE).future(b"items", timeout=5)
                kind, request, payload = w.next()
                self.assertEqual((kind, payload[8:12], payload[12:44]), ("REQ_APPRAISE", b"\1\0\0\0", fingerprint))
                ring.answer(request, R.answer(0, body=b"verdict"))
                self.assertEqual(f.result(), b"verdict")

    def test_a_certificate_of_another_ca_ends_the_handshake(self):
        with running(client_ca=True) as ring:
            R.certificate(ring.folder.name, "stranger", "/CN=stranger")
            with channel(ring, "stranger") as c, self.assertRaises(grpc.RpcError) as caught:
                ask(c, CHECK, b"", timeout=2)
            self.assertIn(caught.exception.code(), (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED))

    def test_admin_requests_have_their_own_link(self):
        with running() as ring, channel(ring) as c:
            f = c.unary_unary(HELLO).future(b"hi", timeout=5)
            kind, request, payload = R.receive(ring.admin)
            self.assertEqual((kind, payload[44:]), ("ADMIN_HELLO", b"hi"))
            R.send(ring.admin, "ANSWER", R.answer(0, body=b"id"), request=request)
            self.assertEqual(f.result(), b"id")
            g = c.unary_unary(HELLO).future(b"hi", timeout=5)
            R.receive(ring.admin)
            ring.admin.close()
            self.refused(grpc.StatusCode.UNAVAILABLE, b"FRAME_CLOSED", g.result)

    def test_a_lost_keeper_ends_what_waits_for_it(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(GET).future(b"x", timeout=5)
            w.next()
            ring.keeper.close()
            self.refused(grpc.StatusCode.UNAVAILABLE, b"FRAME_CLOSED", f.result)
            self.assertEqual(ask(c, CHECK, b""), NOT_SERVING)

    def test_a_keeper_that_breaks_the_rules_is_told_on(self):
        for kind, payload in (("CTL_READY", b""), ("ANSWER", b"\0"), ("TAKEN", b"\1\0\0")):
            with self.subTest(kind), running() as ring:
                R.send(ring.keeper, kind, payload)
                heard = ring.heard()
                self.assertEqual(heard[0], "CTL_FATAL")
                self.assertIn(b"FRAME_FORBIDDEN", heard[2])

    def test_a_worker_that_talks_back_gets_no_more(self):
        with running() as ring, channel(ring) as c:
            w, other = ring.worker(1, generation=2), ring.worker(2)
            R.send(w.ours, "REQ_CHALLENGE", b"")
            self.assertIsNone(w.next())
            with echoing(ring, other):
                self.assertEqual(ask(c, GET), b"x")

    def test_health_follows_the_ring(self):
        with running() as ring, channel(ring) as c:
            self.assertEqual(ask(c, CHECK, b""), NOT_SERVING)
            watch = c.unary_stream(WATCH)(b"", timeout=10)
            self.assertEqual(next(watch), NOT_SERVING)
            w = ring.worker(1)
            self.assertEqual(next(watch), SERVING)
            self.assertEqual(ask(c, CHECK, b"\x0a\x16latchkey.v1.KeyRelease"), SERVING)
            R.send(ring.control, "CTL_HEALTH", health(0, b"the token does not answer"))
            self.assertEqual(next(watch), NOT_SERVING)
            R.send(ring.control, "CTL_HEALTH", health(1))
            self.assertEqual(next(watch), SERVING)
            with self.assertRaises(grpc.RpcError) as caught:
                ask(c, CHECK, b"\x0a\x01x")
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
            unknown = c.unary_stream(WATCH)(b"\x0a\x01x", timeout=10)
            self.assertEqual(next(unknown), b"\x08\x03")
            w.ours.close()
            self.assertEqual(next(watch), NOT_SERVING)

    def test_certificates_change_without_dropping_a_connection(self):
        with running() as ring, channel(ring) as before:
            w = ring.worker(1)
            with echoing(ring, w):
                self.assertEqual(ask(before, GET), b"x")
                old = ssl.get_server_certificate(("127.0.0.1", ring.port))
                R.certificate(ring.folder.name, "fresh", "/CN=localhost", ca="ca")
                ring.tls("fresh")
                for _ in range(50):
                    if ssl.get_server_certificate(("127.0.0.1", ring.port)) != old:
                        break
                    time.sleep(0.05)
                else:
                    self.fail("the old certificate is still shown")
                self.assertEqual(ask(before, GET), b"x")
                with channel(ring) as after:
                    self.assertEqual(ask(after, GET), b"x")

    def test_a_set_that_does_not_load_leaves_the_old_one(self):
        with running() as ring:
            R.certificate(ring.folder.name, "fresh", "/CN=localhost", ca="ca")
            os.rename(f"{ring.folder.name}/server.key", f"{ring.folder.name}/fresh.key")
            ring.tls("fresh")
            time.sleep(0.2)
            with channel(ring) as c:
                self.assertEqual(ask(c, CHECK, b""), NOT_SERVING)

    def test_without_a_first_certificate_it_does_not_start(self):
        ring = R.Ring(PROGRAM, ready=False)
        with open("/dev/null", "rb") as f:
            for kind in ("CTL_RELOAD", "CTL_RELOAD_KEY"):
                R.send(ring.control, kind, fd=f.fileno())
        self.assertEqual(ring.process.wait(5), 1)
        self.assertIn("code=CONFIG", ring.stop())

    def test_drain_finishes_what_is_there(self):
        with running() as ring, channel(ring) as c:
            w = ring.worker(1)
            f = c.unary_unary(GET).future(b"x", timeout=5)
            _, request, _ = w.next()
            watch = c.unary_stream(WATCH)(b"", timeout=10)
            self.assertEqual(next(watch), SERVING)
            R.send(ring.control, "CTL_DRAIN")
            self.assertEqual(next(watch), NOT_SERVING)
            time.sleep(1.2)
            ring.taken(w)
            ring.answer(request, R.answer(0, body=b"done"))
            self.assertEqual(f.result(), b"done")
            self.assertEqual(ring.process.wait(5), 0)

    def test_the_end_of_the_control_link_ends_the_front(self):
        with running() as ring:
            ring.control.close()
            self.assertEqual(ring.process.wait(5), 1)

    def test_a_supervisor_that_breaks_the_rules_ends_it_too(self):
        with running() as ring:
            R.send(ring.control, "CTL_LIMITS", b"\0")
            self.assertEqual(ring.process.wait(5), 1)

    def test_rates_are_per_source(self):
        with running(limits=R.Limits(request_rate=1, request_burst=4)) as ring, channel(ring) as c:
            codes = []
            for _ in range(6):
                try:
                    ask(c, CHECK, b"")
                    codes.append(None)
                except grpc.RpcError as e:
                    codes.append(e.code())
                    self.assertIn(b"google.rpc.RetryInfo", failure(e)[1])
            self.assertEqual(codes[:3], [None] * 3)  # the connection took one token
            self.assertIn(grpc.StatusCode.RESOURCE_EXHAUSTED, codes[3:])

    def test_a_certificate_has_a_rate_of_its_own(self):
        with running(client_ca=True, limits=R.Limits(request_rate=1, request_burst=6)) as ring:
            R.certificate(ring.folder.name, "kms", "/CN=kms", ca="ca")
            with channel(ring) as stranger, channel(ring, "kms") as kms:
                ask(kms, CHECK, b"")  # its connection takes a token of the address
                with self.assertRaises(grpc.RpcError):
                    for _ in range(10):
                        ask(stranger, CHECK, b"")
                ask(kms, CHECK, b"")


if __name__ == "__main__":
    unittest.main(verbosity=1)
