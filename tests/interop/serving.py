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
