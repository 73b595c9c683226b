#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in the place of latchkey-verifier: comes up like one, then does what `verifier-mode` says with the first request."""
import hashlib
import os
import pathlib
import signal
import socket
import struct
import sys
import time

HERE = pathlib.Path(sys.argv[0]).resolve().parent
MODE = HERE / "verifier-mode"
if not MODE.exists():
    os.execv(str(HERE / "latchkey-verifier.real"), [str(HERE / "latchkey-verifier")])

READY, VERDICT, CHALLENGE, CALL_UNWRAP = 16, 19, 18, 65
mode = MODE.read_text()
requests, verdicts = socket.socket(fileno=3), socket.socket(fileno=5)
snapshot = os.pread(6, os.fstat(6).st_size, 0)
generation = struct.unpack_from("<Q", snapshot, 16)[0]


def frame(kind, payload=b"", request=1, length=None):
    return struct.pack("<IHHQ", len(payload) if length is None else length, kind, 0, request) + payload


def challenge(request):
    """A challenge frame for a request, as an honest worker would send it but for the evidence request."""
    body = struct.pack("<Q32sHB32s32sQ", 2**63, bytes(32), 0, 0, bytes(32), hashlib.sha256(b"").digest(), generation)
    verdicts.sendall(frame(CHALLENGE, body + struct.pack("<III", 0, 0, 0), request))


def text(s):
    return bytes([len(s)]) + s.encode()


def verdict(request, payload):
    """Affirms tenant/disk by policy prod, revision 1, to a fresh X25519 key, but for the one thing that the mode says."""
    deadline, roles, caller = struct.unpack_from("<QI32s", payload)
    message = payload[44:]
    assert message[:3] == b"\x0a\xc4\x01"  # ReleaseRequest.ticket, 196 bytes
    ticket = bytearray(message[3:199])
    name, policy, revision, suite, key = "tenant/disk", "prod", 1, 1, os.urandom(32)
    if mode == "verdict-other-policy":
        policy = "other"
    if mode == "verdict-uncovered":
        name = "elsewhere/disk"
    if mode == "verdict-old-revision":
        revision = 7
    if mode == "verdict-off-curve":
        suite, key = 2, b"\4" + b"\x11" * 64
    if mode == "verdict-other-start":
        ticket[4:20] = os.urandom(16)
    if mode == "verdict-never-challenged":
        ticket[100:196] = os.urandom(96)
    body = struct.pack("<BQ32sIqQBBB", 1, deadline, caller, roles, int(time.time()), generation, 0, 0, 0)
    body += bytes(ticket) + hashlib.sha256(b"").digest() + bytes(33) + (HERE / "broker-id").read_bytes() + bytes(64)
    body += struct.pack(">BH", suite, len(key)) + key + bytes(1) + b"\1"
    body += text(name) + struct.pack("<Q", 0) + text(policy) + struct.pack("<QHB", revision, 0, 0)
    verdicts.sendall(frame(VERDICT, body, request))


def answer_all():
    """Challenges as an honest worker gives them, releases as the mode says."""
    global kind, request, payload
    while True:
        challenge(request) if kind == 1 else verdict(request, payload)
        head = requests.recv(16, socket.MSG_WAITALL)
        if len(head) < 16:
            sys.exit(0)
        length, kind, _, request = struct.unpack("<IHHQ", head)
        payload = requests.recv(length, socket.MSG_WAITALL)


def spin():
    while True:
        pass


if mode == "dies-at-start":
    sys.exit(1)
digest = hashlib.sha256(snapshot + (b"x" if mode == "other-snapshot" else b"")).digest()
verdicts.sendall(frame(READY, struct.pack("<Q", generation) + digest))
if mode == "other-snapshot":
    time.sleep(60)
if mode == "last-leaves-when-ready":
    try:
        os.close(os.open(HERE / f"first-{generation}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        sys.exit(0)
head = requests.recv(16, socket.MSG_WAITALL)
if len(head) < 16:
    sys.exit(0)
length, kind, _, request = struct.unpack("<IHHQ", head)
payload = requests.recv(length, socket.MSG_WAITALL)
if mode.startswith("verdict-"):
    answer_all()
{
    "garbage": lambda: verdicts.sendall(os.urandom(4096)),
    "overlong": lambda: verdicts.sendall(frame(VERDICT, b"", request, length=1 << 20)),
    "token-call": lambda: verdicts.sendall(frame(CALL_UNWRAP, bytes(64), request)),
    "bad-verdict": lambda: verdicts.sendall(frame(VERDICT, bytes(900), request)),
    "dies": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exits": lambda: sys.exit(0),
    "challenge-of-others": lambda: challenge(request ^ 3 << 32),  # of its neighbour
    "challenge-of-tomorrow": lambda: challenge(request + 1),
    "spins": spin,
}[mode]()
time.sleep(60)
