# SPDX-License-Identifier: Apache-2.0
"""A grpcio server with TLS; runs the client program (argv[1]) against it with: address, CA file, another CA's file."""
import os
import subprocess
import sys
import tempfile
import time
from concurrent import futures

try:
    import grpc
except ImportError:
    print("SKIPPED: python3-grpcio is not installed")
    sys.exit(77)


def make_certificate(folder, name):
    key, cert = f"{folder}/{name}.key", f"{folder}/{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=interop", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, cert


def echo(request, context):
    return request


def refuse(request, context):
    context.set_trailing_metadata((("grpc-status-details-bin", bytes(range(256))),))
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "nein: 100 % \u20ac")


def slow(request, context):
    time.sleep(3)
    return request


def handler(methods):
    return grpc.method_handlers_generic_handler(
        "interop.Test", {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()})


def main():
    with tempfile.TemporaryDirectory() as folder:
        key, cert = make_certificate(folder, "server")
        _, other = make_certificate(folder, "other")
        options = [("grpc.max_receive_message_length", 8 << 20), ("grpc.max_send_message_length", 8 << 20)]
        server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
        server.add_generic_rpc_handlers((handler({"Echo": echo, "Refuse": refuse, "Slow": slow}),))
        credentials = grpc.ssl_server_credentials([(open(key, "rb").read(), open(cert, "rb").read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        done = subprocess.run([sys.argv[1], f"127.0.0.1:{port}", cert, other], stdin=subprocess.DEVNULL)
        server.stop(0)
        sys.stdout.flush()
        os._exit(done.returncode)


main()
