#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A live TDX guest gets its key: latchkey-fetch and latchkey-evidence-tdx against a whole broker, with an emulated quoting enclave behind an
emulated configfs-tsm, collateral from the broker's store, and an event log that its RTMRs vouch for. Then what must not pass: missing and
outdated collateral, another binding, a debug TD, a TCB status that is not accepted, the log of another boot, a revoked PCK certificate.

usage: live.py FOLDER_OF_THE_PROGRAMS
"""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "collateral"))
from world import MRTD, World, pem_certs  # noqa: E402

BIN = pathlib.Path(sys.argv[1]).resolve()
FMSPC = "00806f050000"
POLICY = """schema: latchkey-policy/1
policy: td
releases: ["td/{{tdx.platform-instance-id}}"]
accept:
  - name: td
    chain: [tdx, eventlog]
    tdx:
      mrtd: {mrtd}
      rtmr0: {{skip: {{because: "the event log says what it holds"}}}}
      rtmr1: {{skip: {{because: "the event log says what it holds"}}}}
      rtmr2: {{skip: {{because: "the event log says what it holds"}}}}
    eventlog:
      secure-boot: deny
      boot-application.sha384.1: "{kernel}"
      files: 2
      command-line: {{skip: {{because: "the load options are the first file"}}}}
"""
SECRET = b"the key of a TD's disk\0\n"
failed = 0


def check(what, holds, detail=""):
    global failed
    failed += not holds
    print(("ok   " if holds else "FAIL ") + what + ("" if holds else f": {detail}"), flush=True)


def sha384(data):
    return hashlib.sha384(data).digest()


def variable(name, contents):
    guid = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f" if name.startswith("db") else "61dfe48bca93d211aa0d00e098032b8c")
    return guid + struct.pack("<QQ", len(name), len(contents)) + name.encode("utf-16-le") + contents


def boot(kernel):
    """A CCEL of a kernel that the firmware started, and the RTMRs of that boot."""
    events = [(1, 0x80000001, variable(n, c), variable(n, c)) for n, c in (("SecureBoot", b"\0"), ("PK", b""), ("KEK", b""), ("db", b""), ("dbx", b""))]
    events += [(1, 4, bytes(4), bytes(4)), (2, 4, bytes(4), bytes(4)), (2, 0x80000003, kernel, b"path"), (3, 6, b"load options", b"LOADED_IMAGE"),
               (3, 6, b"initrd", b"Linux initrd")]
    spec = b"Spec ID Event03\0" + struct.pack("<I", 0) + bytes([0, 2, 0, 2]) + struct.pack("<IHHB", 1, 0x0C, 48, 0)
    log, rtmrs = struct.pack("<II20sI", 1, 3, b"", len(spec)) + spec, [bytes(48) for _ in range(4)]
    for mr, kind, hashed, data in events:
        log += struct.pack("<IIIH", mr, kind, 1, 0x0C) + sha384(hashed) + struct.pack("<I", len(data)) + data
        rtmrs[mr - 1] = sha384(rtmrs[mr - 1] + sha384(hashed))
    return log + b"\xff" * 4096, rtmrs


class Kernel(threading.Thread):
    """Plays configfs-tsm of a TD: a quote for each inblob that is written."""

    def __init__(self, world, rtmrs):
        super().__init__(daemon=True)
        self.world, self.root, self.ended = world, world.folder / "tsm", False
        self.fields = [w for i, value in enumerate(rtmrs) for w in (f"--rtmr{i}", value.hex())]
        self.platform, self.other_binding = [], False
        (self.root / "report").mkdir(parents=True)

    def quote(self, entry):
        inblob = entry / "inblob"
        if self.other_binding:
            inblob = self.world.folder / "other-inblob"
            inblob.write_bytes(bytes(64))
        self.world.intel("intel", *self.fields, *self.platform, "quote", "--inblob", inblob, "--out", entry / "made")
        (entry / "generation").write_text("1\n")
        (entry / "made").rename(entry / "outblob")

    def run(self):
        while not self.ended:
            for entry in (self.root / "report").iterdir():
                if not (entry / "provider").exists():
                    (entry / "provider.new").write_text("tdx_guest\n")
                    (entry / "provider.new").rename(entry / "provider")
                inblob = entry / "inblob"
                if inblob.exists() and inblob.stat().st_size == 64 and not (entry / "outblob").exists():
                    self.quote(entry)
            time.sleep(0.02)


class Guest:
    def __init__(self, world):
        self.world = world
        log, rtmrs = boot(b"kernel")
        self.log = world.folder / "ccel"
        self.log.write_bytes(log)
        self.kernel = Kernel(world, rtmrs)
        self.kernel.start()

    def fetch(self):
        """(exit code, the secret, the decision's explanation)"""
        out = self.world.folder / "got"
        out.unlink(missing_ok=True)
        done = subprocess.run([BIN / "latchkey-fetch", "--broker", f"127.0.0.1:{self.world.port}", "--broker-id", self.world.broker_id.hex(),
                               "--collector", f"{BIN}/latchkey-evidence-tdx --tsm-root {self.kernel.root} --ccel {self.log}", "--timeout", "20",
                               "--save-bundle", self.world.folder / "bundle", "--secret", f"td/{{tdx.platform-instance-id}}={out}"],
                              capture_output=True, text=True, check=False)
        decision = re.search(r"latchkey explain (\S+)", done.stderr)
        why = self.world.latchkey("explain", decision.group(1)).stdout if decision else done.stderr
        return done.returncode, out.read_bytes() if out.exists() else None, why

    def refused(self, what, code, *words):
        got = self.fetch()
        check(what, got[0] == code and got[1] is None and all(w in got[2] for w in words), got)


def upload(world, *fields):
    world.intel("intel", *fields, "documents", "--out", world._made("documents"))
    (world.folder / "inblob").write_bytes(bytes(64))
    world.intel("intel", "quote", "--inblob", world.folder / "inblob", "--out", world.folder / "quote")
    folder = world.folder / "documents"
    chain = pem_certs((world.folder / "quote").read_bytes())[1:] + pem_certs((folder / "tcb_signing_chain.pem").read_bytes())
    names = ("tcb_info.json", "qe_identity.json", "pck_crl.der", "root_ca_crl.der")
    got = world.put(*[(folder / n).read_bytes() for n in names], *chain)
    check(f"collateral {fields} is taken", all(o in ("stored", "issuer", "unchanged") for o, _ in got), got)
    world.in_force()


def set_up(world):
    world.intel("intel", "documents", "--out", world._made("documents"))
    world.latchkey("anchor", "add", "intel", "--family", "tdx", "--certificate", world.folder / "documents/root.der")
    (world.folder / "td.yaml").write_text(POLICY.format(mrtd=MRTD, kernel=sha384(b"kernel").hex()))
    world.latchkey("policy", "apply", world.folder / "td.yaml")
    (world.folder / "secret").write_bytes(SECRET)
    world.latchkey("secret", "put", "td/" + "46" * 16, "--file", world.folder / "secret")


def outdated(world, guest):
    guest.refused("without collateral it cannot be judged", 3, "DCAP_COLLATERAL_MISSING", "sgx/root-crl")
    upload(world, "--expires", "5")
    time.sleep(5.5)
    guest.refused("with a TCB Info past its nextUpdate neither", 3, "DCAP_COLLATERAL_EXPIRED", "tcbInfo")
    upload(world)


def released(world, guest):
    code, secret, why = guest.fetch()
    check("a TD's key is released", code == 0 and secret == SECRET, (code, secret, why))
    done = subprocess.run([BIN / "latchkey", "chain", "--json", "--trust", f"tdx:{world.folder}/documents/root.der", "--collateral",
                           world.folder / "documents", "--policy", world.folder / "td.yaml", world.folder / "bundle"], capture_output=True, text=True,
                          check=False)
    tree = json.loads(done.stdout)
    seen = tree["verdict"], tree["binding-checked"], [(r["item"], [b["item"] for b in r["vouches-for"]]) for r in tree["roots"]]
    check("its bundle as a tree", seen == ("affirmed", True, [("tdx", ["eventlog"])]), tree)


def refusals(guest):
    kernel = guest.kernel
    kernel.other_binding = True
    guest.refused("a quote over another binding", 2, "BINDING_MISMATCH")
    kernel.other_binding = False
    for what, platform, words in (("a debug TD", ["--td-attributes", "0100001000000000"], ("TDX_DEBUG",)),
                                  ("a TCB status that is not accepted", ["--component", "4"], ("DCAP_TCB_STATUS", "OutOfDate")),
                                  ("another firmware", ["--mrtd", "72" * 48], ("TDX_MRTD",)),
                                  ("an RTMR that the log does not explain", ["--rtmr1", "00" * 48], ())):
        kernel.platform = platform
        guest.refused(what, 2 if "RTMR" in what else 1, *words)
    kernel.platform = []
    honest = guest.log.read_bytes()
    for what, log, code, reason in (("the log of another boot", boot(b"evil")[0], 2, "EVENTLOG_REPLAY"),
                                    ("a log that was cut", honest[:900], 4, "EVENTLOG_EVENT")):
        guest.log.write_bytes(log)
        guest.refused(what, code, reason)
    guest.log.write_bytes(honest)


def main():
    with World(BIN) as world:
        world.start()
        set_up(world)
        guest = Guest(world)
        try:
            outdated(world, guest)
            released(world, guest)
            refusals(guest)
            upload(world, "--pck-revoked")
            guest.refused("a PCK certificate that was revoked", 2, "CERT_REVOKED")
        finally:
            guest.kernel.ended = True
            guest.kernel.join()
    return 1 if failed else 0


os.umask(0o077)
sys.exit(main())
