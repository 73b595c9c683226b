#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Public SEV-SNP evidence through `latchkey appraise`: a few raw vectors, and the reports inside the JSON evidence of
../shared/vectors/trustee (a report as an object; HCL reports with a report at byte 32). Exit 77 without the vectors.

usage: appraise.py PATH_OF_LATCHKEY
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
NOW = "2026-07-01T00:00:00Z"
MILAN = VECTORS + "/snp/roots/milan-vcek-cert_chain.pem"
GENOA = VECTORS + "/snp/roots/genoa-vcek-cert_chain.pem"
EXIT = {"affirmed": 0, "refused": 1, "not-authentic": 2, "cannot-judge": 3, "malformed": 4}


def appraise(item, at, binding=None):
    options = ["--binding", binding] if binding else ["--any-binding"]
    done = subprocess.run([LATCHKEY, "appraise", "--json", "--at", at, *options, item], capture_output=True, text=True,
                          check=False)
    answer = json.loads(done.stdout)
    codes = [r["code"] for r in answer["reasons"]]
    return answer["verdict"], codes, done.returncode


def tcb(t):
    return bytes([t["bootloader"], t["tee"], 0, 0, 0, 0, t["snp"], t["microcode"]])


def version(v):
    return bytes([v["build"], v["minor"], v["major"], 0])


def report_of(r):
    """The 1184 bytes of a report that is written out as an object."""
    body = struct.pack("<IIQ", r["version"], r["guest_svn"], r["policy"]) + bytes(r["family_id"]) + bytes(r["image_id"])
    body += struct.pack("<II", r["vmpl"], r["sig_algo"]) + tcb(r["current_tcb"])
    body += struct.pack("<QII", r["plat_info"], r["key_info"], 0) + bytes(r["report_data"]) + bytes(r["measurement"])
    body += bytes(r["host_data"]) + bytes(r["id_key_digest"]) + bytes(r["author_key_digest"])
    body += bytes(r["report_id"]) + bytes(r["report_id_ma"]) + tcb(r["reported_tcb"])
    body += bytes([r["cpuid_fam_id"], r["cpuid_mod_id"], r["cpuid_step"]]) + bytes(21) + bytes(r["chip_id"])
    body += tcb(r["committed_tcb"]) + version(r["current"]) + version(r["committed"]) + tcb(r["launch_tcb"])
    body = body.ljust(0x2a0, b"\0") + bytes(r["signature"]["r"]) + bytes(r["signature"]["s"])
    return body.ljust(1184, b"\0")


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def trustee(name):
    """Report and VCEK of a JSON evidence file."""
    with open(VECTORS + "/trustee/" + name, encoding="utf-8") as f:
        e = json.load(f)
    if "attestation_report" in e:
        return report_of(e["attestation_report"]), bytes(e["cert_chain"][0]["data"])
    hcl = bytes(e["report"]) if "report" in e else unpadded(e["hcl_report"])
    vcek = e["vcek"]
    return hcl[32:32 + 1184], vcek.encode() if vcek.startswith("-----") else unpadded(vcek)


def bundle(folder, name, report, pem):
    """An item of a report and a PEM file that holds VCEK, ASK and ARK."""
    with open("%s/%s" % (VECTORS, pem), encoding="ascii") as f:
        certs = [c + "-----END CERTIFICATE-----\n" for c in f.read().split("-----END CERTIFICATE-----")][:-1]
    for part, data in (("report", report), ("vek", certs[0].encode()), ("chain", "".join(certs[1:]).encode())):
        with open("%s/%s-%s" % (folder, name, part), "wb") as f:
            f.write(data)
    return "sev-snp:" + ",".join("%s=%s/%s-%s" % (part, folder, name, part) for part in ("report", "vek", "chain"))


def read(name):
    with open("%s/%s" % (VECTORS, name), "rb") as f:
        return f.read()


def raw(report, vek, chain):
    return "sev-snp:report=%s/snp/%s,vek=%s/snp/%s,chain=%s" % (VECTORS, report, VECTORS, vek, chain)


