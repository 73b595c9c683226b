#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Each claim of tdx and sgx through `latchkey appraise`, on quotes of the emulated quoting enclave: a rule that holds, and the same
rule with another operand, which alone must refuse, with the claim's own reason code. usage: policy.py FOLDER_OF_THE_PROGRAMS
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

BIN = pathlib.Path(sys.argv[1]).resolve()
BINDING = bytes(range(64)).hex()
EXIT = {"affirmed": 0, "refused": 1, "not-authentic": 2, "cannot-judge": 3, "malformed": 4}


def fill(byte, count):
    return "%02x" % byte * count


# claim, a rule that holds, one that does not, the reason; of both families.
BOTH = [
    ("tcb-status", "UpToDate", "OutOfDate", "DCAP_TCB_STATUS"),
    ("tcb-status-platform", "UpToDate", "Revoked", "DCAP_TCB_STATUS"),
    ("tcb-status-qe", "UpToDate", "OutOfDate", "DCAP_TCB_STATUS"),
    ("tcb-date", "{at-least: 20241113}", "{at-least: 20241114}", "DCAP_TCB_DATE"),
    ("tcb-age-days", "{at-least: 1}", "{at-most: 1}", "DCAP_TCB_DATE"),
    ("evaluation-number", "{at-least: 20}", "{at-least: 21}", "DCAP_EVALUATION"),
    ("pck-ca", "platform", "processor", "DCAP_PLATFORM"),
    ("fmspc", "00806f050000", "00806f050001", "DCAP_PLATFORM"),
    ("pce-id", "0000", "0001", "DCAP_PLATFORM"),
    ("pce-svn", "{at-least: 10}", "{at-least: 11}", "DCAP_PLATFORM"),
    ("cpu-svn", fill(0x44, 16), fill(0x45, 16), "DCAP_PLATFORM"),
    ("ppid", fill(0x41, 16), fill(0x42, 16), "DCAP_PLATFORM"),
    ("platform-instance-id", fill(0x46, 16), fill(0x47, 16), "DCAP_PLATFORM"),
    ("sgx-type", "1", "0", "DCAP_PLATFORM"),
    ("dynamic-platform", "required", "deny", "DCAP_PLATFORM"),
    ("cached-keys", "deny", "required", "DCAP_PLATFORM"),
    ("smt", "required", "deny", "DCAP_PLATFORM"),
    ("qe-svn", "{at-least: 5}", "{at-least: 6}", "DCAP_QE"),
    ("qe-mrenclave", fill(0x11, 32), fill(0x12, 32), "DCAP_QE"),
    ("qe-user-data", fill(0x30, 20), fill(0x31, 20), "DCAP_QE"),
]
TDX = [
    ("tcb-status-module", "UpToDate", "OutOfDate", "DCAP_TCB_STATUS"),
    ("tcb-status-current", "UpToDate", "OutOfDate", "DCAP_TCB_STATUS"),
    ("quote-version", "5", "4", "DCAP_QE"),
    ("mrtd", fill(2, 48), fill(3, 48), "TDX_MRTD"),
    ("rtmr0", fill(0x10, 48), fill(0, 48), "TDX_RTMR"),
    ("rtmr1", fill(0x11, 48), fill(0, 48), "TDX_RTMR"),
    ("rtmr2", fill(0x12, 48), fill(0, 48), "TDX_RTMR"),
    ("rtmr3", fill(0x13, 48), fill(0, 48), "TDX_RTMR"),
    ("report-data", BINDING, fill(0, 64), "TDX_REPORT_DATA"),
    ("mr-config-id", fill(3, 48), fill(0, 48), "TDX_CONFIG_ID"),
    ("mr-owner", fill(4, 48), fill(0, 48), "TDX_OWNER"),
    ("mr-owner-config", fill(5, 48), fill(0, 48), "TDX_OWNER_CONFIG"),
    ("debug", "deny", "required", "TDX_DEBUG"),
    ("sept-ve-disable", "required", "deny", "TDX_SEPT_VE_DISABLE"),
    ("migratable", "deny", "required", "TDX_MIGRATABLE"),
    ("pks", "deny", "required", "TDX_ATTRIBUTES"),
    ("kl", "deny", "required", "TDX_ATTRIBUTES"),
    ("perfmon", "deny", "required", "TDX_ATTRIBUTES"),
    ("attributes-unknown", "0", "1", "TDX_ATTRIBUTES"),
    ("xfam", "0x602e7", "0x602e6", "TDX_XFAM"),
    ("service-td", "deny", "required", "TDX_SERVICE_TD"),
    ("mr-service-td", fill(0, 48), fill(1, 48), "TDX_SERVICE_TD"),
    ("mrseam", fill(1, 48), fill(2, 48), "TDX_MRSEAM"),
    ("mrsigner-seam", fill(0, 48), fill(1, 48), "TDX_MRSIGNERSEAM"),
    ("seam-attributes", "0", "1", "TDX_MRSIGNERSEAM"),
    ("tee-tcb-svn", "0501" + fill(5, 14), fill(5, 16), "TDX_TEE_TCB_SVN"),
    ("tee-tcb-svn2", "0501" + fill(5, 14), fill(5, 16), "TDX_TEE_TCB_SVN"),
    ("body-type", "4", "3", "TDX_BODY"),
    ("vmid", "0x20", "0x21", "TDX_BODY"),
    ("td-id", fill(0x21, 32), fill(0, 32), "TDX_BODY"),
    ("dev-info", fill(0x22, 48), fill(0, 48), "TDX_BODY"),
    ("init-service-td-hash", fill(0x23, 48), fill(0, 48), "TDX_SERVICE_TD"),
    ("init-service-td-attributes", "0x24", "0", "TDX_SERVICE_TD"),
    ("init-cpu-svn", fill(0x25, 16), fill(0, 16), "TDX_BODY"),
    ("init-tee-tcb-svn", fill(0x26, 16), fill(0, 16), "TDX_BODY"),
    ("init-tee-fmspc", fill(0x27, 12), fill(0, 12), "TDX_BODY"),
    ("current-service-td-hash", fill(0x28, 48), fill(0, 48), "TDX_SERVICE_TD"),
    ("current-service-td-attributes", "0x29", "0", "TDX_SERVICE_TD"),
]
SGX = [
    ("quote-version", "3", "4", "DCAP_QE"),
    ("mrenclave", fill(0x11, 32), fill(0x12, 32), "SGX_MRENCLAVE"),
    ("mrsigner", fill(0x12, 32), fill(0x11, 32), "SGX_MRSIGNER"),
    ("isv-prod-id", "3", "4", "SGX_PRODUCT"),
    ("isv-svn", "{at-least: 4}", "{at-least: 5}", "SGX_SVN"),
    ("report-data", BINDING, fill(0, 64), "SGX_REPORT_DATA"),
    ("debug", "deny", "required", "SGX_DEBUG"),
    ("mode64bit", "required", "deny", "SGX_ATTRIBUTES"),
    ("provision-key", "deny", "required", "SGX_ATTRIBUTES"),
    ("einittoken-key", "deny", "required", "SGX_ATTRIBUTES"),
    ("kss", "deny", "required", "SGX_ATTRIBUTES"),
    ("attributes", "5", "4", "SGX_ATTRIBUTES"),
    ("xfrm", "0", "3", "SGX_ATTRIBUTES"),
    ("misc-select", "0", "1", "SGX_ATTRIBUTES"),
    ("report-cpu-svn", fill(0, 16), fill(1, 16), None),
    ("config-id", fill(0, 64), fill(1, 64), "SGX_CONFIG"),
    ("config-svn", "0", "1", "SGX_CONFIG"),
    ("isv-ext-prod-id", fill(0, 16), fill(1, 16), "SGX_PRODUCT"),
    ("isv-family-id", fill(0, 16), fill(1, 16), "SGX_PRODUCT"),
]
BASE = {"tdx": {"mrtd": fill(2, 48), "rtmr0": fill(0x10, 48), "rtmr1": fill(0x11, 48), "rtmr2": fill(0x12, 48)},
        "sgx": {"mrenclave": fill(0x11, 32)}}
