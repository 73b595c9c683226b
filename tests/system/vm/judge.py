# SPDX-License-Identifier: Apache-2.0
"""judge.py BIN DIR: what the broker of deploy/demo-vm.sh in DIR wrote down of each machine that was refused: exactly the rules
that name what was wrong, with what was expected and what was there; then what a bundle is worth to who recorded it.

Machines are folders of DIR; `expected` below says what each must have been told."""
import base64
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import os

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ring"))
from harness import grpc, messages, run  # noqa: E402

BIN, DIR = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
PROFILE = dict(line.split(" = ", 1) for line in (DIR / "profile").read_text().splitlines() if " = " in line)
wrong = 0


def check(name, good, got=""):
    global wrong
    wrong += not good
    print(f"{'ok     ' if good else 'FAILED '} {name}" + ("" if good else f"\n        {got}"))


def latchkey(*args):
    return run(BIN / "latchkey", *args, env={**os.environ, "LATCHKEY_PROFILE": str(DIR / "profile")}).stdout


def decisions(machine):
    """Of the machine's console, in their order: (was released, id)."""
    text = (DIR / machine / "console").read_bytes().decode(errors="replace").replace("\r", "")
    return [(m[1] is not None, m[1] or m[2]) for m in re.finditer(r"released .*\(decision ([0-9A-Z-]+);|latchkey explain ([0-9A-Z-]+)", text)]


def findings(decision):
    record = json.loads(latchkey("audit", "show", decision, "--json"))
    return record["class"], [(f["code"], f["rule"], f["expected"], f["actual"]) for f in record["findings"]]


def sha256(path):
    return hashlib.sha256((DIR / path).read_bytes()).hexdigest()


def ek(tpm):
    der = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", DIR / tpm / "ek.der", "-noout", "-pubkey"], check=True,
                         capture_output=True).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=der, check=True, capture_output=True).stdout
    return hashlib.sha256(spki).hexdigest()


def refused(machine, number, *expected):
    """The machine's decision of that number is a refusal with exactly these (code, rule, expected, actual); None: any value."""
    all_of_it = decisions(machine)
    if number >= len(all_of_it) or all_of_it[number][0]:
        check(f"{machine}: decision {number} is a refusal", False, all_of_it)
        return
    group, got = findings(all_of_it[number][1])
    same = len(got) == len(expected) and all(all(w is None or w == g for w, g in zip(want, have)) for want, have in zip(expected, got))
    check(f"{machine}: " + ", ".join(f"{e[0]} {e[1]}" for e in expected), group == "refused" and same, (group, got))


def released(machine, number):
    all_of_it = decisions(machine)
    check(f"{machine}: decision {number} is a release", number < len(all_of_it) and all_of_it[number][0], all_of_it)


def console_has(machine, text, there=True):
    shown = (DIR / machine / "console").read_bytes().decode(errors="replace")
    check(f"{machine}: {'' if there else 'no '}\"{text}\" on the console", (text in shown) == there, shown[-2000:])


# ---- a recorded bundle ----

