#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Each claim of sev-snp through `latchkey appraise`, on live evidence of the emulated secure processor: a rule that
holds, and the same rule with another operand, which alone must refuse, with the claim's own reason code.

usage: policy.py FOLDER_OF_THE_PROGRAMS
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

BIN = sys.argv[1]
KEYS = os.path.join(os.path.dirname(__file__), "../../unit/policy/evidence/sev_snp/keys")
MEASUREMENT = "4d" * 48
CHIP = "".join("%02x" % (0xc0 + i) for i in range(64))
BINDING = "".join("%02x" % i for i in range(1, 65))

# What the report says (make_evidence) and what a policy must at least say.
FIELDS = {
    "report-data": BINDING, "measurement": MEASUREMENT, "host-data": "55" * 32, "id-key-digest": "66" * 48,
    "author-key-digest": "77" * 48, "key-info": "1", "guest-svn": "3", "version": "5", "launch-mitigations": "0x0b",
    "current-mitigations": "0x0f", "policy": "0x3f30137", "platform-info": "0xff",
    "reported-tcb": "04000000000018d5", "committed-tcb": "04000000000018d6", "current-tcb": "05000000000018d7",
    "launch-tcb": "04000000000018d5",
}
BASE = {
    "measurement": MEASUREMENT, "tcb-floor": "{milan: {bootloader: 4, tee: 0, snp: 24, microcode: 213}}",
    "platform-alias-check": "required",
}

# claim, a rule that holds, a rule that does not, the reason.
RULES = [
    ("measurement", MEASUREMENT, "4d" * 47 + "4e", "SNP_MEASUREMENT"),
    ("version", "{at-least: 3}", "{at-most: 4}", "SNP_POLICY_VERSION"),
    ("product", "[milan, genoa]", "[genoa, turin]", "SNP_POLICY_PRODUCT"),
    ("signing-key", "vcek", "vlek", "SNP_POLICY_SIGNING_KEY"),
    ("vmpl", "0", "1", "SNP_VMPL"),
    ("host-data", "55" * 32, "55" * 31 + "56", "SNP_HOST_DATA"),
    ("report-data", BINDING, BINDING[:-2] + "41", "SNP_REPORT_DATA"),
    ("guest-svn", "{at-least: 3}", "{at-least: 4}", "SNP_POLICY_GUEST_SVN"),
    ("family-id", "00" * 16, "01" + "00" * 15, "SNP_FAMILY_ID"),
    ("image-id", "00" * 16, "01" + "00" * 15, "SNP_IMAGE_ID"),
    ("id-key-digest", "[%s, %s]" % ("11" * 48, "66" * 48), "11" * 48, "SNP_ID_KEY"),
    ("author-key-digest", "77" * 48, "11" * 48, "SNP_AUTHOR_KEY"),
    ("author-key", "required", "deny", "SNP_AUTHOR_KEY_ABSENT"),
    ("report-id", "1d" * 32, "1e" * 32, "SNP_REPORT_ID"),
    ("report-id-ma", "ff" * 32, "00" * 32, "SNP_REPORT_ID_MA"),
    ("chip-id", CHIP, CHIP[:-2] + "00", "SNP_CHIP_ID"),
    ("mask-chip-key", "deny", "required", "SNP_MASK_CHIP_KEY"),
    ("chip-id-masked", "deny", "required", "SNP_CHIP_ID_MASKED"),
    ("policy-abi", "{at-least: 0x0137}", "{at-least: 0x0138}", "SNP_POLICY_ABI"),
    ("smt", "required", "deny", "SNP_POLICY_SMT"),
    ("single-socket", "required", "deny", "SNP_POLICY_SINGLE_SOCKET"),
    ("mem-aes-256-xts", "required", "deny", "SNP_POLICY_XTS"),
    ("rapl-dis", "required", "deny", "SNP_POLICY_RAPL"),
    ("ciphertext-hiding", "required", "deny", "SNP_POLICY_CIPHERTEXT_HIDING"),
    ("page-swap-disable", "required", "deny", "SNP_POLICY_PAGE_SWAP"),
    ("cxl", "required", "deny", "SNP_POLICY_CXL"),
    ("migrate-ma", "deny", "required", "SNP_POLICY_MIGRATE"),
    ("debug", "deny", "required", "SNP_POLICY_DEBUG"),
    ("platform-smt", "required", "deny", "SNP_PLATFORM_SMT"),
    ("platform-tsme", "required", "deny", "SNP_PLATFORM_TSME"),
    ("platform-ecc", "required", "deny", "SNP_PLATFORM_ECC"),
    ("platform-rapl-dis", "required", "deny", "SNP_PLATFORM_RAPL"),
    ("platform-ciphertext-hiding", "required", "deny", "SNP_PLATFORM_CIPHERTEXT_HIDING"),
    ("platform-alias-check", "required", "deny", "SNP_PLATFORM_ALIAS_CHECK"),
    ("platform-iommu-write-safe", "required", "deny", "SNP_PLATFORM_IOMMU"),
    ("platform-tio", "required", "deny", "SNP_PLATFORM_TIO"),
    ("platform-unknown", "0", "256", "SNP_PLATFORM_UNKNOWN"),
    ("tcb-floor", "{milan: {microcode: 213}}", "{milan: {microcode: 214}}", "SNP_REPORTED_TCB"),
    # One component below its floor, though the TCB as one number is above it.
    ("tcb-floor", "{milan: {bootloader: 4, microcode: 1}}", "{milan: {bootloader: 5, microcode: 1}}", "SNP_REPORTED_TCB"),
    ("tcb-floor", "{genoa: {microcode: 1}, milan: {microcode: 1}}", "{genoa: {microcode: 1}}", "SNP_REPORTED_TCB"),
    ("committed-tcb", "{at-least: {milan: {microcode: 214}}}", "{at-least: {milan: {microcode: 215}}}", "SNP_COMMITTED_TCB"),
    ("current-tcb", "{at-least: {milan: {bootloader: 5}}}", "{at-least: {milan: {bootloader: 6}}}", "SNP_CURRENT_TCB"),
    ("launch-tcb", "{at-least: {milan: {snp: 24}}}", "{at-least: {milan: {snp: 25}}}", "SNP_LAUNCH_TCB"),
    ("tcb-consistent", "required", "deny", "SNP_TCB_ORDER"),
    ("provisional-firmware", "required", "deny", "SNP_PROVISIONAL"),
    ("current-firmware", "{at-least: 0x01371d}", "{at-least: 0x01371e}", "SNP_CURRENT_FIRMWARE"),
    ("committed-firmware", "{at-least: 0x01371d}", "{at-least: 0x01371e}", "SNP_COMMITTED_FIRMWARE"),
    ("launch-mitigations", "{all-set: 0x0b}", "{all-set: 0x0f}", "SNP_LAUNCH_MITIGATION"),
    ("current-mitigations", "{all-set: 0x0f}", "{all-set: 0x1f}", "SNP_CURRENT_MITIGATION"),
    ("cpu-family", "0x19", "0x1a", "SNP_CPUID"),
    ("cpu-model", "1", "2", "SNP_CPUID"),
    ("cpu-stepping", "1", "2", "SNP_CPUID"),
]
# The emulator's report has the bits that safe defaults deny, so that the rules above can demand them.
ALLOWED = {"cxl": "allow"}
CLASS_EXIT = {"affirmed": 0, "refused": 1, "not-authentic": 2, "cannot-judge": 3, "malformed": 4}

