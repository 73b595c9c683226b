#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Installs @grpc/grpc-js as package-lock.json pins it, and runs client.js against our server.

usage: grpc_js_test.py PATH-OF-grpc_testing_server FOLDER-TO-INSTALL-IN
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from serving import fetch, serving, skip  # noqa: E402

program, work = sys.argv[1:]
for tool in ("node", "npm"):
    if shutil.which(tool) is None:
        skip(f"{tool} is not installed")
os.makedirs(work, exist_ok=True)
for name in ("package.json", "package-lock.json", "client.js"):
    shutil.copy(os.path.join(HERE, name), work)
if not os.path.exists(f"{work}/node_modules/@grpc/grpc-js/package.json"):
    fetch("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=work)
with serving(program) as server:
    sys.exit(subprocess.run(["node", "client.js", str(server.port), server.ca], cwd=work, timeout=60).returncode)
