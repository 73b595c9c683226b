#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Public evidence of Azure confidential VMs (../shared/vectors/azure and trustee/az-*) through `latchkey appraise`, at a time
when its certificates are valid: the outcome that SOURCES.md documents. Policies pin the measurement that the report has, so
that the link through REPORT_DATA counts. Exit 77 without the vectors.

usage: azure_test.py PATH_OF_LATCHKEY
"""
import base64
import json
import os
import struct
import subprocess
import sys
import tempfile

LATCHKEY = sys.argv[1]
VECTORS = os.environ.get("LK_VECTORS", "../shared/vectors")
SNP_AT, TDX_AT = "2026-07-01T00:00:00Z", "2025-06-10T00:00:00Z"
ROOTS = {c: f"{VECTORS}/snp/roots/{c}-vcek-cert_chain.pem" for c in ("milan", "genoa")}
TDX_COLLATERAL = f"{VECTORS}/tdx/v4-ccel-cos-00806f-uptodate"  # of the same FMSPC, 00806f050000
EXIT = {"affirmed": 0, "refused": 1, "not-authentic": 2, "cannot-judge": 3, "malformed": 4}
SNP_POLICY = """schema: latchkey-policy/1
policy: azure
accept:
  - name: snp
    chain: [sev-snp, azure-hcl, tpm]
    sev-snp:
      measurement: %s
      tcb-floor: {milan: {bootloader: 0, tee: 0, snp: 0, microcode: 0}, genoa: {bootloader: 0, tee: 0, snp: 0, microcode: 0}}
      platform-info: {alias-check: {skip: {because: "older firmware does not tell"}}}
    azure-hcl: {%s}
    tpm: {ek: {skip: {because: "the paravisor vouches for the AK"}}, pcr.sha256.0: %s}
"""
TDX_POLICY = """schema: latchkey-policy/1
policy: azure
accept:
  - name: tdx
    chain: [tdx, azure-hcl, tpm]
    tdx:
      mrtd: %s
      rtmr0: {skip: {because: "all zero on Azure"}}
      rtmr1: {skip: {because: "all zero on Azure"}}
      rtmr2: {skip: {because: "all zero on Azure"}}
      tcb-status: {in: [UpToDate, OutOfDate]}
      sept-ve-disable: {skip: {because: "the paravisor handles #VE"}}
    tpm: {ek: {skip: {because: "the paravisor vouches for the AK"}}, pcr.sha256.0: %s}
"""


def read(name):
    with open(f"{VECTORS}/{name}", "rb") as f:
        return f.read()


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def octets(value, decode):
    return decode(value) if isinstance(value, str) else bytes(value)


def quote_of(q):
    return {"attest": octets(q["message"], bytes.fromhex), "signature": octets(q["signature"], bytes.fromhex),
            "pcrs": b"".join(octets(p, bytes.fromhex) for p in q["pcrs"])}


def evidence(name):
    """The parts of a JSON evidence file."""
    e = json.loads(read(name))
    e = e.get("evidence", e)
    parts = quote_of(e["tpm_quote"] if "tpm_quote" in e else e["quote"])
    parts["report"] = octets(e["report"] if "report" in e else e["hcl_report"], unpadded)
    if "td_quote" in e:
        parts["quote"] = octets(e["td_quote"], unpadded)
    else:
        parts["vek"] = e["vcek"].encode() if e["vcek"].startswith("-----") else unpadded(e["vcek"])
    return parts


def bincode(name):
    """A quote as the guest's library writes it: signature, message, digests, each with a length of 8 bytes."""
    data, fields = read(name), []
    for _ in range(2):
        size = struct.unpack_from("<Q", data)[0]
        fields.append(data[8:8 + size])
        data = data[8 + size:]
    return {"signature": fields[0], "attest": fields[1], "pcrs": data[8:]}


def separate(folder, tpm_quote, **more):
    certs = read(f"{folder}/vcek.pem").split(b"-----END CERTIFICATE-----\n") if "snp" in folder else []
    parts = {"report": read(f"{folder}/hcl-report.bin"), **tpm_quote, **more}
    if certs:
        parts.update(vek=certs[0] + b"-----END CERTIFICATE-----\n", chain=b"-----END CERTIFICATE-----\n".join(certs[1:]))
    return parts


def changed(parts, part, at, value=None):
    data = bytearray(parts[part])
    data[at] = data[at] ^ 1 if value is None else value
    return {**parts, part: bytes(data)}