wrong = 0


def check(what, condition, detail):
    global wrong
    if not condition:
        wrong += 1
        print("FAIL %s: %s" % (what, detail))


def emulator(folder, *words):
    subprocess.run([BIN + "/amd-sp-emulator", "--dir", folder + "/sp", *words], check=True, stdout=subprocess.DEVNULL)


def known_keys(folder):
    """Public test keys for the emulator's root: making new ones takes longer than the test."""
    os.mkdir(folder + "/sp")
    for name in ("ark", "ask", "asvk"):
        shutil.copy("%s/%s.pem" % (KEYS, name), "%s/sp/%s.key" % (folder, name))


def make_evidence(folder, name, **fields):
    values = dict(FIELDS, **fields)
    emulator(folder, "report", "--out", "%s/%s" % (folder, name),
             *[word for key, value in values.items() for word in ("--" + key, value)])
    return "sev-snp:report=%s/%s/outblob,certs=%s/%s/auxblob" % (folder, name, folder, name)


def write_policy(folder, rules):
    path = folder + "/policy.yaml"
    with open(path, "w", encoding="utf-8") as f:
        f.write("schema: latchkey-policy/1\npolicy: test\nreleases: [\"t/{sev-snp.chip-id}\"]\naccept:\n"
                "  - name: snp\n    chain: [sev-snp]\n    sev-snp:\n")
        for claim, rule in rules.items():
            f.write("      %s: %s\n" % (claim, rule))
    return path