# On a platform that is behind, below; and what an enclave does not have.
ELSEWHERE = {"tcb-shortfall", "advisories", "tcb-status-module", "tcb-status-current"}
wrong = 0


def check(what, condition, detail):
    global wrong
    if not condition:
        wrong += 1
        print(f"FAIL {what}: {detail}")


def emulator(folder, *words):
    (folder / "keys").mkdir(exist_ok=True)
    subprocess.run([BIN / "intel-qe-emulator", "--dir", folder / "keys", *map(str, words)], check=True)


def evidence(folder, name, body_type, *fields):
    """Collateral and a quote in a folder of their own; what `latchkey appraise` is asked."""
    own = folder / name
    own.mkdir()
    (folder / "inblob").write_bytes(bytes.fromhex(BINDING))
    emulator(folder, "--body-type", body_type, *fields, "documents", "--out", own)
    emulator(folder, "--body-type", body_type, *fields, "quote", "--inblob", folder / "inblob", "--out", folder / f"{name}.quote")
    family = "sgx" if body_type == 1 else "tdx"
    return ["--trust", f"{family}:{own}/root.der", "--collateral", own, f"{family}:quote={folder}/{name}.quote"]


def appraise(asked, *options):
    done = subprocess.run([str(a) for a in (BIN / "latchkey", "appraise", "--json", "--any-binding", *options, *asked)],
                          capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return {"verdict": "none", "codes": [done.stderr], "claims": {}}
    check("exit status", done.returncode == EXIT[answer["verdict"]], (done.returncode, answer["verdict"]))
    answer["codes"] = [r["code"] for r in answer["reasons"]]
    return answer


def accept(name, family, rules):
    return f"  - name: {name}\n    chain: [{family}]\n    {family}:\n" + "".join(f"      {c}: {r}\n" for c, r in rules.items())


def policy(folder, *alternatives):
    path = folder / "policy.yaml"
    path.write_text("schema: latchkey-policy/1\npolicy: test\naccept:\n" + "".join(alternatives))
    return "--policy", path


def each_claim(folder, family, asked, rules):
    seen = set(ELSEWHERE)
    for claim, good, bad, code in rules:
        seen.add(claim)
        for rule, codes in ((good, []), (bad, [code])):
            answer = appraise(asked, *policy(folder, accept("one", family, {**BASE[family], claim: rule})))
            if code is not None:
                check(f"{family}.{claim}: {rule}", answer["codes"] == codes, answer["codes"])
            elif rule is bad:
                check(f"{family}.{claim}: {rule}", answer["verdict"] == "refused", answer["codes"])
    left = set(appraise(asked)["claims"].get(family, {})) - seen
    check(f"every claim of {family} has a rule here", not left, left)


def behind(folder, asked):
    """A platform on a lower level, dated 2024-03-13: its advisories, what it is short of, and days of grace for its status."""
    late = {**BASE["tdx"], "tcb-status": "OutOfDate"}
    rows = (({"advisories": "{in: [INTEL-SA-00001, INTEL-SA-00003, INTEL-SA-00009]}"}, []),
            ({"advisories": "{in: [INTEL-SA-00001]}"}, ["DCAP_ADVISORIES"]),
            ({"tcb-shortfall": '"sgx 1: 4 < 5"'}, []),
            ({"tcb-shortfall": '"none"'}, ["DCAP_TCB_STATUS"]),
            ({"tcb-age-days": "{at-most: 100000}"}, []),
            ({"tcb-age-days": "{at-most: 30}"}, ["DCAP_TCB_DATE"]))
    for rules, codes in rows:
        answer = appraise(asked, *policy(folder, accept("late", "tdx", {**late, **rules})))
        check(f"behind: {rules}", answer["codes"] == codes, answer["codes"])
    # Two ways to be accepted: up to date, or out of date for no longer than the days of grace.
    fresh = accept("fresh", "tdx", BASE["tdx"])
    for days, verdict in ((100000, "affirmed"), (30, "refused")):
        grace = accept("grace", "tdx", {**late, "tcb-age-days": f"{{at-most: {days}}}"})
        answer = appraise(asked, *policy(folder, fresh, grace))
        check(f"{days} days of grace", answer["verdict"] == verdict, answer["codes"])


def main():
    with tempfile.TemporaryDirectory(prefix="latchkey-dcap-") as name:
        folder = pathlib.Path(name)
        each_claim(folder, "tdx", evidence(folder, "td", 4), BOTH + TDX)
        behind(folder, evidence(folder, "behind", 3, "--component", "4"))
        each_claim(folder, "sgx", evidence(folder, "enclave", 1), BOTH + SGX)
    print(f"{len(BOTH) * 2 + len(TDX) + len(SGX)} rules, {wrong} wrong")
    return 0 if wrong == 0 else 1


os.umask(0o077)
sys.exit(main())
