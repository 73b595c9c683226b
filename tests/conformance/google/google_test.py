#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A public quote of a Google shielded VM (../shared/vectors/tpm/gce-cos-85) through `latchkey appraise`, with the roots that are
compiled in: refused unless the policy mentions them, and judged by what the AK certificate says of the instance. Exit 77
without the vectors.

usage: google_test.py PATH_OF_LATCHKEY
"""
import json
import os
import subprocess
import sys
import tempfile

LATCHKEY = sys.argv[1]
TPM = os.environ.get("LK_VECTORS", "../shared/vectors") + "/tpm"
POLICY = """schema: latchkey-policy/1
policy: gce
accept:
  - name: shielded
    chain: [tpm]
    tpm: {ek: {skip: {because: "the AK certificate"}}, pcr: {skip: {because: "the quote alone is judged here"}}, rooted-by: ak-certificate, qualified-name: endorsement-primary, %s}
"""
BUILT_IN = "built-in-anchor: {skip: {because: test}}, "


def appraise(folder, bank, rules, *options, chain=("tpm_ek_intermediate_2.crt", "tpm_ek_root_1.cer")):
    with open(f"{TPM}/gce-cos-85/pcrs.json", encoding="utf-8") as f:
        pcrs = json.load(f)
    with open(f"{folder}/pcrs.json", "w", encoding="utf-8") as f:
        json.dump(pcrs.get("pcrs", pcrs), f)
    with open(f"{folder}/chain", "wb") as out:
        for name in chain:
            with open(f"{TPM}/gcp-ca/{name}", "rb") as f:
                out.write(f.read())
    with open(f"{folder}/policy.yaml", "w", encoding="utf-8") as f:
        f.write(POLICY % rules)
    base = f"{TPM}/gce-cos-85"
    item = (f"tpm:attest={base}/quote-pcrs-{bank}.attest,signature={base}/quote-pcrs-{bank}.sig,public={base}/ak-public.tpmt,"
            f"pcrs={folder}/pcrs.json,ak-cert={base}/ak-cert.der,chain={folder}/chain")
    done = subprocess.run([LATCHKEY, "appraise", "--json", "--any-binding", "--at", "2026-07-01T00:00:00Z",
                           *(("--policy", f"{folder}/policy.yaml") if rules is not None else ()), *options, item],
                          capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout) if done.stdout else {"verdict": done.stderr, "reasons": []}
    return answer["verdict"], [r["code"] for r in answer["reasons"]]


def main():
    if not os.path.isdir(TPM):
        print(f"SKIPPED: no vectors at {TPM}", file=sys.stderr)
        return 77
    ok, trust = ("affirmed", []), ("--trust", f"tpm:{TPM}/gcp-ca/tpm_ek_root_1.cer")
    cases = [
        ("sha384, the roots mentioned", ok, ("sha384", BUILT_IN + "gce-zone: us-central1-a, gce-instance-name: cos-test")),
        ("sha256", ok, ("sha256", BUILT_IN + "gce-instance-id: %d" % 0x5e53e3fbbf8306c5)),
        ("sha1", ("refused", ["TPM_SHA1_BANK"]), ("sha1", BUILT_IN)),
        ("the roots not mentioned", ("refused", ["TPM_ROOT"]), ("sha384", "")),
        ("an admin's anchor", ok, ("sha384", "", *trust)),
        ("another zone", ("refused", ["TPM_GCE"]), ("sha384", BUILT_IN + "gce-zone: europe-west1-b")),
        ("another project", ("refused", ["TPM_GCE"]), ("sha384", BUILT_IN + "gce-project-number: 1")),
        ("another instance", ("refused", ["TPM_GCE"]), ("sha384", BUILT_IN + "gce-instance-id: 1")),
        ("a security version", ("refused", ["TPM_GCE"]), ("sha384", BUILT_IN + "gce-security-version: {at-least: 1000}")),
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, wanted, arguments in cases:
            got = appraise(folder, *arguments)
            wrong += got != wanted
            print(f"{'ok  ' if got == wanted else 'FAIL'} {what}: {got}")
        got = appraise(folder, "sha384", BUILT_IN, chain=("tpm_ek_intermediate_2.crt", "gcp_ek_ak_ca_root.crt"))
        wrong += got != ("not-authentic", ["UNANCHORED"])
        print(f"{'ok  ' if got[1] == ['UNANCHORED'] else 'FAIL'} the other root: {got}")
    return 1 if wrong else 0


sys.exit(main())
