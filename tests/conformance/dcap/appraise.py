#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Public TDX and SGX quotes (../shared/vectors/tdx and sgx) through `latchkey appraise --collateral FOLDER`, each at its
pinned time: status, date, advisories and evaluation number as cases.json has them, or the documented failure.
Exit 77 without the vectors.

usage: appraise.py PATH_OF_LATCHKEY
"""
import json
import os
import subprocess
import sys
import tempfile

LATCHKEY = sys.argv[1]
VECTORS = os.environ.get("LK_VECTORS", "../shared/vectors")
EXIT = {"affirmed": 0, "refused": 1, "not-authentic": 2, "cannot-judge": 3, "malformed": 4}
# What has no status: the one reason.
FAILURES = {
    "v4-spr-50806f-tcb-not-supported": "DCAP_TRAILING",
    "v4-b0c06f-tcb-not-supported": "DCAP_TCB_NOT_SUPPORTED",
    "bad-fmspc-mismatch": "DCAP_COLLATERAL_PLATFORM",
    "bad-sgx-qe-identity-for-tdx": "DCAP_COLLATERAL_KIND",
    "bad-expired-collateral": "CRL_STALE",
    "bad-preproduction-root": "DCAP_ROOT_UNTRUSTED",
    "bad-mut-mrtd": "DCAP_QUOTE_SIGNATURE",
    "bad-mut-qe-authdata": "DCAP_QE_BINDING",
    "bad-mut-qe-report": "DCAP_QE_REPORT_SIGNATURE",
    "bad-mut-attest-key": "DCAP_QE_BINDING",
    "bad-mut-siglen": "DCAP_QUOTE_FORM",
    "v3-00906ea1-chain-only": "DCAP_COLLATERAL_MISSING",
    "bad-corrupted-signature": "DCAP_QUOTE_SIGNATURE",
    "bad-cert-data-type-3": "DCAP_PCK_MISSING",
    "bad-intermediate-signature": "DCAP_CHAIN",
}


def appraise(family, case):
    folder = f"{VECTORS}/{family}/{case['case']}"
    collateral = f"{VECTORS}/{family}/v4-b0c06f-uptodate" if "collateral" in case else folder
    done = subprocess.run([LATCHKEY, "appraise", "--json", "--any-binding", "--at", case["verify_at"], "--collateral",
                           collateral, f"{family}:quote={folder}/quote.bin"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout), done.returncode


# Cases with event logs: the log, and the reason by the safe defaults; neither machine has Secure Boot on.
LOGS = (("v4-ccel-cos-00806f-uptodate", "ccel.bin", "EVENTLOG_SECURE_BOOT"),
        ("v4-ccel-cos-00806f-uptodate", "ccel_dupe_separator_bad.bin", "EVENTLOG_REPLAY"),
        ("v4-ccel-live-b0c06f-uptodate", "ccel.bin", "EVENTLOG_SECURE_BOOT"),
        ("v4-ccel-live-b0c06f-uptodate", "ccel_other_boot.bin", "EVENTLOG_REPLAY"))
POLICY = """schema: latchkey-policy/1
policy: booted
accept:
  - name: td
    chain: [tdx, eventlog]
    tdx: {mrtd: {in: ["%s"]}, rtmr0: {skip: {because: "the log"}}, rtmr1: {skip: {because: "the log"}}, rtmr2: {skip: {because: "the log"}}}
    eventlog:
      secure-boot: deny
      command-line: {skip: {because: "files"}}
      boot-application.sha384.1: {in: ["%s"]}
      files: %d
