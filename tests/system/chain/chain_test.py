#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Chains of several items, of evidence that a software TPM and a software secure processor give: `latchkey chain` shows an
honest one as a tree, and for each attack on a link the reason that tells it. usage: chain_test.py BIN
"""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(sys.argv[1]).resolve()
BINDING = bytes(range(64))
FIRMWARE = range(8)
failed = 0


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdin=subprocess.DEVNULL, capture_output=True, **more)


def expect(what, holds, detail=""):
    global failed
    failed += not holds
    print(("ok   " if holds else "FAIL ") + what + ("" if holds else f": {detail}"))


# ---- a boot: an event log and an IMA list, and what they make of the PCRs ----

def sha256(data):
    return hashlib.sha256(data).digest()


def variable(name, contents):
    guid = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f" if name.startswith("db") else "61dfe48bca93d211aa0d00e098032b8c")
    return guid + struct.pack("<QQ", len(name), len(contents)) + name.encode("utf-16-le") + contents


def boot_events():
    """(pcr, type, hashed, data)"""
    yield 0, 0x08, b"1\0.\0\0\0", b"1\0.\0\0\0"
    for name, contents in (("SecureBoot", b"\0"), ("PK", b""), ("KEK", b""), ("db", b""), ("dbx", b"")):
        yield 7, 0x80000001, variable(name, contents), variable(name, contents)
    for pcr in FIRMWARE:
        yield pcr, 0x04, bytes(4), bytes(4)
    yield 4, 0x80000003, b"kernel image", b"path of the kernel"
    yield 9, 0x06, b"initrd", b"Linux initrd"


def event_log(events):
    spec = b"Spec ID Event03\0" + struct.pack("<I", 0) + bytes([0, 2, 0, 2]) + struct.pack("<IHHB", 1, 0x0B, 32, 0)
    log = struct.pack("<II20sI", 0, 3, b"", len(spec)) + spec
    for pcr, kind, hashed, data in events:
        log += struct.pack("<IIIH", pcr, kind, 1, 0x0B) + sha256(hashed) + struct.pack("<I", len(data)) + data
    return log


def ima_entry(digest, path):
    fields = b"sha256:\0" + digest, path.encode() + b"\0"
    data = b"".join(struct.pack("<I", len(f)) + f for f in fields)
    return data, f"10 {hashlib.sha1(data).hexdigest()} ima-ng sha256:{digest.hex()} {path}\n"


class Machine:
    """A software TPM that was booted, asked through its collector."""

    def __init__(self, folder, pb, cpb):
        self.folder, self.pb, self.cpb = folder, pb, cpb
        run(ROOT / "tests/emulators/swtpm/swtpm-up", folder)
        self.tcti = (folder / "tcti").read_text().strip()
        events = list(boot_events())
        pcrs = {i: bytes(32) for i in range(10)}
        for pcr, _, hashed, _ in events:
            pcrs[pcr] = sha256(pcrs[pcr] + sha256(hashed))
        entries = [ima_entry(sha256(b"".join(pcrs[i] for i in range(10))), "boot_aggregate"), ima_entry(sha256(b"init"), "/sbin/init")]
        self.extend([(pcr, sha256(hashed)) for pcr, _, hashed, _ in events] + [(10, sha256(data)) for data, _ in entries])
        (folder / "eventlog").write_bytes(event_log(events))
        (folder / "other-eventlog").write_bytes(event_log(events[:-2] + [(4, 0x80000003, b"evil image", b"path of the kernel"), events[-1]]))
        (folder / "ima").write_text("".join(line for _, line in entries))
        self.collect()

    def extend(self, digests):
        run("tpm2_pcrextend", *(f"{pcr}:sha256={digest.hex()}" for pcr, digest in digests),
            env={"TPM2TOOLS_TCTI": self.tcti, "PATH": os.environ["PATH"]})

    def collect(self):
        pcrs = [self.pb.PcrSelection(bank="sha256", indexes=range(11))]
        call = self.cpb.CollectorCollect(binding=BINDING, request=self.pb.EvidenceItemRequest(family="tpm", pcrs=pcrs))
        raw = self.cpb.CollectorRequest(collect=call).SerializeToString()
        done = subprocess.run([BIN / "latchkey-evidence-tpm", "--ek=rsa", f"--tcti={self.tcti}"], check=True, stdout=subprocess.PIPE,
                              input=struct.pack(">I", len(raw)) + raw)
        answer = self.cpb.CollectorResponse.FromString(done.stdout[4:])
        assert answer.HasField("item"), answer.error
        for part in answer.item.parts:
            (self.folder / part.name).write_bytes(part.data)
        self.parts = [part.name for part in answer.item.parts]

    def item(self, without=()):
        return "tpm:" + ",".join(f"{name}={self.folder}/{name}" for name in self.parts if name not in without)

    def close(self):
        run(ROOT / "tests/emulators/swtpm/swtpm-down", self.folder)


# ---- judging ----

POLICY = """schema: latchkey-policy/1
policy: booted
accept:
  - name: tpm
    chain: [{chain}]
    tpm: {{ek: {{any-genuine: {{because: "a test"}}}}, {tpm}}}
    eventlog: {{secure-boot: deny, boot-application.sha256.1: {{in: ["{kernel}"]}}, command-line: {{skip: {{because: "none"}}}}}}
    ima: {{violations: 0, files: {{skip: {{because: a test}}}}}}