def cases(folder):
    yield "milan-v3-aci", raw("milan-v3-aci.report.bin", "milan-v3-aci.vcek.pem", MILAN), NOW, None, "affirmed", []
    yield ("milan-v3-aci, a binding wanted", raw("milan-v3-aci.report.bin", "milan-v3-aci.vcek.pem", MILAN), NOW, "11" * 64,
           "not-authentic", ["BINDING_MISMATCH"])
    yield ("milan-v2-debug", raw("milan-v2-debug.report.bin", "milan-v2-debug.vcek.der", MILAN), NOW, None, "refused",
           ["SNP_POLICY_DEBUG"])
    vlek = raw("milan-v3-vlek.report.bin", "milan-v3-vlek.vlek.der", VECTORS + "/snp/roots/milan-vlek-cert_chain.pem")
    yield "milan-v3-vlek", vlek, "2025-06-01T00:00:00Z", None, "refused", ["SNP_VMPL"]
    yield "milan-v3-vlek, expired", vlek, "2026-03-01T00:00:00Z", None, "cannot-judge", ["CERT_EXPIRED"]
    yield ("genoa-v3-tsm", "sev-snp:report=%s/snp/genoa-v3-tsm.outblob.bin,certs=%s/snp/genoa-v3-tsm.auxblob.bin"
           % (VECTORS, VECTORS), NOW, None, "affirmed", [])
    turin = VECTORS + "/snp/roots/turin-vcek-cert_chain.pem"
    yield "turin-v5", raw("turin-v5.report.bin", "turin-v5.vcek.pem", turin), NOW, None, "affirmed", []
    yield ("turin, another VCEK", raw("turin-v5.report.bin", "turin-zero-tcb.vcek.der", turin), NOW, None, "not-authentic",
           ["SNP_CHIP_ID_MISMATCH"])
    yield "short report", raw("milan-v3-aci.vcek.pem", "milan-v3-aci.vcek.pem", MILAN), NOW, None, "malformed", ["SNP_SIZE"]
    yield ("another chip's certificates", bundle(folder, "other", read("snp/bad/milan-v2-otherchip.report.bin"),
                                                 "snp/bad/milan-v2-otherchip.certs.pem"), NOW, None, "not-authentic",
           ["SNP_CHIP_ID_MISMATCH"])
    yield ("trustee/az-snp-vtpm/hcl-report.bin", bundle(folder, "hcl", read("trustee/az-snp-vtpm/hcl-report.bin")[32:1216],
                                                        "trustee/az-snp-vtpm/vcek.pem"), NOW, None, "affirmed", [])
    for name, chain in (("snp/evidence-genoa-with-vcek.json", GENOA), ("az-snp-vtpm/evidence-v0.json", MILAN),
                        ("az-snp-vtpm/evidence-v1.json", MILAN), ("az-snp-vtpm/evidence-v2.json", MILAN),
                        ("az-snp-vtpm/evidence-genoa.json", GENOA)):
        report, vcek = trustee(name)
        for part, data in (("report", report), ("vcek", vcek)):
            with open("%s/%s-%s" % (folder, os.path.basename(name), part), "wb") as f:
                f.write(data)
        base = "%s/%s" % (folder, os.path.basename(name))
        item = "sev-snp:report=%s-report,vek=%s-vcek,chain=" % (base, base)
        yield "trustee/" + name, item + chain, NOW, None, "affirmed", []
        other = GENOA if chain == MILAN else MILAN
        yield "trustee/%s, other chain" % name, item + other, NOW, None, "not-authentic", ["SNP_PRODUCT_MISMATCH"]


def main():
    if not os.path.isdir(VECTORS):
        print("SKIPPED: no vectors at " + VECTORS, file=sys.stderr)
        return 77
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, item, at, binding, verdict, codes in cases(folder):
            got = appraise(item, at, binding)
            ok = got == (verdict, codes, EXIT[verdict])
            wrong += not ok
            print("%s %s: %s %s %d" % ("ok  " if ok else "FAIL", what, *got))
    return 0 if wrong == 0 else 1


sys.exit(main())
