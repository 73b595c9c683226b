# SPDX-License-Identifier: Apache-2.0
"""Requests that a dishonest guest, relay or reader of the wire would try, against a whole broker and two real software
TPMs. Each differs from an honest request in one thing, and is told apart by its reason. usage: attacks_test.py BIN"""
import hashlib
import pathlib
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ring"))
from harness import ROOT, Ring, grpc, run, skip  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
LIFETIME = 20  # seconds of a challenge here
POLICY = """schema: latchkey-policy/1
policy: attacks
releases: ["disk/{tpm.ek-sha256}"]
accept:
  - name: tpm
    chain: [tpm]
    tpm:
      ek: {any-genuine: {because: "both TPMs of this test are genuine"}}
      pcrs: {skip: {because: "the attacks are on the request, not on the firmware"}}
"""
NAME = "disk/{tpm.ek-sha256}"
MAKES = POLICY.replace("policy: attacks", "policy: makes").replace("disk/", "makes/") + "create-on-first-use: {bytes: 32, per-day: 5}\n"
MADE = "makes/{tpm.ek-sha256}"


class Tpm:
    """A software TPM, asked through the collector that latchkey-fetch uses."""

    def __init__(self, folder, ca, pb, collector_pb):
        self.folder, self.pb, self.cpb = folder, pb, collector_pb
        run(ROOT / "tests/emulators/swtpm/swtpm-up", folder, ca)
        tcti = (folder / "tcti").read_text().strip()
        for i in range(8):  # firmware measured something
            run("tpm2_pcrextend", f"{i}:sha256={hashlib.sha256(bytes([i])).hexdigest()}", env={"TPM2TOOLS_TCTI": tcti, "PATH": "/usr/bin:/bin"})
        self.process = subprocess.Popen([BIN / "latchkey-evidence-tpm", "--ek=rsa", f"--tcti={tcti}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        identity = self.ask(identify=self.cpb.CollectorIdentify()).identity
        self.ek, self.ak = identity.ek_public, identity.ak_public

    def ask(self, **call):
        raw = self.cpb.CollectorRequest(**call).SerializeToString()
        self.process.stdin.write(struct.pack(">I", len(raw)) + raw)
        self.process.stdin.flush()
        size, = struct.unpack(">I", self.process.stdout.read(4))
        answer = self.cpb.CollectorResponse.FromString(self.process.stdout.read(size))
        assert not answer.HasField("error"), answer.error
        return answer

    def activate(self, challenge):
        call = self.cpb.CollectorActivate(credential_blob=challenge.credential_blob, encrypted_secret=challenge.encrypted_secret)
        return self.ask(activate=call).activated.s

    def quote(self, binding):
        pcrs = [self.pb.PcrSelection(bank="sha256", indexes=range(8))]
        call = self.cpb.CollectorCollect(binding=binding, request=self.pb.EvidenceItemRequest(family="tpm", pcrs=pcrs))
        return self.ask(collect=call).item

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        run(ROOT / "tests/emulators/swtpm/swtpm-down", self.folder)


class Attack:
    def __init__(self, ring, tpm, other):
        self.ring, self.tpm, self.other, self.pb = ring, tpm, other, ring.pb
        self.key = ring.recipient()

    def challenge(self, tpm=None, plain=False):
        tpm = tpm or self.tpm
        areas = {} if plain else {"ek_public": tpm.ek, "ak_public": tpm.ak}
        return self.ring.call("KeyRelease/GetChallenge", self.pb.ChallengeRequest(secrets=[NAME], **areas), self.pb.ChallengeResponse)

    def statement(self, **changes):
        fields = dict(purpose=self.pb.Statement.RELEASE, broker_id=self.ring.broker_id, recipient_key=self.key,
                      suite="hpke-x25519-sha256-aes256gcm", secrets=[self.pb.SecretRef(name=NAME)], client_data=b"")
        fields.update(changes)
        return self.pb.Statement(**fields).SerializeToString()

    @staticmethod
    def binding(challenge, s, statement):
        inner = hashlib.sha256(challenge.ticket + s).digest() + hashlib.sha512(statement).digest()
        return hashlib.sha512(b"latchkey-binding-v1\0" + inner).digest()

    def send(self, challenge, s, statement, item):
        request = self.pb.ReleaseRequest(ticket=challenge.ticket, s=s, statement=statement, items=[item])
        return self.ring.call("KeyRelease/Release", request, self.pb.ReleaseResponse)

    def expect(self, want, *sent):
        try:
            self.send(*sent)
        except grpc.RpcError as error:
            assert self.ring.reason(error) == want, (self.ring.reason(error), want)
            return
        raise AssertionError(f"released, instead of {want}")

    def honest(self):
        challenge, statement = self.challenge(), self.statement()
        s = self.tpm.activate(challenge)
        return challenge, s, statement, self.tpm.quote(self.binding(challenge, s, statement))


FORGED = "UNAUTHENTICATED", "BINDING_MISMATCH", "not-authentic"


def an_honest_request_is_released(a):
    """Without it the rest would prove nothing; and its repeat is answered alike, and is the only one that is."""
    sent = a.honest()
    first, again = a.send(*sent), a.send(*sent)
    answer = a.pb.Answer.FromString(first.answer.answer)
    assert getattr(answer.secrets[0], "class") == "affirmed"
    assert answer.secrets[0].ciphertext and first.answer.answer == again.answer.answer


def statements_changed_on_the_way(a):
    challenge, s, _, item = a.honest()
    for changes in ({"secrets": [a.pb.SecretRef(name="disk/" + "0" * 64)]}, {"secrets": [a.pb.SecretRef(name=NAME, version=1)]},
                    {"recipient_key": a.ring.recipient()}, {"client_data": b"x"}):
        a.expect(FORGED, challenge, s, a.statement(**changes), item)


def another_suite(a):
    p256 = subprocess.run("openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -outform DER", shell=True, check=True,
                          capture_output=True).stdout
    challenge, s, _, item = a.honest()
    a.expect(FORGED, challenge, s, a.statement(suite="hpke-p256-sha256-aes256gcm", recipient_key=p256), item)
    a.expect(("INVALID_ARGUMENT", "RECIPIENT_KEY", "malformed"), challenge, s, a.statement(suite="hpke-p256-sha256-aes256gcm"), item)


def another_purpose(a):
    challenge, s, _, item = a.honest()
    a.expect(("UNAUTHENTICATED", "STATEMENT_PURPOSE", "not-authentic"), challenge, s, a.statement(purpose=a.pb.Statement.APPRAISE), item)


def relayed_to_another_broker(a):
    challenge = a.challenge()
    s, statement = a.tpm.activate(challenge), a.statement(broker_id=bytes(range(32)))
    item = a.tpm.quote(a.binding(challenge, s, statement))
    a.expect(("UNAUTHENTICATED", "STATEMENT_BROKER", "not-authentic"), challenge, s, statement, item)


def evidence_of_another_challenge(a):
    _, _, statement, item = a.honest()
    challenge = a.challenge()
    a.expect(FORGED, challenge, a.tpm.activate(challenge), statement, item)


def a_plain_ticket_for_a_tpm(a):
    challenge, statement = a.challenge(plain=True), a.statement()
    item = a.tpm.quote(a.binding(challenge, b"", statement))
    a.expect(("UNAUTHENTICATED", "UNANCHORED", "not-authentic"), challenge, b"", statement, item)


def the_ticket_of_another_tpm(a):
    """The other TPM activates its own ticket and lends s: the chain of this one demands this one's names."""
    challenge, statement = a.challenge(a.other), a.statement()
    s = a.other.activate(challenge)
    item = a.tpm.quote(a.binding(challenge, s, statement))
    a.expect(("UNAUTHENTICATED", "TPM_ACTIVATION", "not-authentic"), challenge, s, statement, item)


def s_made_up(a):
    challenge, statement = a.challenge(), a.statement()
    item = a.tpm.quote(a.binding(challenge, bytes(32), statement))
    a.expect(("UNAUTHENTICATED", "TICKET_ACTIVATION", "not-authentic"), challenge, bytes(32), statement, item)


def a_ticket_used_twice(a):
    challenge, s, statement, item = a.honest()
    a.send(challenge, s, statement, item)
    second = a.statement(client_data=b"second")
    again = a.tpm.quote(a.binding(challenge, s, second))
    a.expect(("ABORTED", "TICKET_SPENT", "unavailable"), challenge, s, second, again)


def the_key_of_another_machine(a):
    name = "disk/" + hashlib.sha256(b"another machine").hexdigest()
    challenge, statement = a.challenge(), a.statement(secrets=[a.pb.SecretRef(name=name)])
    s = a.tpm.activate(challenge)
    item = a.tpm.quote(a.binding(challenge, s, statement))
    a.expect(("PERMISSION_DENIED", "REFUSED", "refused"), challenge, s, statement, item)


def asked(a, tpm, **secret):
    """An honest request of this machine for one secret."""
    challenge, statement = a.challenge(tpm), a.statement(secrets=[a.pb.SecretRef(**secret)])
    s = tpm.activate(challenge)
    return challenge, s, statement, tpm.quote(a.binding(challenge, s, statement))


def answered(a, *sent):
    return a.pb.Answer.FromString(a.send(*sent).answer.answer).secrets[0]


def making_for_another_machine(a):
    """Nor by a name that looks right: what the evidence proves is put into the pattern, and compared."""
    refused = ("PERMISSION_DENIED", "REFUSED", "refused")
    for name in ("makes/" + hashlib.sha256(b"another machine").hexdigest(), "makes/" + "a" * 64, "disk/" + "b" * 64):
        a.expect(refused, *asked(a, a.tpm, name=name, create=True))
    for name in ("makes", "makes/x/y"):
        a.expect(refused, *asked(a, a.tpm, name=name, create=True))
    assert "makes/" not in secrets(a.ring)


def making_that_the_statement_does_not_ask_for(a):
    """The flag is the statement's, which the quote covers: none can be put in on the way."""
    refused = ("PERMISSION_DENIED", "REFUSED", "refused")
    challenge, s, statement, item = asked(a, a.tpm, name=MADE)
    a.expect(refused, challenge, s, statement, item)
    a.expect(FORGED, challenge, s, a.statement(secrets=[a.pb.SecretRef(name=MADE, create=True)]), item)
    a.expect(("INVALID_ARGUMENT", "REQUEST_MALFORMED", "malformed"), *asked(a, a.tpm, name=MADE, create=True, version=1))
    a.expect(refused, *asked(a, a.tpm, name="disk/none", create=True))  # nor under a policy that has none made
    assert "makes/" not in secrets(a.ring)


def making_once(a):
    """Made for the first request, answered alike to its repeat, there for the next ones; each machine its own."""
    sent = asked(a, a.tpm, name=MADE, create=True)
    first, again = answered(a, *sent), answered(a, *sent)
    assert first.created and first == again and first.version == 1
    later = answered(a, *asked(a, a.tpm, name=MADE, create=True))
    assert not later.created and later.name == first.name and later.version == 1
    assert not answered(a, *asked(a, a.tpm, name=MADE)).created
    other = answered(a, *asked(a, a.other, name=MADE, create=True))
    assert other.created and other.name != first.name
    listed = secrets(a.ring)
    assert listed.count("policy makes 1, decision ") == 2 and first.name in listed and other.name in listed


def making_what_was_deleted(a):
    name = answered(a, *asked(a, a.tpm, name=MADE)).name
    cli(a.ring, "secret", "delete", name)
    a.expect(("PERMISSION_DENIED", "REFUSED", "refused"), *asked(a, a.tpm, name=MADE, create=True))


def a_bit_of_each_part(a):
    challenge, s, statement, item = a.honest()
    for part in ("attest", "signature", "public", "pcrs", "ek-cert", "ek-public"):
        bad = a.pb.EvidenceItem.FromString(item.SerializeToString())
        data = next(p for p in bad.parts if p.name == part)
        at = len(data.data) // 2
        data.data = data.data[:at] + bytes([data.data[at] ^ 4]) + data.data[at + 1:]
        try:
            a.send(challenge, s, statement, bad)
        except grpc.RpcError as error:
            assert a.ring.reason(error)[2] in ("not-authentic", "malformed", "unavailable"), (part, a.ring.reason(error))
            continue
        raise AssertionError(f"released with a changed {part}")


def an_expired_ticket(a):
    sent = a.honest()
    time.sleep(LIFETIME + 1)
    a.expect(("UNAVAILABLE", "TICKET_EXPIRED", "unavailable"), *sent)


def a_ticket_of_before_a_restart(a):
    sent = a.honest()
    assert a.ring.stop() == 0
    a.ring.start()
    a.expect(("UNAVAILABLE", "TICKET_STALE", "unavailable"), *sent)


def a_pcr_that_the_older_request_did_not_ask_for(a):
    """The guest is to ask anew, and is refused only when it was asked for."""
    skipped = 'skip: {because: "the attacks are on the request, not on the firmware"}'
    sent = a.honest()
    apply(a.ring, POLICY.replace(skipped, "sha256: {14: " + "00" * 32 + "}"))
    a.expect(("UNAVAILABLE", "STALE_REQUEST", "unavailable"), *sent)
    a.expect(("PERMISSION_DENIED", "REFUSED", "refused"), *a.honest())
    apply(a.ring, POLICY)
    a.send(*a.honest())


ATTACKS = (an_honest_request_is_released, statements_changed_on_the_way, another_suite, another_purpose, relayed_to_another_broker,
           evidence_of_another_challenge, a_plain_ticket_for_a_tpm, the_ticket_of_another_tpm, s_made_up, a_ticket_used_twice,
           the_key_of_another_machine, making_for_another_machine, making_that_the_statement_does_not_ask_for, making_once,
           making_what_was_deleted, a_bit_of_each_part, an_expired_ticket,
           a_pcr_that_the_older_request_did_not_ask_for, a_ticket_of_before_a_restart)


def cli(ring, *arguments):
    return run(ring.folder / "bin/latchkey", *arguments, "--broker", f"127.0.0.1:{ring.port}", "--broker-id",
               ring.broker_id.hex(), "--key", str(ring.folder / "admin")).stdout


def secrets(ring):
    return cli(ring, "secret", "list")


def apply(ring, policy):
    (ring.folder / "policy.yaml").write_text(policy)
    cli(ring, "policy", "apply", ring.folder / "policy.yaml")


def set_up(ring, folder):
    where = ["--broker", f"127.0.0.1:{ring.port}", "--broker-id", ring.broker_id.hex(), "--key", str(ring.folder / "admin")]
    run("protoc", f"-I{ROOT}/proto/api", f"--python_out={ring.folder}/pb", f"{ROOT}/proto/api/collector.proto")
    import collector_pb2
    tpms = [Tpm(folder / name, folder / "ca", ring.pb, collector_pb2) for name in ("one", "two")]
    (folder / "policy.yaml").write_text(POLICY)
    run(BIN / "latchkey", "anchor", "add", "maker", "--family", "tpm", "--certificate", folder / "one/root.pem",
        "--intermediates", folder / "one/issuer.pem", *where)
    run(BIN / "latchkey", "policy", "apply", folder / "policy.yaml", *where)
    apply(ring, MAKES)
    certificate = run("openssl", "x509", "-inform", "DER", "-noout", "-pubkey", "-in", nv_certificate(folder / "one")).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=certificate.encode(), check=True, capture_output=True).stdout
    run(BIN / "latchkey", "secret", "put", f"disk/{hashlib.sha256(spki).hexdigest()}", "--random", "32", *where)
    return tpms


def nv_certificate(folder):
    out = folder / "ek.der"
    run("tpm2_nvread", "0x1c00002", "-o", out, env={"TPM2TOOLS_TCTI": (folder / "tcti").read_text().strip(), "PATH": "/usr/bin:/bin"})
    return out


def main():
    for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend"):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    with Ring(BIN, config=f"challenge-lifetime: {LIFETIME}s\n") as ring:
        ring.start()
        folder = ring.folder / "machines"
        folder.mkdir()
        tpms = []
        try:
            tpms = set_up(ring, folder)
            for attack in ATTACKS:
                attack(Attack(ring, *tpms))
                print(f"ok {attack.__name__}")
        finally:
            for tpm in tpms:
                tpm.close()
    print(f"{len(ATTACKS)} passed")


main()