"""
IMA_RULES = "    ima: {violations: 0, files: {skip: {because: a test}}}\n"
ANY_PCR = 'pcr: {skip: {because: "the logs say what they hold"}}'


def chain(*args):
    done = subprocess.run([BIN / "latchkey", "chain", "--json", *map(str, args)], capture_output=True, text=True, check=False)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"roots": [], "unanchored": [], "stopped": [], "reasons": [done.stderr], "verdict": ""}


def shape(items):
    """The tree as nested tuples: (item, state, [below])."""
    return [(i["item"], i["state"], shape(i["vouches-for"])) for i in items]


def show(what, got, code, reasons, roots, **places):
    exit_code, answer = got
    seen = exit_code, answer["reasons"], shape(answer["roots"])
    expect(what, seen == (code, reasons, roots), seen)
    for place, items in places.items():
        expect(f"{what}: {place}", shape(answer[place]) == items, answer[place])
    return answer


def write(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


def measured_boot(machine, folder):
    m, trust = machine.folder, ("--trust", f"tpm:{machine.folder}/root.pem", "--trust", f"tpm:{machine.folder}/issuer.pem")
    common = (*trust, "--binding", BINDING.hex(), "--assume-activated")
    logs = f"eventlog:log={m}/eventlog", f"ima:log={m}/ima"
    kernel = sha256(b"kernel image").hex()
    chain_of = "tpm, eventlog"
    policy = write(folder, "policy.yaml", POLICY.format(chain=chain_of, tpm=ANY_PCR, kernel=kernel).replace(IMA_RULES, ""))
    zero = write(folder, "zero.yaml", POLICY.format(chain=chain_of, tpm="pcr: {sha256: {7: " + "00" * 32 + "}}", kernel=kernel)
                 .replace(IMA_RULES, ""))
    honest = [("tpm", "authentic", [("eventlog", "authentic", [])])]
    answer = show("an honest TPM and its log", chain(*common, "--policy", policy, machine.item(), logs[0]), 0, [], honest, unanchored=[], stopped=[])
    root = answer["roots"][0]
    by = root["vouches-for"][0]["vouched-by"]
    expect("the anchor stands at the root", root["anchor"] != "" and root["activation"] == "assumed", root)
    expect("the log is vouched for by a PCR", (by["item"], by["proof"], by["algorithm"], by["index"]) == ("tpm", "register", "sha256", 0), by)
    both = write(folder, "both.yaml", POLICY.format(chain="tpm, eventlog, ima", tpm=ANY_PCR, kernel=kernel))
    show("both logs under a policy", chain(*common, "--policy", both, machine.item(), *logs), 0, [],
         [("tpm", "authentic", [("eventlog", "authentic", []), ("ima", "authentic", [])])])
    for rule, reason in (("pk: " + "00" * 32, "EVENTLOG_KEYS"), ("bank: sha384", "EVENTLOG_FIRMWARE"), ("files: 9", "EVENTLOG_BOOT")):
        other = write(folder, "other.yaml", policy.read_text().replace("secure-boot: deny", f"secure-boot: deny, {rule}"))
        show(f"a log against the rule {rule[:20]}", chain(*common, "--policy", other, machine.item(), logs[0]), 1, [reason], honest)
    answer = show("both logs, by the safe defaults", chain(*common, machine.item(), *logs), 1, ANY_REASONS,
                  [("tpm", "authentic", [("eventlog", "authentic", []), ("ima", "authentic", [])])])
    expect("the IMA list is vouched for by PCR 10", answer["roots"][0]["vouches-for"][1]["vouched-by"]["index"] == 10, answer["roots"])
    show("a log of another boot", chain(*common, "--policy", policy, machine.item(), f"eventlog:log={m}/other-eventlog"), 2, ["EVENTLOG_REPLAY"],
         [("tpm", "authentic", [("eventlog", "EVENTLOG_REPLAY", [])])])
    answer = show("a log below a quote whose rule failed is not read", chain(*common, "--policy", zero, machine.item(), logs[0]), 1, ["TPM_PCR"],
                  [("tpm", "authentic", [("eventlog", "CHAIN_PARENT_REFUSED", [])])])
    show("a log alone", chain(*common, logs[0]), 2, ["UNANCHORED"], [], unanchored=[("eventlog", "UNANCHORED", [])])
    answer = chain(*common, logs[0])[1]
    expect("what it wanted", "PCR" in answer["unanchored"][0]["wanted"], answer)
    show("a TPM of an unknown maker, and what hangs on it", chain("--binding", BINDING.hex(), "--assume-activated", machine.item(), logs[0]), 2,
         ANY_REASONS, [])


def extended_by_the_system(machine, folder):
    """PCR 8 that no log explains is told, and nothing else of the log suffers."""
    m = machine.folder
    machine.extend([(8, sha256(b"the running system"))])
    machine.collect()
    show("a PCR that the system extended", chain("--trust", f"tpm:{m}/root.pem", "--trust", f"tpm:{m}/issuer.pem", "--binding", BINDING.hex(),
                                                 "--assume-activated", "--policy", folder / "policy.yaml", machine.item(), f"eventlog:log={m}/eventlog"),
         1, ["EVENTLOG_UNEXPLAINED"], [("tpm", "authentic", [("eventlog", "authentic", [])])])


def snp(folder, report_data):
    if not (folder / "sp").exists():
        keys = ROOT / "tests/unit/policy/evidence/sev_snp/keys"
        (folder / "sp").mkdir()
        for name in ("ark", "ask", "asvk"):
            shutil.copy(keys / f"{name}.pem", folder / "sp" / f"{name}.key")
        run(BIN / "amd-sp-emulator", "--dir", folder / "sp", "make-root")
    (folder / "entry").mkdir(exist_ok=True)
    run(BIN / "amd-sp-emulator", "--dir", folder / "sp", "report", "--out", folder / "entry", "--report-data", report_data.hex(),
        "--measurement", "4d" * 48)
    return f"sev-snp:report={folder}/entry/outblob,certs={folder}/entry/auxblob"


TWO = """schema: latchkey-policy/1
policy: two
accept:
  - name: both
    chain: [sev-snp, tpm]
    {separate}sev-snp: {{measurement: "{m}", platform-alias-check: {{skip: {{because: "none"}}}}, tcb-floor: {{milan: {{microcode: 0}}}}}}
    tpm: {{ek: {{any-genuine: {{because: "a test"}}}}, {pcr}}}