class Run:
    def __init__(self, folder):
        self.folder, self.wrong = folder, 0

    def file(self, name, data):
        path = f"{self.folder}/{name}"
        with open(path, "wb") as f:
            f.write(data)
        return path

    def expect(self, what, parts, verdict, codes, policy=None, family="azure-hcl", options=("--any-binding",), at=SNP_AT):
        item = family + ":" + ",".join(f"{p}={d if isinstance(d, str) else self.file(p, d)}" for p, d in parts.items())
        policy = ["--policy", self.file("policy.yaml", policy.encode())] if policy else []
        done = subprocess.run([LATCHKEY, "appraise", "--json", "--at", at, *policy, *options, item], capture_output=True,
                              text=True, check=False)
        answer = json.loads(done.stdout) if done.stdout else {"verdict": done.stderr, "reasons": []}
        got = answer["verdict"], [r["code"] for r in answer["reasons"]]
        ok = got == (verdict, codes) and done.returncode == EXIT[verdict]
        self.wrong += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {what}: {got[0]} {got[1]} {done.returncode}")
        return answer


def snp_policy(parts, azure=""):
    return SNP_POLICY % (parts["report"][32 + 0x90:32 + 0xc0].hex(), azure, parts["pcrs"][:32].hex())


def snp(run):
    whole = [("azure/trustee-snp/evidence-v0.json", "milan"), ("azure/trustee-snp/evidence-v1.json", "milan"),
             ("azure/trustee-snp/evidence-genoa.json", "genoa"), ("trustee/az-snp-vtpm/evidence-v0.json", "milan"),
             ("trustee/az-snp-vtpm/evidence-v1.json", "milan"), ("trustee/az-snp-vtpm/evidence-v2.json", "milan"),
             ("trustee/az-snp-vtpm/evidence-genoa.json", "genoa"),
             ("azure/attestation-rs/az-snp-evidence-v1-milan-report-v2.json", "milan")]
    for name, product in whole:
        parts = {**evidence(name), "chain": ROOTS[product]}
        run.expect(name, parts, "affirmed", [], snp_policy(parts))
    run.expect("nothing pins the paravisor", parts, "refused", ["CHAIN_UNPINNED_WRITER"])
    parts = {**evidence("azure/attestation-rs/az-snp-milan-v3-empty-nonce.json"), "chain": ROOTS["milan"]}
    run.expect("empty nonce", parts, "not-authentic", ["BINDING_MISSING"], snp_policy(parts))
    parts = {**evidence("trustee/az-snp-vtpm/evidence-genoa.json"), "chain": ROOTS["milan"]}
    run.expect("Genoa under Milan's chain", parts, "not-authentic", ["SNP_PRODUCT_MISMATCH"], snp_policy(parts))
    parts = {**evidence("trustee/az-snp-vtpm/evidence-v2.json"), "chain": ROOTS["milan"]}
    wanted = "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef" + "00" * 16
    run.expect("user data", parts, "affirmed", [], snp_policy(parts, f"user-data: {wanted}"))
    run.expect("other user data", parts, "refused", ["AZURE_USER_DATA"], snp_policy(parts, "user-data: '123abc'"))
    other = evidence("trustee/az-snp-vtpm/evidence-v1.json")
    mixed = {**parts, "report": other["report"], "vek": other["vek"]}
    run.expect("report of one VM, quote of another", mixed, "not-authentic", ["TPM_SIGNATURE"], snp_policy(mixed))


