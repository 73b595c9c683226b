#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in the place of latchkey-front. What it does wrong is the word in the file `front-mode` beside it; without the file
it becomes the real front. It has what a taken-over front has: the control link and the links to the keeper."""
import os
import pathlib
import socket
import struct
import sys
import time

HERE = pathlib.Path(sys.argv[0]).resolve().parent
MODE = HERE / "front-mode"
if not MODE.exists():
    os.execv(str(HERE / "latchkey-front.real"), [str(HERE / "latchkey-front"), *sys.argv[1:]])

KEEPER_LINK, ADMIN_LINK, READY, SNAPSHOT = 86, 87, 112, 113
ADMIN_CHANGE, VERDICT, CALL_UNWRAP, ANSWER = 49, 19, 65, 33
REQUEST_HEAD = struct.pack("<QI32s", 2**63, 0, bytes(32))


def frame(kind, payload=b"", request=1, length=None):
    return struct.pack("<IHHQ", len(payload) if length is None else length, kind, 0, request) + payload


def links():
    """The sockets of answers and of admin requests, as the supervisor hands them over."""
    control, found = socket.socket(fileno=3), {}
    while len(found) < 2:
        head, fds, _, _ = socket.recv_fds(control, 16, 4)
        length, kind, _, _ = struct.unpack("<IHHQ", head)
        while length > 0:
            length -= len(control.recv(length))
        if kind in (KEEPER_LINK, ADMIN_LINK):
            found[kind] = socket.socket(fileno=fds[0])
    return control, found[KEEPER_LINK], found[ADMIN_LINK]


control, answers, admin = links()
control.sendall(frame(READY))
time.sleep(0.3)
{
    "verdict": lambda: admin.sendall(frame(VERDICT, bytes(300))),
    "verdict-on-answers": lambda: answers.sendall(frame(VERDICT, bytes(300))),
    "release-order": lambda: admin.sendall(frame(CALL_UNWRAP, bytes(64))),
    "answer": lambda: admin.sendall(frame(ANSWER, bytes(13))),
    "overlong": lambda: admin.sendall(frame(ADMIN_CHANGE, b"", length=0xFFFFFFF0)),
    "garbage": lambda: admin.sendall(os.urandom(4096)),
    "garbage-on-answers": lambda: answers.sendall(os.urandom(4096)),
    "garbage-to-supervisor": lambda: control.sendall(os.urandom(4096)),
    "snapshot": lambda: control.sendall(frame(SNAPSHOT, bytes(48))),
    "unsigned-change": lambda: admin.sendall(frame(ADMIN_CHANGE, REQUEST_HEAD + b"\x0a\x04abcd")),
}[MODE.read_text()]()
if MODE.read_text() == "unsigned-change":
    head = admin.recv(16, socket.MSG_WAITALL)
    length, kind, _, _ = struct.unpack("<IHHQ", head)
    payload = admin.recv(length, socket.MSG_WAITALL)
    (HERE / "answer").write_bytes(bytes([kind]) + payload)
time.sleep(60)
