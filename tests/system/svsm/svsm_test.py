#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A live guest under an SVSM gets a key through a whole broker: latchkey-evidence-snp asks the emulated module at VMPL 0 for a
report over the binding and its virtual TPM's manifest, latchkey-evidence-tpm activates that TPM's EK and quotes. Then
another TPM than the module's, another module, and a report of the guest's own VMPL: each refused for its reason.

usage: svsm_test.py FOLDER_OF_THE_PROGRAMS
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ring"))
import harness  # noqa: E402

BIN = pathlib.Path(sys.argv[1])
KEYS = harness.ROOT / "tests/unit/policy/evidence/sev_snp/keys"
SWTPM = harness.ROOT / "tests/emulators/swtpm"
MEASUREMENT = "4d" * 48
SECRET = "svsm/disk/root"
POLICY = """schema: latchkey-policy/1
policy: svsm
releases: ["%s"]
explain-to-guest: true
accept:
  - name: coconut
    chain: [sev-snp, svsm-vtpm, tpm]
    sev-snp:
      measurement: %s
      vmpl: 0
      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}
      platform-info: {alias-check: required}
    svsm-vtpm: {form: vtpm-service}
    tpm:
      ek: {any-genuine: {because: "the module vouches for it"}}
      rooted-by: linked-ek
      pcr.sha256.4: %s
"""
for tool in ("swtpm", "swtpm_setup", "tpm2_createek"):
    if shutil.which(tool) is None:
        harness.skip(f"no {tool}")

failures = 0


def check(what, good, shown=""):
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {shown}"))


