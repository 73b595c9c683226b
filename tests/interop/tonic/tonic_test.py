#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds main.rs (tonic as Cargo.lock pins it), and runs it against our test server or a whole broker.

usage: tonic_test.py interop PATH-OF-grpc_testing_server FOLDER-TO-BUILD-IN
       tonic_test.py challenge FOLDER-OF-PROGRAMS FOLDER-TO-BUILD-IN
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "../../system/ring")]
from serving import build, fetch, serving, skip  # noqa: E402 (it knows the folder of ring.py, too)


def run(port, ca):
    subprocess.run([f"{work}/debug/tonic-interop", what, str(port), ca], check=True, timeout=60)


what, program, work = sys.argv[1:]
if shutil.which("cargo") is None:
    skip("cargo is not installed")
os.makedirs(work, exist_ok=True)
cargo = dict(cwd=HERE, env=dict(os.environ, CARGO_TARGET_DIR=work))
fetch("cargo", "fetch", "--locked", **cargo)
build("cargo", "build", "--locked", "--offline", **cargo)
if what == "interop":
    with serving(program) as server:
        run(server.port, server.ca)
else:
    from harness import Ring
    from ring import certificate
    with Ring(program) as ring:
        certificate(ring.folder, "ca", "/CN=test ca", is_ca=True)
        certificate(ring.folder, "tls", "/CN=localhost", ca="ca")  # rustls takes no CA as a server's certificate
        ring.start()
        run(ring.port, str(ring.folder / "ca.pem"))
        assert ring.stop() == 0
