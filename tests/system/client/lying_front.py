# SPDX-License-Identifier: Apache-2.0
"""A front that lies, between latchkey and a whole broker: latchkey must not say that a change is in force which is not.

usage: lying_front.py FOLDER-OF-PROGRAMS
"""
import contextlib
import os
import pathlib
import sys
from concurrent import futures

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ring"))
from harness import Ring, grpc, run  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
EXIT_UNPROVEN = 6


class Front(grpc.GenericRpcHandler):
    """Passes the administrators' calls on, but for what a test replaces: {method: function(front, request bytes, context)}."""

    def __init__(self, ring, lies):
        self.ring, self.lies, self.channel, self.kept = ring, lies, ring.channel(), []

    def forward(self, method, request):
        return self.channel.unary_unary(f"/latchkey.v1.Admin/{method}")(request, timeout=15)

    def service(self, details):
        method = details.method.rsplit("/", 1)[1]

        def run(request, context):
            lie = self.lies.get(method)
            try:
                return lie(self, request, context) if lie else self.forward(method, request)
            except grpc.RpcError as error:
                context.set_trailing_metadata([(k, v) for k, v in error.trailing_metadata() if k.startswith("grpc-status-d")])
                context.abort(error.code(), error.details())
        return grpc.unary_unary_rpc_method_handler(run)


@contextlib.contextmanager
def front(ring, **lies):
    pair = ((ring.folder / "tls.key").read_bytes(), (ring.folder / "tls.pem").read_bytes())
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Front(ring, lies)])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def made_up(ring, revision):
    """A ChangeResponse as it would be, for a change that was never passed on."""
    answer = ring.pb.ChangeResponse(index=9, generation=9, revisions=[revision], head=bytes(32)).SerializeToString()
    return lambda front, request, context: answer


def expect(done, code, *texts):
    assert done.returncode == code, (done.returncode, done.stdout)
    for text in texts:
        assert text in done.stdout, (text, done.stdout)


def an_honest_front(ring):
    with front(ring) as address:
        expect(ring.latchkey("secret", "put", "a", "--random", "8", "--broker", address), 0, "secret a: revision 1")
        expect(ring.latchkey("secret", "delete", "a", "--broker", address), 0, "secret a")


def a_put_that_is_dropped(ring):
    with front(ring, Change=made_up(ring, 1)) as address:
        expect(ring.latchkey("secret", "put", "b", "--random", "8", "--broker", address, check=False),
               EXIT_UNPROVEN, "CHANGE_NOT_IN_FORCE")
    ring.latchkey("secret", "put", "b", "--random", "8")
    for revision in (1, 2):
        with front(ring, Change=made_up(ring, revision)) as address:
            expect(ring.latchkey("secret", "put", "b", "--random", "8", "--broker", address, check=False),
                   EXIT_UNPROVEN, "CHANGE_NOT_IN_FORCE")


def a_delete_that_is_dropped(ring):
    ring.latchkey("anchor", "add", "lab", "--family", "tpm", "--certificate", ring.folder / "tls.pem")
    with front(ring, Change=made_up(ring, 1)) as address:
        expect(ring.latchkey("anchor", "delete", "lab", "--broker", address, check=False),
               EXIT_UNPROVEN, "CHANGE_NOT_IN_FORCE")
    expect(ring.latchkey("anchor", "list"), 0, "lab")


def the_same_bytes_again(ring):
    """Digest and revision of before do not pass for a change to the same bytes."""
    add = ("anchor", "add", "lab", "--family", "tpm", "--certificate", ring.folder / "tls.pem")
    with front(ring, Change=made_up(ring, 1)) as address:
        expect(ring.latchkey(*add, "--broker", address, check=False), EXIT_UNPROVEN, "CHANGE_NOT_IN_FORCE")
    with front(ring) as address:
        expect(ring.latchkey(*add, "--broker", address), 0, "revision 2")


def a_query_that_is_refused(ring):
    """Made up: the front does not let the signed question through."""
    def query(front, request, context):
        front.kept.append(request)
        if len(front.kept) == 1:  # the one before the change
            return front.forward("Query", request)
        return context.abort(grpc.StatusCode.PERMISSION_DENIED, "no\x1b[31m")
    with front(ring, Change=made_up(ring, 1), Query=query) as address:
        done = ring.latchkey("anchor", "delete", "lab", "--broker", address, check=False)
        expect(done, EXIT_UNPROVEN, "CHANGE_UNCONFIRMED", "no?[31m")


def an_answer_that_was_kept(ring):
    """One nonce given out twice, and the signed answer to another question under it: "nothing of that prefix"."""
    def hello(front, request, context):
        answer = ring.pb.HelloResponse.FromString(front.forward("Hello", request))
        if not answer.nonce:
            return answer.SerializeToString()
        if kept:
            answer.nonce = kept["nonce"]
        else:
            kept["nonce"] = answer.nonce
        return answer.SerializeToString()

    def query(front, request, context):
        if "answer" not in kept:
            kept["answer"] = front.forward("Query", request)
        return kept["answer"]
    kept = {}
    with front(ring, Hello=hello, Query=query) as address:
        expect(ring.latchkey("anchor", "list", "nothing-of-this-name", "--broker", address), 0, "NAME")
        expect(ring.latchkey("anchor", "list", "lab", "--broker", address, check=False), 2, "ANSWER_SIGNATURE")


def ones_own_key_deleted(ring):
    """No signed answer can be had any more: said so, not guessed."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ring.folder / "third")
    ring.latchkey("admin", "add", "third", "--ssh-key", ring.folder / "third.pub")
    done = ring.latchkey("admin", "delete", "third", "--profile", ring.folder / "profile", "--key", ring.folder / "third",
                         profile=False, check=False)
    expect(done, EXIT_UNPROVEN, "CHANGE_UNCONFIRMED", "CHANGE_SIGNER")


with Ring(BIN) as broker:
    broker.start()
    for test in (an_honest_front, a_put_that_is_dropped, a_delete_that_is_dropped, the_same_bytes_again,
                 a_query_that_is_refused, an_answer_that_was_kept, ones_own_key_deleted):
        test(broker)
        print(f"ok   {test.__name__}", flush=True)
    assert broker.stop() == 0