"""
BOOTED = (("v4-ccel-cos-00806f-uptodate", "5a10026c9ad41d1f90dc9cfe88bcabe1842ccfd85495c81b1a1ab926a9ef23b5d2e60eefeba0415bbe5c8c328a899a0a", 5),
          ("v4-ccel-live-b0c06f-uptodate", None, 2))


def appraise_log(case, log, *options):
    folder = f"{VECTORS}/tdx/{case['case']}"
    done = subprocess.run([LATCHKEY, "appraise", "--json", "--any-binding", "--at", case["verify_at"], "--collateral", folder,
                           *options, f"tdx:quote={folder}/quote.bin,eventlog={folder}/{log}"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout), done.returncode


def log_failures(cases):
    bad = 0
    for name, log, want in LOGS:
        answer, _ = appraise_log(cases[name], log)
        good = [r["code"] for r in answer["reasons"]] == [want] and answer["claims"]["tdx"]["tcb-status"] == "UpToDate"
        bad += not good
        print(f"{'ok  ' if good else 'FAIL'} tdx/{name} with {log}: {answer['reasons']}")
    for name, kernel, files in BOOTED:
        claims = appraise_log(cases[name], "ccel.bin")[0]["claims"]
        first = claims["eventlog"]["boot-application"]["sha384"]["1"]
        with tempfile.TemporaryDirectory() as folder:
            for digest, code in ((kernel or first, 0), ("00" * 48, 1)):
                with open(f"{folder}/policy.yaml", "w", encoding="utf-8") as f:
                    f.write(POLICY % (claims["tdx"]["mrtd"], digest, files))
                answer, got = appraise_log(cases[name], "ccel.bin", "--policy", f"{folder}/policy.yaml")
                codes = [r["code"] for r in answer["reasons"]]
                good = got == code and codes == ([] if code == 0 else ["EVENTLOG_BOOT"])
                bad += not good
                print(f"{'ok  ' if good else 'FAIL'} tdx/{name} under a policy over its log: {got} {codes}")
    return bad


# Quotes of trustee/SOURCES.md: folder and quote, moment, case whose collateral goes with it, the reasons. Without collateral the furthest
# that a quote comes is its absence: chain, enclave and signatures are good by then.
TRUSTEE = (("tdx", "tdx/tdx_quote_4.dat", "2023-07-01T00:00:00Z", "v4-debug-50806f-uptodate", ["TDX_DEBUG"]),
           ("tdx", "tdx/tdx_quote_5.dat", "2026-04-01T00:00:00Z", "v5-90c06f-uptodate", ["DCAP_TCB_NOT_SUPPORTED"]),
           ("tdx", "tdx/tdx_quote_6.dat", "2025-11-10T00:00:00Z", "v4-00a06d-module03-outofdate", ["DCAP_TCB_STATUS"]),
           ("tdx", "az-tdx-vtpm/td-quote.bin", "2024-06-01T00:00:00Z", None, ["DCAP_COLLATERAL_MISSING"]),
           ("sgx", "sgx/occlum_quote.dat", "2024-06-01T00:00:00Z", None, ["DCAP_COLLATERAL_MISSING"]))
# Fields of trustee's own reading of tdx_quote_4.dat, and our claims.
FIELDS = {"mr_td": "mrtd", "mr_seam": "mrseam", "mr_config_id": "mr-config-id", "mr_owner": "mr-owner", "rtmr_0": "rtmr0", "rtmr_1": "rtmr1",
          "rtmr_2": "rtmr2", "rtmr_3": "rtmr3", "report_data": "report-data", "tcb_svn": "tee-tcb-svn", "mrsigner_seam": "mrsigner-seam"}


def appraise_trustee(family, quote, at, collateral, log=""):
    more = ["--collateral", f"{VECTORS}/tdx/{collateral}"] if collateral else []
    done = subprocess.run([LATCHKEY, "appraise", "--json", "--any-binding", "--at", at, *more,
                           f"{family}:quote={VECTORS}/trustee/{quote}{log}"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)


def trustee_failures():
    bad = 0
    for family, quote, at, collateral, want in TRUSTEE:
        codes = [r["code"] for r in appraise_trustee(family, quote, at, collateral)["reasons"]]
        bad += codes != want
        print(f"{'ok  ' if codes == want else 'FAIL'} trustee/{quote}: {codes}")
    with open(f"{VECTORS}/trustee/tdx/parse_tdx_claims_expected.json", encoding="utf-8") as f:
        body = json.load(f)["quote"]["body"]
    answer = appraise_trustee(*TRUSTEE[0][:4], log=f",eventlog={VECTORS}/trustee/ccel/CCEL_data")
    differ = {k: (body[k], answer["claims"]["tdx"][v]) for k, v in FIELDS.items() if body[k] != answer["claims"]["tdx"][v]}
    other = answer["claims"].get("eventlog") is None
    bad += bool(differ) + (not other)
    print(f"{'FAIL' if differ or not other else 'ok  '} trustee's claims of tdx_quote_4.dat, whose log is of another boot: {differ}")
    return bad


def wanted_refusals(case):
    """By the safe defaults."""
    codes = set() if case["converged"] == "UpToDate" else {"DCAP_TCB_STATUS"}
    codes |= {"TDX_DEBUG"} if case.get("td_debug") else set()
    codes |= {"SGX_DEBUG"} if case.get("sgx_debug") else set()
    return codes | ({"TDX_MIGRATABLE", "TDX_SERVICE_TD"} if case["case"] == "v5-00806f-outofdate" else set())


def wrong(family, case):
    answer, code = appraise(family, case)
    codes = [r["code"] for r in answer["reasons"]]
    if EXIT[answer["verdict"]] != code:
        return f"exit code {code} for {answer['verdict']}"
    if case["case"] in FAILURES:
        return None if codes == [FAILURES[case["case"]]] else f"{codes}"
    claims = answer["claims"][family]
    want = {"tcb-status": case["converged"], "tcb-date": int(case["tcb_date"][:10].replace("-", "")),
            "advisories": sorted(case["advisories"]),
            "evaluation-number": min(case["eval_numbers"].values()), "fmspc": case["fmspc"].lower(),
            "tcb-status-platform": case["detail"]["platform"], "tcb-status-qe": case["detail"]["qe"]}
    if "module" in case["detail"]:
        want["tcb-status-module"] = case["detail"]["module"].split(":")[1]
    if "current" in case["detail"]:
        want["tcb-status-current"] = case["detail"]["current"]
    differ = {k: (claims.get(k), v) for k, v in want.items() if claims.get(k) != v}
    if differ:
        return f"{differ}"
    return None if set(codes) == wanted_refusals(case) else f"refused for {codes}"


def main():
    if not os.path.isdir(VECTORS):
        print(f"SKIPPED: no vectors at {VECTORS}", file=sys.stderr)
        return 77
    bad = 0
    for family in ("tdx", "sgx"):
        with open(f"{VECTORS}/{family}/cases.json", encoding="utf-8") as f:
            cases = json.load(f)
        for case in cases:
            why = wrong(family, case)
            bad += why is not None
            print(f"{'ok  ' if why is None else 'FAIL'} {family}/{case['case']}{'' if why is None else ': ' + why}")
        if family == "tdx":
            bad += log_failures({case["case"]: case for case in cases})
    bad += trustee_failures()
    return 1 if bad else 0


sys.exit(main())