"""


def two_machines(machine, folder):
    trust = ("--trust", f"tpm:{machine.folder}/root.pem", "--trust", f"tpm:{machine.folder}/issuer.pem", "--trust", f"sev-snp:{folder}/sp/ark.der")
    common = ("--binding", BINDING.hex(), "--assume-activated")
    report = snp(folder, BINDING)
    both = [("sev-snp", "authentic", []), ("tpm", "authentic", [])]
    plain = write(folder, "two.yaml", TWO.format(separate="", m="4d" * 48, pcr=ANY_PCR))
    answer = show("a report of one machine with the TPM of another", chain(*trust, *common, "--policy", plain, report, machine.item()), 2,
                  ["CHAIN_TWO_ROOTS"], both)
    expect("two anchors show as two trees", len({root["anchor"] for root in answer["roots"]}) == 2, answer["roots"])
    separate = TWO.format(separate='separately-rooted: {family: tpm, because: "both are ours"}\n    ', m="4d" * 48, pcr=ANY_PCR)
    show("only where the policy writes it out", chain(*trust, *common, "--policy", write(folder, "separate.yaml", separate), report, machine.item()),
         0, [], both)
    # A rented machine's report over the digest of a software TPM's key: nothing there makes it this machine's TPM.
    rented = snp(folder, hashlib.sha512((machine.folder / "public").read_bytes()).digest())
    bare = machine.item(without=("ek-cert", "ek-public", "ak-cert", "chain"))
    answer = show("a rented machine's REPORT_DATA for a software TPM", chain(*trust, "--any-binding", "--policy", plain, rented, bare), 2,
                  ["UNANCHORED"], [("sev-snp", "authentic", [])], unanchored=[("tpm", "UNANCHORED", [])])
    return report


def bundle(folder, pb, report):
    """A request as it is sent, with its own binding; the report carries another one."""
    def part(path):
        return (folder / "entry" / path).read_bytes()
    item = pb.EvidenceItem(family="sev-snp", parts=[pb.EvidencePart(name="report", data=part("outblob")), pb.EvidencePart(name="certs", data=part("auxblob"))])
    ticket = bytes([1, 1, 0, 0]) + bytes(192)
    statement = b"a statement"
    request = pb.ReleaseRequest(ticket=ticket, statement=statement, items=[item])
    binding = hashlib.sha512(b"latchkey-binding-v1\0" + sha256(ticket) + hashlib.sha512(statement).digest()).digest()
    trust = ("--trust", f"sev-snp:{folder}/sp/ark.der")
    (folder / "bundle").write_bytes(request.SerializeToString())
    show("a bundle whose report is for another request", chain(*trust, folder / "bundle"), 2, ["BINDING_MISMATCH"],
         [("sev-snp", "BINDING_MISMATCH", [])])
    snp(folder, binding)
    request.items[0].parts[0].data, request.items[0].parts[1].data = part("outblob"), part("auxblob")
    (folder / "bundle").write_bytes(request.SerializeToString())
    show("a bundle with its own binding", chain(*trust, folder / "bundle"), 0, [], [("sev-snp", "authentic", [])])
    text = run(BIN / "latchkey", "chain", *trust, folder / "bundle", text=True).stdout
    expect("the tree as text", text.startswith("anchor  ") and "\n    sev-snp  authentic\n" in text and "binding checked" in text, text)
    (folder / "bundle").write_bytes(request.SerializeToString()[:-1])
    expect("a bundle that was cut", chain(folder / "bundle")[0] == 4, "")


class AnyReasons(list):
    """Equal to whatever reasons there are, but not to none."""

    def __eq__(self, other):
        return len(other) > 0

    __hash__ = None


ANY_REASONS = AnyReasons()


def main():
    for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend", "protoc"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed")
            return 77
    if not (BIN / "latchkey-evidence-tpm").exists():
        print("SKIPPED: latchkey-evidence-tpm is not built")
        return 77
    with tempfile.TemporaryDirectory(prefix="latchkey-chain-") as name:
        folder = pathlib.Path(name)
        api = ROOT / "proto/api"
        run("protoc", f"-I{api}", f"--python_out={folder}", *(api / p for p in ("latchkey.proto", "collector.proto")))
        sys.path.insert(0, name)
        import collector_pb2
        import latchkey_pb2
        machine = Machine(folder / "tpm", latchkey_pb2, collector_pb2)
        try:
            measured_boot(machine, folder)
            report = two_machines(machine, folder)
            bundle(folder, latchkey_pb2, report)
            extended_by_the_system(machine, folder)
        finally:
            machine.close()
    return 1 if failed else 0


os.umask(0o077)
sys.exit(main())