def snp_parts(run):
    for folder in ("azure/trustee-snp", "trustee/az-snp-vtpm"):
        good = separate(folder, quote_of(json.loads(read(f"{folder}/tpm-quote-v1.json"))))
        policy = snp_policy(good)
        run.expect(f"{folder}/hcl-report.bin, tpm-quote-v1.json", good, "affirmed", [], policy)
        run.expect(f"{folder}/quote.bin", {**good, **bincode(f"{folder}/quote.bin")}, "affirmed", [], policy)
        run.expect(f"{folder}, another binding", good, "not-authentic", ["BINDING_MISSING"], policy, options=("--binding", "11" * 64))
        orphan = {**good, "attest": read(f"{folder}/tpm-quote.msg"), "signature": read(f"{folder}/tpm-quote.sig")}
        orphan["pcrs"] = bytes(32 * 10)  # as many as it selects
        run.expect(f"{folder}/tpm-quote.msg", orphan, "not-authentic", ["TPM_SIGNATURE"], policy)
        run.expect("signature byte 0", changed(good, "signature", 0), "not-authentic", ["TPM_SIGNATURE"], policy)
        run.expect("PCR 0 byte 0", changed(good, "pcrs", 0), "not-authentic", ["TPM_PCR_DIGEST"], policy)
        run.expect("report byte 0x1a6", changed(good, "report", 0x1a6, 0), "not-authentic", ["SNP_TCB_MISMATCH"], policy)
        run.expect("report byte 0x6e0", changed(good, "report", 0x6e0), "not-authentic", ["UNANCHORED", "UNANCHORED"], policy)
        run.expect("report byte 0x540", changed(good, "report", 0x540, 0), "malformed", ["CHAIN_MISSING_PART"], policy)
    quote = bincode("azure/kinvolk/quote.bin")
    old = {"report": read("azure/kinvolk/hcl-report-snp.bin"), **quote}
    run.expect("kinvolk/hcl-report-snp.bin, no VCEK, another AK", old, "not-authentic", ["TPM_SIGNATURE", "SNP_VEK_MISSING"])
    run.expect("kinvolk/hcl-report-tdx.bin, another AK", {"report": read("azure/kinvolk/hcl-report-tdx.bin"), **quote},
               "not-authentic", ["TPM_SIGNATURE"])
    pem = read("azure/kinvolk/akpub.pem").split(b"-----")[2]
    tpm = {**quote, "public": base64.b64decode(pem), "signature": b"\x00\x14\x00\x0b\x01\x00" + quote["signature"]}
    run.expect("kinvolk/quote.bin, akpub.pem: nothing vouches for the key", tpm, "not-authentic", ["UNANCHORED"], family="tpm")
    e = json.loads(read("trustee/tpm/tpm_evidence.json"))
    quote = e["tpm_quote"]
    bare = {"attest": base64.b64decode(quote["message"]), "signature": base64.b64decode(quote["signature"]),
            "pcrs": b"".join(bytes.fromhex(p) for p in quote["pcrs"]), "public": base64.b64decode(e["ak_public"])}
    run.expect("trustee/tpm: nothing vouches for the key", bare, "not-authentic", ["UNANCHORED"], family="tpm")
    run.expect("kinvolk/quote.bin changed", changed(tpm, "attest", 50), "not-authentic", ["TPM_SIGNATURE"], family="tpm")


def tdx(run):
    folder = "trustee/az-tdx-vtpm"
    td = {"quote": read(f"{folder}/td-quote.bin")}
    whole = [(n, evidence(n)) for n in (f"{folder}/evidence-v0.json", f"{folder}/evidence-v1.json",
                                        "azure/trustee-tdx/evidence-v0.json", "azure/trustee-tdx/evidence-v1.json")]
    whole += [(f"{f}/hcl-report.bin, tpm-quote-v1.json", separate(f, quote_of(json.loads(read(f"{f}/tpm-quote-v1.json"))), **td))
              for f in (folder, "azure/trustee-tdx")]
    whole += [(f"{f}/quote.bin", separate(f, bincode(f"{f}/quote.bin"), **td)) for f in (folder, "azure/trustee-tdx")]
    for name, parts in whole:
        policy = TDX_POLICY % (parts["quote"][48 + 136:48 + 184].hex(), parts["pcrs"][:32].hex())
        at_hand = ("--any-binding", "--collateral", TDX_COLLATERAL)
        run.expect(name, parts, "affirmed", [], policy, options=at_hand, at=TDX_AT)
    run.expect("no collateral", parts, "cannot-judge", ["DCAP_COLLATERAL_MISSING"], policy, at=TDX_AT)
    run.expect("safe defaults", parts, "refused", ["DCAP_TCB_STATUS", "TDX_SEPT_VE_DISABLE"], options=at_hand, at=TDX_AT)
    run.expect("report byte 0x880", changed(parts, "report", 0x880 - 0x200, 0x30), "not-authentic", ["UNANCHORED", "UNANCHORED"], policy,
               options=at_hand, at=TDX_AT)
    run.expect("signature byte 0", changed(parts, "signature", 0), "not-authentic", ["TPM_SIGNATURE"], policy, options=at_hand, at=TDX_AT)


def main():
    if not os.path.isdir(VECTORS):
        print(f"SKIPPED: no vectors at {VECTORS}", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder)
        for part in (snp, snp_parts, tdx):
            part(run)
    return 1 if run.wrong else 0


sys.exit(main())
