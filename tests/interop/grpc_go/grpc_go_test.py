#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds main.go (grpc-go as go.sum pins it) or grpcurl, and runs it against our server.

usage: grpc_go_test.py interop|grpcurl PATH-OF-grpc_testing_server FOLDER-TO-BUILD-IN
"""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from serving import build, fetch, serving, skip  # noqa: E402

GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"


def interop(server):
    subprocess.run([f"{work}/interop", str(server.port), server.ca], check=True, timeout=60)


def grpcurl(server):
    def run(*arguments, code=0):
        got = subprocess.run([f"{work}/grpcurl", "-cacert", server.ca, *arguments], capture_output=True, text=True, timeout=20)
        assert got.returncode == code, (arguments, got)
        return got.stdout + got.stderr
    address = f"localhost:{server.port}"
    names = run(address, "list").split()
    assert "grpc.testing.TestService" in names and "grpc.health.v1.Health" in names, names
    assert "rpc UnaryCall" in run(address, "describe", "grpc.testing.TestService")
    request = json.dumps({"response_size": 10})
    assert "AAAAAAAAAAAAAA==" in run("-d", request, address, "grpc.testing.TestService/UnaryCall")
    assert "SERVING" in run(address, "grpc.health.v1.Health/Check")
    request = json.dumps({"response_status": {"code": 7, "message": "no \u263a"}})
    refused = run("-d", request, address, "grpc.testing.TestService/UnaryCall", code=64 + 7)
    assert "PermissionDenied" in refused and "no \u263a" in refused, refused
    print("ok list, describe, call, status")


what, program, work = sys.argv[1:]
if shutil.which("go") is None:
    skip("go is not installed")
os.makedirs(work, exist_ok=True)
go = dict(cwd=HERE, env=dict(os.environ, GOFLAGS="-mod=readonly", GOBIN=work, GOTOOLCHAIN="local"))
if what == "interop":
    fetch("go", "mod", "download", **go)
    build("go", "build", "-o", f"{work}/interop", ".", **go)
elif not os.path.exists(f"{work}/grpcurl"):
    fetch("go", "install", GRPCURL, **go)
with serving(program) as started:
    (interop if what == "interop" else grpcurl)(started)
