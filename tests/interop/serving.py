# SPDX-License-Identifier: Apache-2.0
"""Runs grpc_testing_server for the tests beside this file."""
import contextlib
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system/front"))
from ring import certificate  # noqa: E402

SKIP = 77
BUILD_SECONDS = 540  # under the tests' TIMEOUT of 600: a slow machine skips, it does not fail


class Server:
    def __init__(self, program, folder, limits):
        self.folder = folder
        self.ca = f"{folder}/ca.pem"
        command = [program, f"{folder}/server.pem", f"{folder}/server.key"]
        self.process = subprocess.Popen(command + [f"{k}={v}" for k, v in limits.items()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self.reader.start()

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(10)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, "".join(self.lines)


@contextlib.contextmanager
def serving(program, **limits):
    with tempfile.TemporaryDirectory() as folder:
        certificate(folder, "ca", "/CN=test ca", is_ca=True)
        certificate(folder, "server", "/CN=localhost", ca="ca")
        server = Server(program, folder, limits)
        try:
            yield server
        finally:
            code, log = server.stop()
            if code != 0:
                raise RuntimeError(f"the server ended with {code}:\n{log}")


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIP)


def _run(command, **more):
    """Behind everything else that runs: most of the time of a test run would else be somebody else's compiler."""
    try:
        return subprocess.run(["nice", "-n", "10", *command], capture_output=True, text=True, timeout=BUILD_SECONDS, **more)
    except subprocess.TimeoutExpired:
        return skip(f"{' '.join(command[:2])} took more than {BUILD_SECONDS} s")


def fetch(*command, **more):
    """Gets a foreign client's sources; the test is skipped when that cannot be done."""
    got = _run(command, **more)
    if got.returncode != 0:
        skip(f"{' '.join(command[:2])} failed: " + got.stderr.strip()[-400:])


def build(*command, **more):
    """Builds what is there already; that it does not build is a failure of the test."""
    got = _run(command, **more)
    if got.returncode != 0:
        print(got.stderr[-4000:])
        sys.exit(1)