def appraise(folder, item, *options):
    done = subprocess.run([BIN + "/latchkey", "appraise", "--json", "--trust", "sev-snp:%s/sp/ark.der" % folder,
                           *options, item], capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return {"verdict": "none", "codes": [done.stderr], "claims": {}}
    check("exit status", done.returncode == CLASS_EXIT[answer["verdict"]], (done.returncode, answer["verdict"]))
    answer["codes"] = [r["code"] for r in answer["reasons"]]
    return answer


def test_rules(folder, item):
    seen = set()
    for claim, good, bad, code in RULES:
        seen.add("reported-tcb" if claim == "tcb-floor" else claim)
        for rule, codes in ((good, []), (bad, [code])):
            policy = write_policy(folder, dict(BASE, **dict(ALLOWED, **{claim: rule})))
            answer = appraise(folder, item, "--any-binding", "--policy", policy)
            check("%s: %s" % (claim, rule), answer["codes"] == codes, answer["codes"])
    claims = set(appraise(folder, item, "--any-binding")["claims"].get("sev-snp", {}))
    check("every claim has a rule here", claims - seen == {"csp-id", "crl"}, claims - seen)


def test_absent_claims(folder):
    """A rule on what the report does not have refuses: no VLEK, no list, an old version, no author key."""
    item = make_evidence(folder, "old", **{"version": "2", "key-info": "0", "launch-mitigations": "0",
                                           "current-mitigations": "0", "policy": "0x30000"})
    # The emulator keeps Milan's CPUID fields, which version 2 must not have.
    with open(folder + "/old/outblob", "rb") as f:
        check("version 2 keeps its reserved bytes", f.read(0x18b)[0x188:0x18b] == b"\0\0\0", "")
    for claim, rule, code in [("author-key-digest", "77" * 48, "SNP_AUTHOR_KEY"), ("csp-id", "CN=x", "SNP_CSP_ID"),
                              ("crl", "required", "CRL_MISSING"), ("cpu-family", "0x19", "SNP_CPUID"),
                              ("launch-mitigations", "{all-set: 1}", "SNP_LAUNCH_MITIGATION"),
                              ("version", "{at-least: 3}", "SNP_POLICY_VERSION")]:
        policy = write_policy(folder, dict(BASE, **{claim: rule}))
        answer = appraise(folder, item, "--any-binding", "--policy", policy)
        check("%s: %s" % (claim, rule), answer["codes"] == [code], answer["codes"])


def test_lists(folder, item):
    policy = write_policy(folder, dict(BASE, **ALLOWED, crl="required"))
    answer = appraise(folder, item + ",crl=%s/sp/crl.der" % folder, "--any-binding", "--policy", policy)
    check("list at hand", answer["codes"] == [], answer["codes"])


def test_binding(folder, item):
    policy = write_policy(folder, dict(BASE, **ALLOWED))
    for binding, codes in ((BINDING, []), (BINDING[:-2] + "41", ["BINDING_MISMATCH"]), ("ff" * 64, ["BINDING_MISMATCH"]),
                           (BINDING[:64], ["BINDING_MISMATCH"])):
        answer = appraise(folder, item, "--binding", binding, "--policy", policy)
        check("binding of %d bytes" % (len(binding) // 2), answer["codes"] == codes, answer["codes"])


def test_roots(folder, item):
    done = subprocess.run([BIN + "/latchkey", "appraise", "--json", "--any-binding", item], capture_output=True, text=True,
                          check=False)
    codes = [r["code"] for r in json.loads(done.stdout)["reasons"]]
    check("a root that no one added", codes == ["SNP_ARK_UNTRUSTED"] and done.returncode == 2, codes)


def test_expected_values_keep_their_length(folder, item):
    """A value longer or shorter than its field never matches a part of it."""
    for claim, rule in (("host-data", "55" * 33), ("host-data", "55" * 31), ("report-data", BINDING[:64]),
                        ("measurement", MEASUREMENT + "00")):
        answer = appraise(folder, item, "--any-binding", "--policy", write_policy(folder, dict(BASE, **dict(ALLOWED, **{claim: rule}))))
        check("%s of %d bytes" % (claim, len(rule) // 2), answer["verdict"] != "affirmed", answer["codes"])


def test_page(folder):
    """The policy that the family's page shows compiles."""
    page = os.path.join(os.path.dirname(__file__), "../../../docs/evidence-sev-snp.md")
    with open(page, encoding="utf-8") as f, open(folder + "/page.yaml", "w", encoding="utf-8") as out:
        out.write(f.read().split("```yaml\n")[1].split("```")[0])
    done = subprocess.run([BIN + "/latchkey", "policy", "check", folder + "/page.yaml"], capture_output=True, text=True,
                          check=False)
    check("the page's policy", done.returncode == 0, done.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        known_keys(folder)
        emulator(folder, "make-root")
        item = make_evidence(folder, "entry")
        test_rules(folder, item)
        test_absent_claims(folder)
        test_lists(folder, item)
        test_binding(folder, item)
        test_roots(folder, item)
        test_expected_values_keep_their_length(folder, item)
        test_page(folder)
    print("%d rules, %d wrong" % (len(RULES), wrong))
    return 0 if wrong == 0 else 1


os.umask(0o077)
sys.exit(main())
