#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A live guest like an Azure confidential VM gets a key through a whole broker: latchkey-evidence-tpm finds the HCL report in its
TPM's NV, cuts the SEV-SNP report out of it and quotes with the AK that it names; the ticket is a plain one. Then another
TPM with this one's report, a TPM without one, a report of a TDX machine, a quote for another request: each refused for
its reason.

usage: azure_test.py FOLDER_OF_THE_PROGRAMS
"""
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ring"))
import harness  # noqa: E402

BIN = pathlib.Path(sys.argv[1])
KEYS = harness.ROOT / "tests/unit/policy/evidence/sev_snp/keys"
SWTPM = harness.ROOT / "tests/emulators/swtpm"
MEASUREMENT = "4d" * 48
SECRET = "azure/disk/root"
INDEX, AK = "0x01400001", "0x81000003"
POLICY = """schema: latchkey-policy/1
policy: azure
releases: ["%s"]
explain-to-guest: true
accept:
  - name: snp
    chain: [sev-snp, azure-hcl, tpm]
    sev-snp:
      measurement: %s
      vmpl: 0
      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}
      platform-info: {alias-check: required}
    azure-hcl: {secure-boot: required}
    tpm:
      ek: {skip: {because: "the paravisor vouches for the AK"}}
      pcr.sha256.4: %s