class Replay:
    """Who recorded the good machine's request, all of it, and is not that machine."""

    def __init__(self, folder):
        self.pb, self.rpc, _ = messages(folder)
        trust = (DIR / "tls.pem").read_bytes()
        self.channel = grpc.secure_channel(PROFILE["broker"], grpc.ssl_channel_credentials(trust))
        text = (DIR / "good/bundles").read_bytes().decode(errors="replace").replace("\r", "")
        recorded = re.search(r"BUNDLE first\n(.*?)\nEND", text, re.S).group(1)
        self.recorded = self.pb.ReleaseRequest.FromString(base64.b64decode(recorded))

    def call(self, method, request, answer):
        stub = self.channel.unary_unary(f"/latchkey.v1.KeyRelease/{method}", request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=answer.FromString)
        return stub(request, timeout=20)

    def parts(self, family):
        item = next(i for i in self.recorded.items if i.family == family)
        return {p.name: p.data for p in item.parts}

    def challenge(self):
        """For the good machine's EK and AK."""
        tpm = self.parts("tpm")
        name = self.pb.Statement.FromString(self.recorded.statement).secrets[0].name
        return self.call("GetChallenge", self.pb.ChallengeRequest(secrets=[name], ek_public=tpm["ek-public"], ak_public=tpm["public"]),
                         self.pb.ChallengeResponse)

    def own_statement(self):
        """As recorded, but for a recipient key of his own."""
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "X25519"], check=True, capture_output=True).stdout
        spki = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=key, check=True, capture_output=True).stdout
        statement = self.pb.Statement.FromString(self.recorded.statement)
        statement.recipient_key = spki
        return statement.SerializeToString()

    def release(self, name, *codes, **changed):
        request = self.pb.ReleaseRequest()
        request.CopyFrom(self.recorded)
        for field, value in changed.items():
            setattr(request, field, value)
        try:
            self.call("Release", request, self.pb.ReleaseResponse)
        except grpc.RpcError as error:
            reason = self.reason(error)
            check(f"replay, {name}: {' or '.join(codes)}", reason in codes, reason)
        else:
            check(f"replay, {name}: {' or '.join(codes)}", False, "released")

    def reason(self, error):
        raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        for item in self.rpc.Status.FromString(raw or b"").details:
            if item.type_url.endswith("google.rpc.ErrorInfo"):
                return self.rpc.ErrorInfo.FromString(item.value).reason
        return error.code().name

    def all(self):
        plain = self.call("GetChallenge", self.pb.ChallengeRequest(secrets=["demo/disk/x"]), self.pb.ChallengeResponse)
        self.release("under a new ticket for its keys", "TICKET_ACTIVATION", ticket=self.challenge().ticket)
        self.release("the same, for another recipient", "TICKET_ACTIVATION", ticket=self.challenge().ticket, statement=self.own_statement())
        self.release("under a ticket for no keys", "UNANCHORED", ticket=plain.ticket, s=b"")
        self.release("under its own ticket, for another recipient", "BINDING_MISMATCH", "TICKET_SPENT", "TICKET_EXPIRED", statement=self.own_statement())


IMAGE, MISMATCH = "demo-image-1/eventlog.", "REFERENCE_MISMATCH"


def no_secure_boot():
    """Without it shim does not check the kernel for GRUB, so that PCR 4 has fewer entries too."""
    all_of_it = decisions("no-secure-boot")
    group, got = findings(all_of_it[0][1]) if all_of_it and not all_of_it[0][0] else (None, [])
    rest = [f for f in got[1:] if not f[1].startswith(IMAGE + "boot-application")]
    good = group == "refused" and got and got[0] == ("EVENTLOG_SECURE_BOOT", "demo-vm/measured-boot/eventlog.secure-boot", "true", "false")
    check("no-secure-boot: EVENTLOG_SECURE_BOOT", good and not rest, (group, got))


def machines():
    refused("good", 0, (MISMATCH, "demo-ovmf-old/tpm.pcr.sha256.0", None, None))
    released("good", 1)
    console_has("good", "the disk is open: hello from the encrypted disk")
    refused("good", 2, ("IMA_FILES", "demo-vm/measured-boot/ima.files", "in demo-files", f"/disk/tool sha256:{sha256('files/tool')}"))
    console_has("good", "guest: no key: status 1")
    line = re.search(r"linuxefi (.*)", (DIR / "esp/EFI/debian/grub.cfg").read_text()).group(1)
    other = line.replace("/vmlinuz ", "/vmlinuz systemd.debug-shell=1 ")
    refused("shell", 0, (MISMATCH, IMAGE + "file.sha256.1", sha256("esp/EFI/debian/grub.cfg"), sha256("esp-shell/EFI/debian/grub.cfg")),
            (MISMATCH, IMAGE + "command-line", line[:125] + "...", other[:125] + "..."))
    refused("other-initrd", 0, (MISMATCH, IMAGE + "file.sha256.3", sha256("esp/initrd.gz"), sha256("esp-initrd/initrd.gz")))
    refused("other-tpm", 0, ("TPM_EK", "demo-vm/measured-boot/tpm.ek", ek("tpm1"), ek("tpm2")))
    no_secure_boot()
    for name in ("shell", "other-initrd", "other-tpm", "no-secure-boot"):
        console_has(name, "the disk is open", there=False)


def main():
    machines()
    with tempfile.TemporaryDirectory() as folder:
        Replay(folder).all()
    print(f"{wrong} failures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
