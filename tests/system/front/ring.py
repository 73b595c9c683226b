# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the supervisor, the keeper and the workers around a real latchkey-front: frames over socket pairs."""
import os
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time

F = dict(REQ_CHALLENGE=1, REQ_RELEASE=2, REQ_APPRAISE=3, TAKEN=32, ANSWER=33, WORKER_LOST=34, ADMIN_HELLO=48,
         ADMIN_CHANGE=49, ADMIN_QUERY=50, CTL_WORKER=80, CTL_RETIRE=81, CTL_DRAIN=82, CTL_RELOAD=83, CTL_RELOAD_KEY=84,
         CTL_HEALTH=85, CTL_KEEPER_LINK=86, CTL_ADMIN_LINK=87, CTL_WORKER_GONE=90, CTL_CLIENT_CA=92, CTL_CALLERS=93,
         CTL_LIMITS=94, CTL_LOG=96, CTL_READY=112, CTL_RETIRED=115, CTL_TIRED=116, CTL_FATAL=117, CTL_WORKER_HUNG=119)


class Limits:
    """struct lk_front_limits, with what tests change."""

    def __init__(self, **changes):
        self.values = dict(connections=1024, streams=32, body_memory=256 << 20, request_rate=10000, request_burst=10000,
                           minimum_rate=1024, queue=1024, worker_requests=10000, deadline_ms=30000,
                           connection_age_ms=1800000, drain_ms=3000, large_bundle=64 << 10, large_workers=1)
        self.values.update(changes)

    def bytes(self):
        v = list(self.values.values())
        return struct.pack("<IIQIIIIIIIIII", *v)


def send(sock, kind, payload=b"", request=0, fd=None):
    data = struct.pack("<IHHQ", len(payload), F[kind], 0, request) + payload
    if fd is None:
        sock.sendall(data)
    else:
        socket.send_fds(sock, [data], [fd])


def receive(sock, timeout=5.0):
    """The next frame: (kind, request, payload); None at the end of the link."""
    def exactly(n):
        data = b""
        while len(data) < n:
            ready, _, _ = select.select([sock], [], [], timeout)
            if not ready:
                raise TimeoutError("no frame")
            piece = sock.recv(n - len(data))
            if not piece:
                return None
            data += piece
        return data
    head = exactly(16)
    if head is None:
        return None
    length, kind, _, request = struct.unpack("<IHHQ", head)
    names = {v: k for k, v in F.items()}
    return names[kind], request, exactly(length) if length else b""


def answer(status=0, body=b"", message=b"", details=b"", retry=0):
    def sized(b):
        return struct.pack("<I", len(b)) + b
    return struct.pack("<BI", status, retry) + sized(message) + sized(details) + sized(body)


def certificate(folder, name, subject, ca=None, is_ca=False):
    """A P-256 certificate and key as PEM files; ca: name of the issuer made before."""
    key, crt = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    run = lambda *a: subprocess.run(a, check=True, capture_output=True)
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    csr = f"{folder}/{name}.csr"
    run("openssl", "req", "-new", "-key", key, "-subj", subject, "-out", csr)
    ext = f"{folder}/{name}.ext"
    with open(ext, "w") as f:
        f.write("basicConstraints=critical,CA:TRUE\n" if is_ca else
                "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    issuer = ["-signkey", key] if ca is None else ["-CA", f"{folder}/{ca}.pem", "-CAkey", f"{folder}/{ca}.key", "-CAcreateserial"]
    run("openssl", "x509", "-req", "-in", csr, *issuer, "-days", "2", "-extfile", ext, "-out", crt)
    return crt, key


class Worker:
    def __init__(self, number, generation):
        self.number, self.generation = number, generation
        self.ours, self.theirs = socket.socketpair()

    def next(self, timeout=5.0):
        frame = receive(self.ours, timeout)
        self.last = frame[1] if frame else 0
        return frame


class Ring:
    """A running front with a keeper link, an admin link and no workers yet."""

    def __init__(self, program, limits=None, callers=b"", client_ca=False, ready=True):
        self.folder = tempfile.TemporaryDirectory()
        d = self.folder.name
        certificate(d, "ca", "/CN=test ca", is_ca=True)
        certificate(d, "server", "/CN=localhost", ca="ca")
        self.limits, self.client_ca = limits or Limits(), client_ca
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.control, theirs = socket.socketpair()
        self.log, self.sockets = [], [self.control]
        self.process = self.spawn(program, theirs, listener)
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr))
        self.reader.start()
        theirs.close()
        listener.close()
        self.keeper, self.admin = self.link("CTL_KEEPER_LINK"), self.link("CTL_ADMIN_LINK")
        send(self.control, "CTL_LIMITS", self.limits.bytes())
        send(self.control, "CTL_CALLERS", callers)
        self.keeper_lock = threading.Lock()
        if ready:
            self.tls("server")
            try:
                assert self.heard()[0] == "CTL_READY"
            except (OSError, TypeError) as e:
                raise RuntimeError(self.stop() + str(self.process.returncode)) from e

    def spawn(self, program, control, listener):
        def arrange():
            a, b = os.dup(control.fileno()), os.dup(listener.fileno())
            a, b = (os.dup2(x, y, inheritable=True) for x, y in ((os.dup(a), 200), (os.dup(b), 201)))
            os.dup2(a, 3, inheritable=True)
            os.dup2(b, 4, inheritable=True)
            os.closerange(5, 4096)
        return subprocess.Popen([program, "--listeners=1", "--log=debug"], preexec_fn=arrange, close_fds=False,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))  # that needs a dumpable process

    def link(self, kind):
        ours, theirs = socket.socketpair()
        send(self.control, kind, fd=theirs.fileno())
        theirs.close()
        self.sockets.append(ours)
        return ours

    def tls(self, name):
        files = [("CTL_RELOAD", f"{name}.pem"), ("CTL_RELOAD_KEY", f"{name}.key")]
        if self.client_ca:
            files.insert(0, ("CTL_CLIENT_CA", "ca.pem"))
        for kind, file in files:
            with open(f"{self.folder.name}/{file}", "rb") as f:
                send(self.control, kind, fd=f.fileno())

    def heard(self, timeout=5.0):
        return receive(self.control, timeout)

    def worker(self, number, generation=1, large=False):
        w = Worker(number, generation)
        send(self.control, "CTL_WORKER", struct.pack("<IQB", number, generation, large), fd=w.theirs.fileno())
        w.theirs.close()
        self.sockets.append(w.ours)
        return w

    def taken(self, worker):
        with self.keeper_lock:
            send(self.keeper, "TAKEN", struct.pack("<I", worker.number), request=worker.last)

    def answer(self, request, payload):
        with self.keeper_lock:
            send(self.keeper, "ANSWER", payload, request=request)

    def read(self, name):
        with open(f"{self.folder.name}/{name}", "rb") as f:
            return f.read()

    def stop(self):
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        for s in self.sockets:
            s.close()
        self.folder.cleanup()
        return "".join(self.log)


def echo(ring, worker, stop, delay=0.0):
    """A worker and its keeper in one: takes each request and answers with its message."""
    while not stop.is_set():
        try:
            frame = worker.next(0.2)
        except TimeoutError:
            continue
        if frame is None:
            return
        time.sleep(delay)
        ring.taken(worker)
        ring.answer(frame[1], answer(0, body=frame[2][44:]))