"""
for tool in ("swtpm", "swtpm_setup", "tpm2_createak"):
    if shutil.which(tool) is None:
        harness.skip(f"no {tool}")

failures = 0


def check(what, good, shown=""):
    global failures
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}" + ("" if good else f": {shown}"), flush=True)


class Tpm:
    """A software TPM with an AK where a paravisor puts it; PCR 4 is extended once, as firmware would."""

    def __init__(self, folder):
        self.folder = folder
        harness.run(SWTPM / "swtpm-up", folder, folder.parent / "ca")
        self.tcti = (folder / "tcti").read_text().strip()
        self.env = {"TPM2TOOLS_TCTI": self.tcti, "PATH": "/usr/bin:/bin"}
        self.tool("tpm2_pcrextend", "4:sha256=" + "11" * 32)
        self.tool("tpm2_createek", "-c", "ek.ctx", "-G", "rsa")
        self.tool("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "rsa", "-g", "sha256", "-s", "rsassa", "-u", "ak.pem", "-f", "pem")
        self.tool("tpm2_evictcontrol", "-C", "o", "-c", "ak.ctx", AK)

    def tool(self, *command):
        done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, env=self.env, cwd=self.folder)
        subprocess.run(["tpm2_flushcontext", "-t"], check=False, capture_output=True, env=self.env)
        return done.stdout

    def put_report(self, path, index=INDEX):
        self.tool("tpm2_nvdefine", index, "-C", "o", "-s", str(path.stat().st_size), "-a", "ownerwrite|ownerread|no_da")
        self.tool("tpm2_nvwrite", index, "-C", "o", "-i", path)

    def pcr4(self):
        self.tool("tpm2_pcrread", "sha256:4", "-o", "pcr4")
        return (self.folder / "pcr4").read_bytes().hex()

    def stop(self):
        subprocess.run([SWTPM / "swtpm-down", self.folder], check=False, stdin=subprocess.DEVNULL)


class World:
    def __init__(self, ring):
        self.ring, self.folder, self.sp = ring, ring.folder, ring.folder / "sp"
        self.sp.mkdir()
        for name in ("ark", "ask", "asvk"):
            shutil.copy(KEYS / f"{name}.pem", self.sp / f"{name}.key")
        harness.run(BIN / "amd-sp-emulator", "--dir", self.sp, "make-root", "--product", "milan")

    def hcl_report(self, ak, kind="2"):
        """The report that this AK's paravisor leaves; beside it certs.pem for --hcl-certs."""
        data = harness.run(BIN / "paravisor-emulator", ak).stdout.strip()
        out = self.folder / "hardware"
        harness.run(BIN / "amd-sp-emulator", "--dir", self.sp, "report", "--out", out, "--report-data", data,
                    "--measurement", MEASUREMENT, "--vmpl", "0")
        harness.run(BIN / "paravisor-emulator", ak, out / "outblob", kind, self.folder / f"hcl{kind}")
        vek = harness.run("openssl", "x509", "-inform", "DER", "-in", out / "vek.der").stdout
        (self.folder / "certs.pem").write_text(vek + (self.sp / "cert_chain.pem").read_text())
        return self.folder / f"hcl{kind}"

    def fetch(self, tpm, target, *more, first=(), options=""):
        collectors = [*first, f"{BIN}/latchkey-evidence-tpm --tcti={tpm.tcti} --hcl-certs={self.folder}/certs.pem {options}"]
        return subprocess.run(
            [BIN / "latchkey-fetch", "--broker", f"127.0.0.1:{self.ring.port}", "--broker-id", self.ring.broker_id.hex(),
             "--timeout", "20", *(a for c in collectors for a in ("--collector", c)), "--secret", f"{SECRET}={target}", *more],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def gets_key(self, what, tpm, *more, **options):
        target = self.folder / "got"
        target.unlink(missing_ok=True)
        done = self.fetch(tpm, target, *more, **options)
        got = target.read_bytes() if target.exists() else None
        check(what, done.returncode == 0 and got == b"\0the key\xff", done.stdout + done.stderr)

    def refused(self, what, tpm, code, **options):
        target = self.folder / "refused"
        done = self.fetch(tpm, target, **options)
        said = done.stdout + done.stderr
        decision = said.rsplit("latchkey explain ", 1)[-1].split()[0] if "latchkey explain" in said else ""
        why = self.ring.latchkey("explain", decision, check=False).stdout if decision else said
        check(what, decision and done.returncode in (1, 2) and code in why and not target.exists(), f"{done.returncode} {said} {why}")

    def fails_here(self, what, tpm, code, text, **options):
        """Nothing is sent: the collector says why."""
        target = self.folder / "none"
        done = self.fetch(tpm, target, **options)
        check(what, done.returncode != 0 and code in done.stderr and text in done.stderr and "explain" not in done.stderr
              and not target.exists(), f"{done.returncode} {done.stderr}")


def bundle_is_plain(ring):
    """What went over the wire: a ticket without activation, three items, and of the EK nothing."""
    request = ring.pb.ReleaseRequest.FromString((ring.folder / "bundle").read_bytes())
    parts = {item.family: sorted(p.name for p in item.parts) for item in request.items}
    check("a plain ticket, and only what the chain needs", not request.s and parts == {
        "sev-snp": ["chain", "report", "vek"], "azure-hcl": ["report"], "tpm": ["attest", "pcrs", "public", "signature"]}, parts)
    return request


def wrong_binding(ring, request):
    """The same evidence under a fresh ticket and statement."""
    try:
        told = ring.release(ring.challenge(SECRET), items=request.items, secrets=(SECRET,))
    except harness.grpc.RpcError as error:
        told = ring.reason(error)
    check("evidence of another request", told == ("UNAUTHENTICATED", "BINDING_MISMATCH", "not-authentic"), told)


def run(world):
    ring, folder = world.ring, world.folder
    own, other = Tpm(folder / "tpm1"), Tpm(folder / "tpm2")
    try:
        report = world.hcl_report(own.folder / "ak.pem")
        (folder / "policy.yaml").write_text(POLICY % (SECRET, MEASUREMENT, own.pcr4()))
        (folder / "secret").write_bytes(b"\0the key\xff")
        ring.latchkey("anchor", "add", "emulated", "--family", "sev-snp", "--certificate", world.sp / "ark.der")
        ring.latchkey("policy", "apply", folder / "policy.yaml")
        ring.latchkey("secret", "put", SECRET, "--file", folder / "secret")
        world.fails_here("no HCL report: nothing is sent", own, "NO_DEVICE", "no HCL report in NV index 01400001")
        own.put_report(report)
        world.gets_key("the guest gets its key", own, "--save-bundle", folder / "bundle")
        wrong_binding(ring, bundle_is_plain(ring))
        world.gets_key("beside a collector that has no device", own,
                       first=(f"{BIN}/latchkey-evidence-snp --tsm-root {folder}/none --device {folder}/none",))
        other.put_report(report)
        world.refused("another TPM with this one's report", other, "UNANCHORED")
        own.put_report(world.hcl_report(own.folder / "ak.pem", "4"), "0x01400003")
        world.fails_here("a TDX machine's report", own, "UNSUPPORTED", "type 4", options="--hcl-index=0x01400003")
        world.fails_here("no AK at the handle", own, "DEVICE", "persistent handle", options="--hcl-ak=0x81000004")
    finally:
        own.stop()
        other.stop()


with harness.Ring(BIN) as the_ring:
    the_ring.start()
    begin = time.monotonic()
    run(World(the_ring))
    print(f"{time.monotonic() - begin:.1f} s")
sys.exit(1 if failures else 0)
