#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eventlog_test.py LATCHKEY VECTORS: public event logs through `latchkey eventlog` and, under a quote, `latchkey appraise`."""
import json
import os
import subprocess
import sys
import tempfile

latchkey, vectors = sys.argv[1:3]
if not os.path.isdir(vectors):
    print(f"SKIPPED: no vectors at {vectors}")
    sys.exit(77)
logs = f"{vectors}/tpm/eventlogs"
failed = 0


def run(*args):
    p = subprocess.run([latchkey, *args], capture_output=True, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def expect(what, holds, detail=""):
    global failed
    print(("ok: " if holds else "FAILED: ") + what + ("" if holds else f" {detail}"))
    failed += not holds


def pcr_file(folder, pcrs):
    name = os.path.join(folder, "pcrs.json")
    with open(name, "w", encoding="ascii") as f:
        json.dump(pcrs, f)
    return name


def replays(folder, name, log, pcrs):
    code, out, err = run("eventlog", "replay", log, "--pcrs", pcr_file(folder, pcrs), "--json")
    expect(f"{name} explains its PCRs", code == 0 and json.loads(out)["explained"], err + out)
    got = json.loads(out) if code == 0 else {}
    wanted = RULES.get(name, ("OK", None))
    expect(f"{name} rules: {got.get('rules')} at {got.get('event')}; {got.get('command_line')}", got.get("rules") == wanted[0])
    expect(f"{name} command line", (got.get("command_line") is not None) == (name not in NO_COMMAND_LINE), got.get("command_line"))
    bank = next(iter(pcrs))
    for pcr, value in pcrs[bank].items():
        if pcr == "10":
            continue  # IMA's
        flipped = {bank: {**pcrs[bank], pcr: ("0" if value[0] != "0" else "1") + value[1:]}}
        code = run("eventlog", "replay", log, "--pcrs", pcr_file(folder, flipped))[0]
        expect(f"{name}: another PCR {pcr} is not explained", code == 1, code)


# What the rules say where they say something else than OK, and logs that tell no command line.
RULES = {}
NO_COMMAND_LINE = {"glinux-alex.bin", "arch-linux-workstation.bin", "debian-10.bin"}

# Logs that are known to parse; their PCRs are not.
PARSE = {
    "crypto_agile_eventlog.bin": 26, "ebs_event_missing_eventlog.bin": 38, "option_rom_eventlog.bin": 61, "sb_cert_eventlog.bin": 14,
    "short_no_action_eventlog.bin": 1, "coreos_36_shielded_vm_no_secure_boot_eventlog.bin": 75, "keylime-secureboot.bin": 98,
    "tpm2tools-event-sd-boot-fedora37.bin": 27, "tpm2tools-event-moklisttrusted.bin": 96, "tpm2tools-event-uefi-sha1-log.bin": 17,
}
# What the logs of TDs give, as trustee/SOURCES.md has it: the beginning of RTMR0, RTMR1, ...
CCEL = {
    "CCEL_data": ["2dc712306a963ead", "0fa3be56af61208b"],
    "CCEL_data_ovmf": ["8566f998798db094", "775b9f6bfe99f8a3", "94eaf7a7bf398ed8"],
    "CCEL_data_grub": ["cec0a104f691f60d", "6c289e0c62182d41", "08919d017ba0e52c"],
    "CCEL_data_gcp": ["3300980705adf09d", "204d49f78d29918f"],
    "CCEL_data_grub_gke": ["bc9945139042cf2c", "c17cb288a4dee302", "334aeba2c985f888"],
    "CCEL_AAEL_alibabacloud": ["b796e1c11396c198", "3b0b906140fcea68", "35f2801338c1b5fc", "5e4ecd49d3c7983d"],
}
# Firmware that puts both separators into RTMR0.
CCEL_RULES = {"CCEL_data_ovmf": "EVENTLOG_SEPARATOR", "CCEL_data_grub": "EVENTLOG_SEPARATOR"}


def parses(log, events=None):
    code, out, err = run("eventlog", "show", log, "--json")
    got = len(json.loads(out)["events"]) if code == 0 else err
    expect(f"{os.path.basename(log)} parses: {got} events", code == 0 and (events is None or got == events), got)


def replays_ccel(folder, name, begins):
    log = f"{vectors}/trustee/ccel/{name}"
    code, out, err = run("eventlog", "replay", log, "--ccel", "--json")
    rtmrs = {i: r["value"] for i, r in json.loads(out)["rtmrs"]["sha384"].items()} if code == 0 else {}
    expect(f"{name} gives its RTMRs", all(rtmrs.get(str(i), "").startswith(b) for i, b in enumerate(begins)), (err, rtmrs))
    known = pcr_file(folder, {"sha384": rtmrs})
    code, out, err = run("eventlog", "replay", log, "--rtmrs", known, "--json")
    got = json.loads(out) if code == 0 else {}
    rules = CCEL_RULES.get(name, "OK")
    expect(f"{name} explains them; rules: {got.get('rules')}", code == 0 and got.get("explained") and got["rules"] == rules, (code, err, out[-300:]))
    for i, value in rtmrs.items():
        other = {**rtmrs, i: value[:-1] + ("0" if value[-1] != "0" else "1")}
        code = run("eventlog", "replay", log, "--rtmrs", pcr_file(folder, {"sha384": other}))[0]
        expect(f"{name}: another RTMR{i} is not explained", code == 1, code)


with tempfile.TemporaryDirectory() as folder:
    for name, begins in CCEL.items():
        replays_ccel(folder, name, begins)
    # Digests of SM3 alone: nothing that could match.
    sm3 = f"{vectors}/trustee/ccel/CCEL_data_csv"
    code, out, err = run("eventlog", "replay", sm3, "--rtmrs", pcr_file(folder, {"sha384": {"0": "11" * 48}}))
    expect("CCEL_data_csv explains nothing", code == 1, (code, out, err))
    with open(f"{logs}/pcrs.json", encoding="ascii") as f:
        known = json.load(f)
    for name, pcrs in known.items():
        replays(folder, name, f"{logs}/{name}", pcrs)
    with open(f"{vectors}/tpm/gce-cos-85/pcrs.json", encoding="ascii") as f:
        cos = json.load(f)
    replays(folder, "gce-cos-85", f"{vectors}/tpm/gce-cos-85/eventlog.bin", cos["pcrs"])

for name, events in PARSE.items():
    parses(f"{logs}/{name}", events)
for name in [*CCEL, "CCEL_data_csv"]:
    parses(f"{vectors}/trustee/ccel/{name}")
code, _, err = run("eventlog", "show", f"{logs}/keylime-bogus.bin")
expect("keylime-bogus.bin is malformed", code == 4 and "EVENTLOG_" in err, (code, err))

# A quote of a software TPM over the same log: the whole chain.
s = f"{vectors}/tpm/swtpm-selfmade"
nonce = b"broker-nonce-0123456789abcdef-32".hex()


def appraise(log, policy=None):
    item = (f"tpm:attest={s}/quote-rsa-sha256.attest,signature={s}/quote-rsa-sha256.sig,public={s}/ak-rsa.tpm2b,"
            f"pcrs={s}/quote-rsa-sha256.pcrvalues,ak-cert={s}/ak-rsa-cert.pem,eventlog={log}")
    trust = ["--trust", f"tpm:{s}/privacy-ca.pem"]
    extra = ["--policy", policy] if policy else []
    code, out, err = run("appraise", "--json", "--at", "2026-12-01T00:00:00Z", "--binding", nonce, *trust, *extra, item)
    try:
        return code, json.loads(out)
    except ValueError:
        return code, {"reasons": [{"code": err}], "claims": {}}


def row(what, log, exit_code, reason, policy=None):
    code, out = appraise(log, policy)
    got = out["reasons"][0]["code"] if out["reasons"] else ""
    expect(f"appraise {what}: {code} {got}", code == exit_code and got == reason, out["reasons"])
    return out


POLICY = """schema: latchkey-policy/1
policy: boot
accept:
  - name: tpm
    chain: [tpm, eventlog]
    tpm: {ek: {skip: {because: "an AK certificate"}}, pcr: {skip: {because: "the log says what they hold"}}}
    eventlog:
      secure-boot: deny
      boot-application.sha256.1: {in: ["%s"]}
      command-line: {in: ["%s"]}
"""
out = row("the log of the quote, by the safe defaults", f"{s}/eventlog.bin", 1, "EVENTLOG_SECURE_BOOT")
claims = out["claims"]["eventlog"]
expect("Secure Boot is off", claims["secure-boot"] is False)
shim, line = claims["boot-application"]["sha256"]["1"], claims["command-line"]
expect("the first application is shim", shim.startswith("3d6772b4f84e") is False and len(shim) == 64, shim)
with tempfile.TemporaryDirectory() as folder:
    def policy(*values):
        with open(f"{folder}/policy.yaml", "w", encoding="utf-8") as f:
            f.write(POLICY % values)
        return f"{folder}/policy.yaml"
    row("under a policy that pins shim and command line", f"{s}/eventlog.bin", 0, "", policy(shim, line))
    row("another shim", f"{s}/eventlog.bin", 1, "EVENTLOG_BOOT", policy("00" * 32, line))
    row("another command line", f"{s}/eventlog.bin", 1, "EVENTLOG_COMMAND_LINE", policy(shim, line + " single"))
row("a log of another boot", f"{logs}/rhel8-uefi.bin", 2, "EVENTLOG_REPLAY")
row("no log", f"{logs}/keylime-bogus.bin", 4, "EVENTLOG_HEAD")
sys.exit(failed != 0)
