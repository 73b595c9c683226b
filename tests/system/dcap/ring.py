#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Public TDX and SGX quotes through a whole broker: its verifiers judge them locked in, and live on. The public lists are out of
date today, so the furthest that a quote comes is CRL_STALE: certificates, signatures and a list were read by then.
Exit 77 without the vectors (../shared/vectors).

usage: ring.py FOLDER_OF_PROGRAMS
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ring"))
import harness  # noqa: E402

import grpc  # noqa: E402

VECTORS = pathlib.Path(os.environ.get("LK_VECTORS", harness.ROOT.parent / "shared/vectors"))
FILES = {"quote": "quote.bin", "tcb-info": "tcb_info.json", "qe-identity": "qe_identity.json",
         "tcb-chain": "tcb_signing_chain.pem", "pck-crl": "pck_crl.der", "root-crl": "root_ca_crl.der"}
CASES = (("tdx", "v4-b0c06f-uptodate", "CRL_STALE"), ("tdx", "v5-00806f-outofdate", "CRL_STALE"),
         ("tdx", "bad-mut-mrtd", "DCAP_QUOTE_SIGNATURE"), ("tdx", "bad-mut-qe-report", "DCAP_QE_REPORT_SIGNATURE"),
         ("tdx", "bad-mut-siglen", "DCAP_QUOTE_FORM"), ("tdx", "bad-preproduction-root", "DCAP_ROOT_UNTRUSTED"),
         ("sgx", "v3-00a067-config-and-swhardening", "CRL_STALE"), ("sgx", "bad-corrupted-signature", "DCAP_QUOTE_SIGNATURE"))


def item(ring, family, case):
    folder = VECTORS / family / case
    parts = [ring.pb.EvidencePart(name=name, data=(folder / file).read_bytes())
             for name, file in FILES.items() if (folder / file).exists()]
    return ring.pb.EvidenceItem(family=family, parts=parts)


def reason(ring, family, case):
    try:
        ring.release(ring.challenge(), [item(ring, family, case)])
    except grpc.RpcError as error:
        return ring.reason(error)[1]
    return "OK"


def main():
    if not VECTORS.is_dir():
        print(f"SKIPPED: no vectors at {VECTORS}", file=sys.stderr)
        return 77
    bad = 0
    with harness.Ring(sys.argv[1]) as ring:
        ring.start()
        before = ring.pids("latchkey-verifier")
        for family, case, want in CASES:
            got = reason(ring, family, case)
            bad += got != want
            print(f"{'ok  ' if got == want else 'FAIL'} {family}/{case}: {got}")
        if ring.pids("latchkey-verifier") != before:
            bad += 1
            print("FAIL a verifier ended")
    return 1 if bad else 0


sys.exit(main())
