#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python3-grpcio against our server: the cases of gRPC's interop-test-descriptions, then health and reflection.

usage: grpcio_test.py PATH-OF-grpc_testing_server
"""
import glob
import importlib
import os
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from serving import serving, skip  # noqa: E402

try:
    import grpc
    import google.protobuf  # noqa: F401
except ImportError:
    skip("python3-grpcio or python3-protobuf is not installed")

PROTOS = "/usr/share/grpc-proto"
PROGRAM = sys.argv.pop(1)
TEST = "/grpc.testing.TestService/"


def generate(folder):
    wanted = ["testing/empty.proto", "testing/messages.proto", "testing/test.proto", "health/v1/*.proto", "reflection/v1/*.proto", "reflection/v1alpha/*.proto"]
    files = [f for w in wanted for f in glob.glob(f"{PROTOS}/grpc/{w}")]
    subprocess.run(["protoc", "-I", PROTOS, "--python_out", folder, *files], check=True)
    # grpc/ would hide the package of that name: the modules' own folder is put before it
    grpc.__path__.insert(0, f"{folder}/grpc")


folder = tempfile.TemporaryDirectory()
generate(folder.name)
messages, empty, health, reflection = (importlib.import_module(m) for m in (
    "grpc.testing.messages_pb2", "grpc.testing.empty_pb2", "grpc.health.v1.health_pb2", "grpc.reflection.v1.reflection_pb2"))


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.context = serving(PROGRAM)
        cls.server = cls.context.__enter__()
        with open(cls.server.ca, "rb") as f:
            credentials = grpc.ssl_channel_credentials(f.read())
        cls.channel = grpc.secure_channel(f"localhost:{cls.server.port}", credentials, options=[("grpc.enable_retries", 0)])

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.context.__exit__(None, None, None)

    def unary(self, method, reply):
        return self.channel.unary_unary(method, lambda m: m.SerializeToString(), reply.FromString)

    def stream(self, kind, method, reply):
        return getattr(self.channel, kind)(method, lambda m: m.SerializeToString(), reply.FromString)

    def failing(self, code, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code)
        return caught.exception

    def test_empty_unary(self):
        self.assertEqual(self.unary(TEST + "EmptyCall", empty.Empty)(empty.Empty(), timeout=5), empty.Empty())

    def test_large_unary(self):
        request = messages.SimpleRequest(response_size=314159, payload=messages.Payload(body=bytes(271828)))
        reply = self.unary(TEST + "UnaryCall", messages.SimpleResponse)(request, timeout=5)
        self.assertEqual(reply.payload.body, bytes(314159))

    def test_many_at_once(self):
        request = messages.SimpleRequest(response_size=1000, payload=messages.Payload(body=bytes(100000)))
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        for future in [call.future(request, timeout=20) for _ in range(200)]:
            self.assertEqual(len(future.result().payload.body), 1000)

    def test_status_code_and_message(self):
        request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message="test status message"))
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        error = self.failing(grpc.StatusCode.UNKNOWN, lambda: call(request, timeout=5))
        self.assertEqual(error.details(), "test status message")

    def test_special_status_message(self):
        text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
        request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=text))
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        self.assertEqual(self.failing(grpc.StatusCode.UNKNOWN, lambda: call(request, timeout=5)).details(), text)

    def test_every_status(self):
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        for code in grpc.StatusCode:
            if code is not grpc.StatusCode.OK:
                request = messages.SimpleRequest(response_status=messages.EchoStatus(code=code.value[0], message="x"))
                self.failing(code, lambda: call(request, timeout=5))

    def test_custom_metadata(self):
        sent = (("x-grpc-test-echo-initial", "test_initial_metadata_value"),
                ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"))
        _, call = self.unary(TEST + "UnaryCall", messages.SimpleResponse).with_call(messages.SimpleRequest(), metadata=sent)
        self.assertIn(sent[0], tuple(call.initial_metadata()))
        self.assertIn(sent[1], tuple(call.trailing_metadata()))

    def test_unimplemented_method_and_service(self):
        for method in (TEST + "UnimplementedCall", "/grpc.testing.UnimplementedService/UnimplementedCall"):
            call = self.unary(method, empty.Empty)
            self.failing(grpc.StatusCode.UNIMPLEMENTED, lambda: call(empty.Empty(), timeout=5))

    def test_timeout_on_sleeping_server(self):
        request = messages.StreamingOutputCallRequest(payload=messages.Payload(body=bytes(27182)))
        request.response_parameters.add(size=31415, interval_us=2000000)
        call = self.stream("stream_stream", TEST + "FullDuplexCall", messages.StreamingOutputCallResponse)
        self.failing(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(call(iter([request]), timeout=0.05)))

    def test_cancel_after_begin(self):
        call = self.stream("stream_unary", TEST + "StreamingInputCall", messages.StreamingInputCallResponse)
        sleeper = (time.sleep(1) for _ in range(1))
        future = call.future(m for _ in sleeper for m in [messages.StreamingInputCallRequest()])
        future.cancel()
        self.assertTrue(future.cancelled())
        self.assertEqual(future.code(), grpc.StatusCode.CANCELLED)

    def test_client_streaming(self):
        call = self.stream("stream_unary", TEST + "StreamingInputCall", messages.StreamingInputCallResponse)
        sizes = (27182, 8, 1828, 45904)
        sent = (messages.StreamingInputCallRequest(payload=messages.Payload(body=bytes(n))) for n in sizes)
        self.assertEqual(call(sent, timeout=5).aggregated_payload_size, sum(sizes))

    def test_server_streaming(self):
        request = messages.StreamingOutputCallRequest()
        for n in (31415, 9, 2653, 58979):
            request.response_parameters.add(size=n)
        call = self.stream("unary_stream", TEST + "StreamingOutputCall", messages.StreamingOutputCallResponse)
        self.assertEqual([len(r.payload.body) for r in call(request, timeout=5)], [31415, 9, 2653, 58979])

    def test_ping_pong(self):
        def requests():
            for n in (31415, 9, 2653, 58979):
                r = messages.StreamingOutputCallRequest()
                r.response_parameters.add(size=n)
                yield r
        call = self.stream("stream_stream", TEST + "FullDuplexCall", messages.StreamingOutputCallResponse)
        self.assertEqual([len(r.payload.body) for r in call(requests(), timeout=5)], [31415, 9, 2653, 58979])

    def test_oversize(self):
        request = messages.SimpleRequest(payload=messages.Payload(body=bytes(5 << 20)))
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        self.failing(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: call(request, timeout=5))
        self.test_empty_unary()

    def test_compression_is_refused(self):
        call = self.unary(TEST + "UnaryCall", messages.SimpleResponse)
        request = messages.SimpleRequest(payload=messages.Payload(body=bytes(10000)))
        self.failing(grpc.StatusCode.UNIMPLEMENTED, lambda: call(request, timeout=5, compression=grpc.Compression.Gzip))

    def test_health(self):
        check = self.unary("/grpc.health.v1.Health/Check", health.HealthCheckResponse)
        self.assertEqual(check(health.HealthCheckRequest(service="grpc.testing.TestService"), timeout=5).status, 1)
        self.failing(grpc.StatusCode.NOT_FOUND, lambda: check(health.HealthCheckRequest(service="x"), timeout=5))

    def test_reflection_of_both_versions(self):
        requests = [reflection.ServerReflectionRequest(list_services="*"),
                    reflection.ServerReflectionRequest(file_containing_symbol="grpc.testing.TestService"),
                    reflection.ServerReflectionRequest(file_containing_symbol="grpc.testing.SimpleRequest.payload"),
                    reflection.ServerReflectionRequest(file_by_filename="grpc/testing/empty.proto"),
                    reflection.ServerReflectionRequest(file_containing_symbol="grpc.testing.Nothing")]
        for version in ("v1", "v1alpha"):
            call = self.stream("stream_stream", f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                               reflection.ServerReflectionResponse)
            names, service, field, by_name, missing = call(iter(requests), timeout=5)
            self.assertIn("grpc.testing.TestService", [s.name for s in names.list_services_response.service])
            self.assertIn(b"TestService", service.file_descriptor_response.file_descriptor_proto[0])
            self.assertIn(b"SimpleRequest", field.file_descriptor_response.file_descriptor_proto[0])
            self.assertIn(b"empty.proto", by_name.file_descriptor_response.file_descriptor_proto[0])
            self.assertEqual(missing.error_response.error_code, 5)


if __name__ == "__main__":
    unittest.main()