class Tpm:
    """A software TPM; PCR 4 is extended once, as firmware would."""

    def __init__(self, folder):
        self.folder = folder
        harness.run(SWTPM / "swtpm-up", folder, folder.parent / "ca")
        self.tcti = (folder / "tcti").read_text().strip()
        self.env = {"TPM2TOOLS_TCTI": self.tcti, "PATH": "/usr/bin:/bin"}
        self.tool("tpm2_pcrextend", "4:sha256=" + "11" * 32)

    def tool(self, *command):
        done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=self.env, cwd=self.folder)
        subprocess.run(["tpm2_flushcontext", "-t"], check=False, capture_output=True, env=self.env)
        return done.stdout

    def manifest(self):
        """The TPMT_PUBLIC of the EK of template L-1: the vTPM service's manifest, version 0."""
        self.tool("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
        area = (self.folder / "ek.pub").read_bytes()
        assert struct.unpack(">H", area[:2])[0] == len(area) - 2
        (self.folder / "manifest").write_bytes(area[2:])
        return self.folder / "manifest"

    def pcr4(self):
        self.tool("tpm2_pcrread", "sha256:4", "-o", "pcr4")
        return (self.folder / "pcr4").read_bytes().hex()

    def stop(self):
        subprocess.run([SWTPM / "swtpm-down", self.folder], check=False, stdin=subprocess.DEVNULL)


class Module:
    """The secure processor, and above it the module, as configfs-tsm shows them."""

    def __init__(self, sp, root, *options):
        self.root = root
        self.process = subprocess.Popen([BIN / "amd-sp-emulator", "--dir", sp, "serve", "--out", root, *options])
        if not harness.wait_for((root / "report").is_dir):
            raise RuntimeError("the emulator does not serve")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()


def fetch(ring, module, tpm, target, *more):
    return subprocess.run(
        [BIN / "latchkey-fetch", "--broker", f"127.0.0.1:{ring.port}", "--broker-id", ring.broker_id.hex(), "--timeout", "20",
         "--collector", f"{BIN}/latchkey-evidence-snp --tsm-root {module.root}",
         "--collector", f"{BIN}/latchkey-evidence-tpm --ek=rsa --tcti={tpm.tcti}", "--secret", f"{SECRET}={target}", *more],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def secure_processor(folder):
    sp = folder / "sp"
    sp.mkdir()
    for name in ("ark", "ask", "asvk"):
        shutil.copy(KEYS / f"{name}.pem", sp / f"{name}.key")
    harness.run(BIN / "amd-sp-emulator", "--dir", sp, "make-root", "--product", "milan")
    return sp


def refused(ring, what, module, tpm, code):
    target = ring.folder / "refused"
    done = fetch(ring, module, tpm, target)
    said = done.stdout + done.stderr
    decision = said.rsplit("latchkey explain ", 1)[-1].split()[0] if "latchkey explain" in said else ""
    why = ring.latchkey("explain", decision, check=False).stdout if decision else said
    check(what, done.returncode in (1, 2) and code in why and not target.exists(), f"{done.returncode} {said} {why}")


def appraise(ring, parts, *options):
    """The bundle as one item of the command line."""
    item = "svsm:" + ",".join(f"{name}={path}" for name, path in parts.items())
    done = subprocess.run([BIN / "latchkey", "appraise", "--json", "--policy", ring.folder / "policy.yaml", "--trust",
                           f"sev-snp:{ring.folder}/sp/ark.der", *options, item], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout) if done.stdout else {"verdict": done.stderr, "reasons": []}
    return answer["verdict"], [r["code"] for r in answer["reasons"]], done.returncode


def offline(ring):
    """What the guest sent, judged without a broker: activation has to be assumed, the nonce is the binding."""
    parts = {}
    for item in ring.pb.ReleaseRequest.FromString((ring.folder / "bundle").read_bytes()).items:
        for part in item.parts:
            parts[part.name] = ring.folder / f"{item.family}-{part.name}"
            parts[part.name].write_bytes(part.data)
    for name in ("ek-public", "ek-cert", "chain"):
        parts.pop(name, None)  # the EK is the manifest's
    binding = parts["nonce"].read_bytes().hex()
    check("offline", appraise(ring, parts, "--binding", binding, "--assume-activated") == ("affirmed", [], 0))
    without = {name: path for name, path in parts.items() if name != "nonce"}
    check("offline, the nonce is --binding", appraise(ring, without, "--binding", binding, "--assume-activated") == ("affirmed", [], 0))
    check("offline, not activated", appraise(ring, parts, "--binding", binding) == ("not-authentic", ["UNANCHORED"], 2))
    other = appraise(ring, parts, "--binding", "22" * 64, "--assume-activated")
    check("offline, another binding", other[0] == "not-authentic" and "BINDING_MISMATCH" in other[1], other)


def run(ring):
    folder = ring.folder
    sp, own, other = secure_processor(folder), Tpm(folder / "tpm1"), Tpm(folder / "tpm2")
    try:
        manifest = own.manifest()
        (folder / "policy.yaml").write_text(POLICY % (SECRET, MEASUREMENT, own.pcr4()))
        (folder / "secret").write_bytes(b"\0the key\xff")
        ring.latchkey("anchor", "add", "emulated", "--family", "sev-snp", "--certificate", sp / "ark.der")
        ring.latchkey("policy", "apply", folder / "policy.yaml")
        ring.latchkey("secret", "put", SECRET, "--file", folder / "secret")
        options = ("--measurement", MEASUREMENT, "--manifest", manifest)
        with Module(sp, folder / "tsm1", *options) as module:
            done = fetch(ring, module, own, folder / "got", "--save-bundle", folder / "bundle")
            got = (folder / "got").read_bytes() if (folder / "got").exists() else None
            check("the guest gets its key", done.returncode == 0 and got == b"\0the key\xff", done.stdout + done.stderr)
            offline(ring)
            refused(ring, "another TPM than the module's", module, other, "UNANCHORED")
        with Module(sp, folder / "tsm2", "--measurement", "4e" * 48, "--manifest", manifest) as module:
            refused(ring, "another module", module, own, "sev-snp.measurement")
        with Module(sp, folder / "tsm3", "--measurement", MEASUREMENT) as module:
            done = fetch(ring, module, own, folder / "none")
            check("no module: nothing is sent", done.returncode != 0 and "SVSM" in done.stderr, done.stdout + done.stderr)
    finally:
        own.stop()
        other.stop()


with harness.Ring(BIN) as the_ring:
    the_ring.start()
    begin = time.monotonic()
    run(the_ring)
    print(f"{time.monotonic() - begin:.1f} s")
sys.exit(1 if failures else 0)
